package spool_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"hrbridge/publishers/spool"
)

// The store meets a full disk in the middle of a write, again and again: it counts records that it never wrote, forgets what it was
// about to answer, and is started again. What was acknowledged is there, and nothing is said to be lost that was not acknowledged.
func TestADiskThatIsFullInTheMiddleOfARecordLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	for _, filler := range []int{9 << 20, 10<<20 + 300<<10, 11<<20 + 900<<10} { // full at other places of the store's files
		t.Run(fmt.Sprintf("%d KiB taken by others", filler>>10), func(t *testing.T) {
			disk := smallDisk(t)
			b := newBroker(t)
			b.stop()
			o := options(t)
			o.DataDir = filepath.Join(disk, "data")
			p, err := spool.Open(t.Context(), b.inner(), o)
			if err != nil {
				t.Fatal(err)
			}
			defer closePublisher(t, p) // before the disk is gone
			file := filepath.Join(disk, "filler")
			if err := os.WriteFile(file, make([]byte, filler), 0o600); err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			var mu sync.Mutex
			acknowledged := make(map[string]bool)
			refused := 0
			var all sync.WaitGroup
			for c := range 8 {
				all.Go(func() {
					for n := 0; ctx.Err() == nil; n++ {
						msgs := events(fmt.Sprintf("caller%d-%d", c, n), 3)
						for i := range msgs {
							msgs[i].Value = make([]byte, 1+(c*7919+n*104729)%60_000)
						}
						attempt, cancel := context.WithTimeout(context.Background(), time.Second)
						err := p.Publish(attempt, msgs)
						cancel()
						mu.Lock()
						if err == nil {
							for _, m := range msgs {
								acknowledged[m.ID] = true
							}
						} else {
							refused++
						}
						mu.Unlock()
					}
				})
			}
			count := func(of func() int) func(n int) {
				return func(n int) {
					t.Helper()
					target := -1
					eventually(t, func() error {
						mu.Lock()
						defer mu.Unlock()
						if target < 0 {
							target = of() + n
						}
						if of() < target {
							return fmt.Errorf("%d acknowledged, %d refused: %w", len(acknowledged), refused, p.Ready(context.Background()))
						}
						return nil
					})
				}
			}
			count(func() int { return refused })(8) // full
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			count(func() int { return len(acknowledged) })(9) // and taking again
			stop()
			all.Wait()
			b.start()
			drained(t, p)
			stored := make(map[string]bool)
			for _, m := range b.stored() {
				stored[m.ID] = true
			}
			for id := range acknowledged {
				if !stored[id] {
					t.Fatalf("%s was acknowledged and is lost", id)
				}
			}
			if n := metric(t, o, "lost_total"); n != 0 {
				t.Errorf("%v events are said to be lost", n)
			}
			t.Logf("%d events acknowledged, %d calls refused", len(acknowledged), refused)
		})
	}
}

// smallDisk is a disk of 24 MiB.
func smallDisk(t *testing.T) string {
	t.Helper()
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=24m"); err != nil {
		t.Skipf("no small disk to fill: mounting one needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(disk, 0); err != nil {
			t.Error(err)
		}
	})
	return disk
}
