package main

import (
	"context"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// stream is the store of NATS and of the embedded broker.
type stream struct {
	nc *natsgo.Conn
	js jetstream.JetStream
}

func newStream(addr string) (store, error) {
	nc, err := natsgo.Connect("nats://"+addr, natsgo.RetryOnFailedConnect(true), natsgo.ReconnectWait(20*time.Millisecond), natsgo.MaxReconnects(-1))
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(nc)
	return &stream{nc, js}, err
}

func (s *stream) stored(ctx context.Context) (uint64, error) {
	of, err := s.js.Stream(ctx, "HRFLOW")
	if err != nil {
		return 0, err
	}
	return of.CachedInfo().State.Msgs, nil
}

func (s *stream) close() { s.nc.Close() }
