package ingress

import (
	"net"
	"sync"
	"time"
)

const (
	// grace is how long a body may take, and bytes may be held by a request that is not whole, before the connection makes
	// way for another; and how long a connection that is turned away has for taking its answer.
	grace = time.Second
	// turnedAwayAtOnce is how many connections beyond the limit are given an answer at one time.
	turnedAwayAtOnce = 64
)

// connections are all that are open. They are bounded in number and in the bytes that they hold. At a bound whoever has
// gone longest without a delivery makes way, so that many slow senders do not keep the good ones out.
type connections struct {
	max    int
	budget budget
	// told is called for each request that is answered for good without a handler.
	told func(why *cause, requestID string)

	mu      sync.Mutex
	open    map[*conn]struct{}
	closing bool

	turnedAway chan struct{} // a place for each connection beyond the limit that is being answered
	answering  sync.WaitGroup
}

func newConnections(maxConns int, maxBytes int64, told func(*cause, string)) *connections {
	return &connections{
		max: maxConns, budget: budget{max: maxBytes}, told: told,
		open: make(map[*conn]struct{}), turnedAway: make(chan struct{}, turnedAwayAtOnce),
	}
}

// listener hands out the connections that are admitted.
type listener struct {
	net.Listener
	connections *connections
}

func (l listener) Accept() (net.Conn, error) {
	for {
		accepted, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if c := l.connections.admit(accepted); c != nil {
			return c, nil
		}
	}
}

// admit takes a new connection in, in another's place if need be; or it turns the connection away and returns nil.
func (cs *connections) admit(accepted net.Conn) *conn {
	now := time.Now()
	c := &conn{Conn: accepted, of: cs}
	c.delivered.Store(now.UnixNano())

	cs.mu.Lock()
	var yielding *yield
	full := cs.closing
	if !full && len(cs.open) >= cs.max {
		yielding = cs.claim(func(other *conn, in phase) bool { return other.yieldsPlace(in, now) })
		full = yielding == nil
	}
	if !full {
		cs.open[c] = struct{}{}
	}
	cs.mu.Unlock()

	yielding.evict()
	if full {
		cs.turnAway(c)
		return nil
	}
	return c
}

// makeRoom makes one connection other than c give up the bytes that it holds, and returns false where none does.
func (cs *connections) makeRoom(c *conn) bool {
	now := time.Now()
	cs.mu.Lock()
	yielding := cs.claim(func(other *conn, in phase) bool { return other != c && other.yieldsBytes(in, now) })
	cs.mu.Unlock()
	yielding.evict()
	return yielding != nil
}

// yieldsPlace tells whether a connection in that phase makes way for a new one: where it waits for a header, or has waited
// for a body for long.
func (c *conn) yieldsPlace(in phase, now time.Time) bool {
	switch in {
	case phaseHeader, phaseLeaving:
		return true
	case phaseBody:
		return c.entered.Load() < now.Add(-grace).UnixNano()
	default:
		return false
	}
}

// yieldsBytes tells whether a connection in that phase makes way for another that needs the bytes which it holds: where it
// has held them for long and its request is still not whole.
func (c *conn) yieldsBytes(in phase, now time.Time) bool {
	return c.held.Load() > 0 && (in == phaseLeaving || in != phaseDelivery && c.entered.Load() < now.Add(-grace).UnixNano())
}

// yield is a connection that makes way, and the phase that it was taken out of.
type yield struct {
	*conn
	from phase
}

// claim takes, of the open connections that are eligible, the one that has gone longest without a delivery: one that was just
// refused may still be sending, and to cut it off would cost it its answer. It is leaving and not open from now on, and the caller's to evict. It is called with mu held.
func (cs *connections) claim(eligible func(c *conn, in phase) bool) *yield {
	for {
		var found *yield
		var longest int64
		for c := range cs.open {
			in := phase(c.phase.Load())
			if !eligible(c, in) {
				continue
			}
			since := c.delivered.Load()
			if found == nil || since < longest {
				found, longest = &yield{c, in}, since
			}
		}
		if found == nil {
			return nil
		}
		// Its request may have come after all meanwhile. Then another one is looked for.
		if found.from == phaseLeaving || found.move(found.from, phaseLeaving) {
			delete(cs.open, found.conn)
			return found
		}
	}
}

// evict closes a connection that makes way, with a word where a request was on its way. It does not wait for it.
func (y *yield) evict() {
	if y == nil {
		return
	}
	waiting := y.from == phaseHeader && y.held.Load() > 0
	if waiting || y.from == phaseBody {
		y.answer(causeMadeWay, partingTimeout)
	}
	_ = y.Close()
}

// turnAway answers a connection that is not admitted, while there are few of them; others are closed without a word.
func (cs *connections) turnAway(c *conn) {
	c.phase.Store(int32(phaseLeaving))
	select {
	case cs.turnedAway <- struct{}{}:
	default:
		_ = c.Close()
		return
	}
	cs.answering.Go(func() {
		defer func() { <-cs.turnedAway }()
		// An answer to a request that has not begun would confuse its sender.
		_ = c.SetReadDeadline(time.Now().Add(grace))
		_, _ = c.Conn.Read(make([]byte, 1))
		c.answer(causeBusy, writeTimeout)
		c.linger(grace)
	})
}

// dismiss closes the connections that no handler has and admits no more: a server that shuts down would not serve them.
func (cs *connections) dismiss() {
	cs.mu.Lock()
	cs.closing = true
	var idle []*yield
	for {
		y := cs.claim(func(_ *conn, in phase) bool { return in == phaseHeader || in == phaseLeaving })
		if y == nil {
			break
		}
		idle = append(idle, y)
	}
	cs.mu.Unlock()
	for _, y := range idle {
		y.evict()
	}
}

// forget is called when a connection is closed.
func (cs *connections) forget(c *conn) {
	cs.mu.Lock()
	delete(cs.open, c)
	cs.mu.Unlock()
}

// count is how many connections are open.
func (cs *connections) count() int {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return len(cs.open)
}
