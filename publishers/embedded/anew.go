package embedded

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// writeNewestAnew makes durable what a server that starts in the folder will find at the end of each stream.
//
// A server that was killed before a sync, or whose sync failed, has left records that can be read, because the system keeps
// them in memory, and that the disk may not have. The next server remembers their ids, and would call a repeat stored. To sync
// the file is not enough: after a sync that failed the system takes what it could not write for written.
func (f *folder) writeNewestAnew() error {
	streams, err := filepath.Glob(filepath.Join(f.path, storeName, "*", "streams", "*"))
	if err != nil {
		return unusable(f.path, err)
	}
	for _, stream := range streams {
		if err := writeBlockAnew(stream); err != nil {
			return fmt.Errorf("make the end of the stream in %s durable: %w: look at the disk", stream, err)
		}
	}
	return nil
}

// writeBlockAnew puts a copy that is synced in the place of the stream's newest file.
func writeBlockAnew(stream string) error {
	newest, err := newestBlock(filepath.Join(stream, "msgs"))
	if newest == "" || err != nil {
		return err
	}
	copied := filepath.Join(stream, "msgs.anew") // not beside it, where the server looks for what is its own
	if err := copySynced(copied, newest); err != nil {
		return errors.Join(err, os.Remove(copied))
	}
	if err := os.Rename(copied, newest); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(newest))
}

// newestBlock is the file that the server wrote last, "" where there is none.
func newestBlock(folder string) (string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	newest, most := "", -1
	for _, entry := range entries {
		var number int
		if n, _ := fmt.Sscanf(entry.Name(), "%d.blk", &number); n == 1 && entry.Name() == fmt.Sprintf("%d.blk", number) && number > most {
			newest, most = filepath.Join(folder, entry.Name()), number
		}
	}
	return newest, nil
}

// copySynced writes a copy of a file, for this user's eyes only, and syncs it.
func copySynced(to, from string) (err error) {
	source, err := os.Open(from) //nolint:gosec // in our own folder
	if err != nil {
		return err
	}
	defer source.Close()                                                      //nolint:errcheck // it was only read
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) //nolint:gosec // in our own folder
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	if _, err := io.Copy(target, source); err != nil {
		return err
	}
	return target.Sync()
}

func syncFolder(path string) error {
	folder, err := os.Open(path) //nolint:gosec // our own folder
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
