package embedded_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"

	"hrbridge/bridge"
	"hrbridge/publishers/embedded"
)

func storeOptions(t testing.TB) embedded.StoreOptions {
	return embedded.StoreOptions{
		DataDir: t.TempDir(), Name: "the test's store", Stream: "RECORDS", MaxBytes: 64 << 20, MaxRecord: 4 << 20,
		MinFreeKey: "test.min_free", DiskInterval: 10 * time.Millisecond, Log: zap.NewNop(),
	}
}

func openStore(t testing.TB, o embedded.StoreOptions) *embedded.Store {
	t.Helper()
	s, err := embedded.OpenStore(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeStore(t, s) })
	return s
}

func closeStore(t testing.TB, s *embedded.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func record(n int) []byte {
	return fmt.Appendf(nil, "record %d %s", n, bytes.Repeat([]byte{'x'}, n%100))
}

func appendRecords(t testing.TB, s *embedded.Store, from, to int) {
	t.Helper()
	for n := from; n < to; n++ {
		if _, err := s.Main.Append(t.Context(), record(n)); err != nil {
			t.Fatalf("record %d: %v", n, err)
		}
	}
}

// read reads all records from a place on.
func read(t testing.TB, s *embedded.Store, from uint64) []embedded.Record {
	t.Helper()
	var all []embedded.Record
	for {
		records, err := s.Main.Read(t.Context(), from, 100, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if len(records) == 0 {
			return all
		}
		all = append(all, records...)
		from = records[len(records)-1].Sequence + 1
	}
}

func wantRecords(t testing.TB, s *embedded.Store, from, to int) {
	t.Helper()
	got := read(t, s, 0)
	if len(got) != to-from {
		t.Fatalf("%d records, want those from %d to %d", len(got), from, to)
	}
	for i, r := range got {
		if !bytes.Equal(r.Data, record(from+i)) {
			t.Fatalf("record %d at place %d is %.40q", from+i, r.Sequence, r.Data)
		}
	}
}

func TestAStoreKeepsRecordsInOrderThroughRestartsUntilTheyAreRemoved(t *testing.T) {
	t.Parallel()
	o := storeOptions(t)
	s := openStore(t, o)
	wantRecords(t, s, 0, 0)
	appendRecords(t, s, 0, 250)
	wantRecords(t, s, 0, 250)
	if err := s.Main.Remove(t.Context(), read(t, s, 0)[99].Sequence); err != nil {
		t.Fatal(err)
	}
	wantRecords(t, s, 100, 250)
	closeStore(t, s)

	s = openStore(t, o)
	wantRecords(t, s, 100, 250)
	appendRecords(t, s, 250, 300)
	wantRecords(t, s, 100, 300)
	state, err := s.Main.State(t.Context())
	if err != nil || state.Records != 200 {
		t.Errorf("state %+v, %v", state, err)
	}
	if err := s.Main.Remove(t.Context(), state.Last); err != nil {
		t.Fatal(err)
	}
	wantRecords(t, s, 0, 0)
	appendRecords(t, s, 300, 310)
	wantRecords(t, s, 300, 310)
}

func TestAStoreHasOneMark(t *testing.T) {
	t.Parallel()
	o := storeOptions(t)
	s := openStore(t, o)
	if mark, err := s.Marked(t.Context()); mark != nil || err != nil {
		t.Errorf("marked %q, %v", mark, err)
	}
	for n := range 20 {
		if err := s.Mark(t.Context(), fmt.Append(nil, n)); err != nil {
			t.Fatal(err)
		}
	}
	closeStore(t, s)
	s = openStore(t, o)
	if mark, err := s.Marked(t.Context()); string(mark) != "19" || err != nil {
		t.Errorf("marked %q, %v", mark, err)
	}
}

func TestAStoreTakesNoMoreThanItsBound(t *testing.T) {
	t.Parallel()
	o := storeOptions(t)
	o.MaxBytes = 1 << 40
	closeStore(t, openStore(t, o))
	o.MaxBytes = 1 << 20
	s := openStore(t, o)
	large := make([]byte, 300_000)
	var err error
	n := 0
	for ; err == nil && n < 10; n++ {
		_, err = s.Main.Append(t.Context(), large)
	}
	if bridge.KindOf(err) != bridge.KindFull || n != 4 {
		t.Fatalf("append %d: %v, want the fourth full", n, err)
	}
	first := read(t, s, 0)[0].Sequence
	if err := s.Main.Remove(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Main.Append(t.Context(), large); err != nil {
		t.Errorf("with room again: %v", err)
	}
	closeStore(t, s)

	o.MaxBytes = 100 << 10 // lowered below what is there
	s = openStore(t, o)
	if n := len(read(t, s, 0)); n != 3 {
		t.Errorf("%d records after the bound was lowered, want all 3", n)
	}
	if _, err := s.Main.Append(t.Context(), []byte("small")); bridge.KindOf(err) != bridge.KindFull {
		t.Errorf("append beyond the lowered bound: %v", err)
	}
}

func TestAStoreOnADiskNearlyFullIsReadAndTakesNothing(t *testing.T) {
	t.Parallel()
	o := storeOptions(t)
	s := openStore(t, o)
	appendRecords(t, s, 0, 5)
	closeStore(t, s)
	o.MinFree = 1 << 60
	s = openStore(t, o)
	wantRecords(t, s, 0, 5)
	_, err := s.Main.Append(t.Context(), record(5))
	if bridge.KindOf(err) != bridge.KindFull || bridge.KindOf(s.Ready()) != bridge.KindFull {
		t.Errorf("append: %v, ready: %v", err, s.Ready())
	}
	wantText(t, err, "nearly full", "test.min_free")
	if err := s.Main.Remove(t.Context(), read(t, s, 0)[4].Sequence); err != nil {
		t.Errorf("remove: %v", err)
	}
}

func TestAStoreThatFailsIsStartedAgainAndCountsOnlyWhatItAnswered(t *testing.T) {
	t.Parallel()
	s := openStore(t, storeOptions(t))
	appendRecords(t, s, 0, 5)
	if err := s.BreakStore(); err != nil {
		t.Fatal(err)
	}
	deadline, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		attempt, cancel := context.WithTimeout(deadline, time.Second)
		_, err := s.Main.Append(attempt, record(5))
		cancel()
		if err == nil {
			break
		}
		if deadline.Err() != nil {
			t.Fatalf("never back: %v", err)
		}
	}
	appendRecords(t, s, 6, 8)
	last := -1
	for _, r := range read(t, s, 0) { // one that got no answer may be there as well
		var n int
		if _, err := fmt.Sscanf(string(r.Data), "record %d", &n); err != nil || n != last && n != last+1 {
			t.Errorf("%.20q comes after record %d", r.Data, last)
		}
		last = n
	}
	if last != 7 {
		t.Errorf("the last record is %d, want 7", last)
	}
}

func TestAnAppendOnItsWayFailsWhenTheServerGoes(t *testing.T) {
	t.Parallel()
	o := storeOptions(t)
	o.DiskInterval = time.Hour
	s := openStore(t, o)
	s.StopEngine()
	if _, err := s.Main.Append(t.Context(), record(0)); bridge.KindOf(err) != bridge.KindUnavailable {
		t.Errorf("append: %v", err)
	}
	if s.Ready() == nil {
		t.Error("ready without a server")
	}
}

func TestOneStoreAtATimeHasAFolderAndClosesWhole(t *testing.T) {
	o := storeOptions(t)
	closeStore(t, openStore(t, o)) // what the first makes nats-server start may stay
	before := goleak.IgnoreCurrent()
	s, err := embedded.OpenStore(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := embedded.OpenStore(t.Context(), o); err == nil {
		t.Error("a second store in the folder")
	} else {
		wantText(t, err, "in use by another process")
	}
	closeStore(t, s)
	closeStore(t, s)
	if _, err := s.Main.Append(t.Context(), nil); bridge.KindOf(err) != bridge.KindUnavailable || s.Ready() == nil {
		t.Errorf("a closed store: append %v, ready %v", err, s.Ready())
	}
	goleak.VerifyNone(t, before)
}

// Whatever of the files is damaged: what is read is what was appended, in order, and the rest is left out.
func TestADamagedStoreOpensAndGivesWhatIsReadable(t *testing.T) {
	t.Parallel()
	const records = 300
	damages := map[string]func(t *testing.T, file string){
		"a byte in the middle": func(t *testing.T, file string) {
			b := mustRead(t, file)
			b[len(b)/2] ^= 1
			mustWrite(t, file, b)
		},
		"the end cut off": func(t *testing.T, file string) { b := mustRead(t, file); mustWrite(t, file, b[:len(b)*2/3]) },
		"all of it gone":  func(t *testing.T, file string) { _ = os.Remove(file) },
		"the beginning overwritten": func(t *testing.T, file string) {
			b := mustRead(t, file)
			copy(b, make([]byte, 1000))
			mustWrite(t, file, b)
		},
	}
	for name, damage := range damages {
		for _, index := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, index kept %v", name, index), func(t *testing.T) {
				t.Parallel()
				o := storeOptions(t)
				s := openStore(t, o)
				appendRecords(t, s, 0, records)
				closeStore(t, s)
				folder := filepath.Join(o.DataDir, "jetstream", "$G", "streams", "RECORDS", "msgs")
				blocks, err := filepath.Glob(filepath.Join(folder, "*.blk"))
				if err != nil || len(blocks) == 0 {
					t.Fatalf("no blocks in %s: %v", folder, err)
				}
				damage(t, blocks[0])
				if !index {
					_ = os.Remove(filepath.Join(folder, "index.db"))
				}
				s = openStore(t, o)
				known := make(map[string]int, records)
				for n := range records {
					known[string(record(n))] = n
				}
				last, all := -1, read(t, s, 0)
				for _, r := range all {
					n, ok := known[string(r.Data)]
					if !ok || n <= last {
						t.Errorf("place %d, after record %d, holds %.30q", r.Sequence, last, r.Data)
					}
					last = n
				}
				t.Logf("%d of %d records are left", len(all), records)
				appendRecords(t, s, records, records+5)
				again := read(t, s, 0)
				if len(again) < 5 || !bytes.Equal(again[len(again)-1].Data, record(records+4)) {
					t.Errorf("what is appended afterwards is not read: %d records", len(again))
				}
			})
		}
	}
}

func mustRead(t *testing.T, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func mustWrite(t *testing.T, file string, b []byte) {
	t.Helper()
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
