package nats

import (
	"strings"
	"sync"
	"time"

	"hrbridge/bridge"
)

// maxRecent bounds each of the two generations of ids that are remembered; both full are some 25 MB.
const maxRecent = 1 << 17

// recent remembers the ids that were stored within the duplicate window, as far as there is room: the server would not store
// them again either. It has two generations; the older one is dropped as a whole.
type recent struct {
	window time.Duration

	mu         sync.Mutex
	young, old map[string]struct{}
	since      time.Time // when young began
}

func newRecent(window time.Duration) *recent {
	return &recent{window: window, young: make(map[string]struct{}), since: time.Now()}
}

// without fills into with the messages that are not known to be stored, each id once.
func (r *recent) without(msgs []bridge.Message, into *selection) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.turn()
	for i, m := range msgs {
		id := m.DedupeID()
		_, young := r.young[id]
		_, old := r.old[id]
		_, twice := into.ids[id]
		if young || old || twice {
			continue
		}
		into.ids[id] = struct{}{}
		into.msgs, into.places = append(into.msgs, m), append(into.places, i)
	}
}

// add remembers that msgs are stored.
func (r *recent) add(msgs []bridge.Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.turn()
	for i := range msgs {
		r.young[strings.Clone(msgs[i].DedupeID())] = struct{}{}
	}
}

// forget drops everything: the server that comes next may have another store.
func (r *recent) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.young, r.old, r.since = make(map[string]struct{}), nil, time.Now()
}

// turn starts a new generation where the young one is full or half a window old, so that no id outlives the window. The
// mutex is held.
func (r *recent) turn() {
	age := time.Since(r.since)
	if age < r.window/2 && len(r.young) < maxRecent {
		return
	}
	r.old = r.young
	if age >= r.window {
		r.old = nil
	}
	r.young, r.since = make(map[string]struct{}), time.Now()
}

// selection is some of the messages of a commit. Its memory is used again.
type selection struct {
	msgs   []bridge.Message
	places []int // where in the commit they are
	ids    map[string]struct{}
}

// clear lets go of the messages.
func (s *selection) clear() {
	clear(s.msgs)
	clear(s.ids)
	s.msgs, s.places = s.msgs[:0], s.places[:0]
}
