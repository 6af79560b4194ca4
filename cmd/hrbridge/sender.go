package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"hrbridge/bridge/ingress"
)

// sender sends a plan's deliveries over a number of connections, one at a time on each.
type sender struct {
	client      *http.Client
	url         string
	plan        *plan
	count       int
	connections int
	pace        *rate.Limiter
}

// maxAnswer is how much of an answer is looked at. A bridge's answers are far smaller.
const maxAnswer = 64 << 10

func newSender(f sendFlags, p *plan) *sender {
	pace := rate.NewLimiter(rate.Inf, 1)
	if f.rate > 0 {
		pace.SetLimit(rate.Limit(f.rate))
	}
	return &sender{
		client: &http.Client{
			Timeout: f.timeout,
			Transport: &http.Transport{
				MaxConnsPerHost:     f.connections,
				MaxIdleConnsPerHost: f.connections,
				DisableCompression:  true,
			},
			// A redirect would turn the delivery into a GET: it is an answer like any other that is not 2xx.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		url:         f.url,
		plan:        p,
		count:       f.count,
		connections: min(f.connections, f.count),
		pace:        pace,
	}
}

// run sends until the count is reached or ctx ends, and calls each with every outcome, one at a time. It gives up when the
// bridge has not answered yet and cannot be reached: that is a mistake in the address, not weather. The error is about a
// delivery that could not be made.
func (s *sender) run(ctx context.Context, each func(outcome)) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	defer s.client.CloseIdleConnections()
	var next atomic.Int64
	var workers sync.WaitGroup
	outcomes := make(chan outcome)
	for range s.connections {
		workers.Go(func() {
			if err := s.work(ctx, &next, outcomes); err != nil {
				stop(err)
			}
		})
	}
	go func() {
		workers.Wait()
		close(outcomes)
	}()
	answered, lost := false, false
	for o := range outcomes {
		if lost {
			continue
		}
		each(o)
		answered = answered || o.err == nil
		if lost = !answered; lost {
			stop(nil)
		}
	}
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// work sends one delivery after the other, until there are no more or ctx ends, which is no error.
func (s *sender) work(ctx context.Context, next *atomic.Int64, outcomes chan<- outcome) error {
	for {
		number := int(next.Add(1)) - 1
		if number >= s.count {
			return nil
		}
		if err := s.pace.Wait(ctx); err != nil {
			return nil //nolint:nilerr // sending has ended
		}
		d, err := s.plan.delivery(number)
		if err != nil {
			return err
		}
		if o := s.post(ctx, d); o.err == nil || ctx.Err() == nil { // else cut short by us: nothing is known of it
			outcomes <- o
		}
	}
}

// post sends one delivery and reads the answer.
func (s *sender) post(ctx context.Context, d signed) outcome {
	began := time.Now()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(d.body))
	if err != nil {
		return outcome{err: err}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(ingress.DefaultHeaders()[0], d.header)
	resp, err := s.client.Do(req)
	if err != nil {
		return outcome{err: err, took: time.Since(began)}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return outcome{err: err, took: time.Since(began)}
	}
	return outcome{answer: readAnswer(resp.StatusCode, resp.Header, body), took: time.Since(began)}
}
