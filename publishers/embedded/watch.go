package embedded

import (
	"context"
	"time"

	"go.uber.org/zap"

	"hrbridge/bridge"
)

const (
	// A store that answers nothing for so many looks in a row is dead, though the server runs; fewer may be a slow disk.
	silentLooks = 3
	// A store that fails again as soon as it is started is not started more often than this.
	reviveEvery = time.Minute
)

// watch looks after the disk and the store until ctx ends.
func (b *Broker) watch(ctx context.Context) {
	ticker := time.NewTicker(b.interval)
	defer ticker.Stop()
	var silent int
	var revived time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		room := b.lookAtDisk()
		if bridge.KindOf(b.publisher.Ready(ctx)) == bridge.KindTimeout {
			silent++
		} else {
			silent = 0
		}
		if dead := b.engine.sound() != nil || silent >= silentLooks; dead && room && time.Since(revived) > reviveEvery {
			b.revive()
			silent, revived = 0, time.Now()
		}
	}
}

// lookAtDisk tells whether there is room, and logs when that changes.
func (b *Broker) lookAtDisk() bool {
	before := b.disk.trouble.Load()
	free, now := b.disk.look()
	switch {
	case before == nil && now != nil:
		b.log.Error("nothing is published from now on", zap.Error(now))
	case before != nil && now == nil:
		b.log.Info("the disk has room again: publishing goes on", zap.String("free", mebibytes(free)))
	}
	return now == nil
}

// revive starts the server again in place. A store that met a write error takes and answers nothing until then; what it
// acknowledged is on the disk, and the publisher and the subscribers connect again by themselves.
func (b *Broker) revive() {
	b.log.Error("the store failed: starting the embedded broker again", zap.String("data_dir", b.folder.path))
	b.engine.stop()
	if err := b.engine.start(); err != nil {
		b.log.Error("the embedded broker did not start again; trying on", zap.Error(err))
		return
	}
	b.log.Info("the embedded broker is back")
}
