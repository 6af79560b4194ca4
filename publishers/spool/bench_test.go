package spool_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hrbridge/bridge"
	"hrbridge/publishers/embedded"
	"hrbridge/publishers/spool"
)

const perCall = 20

// load publishes b.N calls of 20 events from some callers, and reports events a second.
func load(b *testing.B, p bridge.Publisher, callers, size int) {
	b.Helper()
	value := bytes.Repeat([]byte("x"), size)
	var next atomic.Int64
	var all sync.WaitGroup
	b.SetBytes(int64(perCall * size))
	b.ReportAllocs()
	b.ResetTimer()
	for range callers {
		all.Go(func() {
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				msgs := events(fmt.Sprint("call", n, "-", time.Now().UnixNano()), perCall)
				for i := range msgs {
					msgs[i].Value = value
				}
				if err := p.Publish(b.Context(), msgs); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.StopTimer()
	b.ReportMetric(float64(perCall*b.N)/b.Elapsed().Seconds(), "events/s")
}

func sizes(b *testing.B, run func(b *testing.B, callers, size int)) {
	for _, size := range []int{1 << 10, 8 << 10} {
		for _, callers := range []int{1, 64} {
			b.Run(fmt.Sprintf("%d x %d KiB, %d callers", perCall, size>>10, callers), func(b *testing.B) { run(b, callers, size) })
		}
	}
}

// nowhere is a broker that has everything at once: what is left is the spool's own cost.
type nowhere struct{ stalled }

func (nowhere) Publish(context.Context, []bridge.Message) error { return nil }

func BenchmarkStraightThroughAlone(b *testing.B) {
	for name, around := range map[string]bool{"spool on": true, "spool off": false} {
		b.Run(name, func(b *testing.B) {
			var p bridge.Publisher = nowhere{}
			if around {
				p = open(b, nowhere{}, options(b))
			}
			msgs := events("a", perCall)
			b.ReportAllocs()
			for b.Loop() {
				if err := p.Publish(b.Context(), msgs); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkHealthy is the spool's cost where the broker is there: the same load, with the spool and without it.
func BenchmarkHealthy(b *testing.B) {
	for _, name := range []string{"spool off", "spool on", "spool off again", "spool on again"} {
		b.Run(name, func(b *testing.B) {
			sizes(b, func(b *testing.B, callers, size int) {
				broker := newBroker(b)
				inner := broker.inner()
				ready(b, inner)
				o := options(b)
				if o.Mode = spool.On; name[:8] == "spool of" {
					o.Mode = spool.Off
				}
				p, err := spool.Around(b.Context(), inner, o)
				if err != nil {
					b.Fatal(err)
				}
				defer closePublisher(b, p)
				load(b, p, callers, size)
			})
		})
	}
}

// BenchmarkIntoTheSpool is with the broker down, beside the embedded publisher, which syncs the same disk.
func BenchmarkIntoTheSpool(b *testing.B) {
	b.Run("spool", func(b *testing.B) {
		sizes(b, func(b *testing.B, callers, size int) {
			o := options(b)
			o.MaxBytes = 64 << 30
			load(b, open(b, away{}, o), callers, size)
		})
	})
	b.Run("embedded", func(b *testing.B) {
		sizes(b, func(b *testing.B, callers, size int) {
			o := embedded.Defaults()
			o.DataDir, o.Listen, o.MinFree = b.TempDir(), "", 0
			o.Stream.Subjects = bridge.DefaultFanoutOptions().StreamSubjects()
			p, err := embedded.Open(b.Context(), o)
			if err != nil {
				b.Fatal(err)
			}
			defer closePublisher(b, p)
			load(b, p, callers, size)
		})
	})
}

// away is a broker that is out of reach.
type away struct{ stalled }

func (away) Publish(context.Context, []bridge.Message) error { return unavailable() }

func (away) Ready(context.Context) error { return unavailable() }

// BenchmarkDrain empties a spool into a broker that came back, from the first event that leaves it.
func BenchmarkDrain(b *testing.B) {
	for _, size := range []int{1 << 10, 8 << 10} {
		b.Run(fmt.Sprintf("%d KiB", size>>10), func(b *testing.B) {
			var events uint64
			b.ReportMetric(0, "ns/op")
			for range b.N {
				events += drain(b, size)
			}
			b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// drain returns how many events it took the time of.
func drain(b *testing.B, size int) uint64 {
	b.Helper()
	b.StopTimer()
	broker := newBroker(b)
	broker.stop()
	p := open(b, broker.inner(), options(b))
	fill(b, p, 256<<20/size, size)
	all := p.Depth()
	broker.start()
	eventually(b, func() error {
		if p.Depth() == all {
			return errors.New("nothing is drained")
		}
		return nil
	})
	b.StartTimer()
	left := p.Depth()
	drained(b, p)
	b.StopTimer()
	return left
}

// fill publishes a number of events from 64 callers.
func fill(b *testing.B, p bridge.Publisher, events, size int) {
	b.Helper()
	var all sync.WaitGroup
	for c := range 64 {
		all.Go(func() { publishCalls(b, p, fmt.Sprint("caller", c), events/perCall/64, size) })
	}
	all.Wait()
}

func publishCalls(b *testing.B, p bridge.Publisher, key string, calls, size int) {
	value := bytes.Repeat([]byte("x"), size)
	for n := range calls {
		msgs := events(fmt.Sprint(key, "-", n), perCall)
		for i := range msgs {
			msgs[i].Value = value
		}
		if err := p.Publish(context.Background(), msgs); err != nil {
			b.Error(err)
			return
		}
	}
}

// BenchmarkStraightAgain is how long it takes, with 64 callers going on, from the broker's return until calls go straight through.
func BenchmarkStraightAgain(b *testing.B) {
	for _, events := range []int{1_000, 100_000} {
		b.Run(fmt.Sprint(events, " events spooled"), func(b *testing.B) {
			for range b.N {
				straightAgain(b, events)
			}
		})
	}
}

func straightAgain(b *testing.B, spooled int) {
	b.Helper()
	b.StopTimer()
	broker := newBroker(b)
	broker.stop()
	p := open(b, broker.inner(), options(b))
	ctx, stop := context.WithCancel(b.Context())
	var all sync.WaitGroup
	for c := range 64 {
		all.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				publishCalls(b, p, fmt.Sprint("caller", c, "-", n), 1, 1<<10)
			}
		})
	}
	eventually(b, func() error {
		if n := p.Depth(); n < uint64(spooled) {
			return fmt.Errorf("%d events spooled", n)
		}
		return nil
	})
	broker.start()
	b.StartTimer()
	eventually(b, func() error {
		if !p.Straight() {
			return fmt.Errorf("%d events are left", p.Depth())
		}
		return nil
	})
	b.StopTimer()
	stop()
	all.Wait()
}

// BenchmarkStart opens a spool that holds a GiB.
func BenchmarkStart(b *testing.B) {
	o := options(b)
	p := open(b, away{}, o)
	value := bytes.Repeat([]byte("x"), 32<<10)
	for n := range 1 << 10 {
		msgs := events(fmt.Sprint(n), 32)
		for i := range msgs {
			msgs[i].Value = value
		}
		publish(b, p, msgs...)
	}
	closePublisher(b, p)
	for _, index := range []string{"stopped in order", "killed"} {
		b.Run(index, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				if index == "killed" {
					_ = os.Remove(filepath.Join(o.DataDir, "spool", "jetstream", "$G", "streams", "HRBRIDGE_SPOOL", "msgs", "index.db"))
				}
				b.StartTimer()
				p := open(b, away{}, o)
				b.StopTimer()
				if p.Depth() != 32<<10 {
					b.Errorf("%d events", p.Depth())
				}
				closePublisher(b, p)
				b.StartTimer()
			}
		})
	}
}
