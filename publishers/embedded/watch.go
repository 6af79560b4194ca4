package embedded

import (
	"context"
	"time"

	"go.uber.org/zap"
)

const (
	// A store that answers nothing for so many looks in a row is dead, though the server runs; fewer may be a slow disk.
	silentLooks = 3
	// A store that fails again as soon as it is started is started again after so many looks at the earliest.
	reviveLooks = 12
)

// watch looks after the disk and the store until ctx ends.
func (h *host) watch(ctx context.Context) {
	ticker := time.NewTicker(h.interval)
	defer ticker.Stop()
	var silent int
	var revived time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		room := h.lookAtDisk()
		if h.silent(ctx) {
			silent++
		} else {
			silent = 0
		}
		if dead := h.engine.sound() != nil || silent >= silentLooks; dead && room && time.Since(revived) > reviveLooks*h.interval {
			h.revive()
			silent, revived = 0, time.Now()
		}
	}
}

// lookAtDisk tells whether there is room, and logs when that changes.
func (h *host) lookAtDisk() bool {
	before := h.disk.trouble.Load()
	free, now := h.disk.look()
	switch {
	case before == nil && now != nil:
		h.log.Error("the disk is nearly full: "+h.name+" takes nothing from now on", zap.Error(now))
	case before != nil && now == nil:
		h.log.Info("the disk has room again: "+h.name+" goes on", zap.String("free", mebibytes(free)))
	}
	return now == nil
}

// revive starts the server again in place. A store that met a write error takes and answers nothing until then; what it
// acknowledged is on the disk, and the publisher and the subscribers connect again by themselves.
func (h *host) revive() {
	h.log.Error("the store failed: starting "+h.name+" again", zap.String("data_dir", h.folder.path))
	h.engine.stop()
	if err := h.engine.start(); err != nil {
		h.log.Error(h.name+" did not start again; trying on", zap.Error(err))
		return
	}
	h.log.Info(h.name + " is back")
}
