package kafka_test

import (
	"encoding/binary"
	"net"
	"sync"
)

// mode is what the network does with connections.
type mode int

const (
	passing mode = iota
	refusing
	swallowing // takes what is sent and says nothing
)

// network is between the clients and the brokers, at the brokers' end.
type network struct {
	mu    sync.Mutex
	mode  mode
	conns map[*conn]bool
	cut   int // how many answers to produce requests break their connection
	mute  int // how many are never sent
}

func (n *network) listen(network, address string) (net.Listener, error) {
	l, err := net.Listen(network, address)
	if err != nil {
		return nil, err
	}
	return &listener{l, n}, nil
}

// set changes the mode. Connections there are break when they are refused from now on.
func (n *network) set(m mode) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.mode = m
	for c := range n.conns {
		if m == refusing || c.swallowed {
			c.end()
		}
	}
}

func (n *network) current() mode {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.mode
}

// lose breaks the connection instead of the next answers to produce requests, which were stored.
func (n *network) lose(answers int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cut = answers
}

// silence keeps the next answers to produce requests back for good.
func (n *network) silence(answers int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.mute = answers
}

// left is how many of the answers to lose or to silence there are still.
func (n *network) left() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.cut + n.mute
}

type listener struct {
	net.Listener
	n *network
}

func (l *listener) Accept() (net.Conn, error) {
	for {
		raw, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &conn{Conn: raw, n: l.n, closed: make(chan struct{})}
		l.n.mu.Lock()
		m := l.n.mode
		if m != refusing {
			l.n.conns[c] = true
		}
		l.n.mu.Unlock()
		if m == refusing {
			raw.Close()
			continue
		}
		return c, nil
	}
}

// conn is the broker's end of a connection. A broker reads a request's length, then the request, and writes its answer at once.
type conn struct {
	net.Conn
	n         *network
	once      sync.Once
	closed    chan struct{}
	swallowed bool // guarded by the network's mutex

	key    int16 // of the latest request
	inside bool  // its length was read
}

func (c *conn) Read(b []byte) (int, error) {
	read, err := c.Conn.Read(b)
	if c.n.current() == swallowing {
		c.n.mu.Lock()
		c.swallowed = true
		c.n.mu.Unlock()
		<-c.closed
		return 0, net.ErrClosed
	}
	switch {
	case !c.inside && read == 4:
		c.inside = true
	case c.inside && read >= 2:
		c.n.mu.Lock()
		c.key, c.inside = int16(binary.BigEndian.Uint16(b)), false
		c.n.mu.Unlock()
	}
	return read, err
}

func (c *conn) Write(b []byte) (int, error) {
	c.n.mu.Lock()
	swallow := c.n.mode == swallowing
	cut := c.key == 0 && c.n.cut > 0
	mute := c.key == 0 && !cut && c.n.mute > 0
	if cut {
		c.n.cut--
	}
	if mute {
		c.n.mute--
	}
	c.n.mu.Unlock()
	switch {
	case cut:
		c.Close()
		return 0, net.ErrClosed
	case mute, swallow:
		return len(b), nil
	}
	return c.Conn.Write(b)
}

func (c *conn) Close() error {
	c.n.mu.Lock()
	delete(c.n.conns, c)
	c.n.mu.Unlock()
	return c.end()
}

func (c *conn) end() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}
