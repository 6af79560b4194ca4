package embedded_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"hrbridge/publishers/embedded"
)

// blocks are the files of the only stream's messages, by name.
func blocks(t *testing.T, dataDir string) map[string]os.FileInfo {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dataDir, "jetstream", "*", "streams", "*", "msgs", "*.blk"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files of messages: %v", err)
	}
	all := make(map[string]os.FileInfo)
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		all[file] = info
	}
	return all
}

func TestTheEndOfTheStreamIsWrittenAnewBeforeTheServerStarts(t *testing.T) {
	t.Parallel()
	o := options(t)
	b := open(t, o)
	large := messages("large", 12) // more than one file holds
	for i := range large {
		large[i].Value = bytes.Repeat([]byte{'x'}, 900<<10)
		publish(t, b, large[i:i+1])
	}
	closeBroker(t, b)
	before := blocks(t, o.DataDir)
	if len(before) < 2 {
		t.Fatalf("%d files, want several", len(before))
	}
	b = open(t, o)
	anew := 0
	for file, info := range blocks(t, o.DataDir) {
		was := before[file]
		switch {
		case was == nil:
		case !os.SameFile(was, info):
			anew++
			if was.Size() != info.Size() {
				t.Errorf("%s has %d bytes, had %d", file, info.Size(), was.Size())
			}
		}
	}
	if anew != 1 {
		t.Errorf("%d files are new, want the newest alone", anew)
	}
	if left, err := filepath.Glob(filepath.Join(o.DataDir, "jetstream", "*", "streams", "*", "msgs.anew")); err != nil || left != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
	wantStored(t, b, large)
}

func TestAStreamWhoseEndCannotBeMadeDurableIsNotStarted(t *testing.T) {
	t.Parallel()
	o := options(t)
	b := open(t, o)
	publish(t, b, messages("event", 1))
	closeBroker(t, b)
	for file := range blocks(t, o.DataDir) {
		if err := os.Mkdir(filepath.Join(filepath.Dir(filepath.Dir(file)), "msgs.anew"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	b, err := embedded.Open(t.Context(), o)
	if err == nil {
		closeBroker(t, b)
		t.Fatal("started")
	}
	wantText(t, err, "durable", "look at the disk")
}
