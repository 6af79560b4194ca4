package kafka_test

import (
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"

	"hrbridge/publishers/kafka"
	"hrbridge/publishers/kafka/kafkatest"
)

// real is a Kafka, and the network before it.
type real struct {
	*kafkatest.Cluster
	net *network
}

func startReal(t testing.TB, o kafkatest.Options) *real {
	t.Helper()
	n := &network{conns: make(map[*conn]bool)}
	o.Advertise = func(_ int, address string) string { return relay(t, n, address) }
	return &real{kafkatest.Start(t, o), n}
}

func (r *real) publisherOptions(topics []string, change ...func(*kafka.Options)) kafka.Options {
	return optionsFor(r.Brokers(), topics, change...)
}

// relay puts the network before a broker and returns where it listens.
func relay(t testing.TB, n *network, target string) string {
	t.Helper()
	l, err := n.listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var working sync.WaitGroup
	working.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			broker, err := net.Dial("tcp", target)
			if err != nil {
				client.Close()
				continue
			}
			working.Go(func() { pass(broker, client) })
			working.Go(func() { pass(client, broker) })
		}
	})
	t.Cleanup(func() { l.Close(); n.set(refusing); working.Wait() })
	return l.Addr().String()
}

// pass hands on requests or answers one at a time, as the network's connections have them.
func pass(to, from net.Conn) {
	defer func() { _, _ = to.Close(), from.Close() }()
	frame := make([]byte, 4)
	for {
		if _, err := io.ReadFull(from, frame[:4]); err != nil {
			return
		}
		size := int(binary.BigEndian.Uint32(frame)) + 4
		if cap(frame) < size {
			frame = append(make([]byte, 0, size), frame[:4]...)
		}
		frame = frame[:size]
		if _, err := io.ReadFull(from, frame[4:]); err != nil {
			return
		}
		if _, err := to.Write(frame); err != nil {
			return
		}
	}
}
