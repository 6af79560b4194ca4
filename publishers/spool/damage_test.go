package spool_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"hrbridge/bridge"
	"hrbridge/publishers/embedded"
	"hrbridge/publishers/spool"
)

// Whatever is damaged: what is readable is sent, in order, and what is not is counted and said, to the event.
func TestDamageIsSaidWithItsExtentAndTheRestIsSent(t *testing.T) {
	t.Parallel()
	const calls, perCall = 60, 3
	damages := map[string]func(b []byte) []byte{
		"a byte in the middle": func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"a byte at the start":  func(b []byte) []byte { b[40] ^= 0x80; return b },
		"a byte at the end":    func(b []byte) []byte { b[len(b)-20] ^= 0x80; return b },
		"the end cut off":      func(b []byte) []byte { return b[:len(b)*2/3] },
		"all but nothing":      func(b []byte) []byte { return b[:10] },
		"the file gone":        func([]byte) []byte { return nil },
	}
	for name, damage := range damages {
		for _, index := range []string{"kept", "gone"} {
			t.Run(name+", index "+index, func(t *testing.T) {
				t.Parallel()
				b := newBroker(t)
				b.stop()
				o := options(t)
				p, err := spool.Open(t.Context(), b.inner(), o)
				if err != nil {
					t.Fatal(err)
				}
				all := events("a", calls*perCall)
				for i := 0; i < len(all); i += perCall {
					publish(t, p, all[i:i+perCall]...)
				}
				closePublisher(t, p)
				damageStore(t, o, damage, index == "gone")

				core, logs := observer.New(zap.WarnLevel)
				o.Log = zap.New(core)
				b.start()
				p = open(t, b.inner(), o)
				drained(t, p)
				publish(t, p, events("after", 2)...)
				drained(t, p)
				stored := b.stored()
				kept := len(stored) - 2
				if order(t, stored[:kept], all); ids(stored[kept:]) != ids(events("after", 2)) {
					t.Errorf("the last are %s", ids(stored[kept:]))
				}
				lost := metric(t, o, "lost_total")
				if int(lost) != len(all)-kept {
					t.Errorf("%d of %d events are stored, and %v said to be lost", kept, len(all), lost)
				}
				said := logs.FilterMessageSnippet("cannot be read any more").All()
				counted := uint64(0)
				for _, line := range said {
					counted += line.ContextMap()["lost_events"].(uint64)
				}
				if counted != uint64(lost) {
					t.Errorf("the log says that %d events are lost, the metric %v", counted, lost)
				}
				for _, line := range logs.All() {
					if strings.Contains(fmt.Sprint(line.ContextMap()), "Ada") {
						t.Error("the log holds content")
					}
				}
			})
		}
	}
}

// order fails where stored is not some of all, in their order.
func order(t *testing.T, stored, all []bridge.Message) {
	t.Helper()
	i := 0
	for _, m := range stored {
		for i < len(all) && all[i].ID != m.ID {
			i++
		}
		if i == len(all) {
			t.Fatalf("%s is stored out of order, or was never published", m.ID)
		}
		if string(m.Value) != string(all[i].Value) {
			t.Errorf("%s has another value", m.ID)
		}
	}
}

// damageStore does something to the first file of records.
func damageStore(t *testing.T, o spool.Options, damage func([]byte) []byte, dropIndex bool) {
	t.Helper()
	folder := filepath.Join(o.DataDir, "spool", "jetstream", "$G", "streams", "HRBRIDGE_SPOOL", "msgs")
	blocks, err := filepath.Glob(filepath.Join(folder, "*.blk"))
	if err != nil || len(blocks) == 0 {
		t.Fatalf("no records in %s: %v", folder, err)
	}
	b, err := os.ReadFile(blocks[0])
	if err != nil {
		t.Fatal(err)
	}
	if b = damage(b); b == nil {
		err = os.Remove(blocks[0])
	} else {
		err = os.WriteFile(blocks[0], b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if dropIndex {
		_ = os.Remove(filepath.Join(folder, "index.db"))
	}
}

// A record of the future is left alone.
func TestASpoolOfALaterVersionIsNotOpened(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	o := options(t)
	closePublisher(t, open(t, b.inner(), o))
	store, err := embedded.OpenStore(t.Context(), embedded.StoreOptions{
		DataDir: filepath.Join(o.DataDir, "spool"), Name: "the spool", Stream: "HRBRIDGE_SPOOL", MaxBytes: 1 << 30, MaxRecord: 1 << 20,
		DiskInterval: o.DiskInterval, Log: zap.NewNop(),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Main.Append(t.Context(), []byte("hrs\x07\xf8and whatever they will think of")); err != nil {
		t.Fatal(err)
	}
	closePublisher(t, store)
	inner := b.inner()
	defer closePublisher(t, inner)
	_, err = spool.Open(t.Context(), inner, o)
	if err == nil || !strings.Contains(err.Error(), "version 7") || !strings.Contains(err.Error(), "start the hrbridge that wrote them") {
		t.Errorf("got %v", err)
	}
}
