package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"hrbridge/bridge"
)

// folder is about the data folder and the disk under it, but how fast that is.
func (o Options) folder() []bridge.Finding {
	if o.Store == "" {
		return absent("not needed: without a spool this publisher keeps nothing on this machine", checkFolder, checkFileSystem, checkRoom)
	}
	f := bridge.Finding{
		Name: checkFolder, Status: bridge.VerdictOK, Found: o.DataDir + " can be written, and its events be read by this user only",
		Why: "what is acknowledged is kept there, personal data among it",
	}
	info, err := os.Stat(o.DataDir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.Found = o.DataDir + " is not there yet: hrbridge serve makes it"
		return append([]bridge.Finding{f}, absent(f.Found, checkFileSystem, checkRoom)...)
	case err != nil:
		f.Status, f.Found, f.Remedy = bridge.VerdictFailure, err.Error(), "set data_dir to a folder that this user may write to"
		return append([]bridge.Finding{f}, absent("cannot be told", checkFileSystem, checkRoom)...)
	case !info.IsDir():
		f.Status, f.Found, f.Remedy = bridge.VerdictFailure, o.DataDir+" is not a folder", "set data_dir to a folder"
	case unix.Access(o.DataDir, unix.W_OK|unix.X_OK) != nil:
		f.Status, f.Found = bridge.VerdictFailure, "this user may not write to "+o.DataDir
		f.Remedy = "run doctor as the user that serves; else give the folder to that user"
	case info.Mode().Perm()&0o001 != 0 && open(o.Store):
		f.Status, f.Found = bridge.VerdictWarning, "everybody on this machine may look into "+o.Store
		f.Remedy = "run: chmod o-rwx " + o.Store
	}
	return []bridge.Finding{f, o.fileSystem(), o.room()}
}

// open tells whether everybody on the machine may look into a folder.
func open(folder string) bool {
	info, err := os.Stat(folder)
	return err == nil && info.Mode().Perm()&0o005 != 0
}

// absent are checks of which there is nothing to say but why.
func absent(why string, names ...string) []bridge.Finding {
	var findings []bridge.Finding
	for _, name := range names {
		findings = append(findings, bridge.Finding{Name: name, Status: bridge.VerdictSkipped, Found: why})
	}
	return findings
}

// The file systems of Linux that do not keep what is synced, by what statfs calls them.
const (
	tmpfs     = 0x01021994
	overlayfs = 0x794c7630
	nfs       = 0x6969
)

// fileSystem is about whether what is synced is kept.
func (o Options) fileSystem() bridge.Finding {
	var stat unix.Statfs_t
	if err := unix.Statfs(o.DataDir, &stat); err != nil || runtime.GOOS != "linux" {
		return absent("cannot be told on this system", checkFileSystem)[0]
	}
	return kept(o.DataDir, int64(stat.Type)) //nolint:unconvert // it has other types on other machines
}

// kept says what a file system of this kind makes of what is synced to it.
func kept(folder string, kind int64) bridge.Finding {
	f := bridge.Finding{
		Name: checkFileSystem, Status: bridge.VerdictOK, Found: folder + " is on a file system of this machine",
		Why: "a 200 says that the events are on a disk",
	}
	switch kind {
	case tmpfs:
		f.Status, f.Found = bridge.VerdictFailure, folder+" is in memory (tmpfs): a restart of the machine loses everything"
		f.Remedy = "set data_dir to a folder on a disk"
	case overlayfs:
		f.Status, f.Found = bridge.VerdictWarning, folder+" is in a container's own layer (overlay), which goes when the container is removed"
		f.Remedy = "mount a volume at data_dir"
	case nfs:
		f.Status, f.Found = bridge.VerdictWarning, folder+" is on a network share (NFS), whose locks and syncs may not hold"
		f.Remedy = "set data_dir to a folder on a disk of this machine"
	}
	return f
}

// room is about free disk.
func (o Options) room() bridge.Finding {
	f := bridge.Finding{
		Name: checkRoom, Status: bridge.VerdictOK,
		Why: "with less than that free nothing is taken: a store that meets a full disk breaks",
	}
	free, err := freeBytes(o.DataDir)
	if err != nil {
		return absent("cannot be told: "+err.Error(), checkRoom)[0]
	}
	f.Found = fmt.Sprintf("%s are free under %s; %s have to stay free (%s)", mebibytes(free), o.DataDir, mebibytes(o.MinFree), o.MinFreeKey)
	remedy := "make room, move data_dir to a larger disk, or lower " + o.MinFreeKey
	switch {
	case free < o.MinFree:
		f.Status, f.Remedy = bridge.VerdictFailure, remedy
	case free < 2*o.MinFree:
		f.Status, f.Remedy = bridge.VerdictWarning, remedy
	}
	return f
}

// freeBytes is how much of the disk under a folder this user may still fill.
func freeBytes(folder string) (int64, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(folder, &stat); err != nil {
		return 0, err
	}
	return int64(stat.Bavail) * int64(stat.Bsize), nil //nolint:unconvert // these have other types on other systems
}

// spool is about what becomes of events while the broker is away. What it holds already is counted as room that it does not have.
func (o Options) spool() bridge.Finding {
	f := bridge.Finding{
		Name: checkSpool, Status: bridge.VerdictOK,
		Why: "while the broker is away and the spool has no room, deliveries are answered 503, and HrFlow does not say that it sends again",
	}
	free, err := freeBytes(o.DataDir)
	switch room := max(0, free-o.MinFree); {
	case !o.Spool.Needed:
		f.Status, f.Found = bridge.VerdictSkipped, "not needed: the broker is inside hrbridge"
	case !o.Spool.On:
		f.Status, f.Found, f.Remedy = bridge.VerdictWarning, "off: nothing is kept while the broker is away", "set spool to on"
	case err != nil:
		f.Found = fmt.Sprintf("on: it may take %s in %s, which is not there yet", mebibytes(o.Spool.MaxBytes), o.DataDir)
	case room < o.Spool.MaxBytes:
		f.Status = bridge.VerdictWarning
		f.Found = fmt.Sprintf("on: it may take %s (spool.max_bytes), and the disk of %s has room for %s beside what has to stay free", mebibytes(o.Spool.MaxBytes), o.DataDir, mebibytes(room))
		f.Remedy = "make room, move data_dir to a larger disk, or lower spool.max_bytes"
	default:
		f.Found = fmt.Sprintf("on: it may take %s in %s", mebibytes(o.Spool.MaxBytes), o.DataDir)
	}
	return f
}

const (
	syncs     = 15      // how often a disk is made to sync
	syncBytes = 4 << 10 // each time
	slowSync  = 30 * time.Millisecond
	syncLimit = 2 * time.Second // for all of them
)

// sync is about how long the disk takes to have something for certain.
func (o Options) sync() bridge.Finding {
	if o.Store == "" {
		return absent("not needed: without a spool this publisher keeps nothing on this machine", checkSync)[0]
	}
	if _, err := os.Stat(o.DataDir); errors.Is(err, fs.ErrNotExist) {
		return absent(o.DataDir+" is not there yet", checkSync)[0]
	}
	f := bridge.Finding{
		Name: checkSync, Status: bridge.VerdictOK,
		Why: "no delivery is answered before its events are synced; those that come together share a sync",
	}
	median, err := measureSync(o.DataDir)
	if err != nil {
		f.Status, f.Found, f.Remedy = bridge.VerdictFailure, fmt.Sprintf("a file in %s cannot be written and synced: %v", o.DataDir, err), "look at the disk, its mount options and its quota"
		return f
	}
	f.Found = fmt.Sprintf("a sync of 4 KiB takes %.2f ms (the median of %d)", float64(median)/float64(time.Millisecond), syncs)
	if median > slowSync {
		f.Status, f.Remedy = bridge.VerdictWarning, "move data_dir to a faster disk, such as an SSD with capacitors, or keep others from it"
	}
	return f
}

// measureSync is the median time of a write and its sync, in a file that is gone afterwards.
func measureSync(folder string) (median time.Duration, err error) {
	file, err := os.CreateTemp(folder, ".doctor-*")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close(), os.Remove(file.Name())) }()
	block := make([]byte, syncBytes)
	var took []time.Duration
	for began := time.Now(); len(took) < syncs && time.Since(began) < syncLimit; {
		start := time.Now()
		if _, err := file.Write(block); err != nil {
			return 0, err
		}
		if err := file.Sync(); err != nil {
			return 0, err
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	return took[len(took)/2], nil
}
