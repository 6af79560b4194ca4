package main_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"hrbridge/bridge/signature"
)

// abuse is a way to misuse the ingress, and the answers that are clear.
type abuse struct {
	does   func(t *testing.T, p *process) (status int, answer string)
	wanted int
}

func abuses() map[string]abuse {
	signed := func(document []byte, change func(*http.Request)) func(*testing.T, *process) (int, string) {
		return func(t *testing.T, p *process) (int, string) {
			t.Helper()
			request := must(http.NewRequestWithContext(t.Context(), http.MethodPost, p.url(), bytes.NewReader(document)))(t)
			request.Header.Set("HTTP-HRFLOW-SIGNATURE", must(signature.Sign(signature.BodyHex, []byte(testSecret), document))(t))
			if change != nil {
				change(request)
			}
			return do(t, request)
		}
	}
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	event := []byte(`[{"type":"profile.parsing.success"}]`)
	large := []byte(`[{"type":"profile.parsing.success","text":"` + strings.Repeat("x", 1<<20) + `"}]`)
	return map[string]abuse{
		"a gzip bomb of 300 MB":         {signed(bomb(300<<20), set("Content-Encoding", "gzip")), http.StatusRequestEntityTooLarge},
		"200,000 brackets":              {signed(bytes.Repeat([]byte("["), 200_000), nil), http.StatusBadRequest},
		"not JSON":                      {signed([]byte("hello"), nil), http.StatusBadRequest},
		"nothing":                       {signed(nil, nil), http.StatusBadRequest},
		"a wrong signature":             {signed(event, set("HTTP-HRFLOW-SIGNATURE", strings.Repeat("0", 64))), http.StatusUnauthorized},
		"no signature":                  {signed(event, func(r *http.Request) { r.Header.Del("HTTP-HRFLOW-SIGNATURE") }), http.StatusUnauthorized},
		"two signatures":                {signed(event, func(r *http.Request) { r.Header.Add("HTTP-HRFLOW-SIGNATURE", strings.Repeat("0", 64)) }), http.StatusUnauthorized},
		"another content type":          {signed(event, set("Content-Type", "text/plain")), http.StatusUnsupportedMediaType},
		"another encoding":              {signed(event, set("Content-Encoding", "br")), http.StatusUnsupportedMediaType},
		"another method":                {signed(event, func(r *http.Request) { r.Method = http.MethodPut }), http.StatusMethodNotAllowed},
		"an unknown source":             {signed(event, func(r *http.Request) { r.URL.Path = "/webhooks/nobody" }), http.StatusNotFound},
		"a body over the limit":         {signed(make([]byte, 17<<20), nil), http.StatusRequestEntityTooLarge},
		"a chunked body over the limit": {signed(make([]byte, 17<<20), func(r *http.Request) { r.ContentLength = -1 }), http.StatusRequestEntityTooLarge},
		"an event over the limit":       {signed(large, nil), http.StatusRequestEntityTooLarge},
		"a header over the limit":       {signed(event, set("X-Large", strings.Repeat("x", 3<<20))), http.StatusRequestHeaderFieldsTooLarge},
		"rubbish for a request": {func(t *testing.T, p *process) (int, string) {
			t.Helper()
			return raw(t, p, "\x16\x03\x01 rubbish\r\n\r\n")
		}, http.StatusBadRequest},
	}
}

func do(t *testing.T, request *http.Request) (status int, answer string) {
	t.Helper()
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableCompression: true}}
	defer client.CloseIdleConnections()
	response, err := client.Do(request)
	if err != nil {
		t.Errorf("no answer: %v", err)
		return 0, ""
	}
	defer response.Body.Close()
	body := must(io.ReadAll(response.Body))(t)
	if got := response.Header.Get("Content-Type"); response.StatusCode != http.StatusOK && got != "application/problem+json" {
		t.Errorf("status %d has content type %q; want application/problem+json", response.StatusCode, got)
	}
	return response.StatusCode, string(body)
}

func raw(t *testing.T, p *process, request string) (status int, answer string) {
	t.Helper()
	conn := must(net.DialTimeout("tcp", p.ingress, 5*time.Second))(t)
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(conn, request); err != nil {
		t.Error(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Errorf("no answer: %v", err)
		return 0, ""
	}
	defer response.Body.Close()
	body := must(io.ReadAll(response.Body))(t)
	return response.StatusCode, string(body)
}

// bomb is size zeros, compressed: one MiB of them again and again, as gzip has it that members follow one another.
func bomb(size int) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(make([]byte, 1<<20))
	_ = z.Close()
	return bytes.Repeat(b.Bytes(), size>>20)
}

func TestBadInputGetsAClearAnswerWhileGoodDeliveriesAreServed(t *testing.T) {
	const mostMemory = 512 << 20
	p := serve(t, shippedBinary(t), nil)
	p.waitReady(t, http.StatusOK)

	o := newOracle()
	stop := o.start(t, p, 4, 8)

	// A thousand connections that never come to the point, each in its own way.
	slow := make([]net.Conn, 0, 1000)
	defer func() {
		for _, c := range slow {
			_ = c.Close()
		}
	}()
	for i := range cap(slow) {
		conn := must(net.DialTimeout("tcp", p.ingress, 10*time.Second))(t)
		slow = append(slow, conn)
		beginnings := []string{
			"", "POST /webhooks/hrflow HT",
			"POST /webhooks/hrflow HTTP/1.1\r\nHost: x\r\nX-Slow: " + strings.Repeat("x", 64<<10),
			fmt.Sprintf("POST /webhooks/hrflow HTTP/1.1\r\nHost: x\r\nHTTP-HRFLOW-SIGNATURE: %064d\r\nContent-Length: 1000\r\n\r\n[", 0),
		}
		_ = conn.SetWriteDeadline(time.Now().Add(5 * time.Second))
		_, _ = io.WriteString(conn, beginnings[i%len(beginnings)])
	}
	o.awaitMore(t, 20)

	var all sync.WaitGroup
	for name, a := range abuses() {
		all.Go(func() {
			if status, answer := a.does(t, p); status != a.wanted {
				t.Errorf("%s: %d %s; want %d", name, status, answer, a.wanted)
			}
		})
	}
	all.Wait()
	a := abuses()["a gzip bomb of 300 MB"]
	for range 20 {
		all.Go(func() {
			if status, answer := a.does(t, p); status != a.wanted && status != http.StatusServiceUnavailable {
				t.Errorf("one gzip bomb of many: %d %s", status, answer)
			}
		})
	}
	all.Wait()

	o.awaitMore(t, 20)
	stop()
	if now, most := p.rss(t); most > mostMemory {
		t.Errorf("memory went to %d MiB; want at most %d", most>>20, mostMemory>>20)
	} else {
		t.Logf("memory: %d MiB now, %d MiB at most", now>>20, most>>20)
	}
	o.audit(t, "nats://"+p.broker, "HRFLOW")
}
