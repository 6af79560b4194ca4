package prove

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"sync"
	"time"
)

// fingerprint is a hash of what subscribers are owed of an event: its id, its key and its bytes. 0 is not known.
type fingerprint uint64

func fingerprintOf(id, key string, value []byte) fingerprint {
	h := sha256.New()
	for _, part := range []string{id, key} {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	h.Write(value)
	return max(1, fingerprint(binary.BigEndian.Uint64(h.Sum(nil))))
}

// entry is what is known of one event. There are millions of them, so it is small.
type entry struct {
	print  fingerprint
	stored uint32 // of its first record: milliseconds after the run's first event, by the broker's clock
	topic  uint8  // the number of its event type
	marks  marks
}

// marks are what happened to an event.
type marks uint8

const (
	acknowledged marks = 1 << iota // answered 2xx
	repeated                       // its delivery was, or may have been, sent more than once
	seen                           // by the subscriber that follows the run
	found                          // by the audit
	late                           // found after a later one of its key
)

const (
	pageSize = 1 << 16
	// maxEvents is how many events a run has at most: what a mark's number holds.
	maxEvents = math.MaxUint32
)

// ledger keeps an entry of each event of a run, by its number.
type ledger struct {
	mu    sync.Mutex
	pages [][]entry // nil where nothing was entered yet
	count uint32    // of events that have a number
	open  int       // acknowledged and not seen
	owed  int       // acknowledged
	idle  chan struct{}
}

func newLedger() *ledger { return &ledger{idle: make(chan struct{}, 1)} }

// take gives numbers to n events.
func (l *ledger) take(n int) (first uint32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	first = l.count
	l.growLocked(first + uint32(n))
	return first
}

func (l *ledger) growLocked(count uint32) {
	l.count = max(l.count, count)
	for len(l.pages)*pageSize < int(l.count) {
		l.pages = append(l.pages, nil)
	}
}

// at is the entry of a number below count.
func (l *ledger) at(number uint32) *entry {
	page := &l.pages[number/pageSize]
	if *page == nil {
		*page = make([]entry, pageSize)
	}
	return &(*page)[number%pageSize]
}

// promise is what is expected of some events with numbers in a row.
type promise struct {
	first  uint32
	prints []fingerprint
	topics []uint8
	again  bool // it was sent more than once
}

// expect says what events look like, before they are sent.
func (l *ledger) expect(p promise) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range p.prints {
		e := l.at(p.first + uint32(i))
		e.print, e.topic = p.prints[i], p.topics[i]
	}
}

// acknowledge makes events obligations.
func (l *ledger) acknowledge(p promise) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.growLocked(p.first + uint32(len(p.prints)))
	for i := range p.prints {
		e := l.at(p.first + uint32(i))
		e.print, e.topic = p.prints[i], p.topics[i]
		if p.again {
			e.marks |= repeated
		}
		if e.marks&acknowledged != 0 {
			continue
		}
		e.marks |= acknowledged
		l.owed++
		if e.marks&seen == 0 {
			l.open++
		}
	}
}

// see notes that the subscriber has an event, and tells whether it had not before.
func (l *ledger) see(number uint32) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if number >= l.count {
		return false
	}
	e := l.at(number)
	if e.marks&seen != 0 {
		return false
	}
	e.marks |= seen
	if e.marks&acknowledged != 0 {
		if l.open--; l.open == 0 {
			select {
			case l.idle <- struct{}{}:
			default:
			}
		}
	}
	return true
}

// tally is how many events are acknowledged, and how many of them the subscriber has not seen.
func (l *ledger) tally() (owed, open int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.owed, l.open
}

// sinceStart is a time of the broker's as an entry keeps it.
func sinceStart(t, start time.Time) uint32 {
	return uint32(min(max(0, t.Sub(start).Milliseconds()), math.MaxUint32))
}
