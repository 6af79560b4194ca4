package main_test

import (
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// smallDisk is a file system of its own, which root can make.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("no small disk: mounting one needs root: %v", err)
	}
	t.Cleanup(func() { // after the processes on it have ended
		if err := unix.Unmount(disk, 0); err != nil {
			t.Error(err)
		}
	})
	return disk
}

// A NATS server whose disk fills up answers nothing more until it is started again with room.
func TestFaultTheBrokersDiskIsFull(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t, "256m") // more than a minute of deliveries takes
	filler := filepath.Join(disk, "filler")
	w := &world{whole: t, plan: planFaults(t), oracle: newOracle(), broker: startNATS(t, freeAddr(t), filepath.Join(disk, "store"), "")}
	w.bridge = serve(t, checkedBinary(t), settingsOfWorlds(w.broker.url(), "batch"))
	w.begin(t)
	for range w.plan.rounds {
		fill(t, filler)
		w.awaitTrouble(t)
		w.lasts(t)
		w.broker.kill()
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		w.broker.start(t)
		w.settle(t)
	}
	w.end(t)
}

// fill takes what is left of a disk.
func fill(t *testing.T, file string) {
	t.Helper()
	f := must(os.Create(file))(t)
	defer f.Close()
	for block := make([]byte, 16<<10); ; {
		if _, err := f.Write(block); err != nil {
			return
		}
	}
}

// A write that fails in the middle, as at a quota: every file that the embedded broker writes is refused beyond a size.
func TestFaultTheBridgesWritesFail(t *testing.T) {
	t.Parallel()
	w := &world{whole: t, plan: planFaults(t), oracle: newOracle()}
	w.bridge = serve(t, checkedBinary(t), map[string]string{"HRBRIDGE_ANSWER_WITHIN": "1s", "HRBRIDGE_STREAM_DUPLICATE_WINDOW": "30m"})
	w.begin(t)
	for range w.plan.rounds {
		limitFiles(t, w.bridge.cmd.Process.Pid, 64<<10)
		w.awaitTrouble(t)
		w.lasts(t)
		w.bridge.kill() // or a store that failed is started again in place a minute later
		w.bridge.start(t)
		w.settle(t)
	}
	w.end(t)
}

func limitFiles(t *testing.T, pid int, size uint64) {
	t.Helper()
	if err := unix.Prlimit(pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: size, Max: math.MaxUint64}, nil); err != nil {
		t.Fatal(err)
	}
}

func TestFaultAReadOnlyDiskIsSaidAtStartAndLosesNothing(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t, "64m")
	p := serve(t, checkedBinary(t), map[string]string{"HRBRIDGE_DATA_DIR": filepath.Join(disk, "data"), "HRBRIDGE_EMBEDDED_MIN_FREE": "1MiB"})
	p.waitReady(t, http.StatusOK)
	o := newOracle()
	stop := o.startLoad(t, worldLoad(p))
	o.awaitMore(t, 40)
	p.kill()
	remount := func(flags uintptr) {
		if err := unix.Mount("tmpfs", disk, "tmpfs", unix.MS_REMOUNT|flags, "size=64m"); err != nil {
			t.Fatal(err)
		}
	}
	remount(unix.MS_RDONLY)
	p.start(t)
	if code := p.exited(t); code != 3 {
		t.Errorf("on a disk that is read-only it ends with %d; want 3", code)
	}
	if !strings.Contains(p.log.String(), "read-only") {
		t.Error("it does not say that the disk is read-only")
	}
	remount(0)
	p.start(t)
	p.waitReady(t, http.StatusOK)
	o.awaitMore(t, 40)
	stop()
	o.audit(t, "nats://"+p.broker, "HRFLOW")
}
