package embedded

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"hrbridge/publishers/nats"
)

// ErrNoStore is in the chain of an error about a data folder in which no embedded broker has ever stored anything.
var ErrNoStore = errors.New("no embedded broker has a store there")

// Operator is who whoever may read the data folder is to the embedded broker that runs there in another process: one who may
// publish to topics beside reading them. It is another password after every start. It must be shown over loopback or TLS only, and
// otherwise is not accepted.
func Operator(dataDir string) (user, password string, err error) {
	text, err := os.ReadFile(filepath.Join(dataDir, operatorName)) //nolint:gosec // the operator names the data folder
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", "", fmt.Errorf("no embedded broker with a listener runs in data folder %s: set data_dir to that of the bridge, and embedded.listen", dataDir)
	case err != nil:
		return "", "", fmt.Errorf("read the operator's password: %w: do it as the user that hrbridge runs as", err)
	}
	return operatorUser, string(text), nil
}

// admit leaves the operator's password in the folder, for this user's eyes only. Whoever reads the file meanwhile finds all
// of it.
func (f *folder) admit(password string) error {
	file := filepath.Join(f.path, operatorName)
	unfinished := file + ".new"
	err := os.Remove(unfinished) // of a process that was killed
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = os.WriteFile(unfinished, []byte(password), 0o600)
	}
	if err == nil {
		err = os.Rename(unfinished, file)
	}
	if err != nil {
		return unusable(f.path, err)
	}
	return nil
}

// dismiss takes the operator's password away.
func (f *folder) dismiss() error {
	if err := os.Remove(filepath.Join(f.path, operatorName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the operator's password: %w", err)
	}
	return nil
}

// Visit opens the broker in the data folder of a bridge that is stopped, for a tool that reads its topics and publishes to
// them: it listens on loopback only, for those who have what the second result says. Where a bridge runs the error is
// [ErrInUse], and where there never was one [ErrNoStore].
func Visit(ctx context.Context, o Options) (*Broker, nats.TailOptions, error) {
	if err := visitable(o.DataDir); err != nil {
		return nil, nats.TailOptions{}, err
	}
	o.Listen, o.User, o.Password, o.Token, o.TLS = "127.0.0.1:0", "", "", rand.Text()+rand.Text(), ListenerTLS{}
	b, err := Open(ctx, o)
	if err != nil {
		return nil, nats.TailOptions{}, err
	}
	return b, nats.TailOptions{URL: b.ClientURL(), Name: operatorUser, Auth: nats.Auth{Token: o.Token}, Stream: o.Stream.Name}, nil
}

// visitable returns nil where the folder has a store that is this user's own: files that another user made there would keep
// the bridge from starting again.
func visitable(path string) error {
	var stat unix.Stat_t
	switch err := unix.Stat(filepath.Join(path, storeName), &stat); {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("data folder %s: %w: set data_dir to that of the bridge", path, ErrNoStore)
	case err != nil:
		return unusable(path, err)
	case int(stat.Uid) != os.Geteuid():
		return fmt.Errorf("data folder %s belongs to user %d: do it as the user that hrbridge runs as", path, stat.Uid)
	}
	return nil
}
