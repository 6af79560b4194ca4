package spool

import (
	"errors"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

// Mode is whether messages are spooled.
type Mode string

// The modes.
const (
	On  Mode = "on"
	Off Mode = "off"
)

// Options are what a Publisher needs to know. Take Defaults and change what differs.
type Options struct {
	// Mode Off spools nothing new; what an earlier run left is sent all the same.
	Mode Mode
	// DataDir is the folder that the spool makes its own in.
	DataDir string
	// After is how long the broker may take for a call before its messages are spooled.
	After time.Duration
	// MaxBytes is the most that the spool may take.
	MaxBytes int64
	// MinFree is how much of the disk stays free: with less, nothing is spooled.
	MinFree int64
	// DiskInterval is how often free disk is looked at.
	DiskInterval time.Duration
	// MaxMessage is the largest message, headers included.
	MaxMessage int
	// DeadLetterTopic takes what the broker refuses for good.
	DeadLetterTopic string

	Log     *zap.Logger
	Metrics prometheus.Registerer
}

// Defaults are the options that serve without being told otherwise.
func Defaults() Options {
	return Options{
		Mode:            On,
		DataDir:         "./data",
		After:           2 * time.Second,
		MaxBytes:        4 << 30,
		MinFree:         512 << 20,
		DiskInterval:    5 * time.Second,
		MaxMessage:      1 << 20,
		DeadLetterTopic: "hrbridge.deadletter",
	}
}

// Folder is where in a data folder the spool is.
func Folder(dataDir string) string { return filepath.Join(dataDir, folderName) }

// complete returns the options as the spool uses them, or what is wrong with them.
func (o Options) complete() (Options, error) {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	switch {
	case o.DataDir == "":
		return o, errors.New("data_dir is empty: set it to a folder")
	case o.After <= 0:
		return o, errors.New("spool.after has to be longer than nothing")
	case o.MaxBytes < minBytes:
		return o, errors.New("spool.max_bytes is too small for a spool: set it to 1MiB or more")
	case o.DiskInterval <= 0:
		return o, errors.New("the interval for looking at free disk has to be longer than nothing")
	case o.DeadLetterTopic == "":
		return o, errors.New("the spool has no dead-letter topic: set topic.dead_letter")
	}
	return o, nil
}

// minBytes is the smallest bound that has room for some records.
const minBytes = 1 << 20
