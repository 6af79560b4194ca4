package nats_test

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"hrbridge/bridge"
	"hrbridge/publishers/nats"
)

const (
	benchCallers = 64
	benchEvents  = 20
)

// load has benchCallers call publish at once with arrays of new messages of 1 KiB, and reports events a second.
func load(b *testing.B, publish func([]bridge.Message) error) {
	b.Helper()
	var calls atomic.Int64
	b.SetParallelism(max(1, benchCallers/runtime.GOMAXPROCS(0)))
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		msgs := make([]bridge.Message, benchEvents)
		for i := range msgs {
			msgs[i] = withValue("", 1<<10)
		}
		for pb.Next() {
			call := calls.Add(1)
			for i := range msgs {
				msgs[i].ID = fmt.Sprintf("%056d-%07d", call, i)
			}
			if err := publish(msgs); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(calls.Load()*benchEvents)/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkArrays(b *testing.B) {
	for _, server := range []struct {
		name   string
		change func(*server.Options)
	}{
		{"no sync", nil},
		{"sync always", func(o *server.Options) { o.SyncAlways = true }},
	} {
		for _, mode := range []nats.Commit{nats.CommitPipeline, nats.CommitBatch} {
			b.Run(fmt.Sprintf("%s/%s", server.name, mode), func(b *testing.B) {
				s := startBroker(b, server.change)
				p := openReady(b, s.publisherOptions(func(o *nats.Options) { o.Commit, o.AckTimeout = mode, time.Minute }))
				load(b, func(msgs []bridge.Message) error { return p.Publish(context.Background(), msgs) })
			})
		}
		b.Run(server.name+"/futures", func(b *testing.B) {
			s := startBroker(b, server.change)
			openReady(b, s.publisherOptions())
			js, err := jetstream.New(s.client().Conn(), jetstream.WithPublishAsyncMaxPending(1<<16))
			if err != nil {
				b.Fatal(err)
			}
			load(b, func(msgs []bridge.Message) error { return publishByFutures(js, msgs) })
		})
	}
}

// publishByFutures is the way of nats.go's own: a future for each message.
func publishByFutures(js jetstream.JetStream, msgs []bridge.Message) error {
	futures := make([]jetstream.PubAckFuture, len(msgs))
	for i, m := range msgs {
		header := natsgo.Header{
			natsgo.MsgIdHdr: {m.ID}, "ce-specversion": {"1.0"}, "ce-id": {m.ID}, "ce-source": {m.Source}, "ce-type": {m.Type},
			"ce-time": {"2026-02-03T04:05:06.000000789Z"}, "ce-subject": {m.Key}, "content-type": {"application/json"},
		}
		future, err := js.PublishMsgAsync(&natsgo.Msg{Subject: m.Topic, Header: header, Data: m.Value}, jetstream.WithRetryAttempts(0))
		if err != nil {
			return err
		}
		futures[i] = future
	}
	for _, future := range futures {
		select {
		case <-future.Ok():
		case err := <-future.Err():
			return err
		}
	}
	return nil
}

// BenchmarkRedeliveries has every fourth call repeat one that is stored, on a server that syncs always.
func BenchmarkRedeliveries(b *testing.B) {
	s := startBroker(b, func(o *server.Options) { o.SyncAlways = true })
	first := openReady(b, s.publisherOptions(inBatches))
	repeated := events("repeated", benchEvents)
	if err := first.Publish(b.Context(), repeated); err != nil {
		b.Fatal(err)
	}
	var calls atomic.Int64
	load(b, func(msgs []bridge.Message) error {
		if calls.Add(1)%4 == 0 {
			msgs = repeated
		}
		return first.Publish(context.Background(), msgs)
	})
}
