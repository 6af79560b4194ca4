package embedded

import (
	"errors"
	"fmt"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"hrbridge/bridge"
)

// freeSpace is how many bytes of the disk under a folder this user may still fill.
type freeSpace func(path string) (int64, error)

func statFree(path string) (int64, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(path, &stat); err != nil {
		return 0, fmt.Errorf("look at the free disk of %s: %w", path, err)
	}
	return int64(stat.Bavail) * int64(stat.Bsize), nil //nolint:unconvert // these have other types on other systems
}

// disk stands before the store: a server that meets a full disk does not answer any more and loses its store until it is
// started again, so nothing is published while less than minFree is free.
type disk struct {
	path    string
	op      string // what is not done without room
	minFree int64
	key     string // of the configuration, that sets minFree
	free    freeSpace
	trouble atomic.Pointer[bridge.Error] // nil while there is room
}

// look measures, and returns how much is free and what that means.
func (d *disk) look() (int64, *bridge.Error) {
	free, err := d.free(d.path)
	switch {
	case err != nil:
		d.trouble.Store(&bridge.Error{Kind: bridge.KindUnavailable, Op: d.op, Err: err})
	case free < d.minFree:
		d.trouble.Store(&bridge.Error{Kind: bridge.KindFull, Op: d.op, Err: fmt.Errorf(
			"the disk of %s is nearly full: %s are free and %s have to stay free: make room, or lower %s",
			d.path, mebibytes(free), mebibytes(d.minFree), d.key)})
	default:
		d.trouble.Store(nil)
	}
	return free, d.trouble.Load()
}

// room returns nil, or why nothing is published.
func (d *disk) room() error {
	if e := d.trouble.Load(); e != nil {
		return e
	}
	return nil
}

// limit is how large the store may become: what it is told, or what it has and may still take.
func (d *disk) limit(maxStore, stored int64) (int64, error) {
	free, trouble := d.look()
	switch {
	case trouble != nil:
		return 0, trouble.Err
	case maxStore > 0:
		return maxStore, nil
	case stored+free <= d.minFree:
		return 0, errors.New("the disk has no room for a store")
	}
	return stored + free - d.minFree, nil
}

func mebibytes(n int64) string { return fmt.Sprintf("%d MiB", n>>20) }
