package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"hrbridge/publishers"
)

// result is one run.
type result struct {
	events  float64       // stored by the broker, a second
	cpu     time.Duration // of the measured process, an event
	latency latency
}

// runner runs one side of a cell, once, on a fresh broker.
type runner func(ctx context.Context, p *plan, broker string, s shape) (result, error)

// runBridge measures the bridge from end to end.
func runBridge(ctx context.Context, p *plan, broker string, s shape) (result, error) {
	site, err := p.newSite(ctx, broker)
	if err != nil {
		return result{}, err
	}
	defer site.close()
	listen, admin := freeAddr(), freeAddr()
	env := []string{
		"HRBRIDGE_LISTEN=" + listen, "HRBRIDGE_ADMIN_LISTEN=" + admin, "HRBRIDGE_DATA_DIR=" + site.dir, "HRBRIDGE_WEBHOOK_SECRET=" + secret,
		"HRBRIDGE_PUBLISHER=" + broker, "HRBRIDGE_EMBEDDED_LISTEN=" + site.addr, "HRBRIDGE_NATS_URL=nats://" + site.addr,
		"HRBRIDGE_KAFKA_BROKERS=" + site.addr,
	}
	pid, _, err := site.start(env, p.binary, "serve")
	if err != nil {
		return result{}, err
	}
	if err := awaitReady("http://" + admin + "/readyz"); err != nil {
		return result{}, fmt.Errorf("%w\n%s", err, site.log.String())
	}

	var begin atomic.Pointer[time.Time]
	begin.Store(new(time.Time))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	sent := make(chan error, 1)
	var took []time.Duration
	go func() {
		var err error
		took, err = s.send(ctx, listen, func() time.Time { return *begin.Load() })
		sent <- err
	}()
	r, err := site.count(p, pid, func(t time.Time) { begin.Store(&t) })
	cancel()
	if err := errors.Join(err, <-sent); err != nil {
		return result{}, err
	}
	r.latency = quantiles(took)
	return r, nil
}

// runBareLoop measures the publisher alone.
func runBareLoop(ctx context.Context, p *plan, broker string, s shape) (result, error) {
	return p.runChild(ctx, broker, s, "bare", "-publisher", broker)
}

// runChild measures a bare loop, which is this program again, in a process of its own.
func (p *plan) runChild(ctx context.Context, broker string, s shape, args ...string) (result, error) {
	site, err := p.newSite(ctx, broker)
	if err != nil {
		return result{}, err
	}
	defer site.close()
	self, err := os.Executable()
	if err != nil {
		return result{}, err
	}
	args = append(args, "-broker", site.addr, "-dir", site.dir, "-warm-up", p.warmUp.String(),
		"-callers", strconv.Itoa(s.callers), "-events", strconv.Itoa(s.events), "-size", strconv.Itoa(s.size))
	pid, stop, err := site.start(os.Environ(), self, args...)
	if err != nil {
		return result{}, err
	}
	r, err := site.count(p, pid, func(time.Time) {})
	if err != nil {
		return result{}, fmt.Errorf("%w\n%s", err, site.log.String())
	}
	out, err := stop()
	if err != nil {
		return result{}, fmt.Errorf("%w\n%s", err, site.log.String())
	}
	return r, json.Unmarshal(out, &r.latency)
}

// store is what the broker holds.
type store interface {
	// stored is how many messages it has taken in since it began.
	stored(ctx context.Context) (uint64, error)
	close()
}

// site is where one run takes place: a broker of its own, with a store of its own; or Kafka's, which takes longer to warm up than a
// run, and which all runs have in common.
type site struct {
	ctx   context.Context //nolint:containedctx // of one run
	dir   string
	addr  string // the broker's
	store store
	// before is what the store had taken in when the run began.
	before uint64
	log    bytes.Buffer
	stops  []func() ([]byte, error)
}

func (p *plan) newSite(ctx context.Context, broker string) (*site, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	s := &site{ctx: ctx, dir: dir, addr: freeAddr()}
	switch broker {
	case publishers.Kafka:
		s.addr, s.store = p.kafka.cluster.Addresses()[0], p.kafka
		s.before, err = s.stored()
		return s, err
	case publishers.NATS:
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		_, port, _ := strings.Cut(s.addr, ":")
		if _, _, err := s.start(os.Environ(), self, "broker", "-port", port, "-dir", dir); err != nil {
			return nil, err
		}
	}
	s.store, err = newStream(s.addr)
	return s, err
}

// start starts a process, which ends with the site or with stop, which returns what it printed.
func (s *site) start(env []string, program string, args ...string) (pid int, stop func() ([]byte, error), err error) {
	cmd := exec.CommandContext(s.ctx, program, args...)
	cmd.Env = env
	return s.startCommand(cmd)
}

func (s *site) startCommand(cmd *exec.Cmd) (pid int, stop func() ([]byte, error), err error) {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &s.log
	if err := cmd.Start(); err != nil {
		return 0, nil, err
	}
	ended := false
	stop = func() ([]byte, error) {
		if ended {
			return nil, nil
		}
		ended = true
		_ = cmd.Process.Signal(syscall.SIGTERM)
		err := cmd.Wait()
		return out.Bytes(), err
	}
	s.stops = append(s.stops, stop)
	return cmd.Process.Pid, stop, nil
}

func (s *site) close() {
	for _, stop := range slices.Backward(s.stops) {
		_, _ = stop()
	}
	s.store.close()
	_ = os.RemoveAll(s.dir)
}

// count waits until events arrive and the load is warm, and then counts what the broker stores.
func (s *site) count(p *plan, pid int, begun func(time.Time)) (result, error) {
	if err := s.awaitFirst(); err != nil {
		return result{}, err
	}
	time.Sleep(p.warmUp)
	begun(time.Now())
	stored, cpu, start, err := s.sample(pid)
	if err != nil {
		return result{}, err
	}
	time.Sleep(p.measure)
	storedAfter, cpuAfter, end, err := s.sample(pid)
	if err != nil {
		return result{}, err
	}
	n := storedAfter - stored
	if n == 0 {
		return result{}, errors.New("nothing was stored")
	}
	return result{events: float64(n) / end.Sub(start).Seconds(), cpu: (cpuAfter - cpu) / time.Duration(n)}, nil
}

func (s *site) awaitFirst() error {
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if n, err := s.stored(); err == nil && n > s.before {
			return nil
		}
	}
	return errors.New("no event arrives")
}

func (s *site) stored() (uint64, error) {
	ctx, cancel := context.WithTimeout(s.ctx, 10*time.Second)
	defer cancel()
	return s.store.stored(ctx)
}

func (s *site) sample(pid int) (stored uint64, cpu time.Duration, at time.Time, err error) {
	if stored, err = s.stored(); err != nil {
		return 0, 0, time.Time{}, err
	}
	at = time.Now()
	cpu, err = cpuOf(pid)
	return stored, cpu, at, err
}

// cpuOf is the processor time that a process has used, from /proc, in steps of 10 ms.
func cpuOf(pid int) (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	user, err := strconv.Atoi(fields[11])
	if err != nil {
		return 0, err
	}
	system, err := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond, err
}

func awaitReady(url string) error {
	client := http.Client{Timeout: time.Second}
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		response, err := client.Get(url) //nolint:noctx // has a timeout
		if err != nil {
			continue
		}
		_ = response.Body.Close()
		if response.StatusCode == http.StatusOK {
			return nil
		}
	}
	return errors.New("hrbridge does not become ready")
}

func freeAddr() string {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at once
	if err != nil {
		exit(err)
	}
	defer l.Close()
	return l.Addr().String()
}
