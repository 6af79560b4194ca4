package prove

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// The file of obligations is a line of JSON, the head, and after it a frame for each delivery that was acknowledged: the
// length and a checksum of what follows, the number of the first event, flags, and for each event its fingerprint and the
// number of its type. It is only appended to. It holds nothing of the events but these.
const (
	fileFormat = 1

	frameHead  = 4 + 4 // length, checksum
	promise0   = 4 + 1 // first, flags
	promiseOne = 8 + 1 // print, topic
	maxFrame   = promise0 + 1<<20*promiseOne
	flagAgain  = 1

	syncEvery = time.Second
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// head says what the obligations of a file are about.
type head struct {
	Format    int       `json:"hrbridge_prove"`
	Run       string    `json:"run"`
	Source    string    `json:"source"`
	Publisher string    `json:"publisher"`
	Began     time.Time `json:"began"`
	// Stored is when the broker stored the run's first event, by the broker's clock.
	Stored time.Time `json:"stored"`
	// Topics are those of the run's event types.
	Topics []string `json:"topics"`
}

// file is the obligations on disk.
type file struct {
	mu    sync.Mutex
	f     *os.File
	dirty bool
	err   error // the first; the file is of no use after it
	stop  chan struct{}
	done  chan struct{}
}

// createFile makes the file, which must not exist, and begins it.
func createFile(name string, h head) (*file, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // who calls the program names the file
	if err != nil {
		return nil, err
	}
	line, err := json.Marshal(h)
	if err == nil {
		_, err = f.Write(append(line, '\n'))
	}
	if err = errors.Join(err, f.Sync(), syncFolder(filepath.Dir(name))); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(name))
	}
	k := &file{f: f, stop: make(chan struct{}), done: make(chan struct{})}
	go k.sync()
	return k, nil
}

// syncFolder makes a new file's name outlast a power cut.
func syncFolder(name string) error {
	d, err := os.Open(name) //nolint:gosec // the folder of a file that who calls the program named
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// sync brings to disk what was appended, every second.
func (k *file) sync() {
	defer close(k.done)
	tick := time.NewTicker(syncEvery)
	defer tick.Stop()
	for {
		select {
		case <-k.stop:
			return
		case <-tick.C:
			k.mu.Lock()
			dirty := k.dirty && k.err == nil
			k.dirty = false
			k.mu.Unlock()
			if !dirty {
				continue
			}
			if err := k.f.Sync(); err != nil {
				k.fail(err)
			}
		}
	}
}

func (k *file) fail(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.failLocked(err)
}

func (k *file) failLocked(err error) {
	if k.err == nil {
		k.err = fmt.Errorf("keep the obligations: %w", err)
	}
}

// append keeps a promise.
func (k *file) append(p promise) error {
	frame := p.frame()
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err != nil {
		return k.err
	}
	if _, err := k.f.Write(frame); err != nil {
		k.failLocked(err)
	}
	k.dirty = true
	return k.err
}

// close brings everything to disk. It returns the first error that there was.
func (k *file) close() error {
	close(k.stop)
	<-k.done
	if err := errors.Join(k.f.Sync(), k.f.Close()); err != nil {
		k.fail(err)
	}
	return k.err
}

// frame is the promise as it stands in the file.
func (p promise) frame() []byte {
	payload := promise0 + promiseOne*len(p.prints)
	b := make([]byte, frameHead, frameHead+payload)
	b = binary.BigEndian.AppendUint32(b, p.first)
	if p.again {
		b = append(b, flagAgain)
	} else {
		b = append(b, 0)
	}
	for i, print := range p.prints {
		b = binary.BigEndian.AppendUint64(b, uint64(print))
		b = append(b, p.topics[i])
	}
	binary.BigEndian.PutUint32(b, uint32(payload))
	binary.BigEndian.PutUint32(b[4:], crc32.Checksum(b[frameHead:], castagnoli))
	return b
}
