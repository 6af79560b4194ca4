package main_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// A disk that fills up between two looks at it makes the store fail for good. The bridge says so, and starts the store again
// when there is room.
func TestAFullDiskLosesNothingAcknowledgedAndHealsWhenThereIsRoom(t *testing.T) {
	t.Parallel()
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=48m"); err != nil {
		t.Skipf("no small disk to fill: mounting one needs root: %v", err)
	}
	filler := filepath.Join(disk, "filler")
	if err := os.WriteFile(filler, make([]byte, 40<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // after the process has ended
		if err := unix.Unmount(disk, 0); err != nil {
			t.Error(err)
		}
	})
	p := serve(t, checkedBinary(t), map[string]string{
		"HRBRIDGE_DATA_DIR": filepath.Join(disk, "data"), "HRBRIDGE_EMBEDDED_MIN_FREE": "1MiB", "HRBRIDGE_EMBEDDED_MAX_STORE": "1GiB",
	})
	p.waitReady(t, http.StatusOK)

	o := newOracle()
	stop := o.start(t, p, 32, 8)
	p.waitReady(t, http.StatusServiceUnavailable)
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	p.waitReady(t, http.StatusOK)
	o.awaitMore(t, 20)
	stop()
	o.audit(t, "nats://"+p.broker, "HRFLOW")
}
