package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"time"
)

// send puts the load on the bridge at addr until the context ends and returns how long each answer took. It speaks HTTP
// by hand: it shares two cores with what it measures.
func (s shape) send(ctx context.Context, addr string, from func() time.Time) ([]time.Duration, error) {
	var (
		mu   sync.Mutex
		took []time.Duration
		errs []error
		all  sync.WaitGroup
	)
	for i := range s.callers {
		all.Go(func() {
			mine, err := s.sendOn(ctx, addr, uint64(i)+1, from)
			mu.Lock()
			defer mu.Unlock()
			took = append(took, mine...)
			errs = append(errs, err)
		})
	}
	all.Wait()
	return took, errors.Join(errs...)
}

func (s shape) sendOn(ctx context.Context, addr string, seed uint64, from func() time.Time) ([]time.Duration, error) {
	r, err := s.makeRequest(addr, seed)
	if err != nil {
		return nil, err
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	var took []time.Duration
	for ctx.Err() == nil {
		r.renew()
		start := time.Now()
		if _, err := conn.Write(r.bytes); err != nil {
			return nil, fmt.Errorf("send: %w", err)
		}
		if err := readAnswer(answers); err != nil {
			return nil, err
		}
		if begin := from(); !begin.IsZero() && start.After(begin) {
			took = append(took, time.Since(start))
		}
	}
	return took, nil
}

// readAnswer reads one answer, which has to be 200.
func readAnswer(r *bufio.Reader) error {
	length := 0
	for first := true; ; first = false {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return fmt.Errorf("read the answer: %w", err)
		}
		switch {
		case first && !bytes.HasPrefix(line, []byte("HTTP/1.1 200 ")):
			return fmt.Errorf("the answer is %q", line)
		case len(bytes.TrimSpace(line)) == 0:
			_, err := io.CopyN(io.Discard, r, int64(length))
			return err
		case bytes.HasPrefix(line, []byte("Content-Length: ")):
			if length, err = strconv.Atoi(string(bytes.TrimSpace(line[len("Content-Length: "):]))); err != nil {
				return err
			}
		}
	}
}
