package kafka

import (
	"sync"
	"sync/atomic"
)

// place is a partition.
type place struct {
	topic string
	index int
}

// lead is what is kept of a partition from one commit to the next. It is held by one commit at a time.
type lead struct {
	sequence sequence
	most     atomic.Int64 // how large a batch may be, where a broker refused one; 0 is not known

	tail chan struct{} // closed when the last commit in line is done with the partition; nil is nobody
}

// leads are the partitions that were published to.
//
// Commits of different lanes meet at a partition when its leader has just moved, or a topic got more partitions. They take it
// one after the other, in the order in which they enqueued: so there is one request on its way to a partition at a time, its
// sequence has one owner, and what a commit under way sends again is not overtaken.
type leads struct {
	mu sync.Mutex
	at map[place]*lead
}

func newLeads() *leads { return &leads{at: make(map[place]*lead)} }

func (l *leads) of(at place) *lead {
	l.mu.Lock()
	defer l.mu.Unlock()
	found := l.at[at]
	if found == nil {
		found = &lead{sequence: newSequence()}
		l.at[at] = found
	}
	return found
}

// enqueue puts the commit in line for all its partitions at once, so that no two commits wait for each other. The messages'
// callers are still bound: who calls after one of them returned comes behind.
func (w *work) enqueue() {
	w.p.leads.mu.Lock()
	defer w.p.leads.mu.Unlock()
	for _, q := range w.queues {
		q.before, q.tail = q.tail, w.done
	}
}

// await waits for the partitions. Whoever has them gives them back within the time of a commit.
func (w *work) await() {
	for _, q := range w.queues {
		if q.before != nil {
			<-q.before
		}
	}
}

// leave gives the partitions back.
func (w *work) leave() { close(w.done) }
