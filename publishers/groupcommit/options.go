package groupcommit

import (
	"time"

	"hrbridge/bridge"
)

// What the options are when they are zero. The largest commit is what a JetStream atomic batch takes.
const (
	defaultMaxMessages = 1000
	defaultMaxBytes    = 8 << 20
	defaultMaxQueued   = 512 << 20
)

// Options bound a lane. Every zero value is a sane default.
type Options struct {
	// MaxMessages and MaxBytes bound one commit: by count, and by an estimate of what its messages take with their headers.
	// A single message larger than MaxBytes is a commit of its own. 0 is 1000 and 8 MiB.
	MaxMessages, MaxBytes int
	// MaxQueued bounds in bytes, by the same estimate, what waits for its commit; past it callers are turned away as
	// bridge.KindUnavailable. A call is never turned away from an empty queue. 0 is 512 MiB.
	MaxQueued int
	// Timeout bounds one commit through its context. 0 is no bound: the committer has one of its own.
	Timeout time.Duration
	// Observe is told of each commit how many messages it had and how long it took, whatever became of it. nil is nobody.
	Observe func(messages int, took time.Duration)
}

func (o Options) complete() Options {
	if o.MaxMessages <= 0 {
		o.MaxMessages = defaultMaxMessages
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = defaultMaxBytes
	}
	if o.MaxQueued <= 0 {
		o.MaxQueued = defaultMaxQueued
	}
	if o.Observe == nil {
		o.Observe = func(int, time.Duration) {}
	}
	return o
}

// fixedOverhead is what a message takes beside its own text: header names, fixed values, framing.
const fixedOverhead = 256

// sizeOf estimates what m takes on the wire: nearly exact for the value, roomy for the headers.
func sizeOf(m *bridge.Message) int {
	n := fixedOverhead + len(m.Value) + 2*len(m.ID) + len(m.Topic) + 3*len(m.Key) + len(m.Source) + len(m.Type)
	for i := range m.Headers {
		n += len(m.Headers[i].Name) + len(m.Headers[i].Value)
	}
	return n
}
