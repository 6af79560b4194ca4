package ingress_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"hrbridge/bridge/ingress"
	"hrbridge/bridge/signature"
)

// net/http answers these by itself. Nobody is to notice.
func TestWhatNoHandlerSeesHasTheSameAnswers(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		request string
		status  int
	}{
		"not HTTP":                       {"Ada Example\r\n\r\n", 400},
		"a request line cut short":       {"POST\r\n\r\n", 400},
		"no Host":                        {"POST " + path + " HTTP/1.1\r\n\r\n", 400},
		"a Host that is none":            {"POST " + path + " HTTP/1.1\r\nHost: Ada Example\r\n\r\n", 400},
		"a header without a name":        {"POST " + path + " HTTP/1.1\r\nHost: h\r\n: Ada\r\n\r\n", 400},
		"a control character":            {"POST " + path + " HTTP/1.1\r\nHost: h\r\nAda: \x01\r\n\r\n", 400},
		"a folded first header":          {"POST " + path + " HTTP/1.1\r\n Ada: x\r\n\r\n", 400},
		"two lengths":                    {"POST " + path + " HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nAda!", 400},
		"a length that is none":          {"POST " + path + " HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", 400},
		"an unknown transfer coding":     {"POST " + path + " HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Ada\r\n\r\n", 501},
		"another version":                {"POST " + path + " HTTP/3.0\r\nHost: h\r\n\r\n", 505},
		"an expectation":                 {"POST " + path + " HTTP/1.1\r\nHost: h\r\nExpect: Ada\r\nContent-Length: 3\r\n\r\nAda", 417},
		"a header too large":             {"POST " + path + " HTTP/1.1\r\nHost: h\r\n" + headerName + ": " + strings.Repeat("Ada", 1<<20) + "\r\n\r\n", 431},
		"many headers too large":         {"POST " + path + " HTTP/1.1\r\nHost: h\r\n" + strings.Repeat("Ada: Example\r\n", 1<<17) + "\r\n", 431},
		"an address too large":           {"POST /" + strings.Repeat("Ada", 1<<20) + " HTTP/1.1\r\nHost: h\r\n\r\n", 431},
		"a header too large with a body": {"POST " + path + " HTTP/1.1\r\nHost: h\r\nContent-Length: 3000000\r\nX: " + strings.Repeat("x", 2<<20) + "\r\n\r\n" + strings.Repeat("x", 3_000_000), 431},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := start(t)
			w := e.dial()
			w.send(row.request)
			a := w.answer()
			p := e.refused(a, row.status)
			if !a.closed || a.header.Get("Date") == "" {
				t.Errorf("answer %+v", a)
			}
			if (row.status == 431) != strings.Contains(p.Detail, "max_header") {
				t.Errorf("detail %q", p.Detail)
			}
			w.finish()
			w.ended()
			if got := e.counted("hrbridge_deliveries_total", "source", "unknown"); got != 1 {
				t.Errorf("counted %v times", got)
			}
			if got := e.logs.Len(); got != 1 {
				t.Errorf("%d lines: %v", got, e.logs.All())
			}
			e.seesNothingPersonal()
			e.until("nothing is held", func() bool { return e.counted("hrbridge_in_flight_bytes") == 0 })
		})
	}
}

// finish says that nothing more is sent.
func (w *wire) finish() {
	if err := w.Conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		w.e.t.Errorf("finish: %v", err)
	}
}

func TestALargeHeaderIsTakenWhereItIsConfigured(t *testing.T) {
	t.Parallel()
	e := start(t, func(o *ingress.Options) { o.MaxHeader = 3 << 20 })
	large := `[{"type":"job.parsing.error","text":"` + strings.Repeat("x", 1000<<10) + `"}]`
	e.accepted(e.deliver(signed(signature.SignedPayload, large), body("")))
	if got := string(e.fanout.last(t).Signed); got != large {
		t.Errorf("%d bytes published", len(got))
	}
}

func TestRequestsOnOneConnectionAreEachServed(t *testing.T) {
	t.Parallel()
	e := start(t)
	good := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n%s: %s\r\n\r\n%s", path, len(document), headerName, sign(signature.BodyHex, document), document)
	w := e.dial()
	w.send(good + good + good) // pipelined
	for range 3 {
		e.accepted(w.answer())
	}
	w.send(good)
	e.accepted(w.answer())
	w.send(strings.Replace(good, document[:10], "0123456789", 1)) // read, and refused
	e.refused(w.answer(), 401)
	w.send(good)
	e.accepted(w.answer())
	w.send("Ada Example\r\n\r\n")
	e.refused(w.answer(), 400)
	w.finish()
	w.ended()
	e.until("nothing is held", func() bool { return e.counted("hrbridge_in_flight_bytes") == 0 })
}

func TestABodyThatBreaksOffIsRefused(t *testing.T) {
	t.Parallel()
	for name, tail := range map[string]string{
		"before its length": "Content-Length: 100\r\n\r\n[{\"Ada\"",
		"within a chunk":    "Transfer-Encoding: chunked\r\n\r\n20\r\n[{\"Ada\"",
		"between chunks":    "Transfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n",
		"in bad chunks":     "Transfer-Encoding: chunked\r\n\r\nAda\r\n[]\r\n0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := start(t)
			w := e.dial()
			w.send(fmt.Sprintf("POST %s HTTP/1.1\r\nHost: h\r\n%s: %s\r\n%s", path, headerName, sign(signature.BodyHex, "[]"), tail))
			w.finish()
			a := w.answer()
			e.refused(a, 400)
			w.ended()
			e.seesNothingPersonal()
		})
	}
}

func TestWhoIsSlowIsToldSo(t *testing.T) {
	t.Parallel()
	e := start(t, func(o *ingress.Options) { o.HeaderTimeout, o.BodyTimeout = 100*time.Millisecond, 100*time.Millisecond })
	for name, text := range map[string]string{
		"in its header":       "POST " + path + " HTTP/1.1\r\nHost: h\r\n",
		"in its body":         "POST " + path + " HTTP/1.1\r\nHost: h\r\n" + headerName + ": " + sign(signature.BodyHex, document) + "\r\nContent-Length: 100\r\n\r\n[",
		"in its chunked body": "POST " + path + " HTTP/1.1\r\nHost: h\r\n" + headerName + ": " + sign(signature.BodyHex, document) + "\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n[",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := e.of(t)
			w := e.dial()
			w.send(text)
			a := w.answer()
			e.refused(a, 408)
			if !a.closed {
				t.Error("the connection is kept")
			}
			w.ended()
		})
	}
	t.Run("before it sent anything it is left without a word", func(t *testing.T) {
		t.Parallel()
		e.of(t).dial().ended()
	})
}
