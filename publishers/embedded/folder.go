package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// The data folder's members.
const (
	storeName    = "jetstream" // the server's: it appends this name to the folder that it is given
	lockName     = "lock"
	operatorName = "operator" // the operator's password, while the server runs
)

// ErrInUse is in the chain of an error about a data folder that another process has.
var ErrInUse = errors.New("in use by another process")

// folder is the data folder, held by this process alone: the server takes no lock, and two of them in one store destroy it.
type folder struct {
	path string
	lock *flock.Flock
}

// StoreFolder is where in a data folder the events are.
func StoreFolder(dataDir string) string { return filepath.Join(dataDir, storeName) }

// openFolder makes what is missing of the folder, for this user's eyes only, and takes it.
func openFolder(path string) (*folder, error) {
	if err := os.MkdirAll(filepath.Join(path, storeName), 0o700); err != nil {
		return nil, unusable(path, err)
	}
	f := &folder{path: path, lock: flock.New(filepath.Join(path, lockName), flock.SetPermissions(0o600))}
	taken, err := f.lock.TryLock()
	switch {
	case err != nil:
		return nil, unusable(path, err)
	case !taken:
		return nil, fmt.Errorf("data folder %s is %w: stop that one, or set data_dir to another folder", path, ErrInUse)
	}
	return f, nil
}

func unusable(path string, err error) error {
	return fmt.Errorf("data folder %s cannot be used: %w: set data_dir to a folder that this user may write to", path, err)
}

// stored is how many bytes the store takes.
func (f *folder) stored() (int64, error) {
	var total int64
	err := filepath.WalkDir(filepath.Join(f.path, storeName), func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			total += info.Size()
		}
		return err
	})
	if err != nil {
		return 0, unusable(f.path, err)
	}
	return total, nil
}

// release lets others take the folder. The lock's file stays: whoever removed it could remove another's.
func (f *folder) release() error {
	err := f.dismiss()
	if unlock := f.lock.Unlock(); unlock != nil {
		err = errors.Join(err, fmt.Errorf("release data folder %s: %w", f.path, unlock))
	}
	return err
}
