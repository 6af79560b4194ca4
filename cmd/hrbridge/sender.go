package main

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"golang.org/x/time/rate"

	"hrbridge/bridge/ingress"
	"hrbridge/cmd/hrbridge/client"
)

// sender sends a plan's deliveries over a number of connections, one at a time on each.
type sender struct {
	client      *client.Client
	plan        *plan
	count       int
	connections int
	pace        *rate.Limiter
}

func newSender(f sendFlags, p *plan) *sender {
	pace := rate.NewLimiter(rate.Inf, 1)
	if f.rate > 0 {
		pace.SetLimit(rate.Limit(f.rate))
	}
	return &sender{
		client: client.New(client.Options{
			URL: f.url, Header: ingress.DefaultHeaders()[0], Connections: f.connections, Timeout: f.timeout,
		}),
		plan:        p,
		count:       f.count,
		connections: min(f.connections, f.count),
		pace:        pace,
	}
}

// run sends until the count is reached or ctx ends, and calls each with every outcome, one at a time. It gives up when the
// bridge has not answered yet and cannot be reached: that is a mistake in the address, not weather. The error is about a
// delivery that could not be made.
func (s *sender) run(ctx context.Context, each func(client.Outcome)) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	defer s.client.Close()
	var next atomic.Int64
	var workers sync.WaitGroup
	outcomes := make(chan client.Outcome)
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
		answered = answered || o.Err == nil
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
func (s *sender) work(ctx context.Context, next *atomic.Int64, outcomes chan<- client.Outcome) error {
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
		if o := s.client.Post(ctx, d); o.Err == nil || ctx.Err() == nil { // else cut short by us: nothing is known of it
			outcomes <- o
		}
	}
}
