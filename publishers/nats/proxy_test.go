package nats_test

import (
	"io"
	"net"
	"sync"
	"testing"
)

// proxy stands between a publisher and its broker and does what networks do.
type proxy struct {
	listener net.Listener
	target   string
	working  sync.WaitGroup

	mu     sync.Mutex
	open   *sync.Cond
	up     bool // what the client sends goes through
	down   bool // what the server sends goes through
	closed bool
	conns  []net.Conn
	client net.Conn
	count  int
}

func startProxy(t testing.TB, target string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: listener, target: target, up: true, down: true}
	p.open = sync.NewCond(&p.mu)
	p.working.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

func (p *proxy) url() string { return "nats://" + p.listener.Addr().String() }

func (p *proxy) accept() {
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
		p.conns, p.client = append(p.conns, client, server), client
		p.count++
		p.mu.Unlock()
		p.working.Go(func() { p.copy(server, client, &p.up) })
		p.working.Go(func() { p.copy(client, server, &p.down) })
	}
}

func (p *proxy) copy(to, from net.Conn, gate *bool) {
	defer func() { _, _ = to.Close(), from.Close() }()
	buf := make([]byte, 32<<10)
	for {
		p.mu.Lock()
		for !*gate && !p.closed {
			p.open.Wait()
		}
		p.mu.Unlock()
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		p.mu.Lock()
		for !*gate && !p.closed {
			p.open.Wait()
		}
		p.mu.Unlock()
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// let opens or closes the ways: from the client up to the server, and down from there.
func (p *proxy) let(up, down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.up, p.down = up, down
	p.open.Broadcast()
}

// say puts text into what the newest client hears of the server.
func (p *proxy) say(t testing.TB, text string) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := io.WriteString(p.client, text); err != nil {
		t.Fatal(err)
	}
}

func (p *proxy) connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count
}

func (p *proxy) close() {
	_ = p.listener.Close()
	p.mu.Lock()
	p.closed = true
	p.open.Broadcast()
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.mu.Unlock()
	p.working.Wait()
}
