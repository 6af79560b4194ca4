package doctor

// Options are what the checks of this machine need to know.
type Options struct {
	// DataDir is the folder that has to survive a restart, and Store the one in it that keeps events; "" where none does.
	DataDir, Store string
	// MinFree is what has to stay free on its disk, in bytes, and MinFreeKey the setting that says so.
	MinFree    int64
	MinFreeKey string
	Spool      Spool
	// AdminListen is where health and metrics are served.
	AdminListen string
	Limits      Limits
	Sources     []Source
	// Files are the other files that hold a secret.
	Files []File
}

// Spool is what keeps events here while a broker elsewhere is away.
type Spool struct {
	// Needed is false where the broker is as near as the spool would be.
	Needed, On bool
	// MaxBytes is the most that it may take.
	MaxBytes int64
}

// Limits are those of the ingress.
type Limits struct {
	MaxConnections int
	MaxBody        int64
	MaxHeader      int
	MaxEvent       int
}

// Source is a webhook whose secrets are looked at.
type Source struct {
	Name string
	// Dev tells that serve makes a secret where there is none.
	Dev bool
	// Lengths are those of its secrets, in bytes.
	Lengths []int
	// HeaderOnly tells that every form that it accepts carries the document in the header.
	HeaderOnly bool
	Files      []File
}

// File is one that holds a secret, and the setting that names it.
type File struct{ Key, Path string }
