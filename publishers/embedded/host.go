package embedded

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"hrbridge/bridge"
)

// host is what a Broker and a Store stand on: a folder of their own, a disk that is never full, and a server that is started
// again in place when its store fails.
type host struct {
	name     string // in texts
	log      *zap.Logger
	folder   *folder
	disk     *disk
	engine   *engine
	interval time.Duration
	// silent tells whether the store does not answer, as far as its user knows.
	silent func(ctx context.Context) bool

	stop     context.CancelFunc
	watching sync.WaitGroup
}

// begin watches until end; the engine runs.
func (h *host) begin(ctx context.Context) {
	ctx, h.stop = context.WithCancel(context.WithoutCancel(ctx))
	h.watching.Go(func() { h.watch(ctx) })
}

// end stops what begin began, then the server, and lets go of the folder.
func (h *host) end() error {
	h.stop()
	h.watching.Wait()
	h.engine.stop()
	return h.folder.release()
}

// sound returns nil when the server runs and its store has not failed.
func (h *host) sound() error {
	if err := h.engine.sound(); err != nil {
		return &bridge.Error{Kind: bridge.KindUnavailable, Op: "look at " + h.name,
			Err: fmt.Errorf("its store in %s failed and is started again when the disk has room: %w", h.folder.path, err)}
	}
	return nil
}

func (h *host) closedError(op string) error {
	return &bridge.Error{Kind: bridge.KindUnavailable, Op: op + " " + h.name, Err: errClosed}
}

var errClosed = errors.New("it is closed")
