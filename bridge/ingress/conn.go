package ingress

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"
)

const (
	// headerCost is what a header's byte is charged: net/http holds it as it was read and as the strings made of it.
	headerCost = 2
	// headerSlop is what net/http lets through beyond its limit of a header.
	headerSlop = 4 << 10
	// writeTimeout bounds every write of an answer. Answers are small: only who never reads any makes one wait.
	writeTimeout = 5 * time.Second
	// partingTimeout is the same where others wait meanwhile.
	partingTimeout = 10 * time.Millisecond
	// lingerTime is how long a sender that was refused may go on sending before it is cut off, so that one which reads the
	// answer only when it has sent everything gets it.
	lingerTime = 5 * time.Second
)

// phase is where a connection is in its current request.
type phase int32

const (
	// phaseHeader: no handler has the connection. It is new, or idle, or a header is on its way.
	phaseHeader phase = iota
	// phaseBody: a handler has it, and nothing is known to be good yet.
	phaseBody
	// phaseDelivery: a verified delivery is being published. The connection never makes way for another.
	phaseDelivery
	// phaseLeaving: it had its last answer. Nothing more is read for net/http or written by it.
	phaseLeaving
)

// conn is one connection, as net/http sees it. It counts what it holds, knows its phase, and gives the answers that
// net/http would give without any handler the form of all others.
type conn struct {
	net.Conn
	of *connections

	phase     atomic.Int32
	entered   atomic.Int64 // when phaseBody, or before it the header, began, in Unix nanoseconds
	delivered atomic.Int64 // when it last had a delivery published, or was accepted, likewise
	held      atomic.Int64 // bytes charged for its current request
	gone      atomic.Bool
}

type connKey struct{}

// connOf is the connection that a request came on.
func connOf(ctx context.Context) *conn { return ctx.Value(connKey{}).(*conn) }

func (c *conn) in(p phase) bool { return phase(c.phase.Load()) == p }

// move takes the connection from one phase to the next, unless somebody else took it out of that phase before.
func (c *conn) move(from, to phase) bool { return c.phase.CompareAndSwap(int32(from), int32(to)) }

// takeOver is called when a handler has the request's whole header. Where it says false the connection has made way, and
// there is nobody to answer any more.
func (c *conn) takeOver(now time.Time) bool {
	c.entered.Store(now.UnixNano())
	return c.move(phaseHeader, phaseBody)
}

// secure is called when the delivery is verified: from here on the connection does not make way. Where it says false it
// already has.
func (c *conn) secure() bool { return c.move(phaseBody, phaseDelivery) }

// rest is called when the answer is out and the connection waits for its next request.
func (c *conn) rest(now time.Time) {
	c.discharge()
	if c.in(phaseDelivery) {
		c.delivered.Store(now.UnixNano())
		c.move(phaseDelivery, phaseHeader)
		return
	}
	c.move(phaseBody, phaseHeader)
}

// charge counts n bytes more for the current request, if need be after others that hold bytes for long have made way.
func (c *conn) charge(n int64) bool {
	for !c.of.budget.take(n) {
		if !c.of.makeRoom(c) {
			return false
		}
	}
	c.held.Add(n)
	return true
}

// refund takes back a part of what was charged.
func (c *conn) refund(n int64) {
	// What is not held any more was discharged by whoever made the connection leave.
	for {
		held := c.held.Load()
		back := min(n, held)
		if c.held.CompareAndSwap(held, held-back) {
			c.of.budget.give(back)
			return
		}
	}
}

// discharge takes back all that was charged.
func (c *conn) discharge() { c.of.budget.give(c.held.Swap(0)) }

var errLeaving = &net.OpError{Op: "read", Net: "tcp", Err: errors.New("the connection was refused")}

// Read reads for net/http. While no handler has the connection it is a header that comes, so it is charged; and where that
// cannot be, or the header takes too long, it is here that the sender is told, because net/http would hang up without a word.
func (c *conn) Read(p []byte) (int, error) {
	if c.in(phaseLeaving) {
		return 0, errLeaving
	}
	n, err := c.Conn.Read(p)
	if !c.in(phaseHeader) {
		return n, err
	}
	if n > 0 && c.held.Load() == 0 {
		c.entered.Store(time.Now().UnixNano())
	}
	if n > 0 && !c.charge(headerCost*int64(n)) {
		c.turnAway(causeBusy)
		return 0, errLeaving
	}
	if errors.Is(err, os.ErrDeadlineExceeded) && c.held.Load() > 0 {
		c.turnAway(causeHeaderSlow)
		return 0, errLeaving
	}
	return n, err
}

// Write writes for net/http. What it writes while no handler has the connection is an answer of its own.
func (c *conn) Write(p []byte) (int, error) {
	switch phase(c.phase.Load()) {
	case phaseHeader:
		c.turnAway(causeOf(p))
		return len(p), nil
	case phaseLeaving:
		return 0, net.ErrClosed
	default:
		return c.Conn.Write(p)
	}
}

// turnAway answers a request that no handler sees, for good.
func (c *conn) turnAway(why *cause) {
	if c.move(phaseHeader, phaseLeaving) {
		c.answer(why, writeTimeout)
		c.linger(lingerTime)
	}
}

// answer writes a last answer past net/http. The phase must be phaseLeaving, so that nothing else is written.
func (c *conn) answer(why *cause, atMost time.Duration) {
	id := rand.Text()
	c.of.told(why, id)
	_ = c.Conn.SetWriteDeadline(time.Now().Add(atMost))
	_, _ = c.Conn.Write(lastAnswer(why, id))
}

// linger ends a connection whose sender was refused and may still be sending: to close while there is something unread
// would reset the connection, and the answer could be lost with it.
func (c *conn) linger(atMost time.Duration) {
	defer func() { _ = c.Close() }()
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	_ = c.Conn.SetReadDeadline(time.Now().Add(atMost))
	var sink [smallestBuffer]byte
	for {
		if _, err := c.Conn.Read(sink[:]); err != nil {
			return
		}
	}
}

// Close ends the connection and gives back all it holds. It may be called more than once.
func (c *conn) Close() error {
	defer c.discharge() // after every Close: a Read that was under way may have charged since the first
	if c.gone.Swap(true) {
		return nil
	}
	c.of.forget(c)
	return c.Conn.Close()
}
