package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"hrbridge/bridge"
	"hrbridge/publishers/nats"
)

// checkStore is the name of the check that is about the folder.
const checkStore = "embedded.store"

// InspectOptions are what Inspect needs to know.
type InspectOptions struct {
	Options
	// Subscriber is how a subscriber on this machine reaches the listener.
	Subscriber nats.TailOptions
	// Redelivery is as in [nats.InspectOptions].
	Redelivery time.Duration
}

// Inspect looks at the store and, where a bridge runs in it, at its broker through its listener, and changes nothing. The
// findings are always about the same checks. The error, a [*bridge.Error], is that a bridge runs and does not let us look.
func Inspect(ctx context.Context, o InspectOptions) ([]bridge.Finding, error) {
	f := bridge.Finding{
		Name: checkStore, Status: bridge.VerdictOK,
		Why: "one process at a time may use the store: two destroy it",
	}
	store := &folder{path: o.DataDir}
	stored, err := store.stored()
	switch running, lockErr := inUse(o.DataDir); {
	case errors.Is(err, fs.ErrNotExist):
		f.Found = "there is no store in " + o.DataDir + " yet: hrbridge serve makes it"
	case err != nil:
		f.Status, f.Found, f.Remedy = bridge.VerdictFailure, err.Error(), "run doctor as the user that serves, and see that the folder is that user's"
	case lockErr != nil:
		f.Status, f.Found, f.Remedy = bridge.VerdictFailure, lockErr.Error(), "run doctor as the user that serves, and see that the folder is that user's"
	case running:
		f.Found = fmt.Sprintf("a bridge runs in %s; the store takes %s", o.DataDir, mebibytes(stored))
		return broker(ctx, o, f)
	default:
		f.Found = fmt.Sprintf("no bridge runs in %s; the store takes %s", o.DataDir, mebibytes(stored))
	}
	return append([]bridge.Finding{f}, nats.NotInspected("not looked at: no bridge runs in "+o.DataDir+", so there is no broker; start hrbridge serve and ask again")...), nil
}

// broker looks at the one that runs.
func broker(ctx context.Context, o InspectOptions, store bridge.Finding) ([]bridge.Finding, error) {
	if o.Listen == "" {
		return append([]bridge.Finding{store}, nats.NotInspected("cannot be told: the broker has no listener (embedded.listen)")...), nil
	}
	n := nats.Defaults()
	n.URL, n.Name, n.Auth, n.TLS = o.Subscriber.URL, "hrbridge doctor", o.Subscriber.Auth, o.Subscriber.TLS
	n.Commit, n.Stream = nats.CommitBatch, o.Stream
	found, err := nats.Inspect(ctx, nats.InspectOptions{Options: n, Redelivery: o.Redelivery, Own: true})
	return append([]bridge.Finding{store}, found...), err
}

// inUse tells whether a process holds the folder. It makes no file, and holds the lock itself for no longer than it takes to
// see that it could.
func inUse(path string) (bool, error) {
	name := filepath.Join(path, lockName)
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	lock := flock.New(name, flock.SetFlag(os.O_RDONLY))
	free, err := lock.TryRLock()
	if err != nil {
		return false, unusable(path, err)
	}
	if free {
		err = lock.Unlock()
	}
	return !free, err
}
