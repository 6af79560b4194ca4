package kafkatest

import (
	"io"
	"net"
	"sync"
	"testing"
)

// Proxy stands between clients and a broker and does what networks do. A cluster whose Options.Advertise returns its address
// sends its clients through it.
type Proxy struct {
	listener net.Listener
	target   string
	working  sync.WaitGroup

	mu      sync.Mutex
	open    *sync.Cond
	swallow bool
	closed  bool
	conns   []net.Conn
}

// StartProxy starts one in front of target; it ends with the test.
func StartProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{listener: listener, target: target}
	p.open = sync.NewCond(&p.mu)
	p.working.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// Address is where clients connect to.
func (p *Proxy) Address() string { return p.listener.Addr().String() }

// Swallow makes it a black hole: it goes on to accept connections and what is sent, and hands nothing on in either direction
// until it is told to stop.
func (p *Proxy) Swallow(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.swallow = on
	p.open.Broadcast()
}

// Cut breaks all connections.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, client, server)
		p.mu.Unlock()
		p.working.Go(func() { p.pass(server, client) })
		p.working.Go(func() { p.pass(client, server) })
	}
}

func (p *Proxy) pass(to, from net.Conn) {
	defer func() { _, _ = to.Close(), from.Close() }()
	_, _ = io.Copy(gate{p, to}, from)
}

// gate is the way to a peer: shut while the proxy swallows.
type gate struct {
	proxy *Proxy
	to    net.Conn
}

func (g gate) Write(b []byte) (int, error) {
	p := g.proxy
	p.mu.Lock()
	for p.swallow && !p.closed {
		p.open.Wait()
	}
	p.mu.Unlock()
	return g.to.Write(b)
}

func (p *Proxy) close() {
	_ = p.listener.Close()
	p.mu.Lock()
	p.closed = true
	p.open.Broadcast()
	p.mu.Unlock()
	p.Cut()
	p.working.Wait()
}
