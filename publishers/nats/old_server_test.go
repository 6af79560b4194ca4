package nats_test

import (
	"bufio"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// startOldServer speaks just enough of the protocol to be a server of version 2.11 that has the stream EVENTS.
func startOldServer(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { oldServer(conn) })
		}
	})
	t.Cleanup(func() { _ = listener.Close(); serving.Wait() })
	return "nats://" + listener.Addr().String()
}

func oldServer(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	_, _ = fmt.Fprint(conn, `INFO {"server_id":"OLD","version":"2.11.9","proto":1,"headers":true,"max_payload":1048576,"jetstream":true}`+"\r\n")
	sids := map[string]string{} // subscription ids by prefix of the subject
	lines := bufio.NewReader(conn)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
		case words[0] == "PING":
			_, _ = fmt.Fprint(conn, "PONG\r\n")
		case words[0] == "SUB":
			sids[strings.TrimSuffix(words[1], "*")] = words[2]
		case words[0] == "PUB" || words[0] == "HPUB":
			size, _ := strconv.Atoi(words[len(words)-1])
			if _, err := lines.Discard(size + len("\r\n")); err != nil {
				return
			}
			body := `{"type":"io.nats.jetstream.api.v1.stream_info_response","config":{"name":"EVENTS","subjects":["profile.*.*"],` +
				`"retention":"limits","storage":"file","discard":"new","num_replicas":1,"duplicate_window":120000000000,"max_age":604800000000000},"state":{}}`
			for prefix, sid := range sids {
				if strings.HasPrefix(words[2], prefix) {
					_, _ = fmt.Fprintf(conn, "MSG %s %s %d\r\n%s\r\n", words[2], sid, len(body), body)
				}
			}
		}
	}
}
