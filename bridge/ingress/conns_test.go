package ingress_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"hrbridge/bridge"
	"hrbridge/bridge/ingress"
	"hrbridge/bridge/signature"
)

// hold makes the fan-out wait until it is let go, and returns how many deliveries wait in it, and the letting go.
func (e *edge) hold() (waiting func() int, release func()) {
	gate := make(chan struct{})
	e.fanout.answer = func(ctx context.Context, _ bridge.Delivery, events []bridge.Event) (bridge.Receipt, error) {
		select {
		case <-gate:
		case <-ctx.Done():
			return bridge.Receipt{}, &bridge.Error{Kind: bridge.KindTimeout, Op: "publish", Err: ctx.Err()}
		}
		return bridge.Receipt{Events: len(events), Published: len(events)}, nil
	}
	var once sync.Once
	release = func() { once.Do(func() { close(gate) }) }
	e.t.Cleanup(release)
	return func() int { return len(e.fanout.published()) }, release
}

// small makes every limit small: two bodies of 60 KiB are in flight at most.
func small(o *ingress.Options) { o.MaxBody, o.MaxHeader, o.MaxInFlight = 64<<10, 4<<10, 208<<10 }

// head is the beginning of a good delivery of a body of that length.
func head(length int, body string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n%s: %s\r\n\r\n", path, length, headerName, sign(signature.BodyHex, body))
}

var large = "[" + strings.Repeat(" ", 60<<10) + "]"

func TestSlowConnectionsDoNotKeepDeliveriesOut(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"that send nothing":          "",
		"that send half a header":    "POST " + path + " HTTP/1.1\r\nHost: h\r\nX: ",
		"that send a large header":   "POST " + path + " HTTP/1.1\r\nHost: h\r\nX: " + strings.Repeat("x", 300<<10),
		"that send half a body":      head(60<<10, large) + "[   ",
		"that declare a large body":  head(16<<20, large) + "[   ",
		"that send half of a chunk":  "POST " + path + " HTTP/1.1\r\nHost: h\r\n" + headerName + ": " + sign(signature.BodyHex, large) + "\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\n[   ",
		"that ask before they send":  strings.Replace(head(1<<20, large), "Host: h", "Host: h\r\nExpect: 100-continue", 1),
		"that were refused and stay": strings.Replace(head(1<<20, large), path, "/", 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start(t, func(o *ingress.Options) { o.MaxInFlight, o.MaxConns = 64<<20, 200 }).servesBeside(200, text)
		})
	}
}

func TestAThousandSlowConnectionsDoNotKeepDeliveriesOut(t *testing.T) {
	start(t).servesBeside(1000, head(60<<10, large)+"[   ")
}

// servesBeside has so many senders send no more than that text, and makes sure that others get through.
func (e *edge) servesBeside(slow int, text string) {
	e.t.Helper()
	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			_ = c.Close()
		}
	}()
	for range slow {
		c, err := net.Dial("tcp", e.addr)
		if err != nil {
			e.t.Fatal(err)
		}
		conns = append(conns, c)
		_, _ = c.Write([]byte(text)) // it may be refused already
	}
	// A body may take a second. Once the last one has had it, who sends well gets through every time.
	dialled := time.Now()
	e.until("deliveries are taken", func() bool { return e.tries() == 200 && time.Since(dialled) > time.Second })
	for range 50 {
		if status := e.tries(); status != 200 {
			e.t.Fatalf("status %d among slow connections", status)
		}
	}
	if got := e.counted("hrbridge_connections"); got > float64(slow) {
		e.t.Errorf("%v connections are open", got)
	}
	if got := e.counted("hrbridge_in_flight_bytes"); got > 256<<20 {
		e.t.Errorf("%v bytes are in flight", got)
	}
}

// tries makes a delivery on a connection of its own and returns the status, 0 for no answer.
func (e *edge) tries() int {
	r := e.delivery(signed(signature.BodyHex, large))
	r.Close = true
	response, err := e.client.Do(r)
	if err != nil {
		return 0
	}
	return e.read(response).status
}

func TestDeliveriesBeingPublishedNeverMakeWay(t *testing.T) {
	t.Parallel()
	e := start(t, func(o *ingress.Options) { o.MaxConns, o.AnswerWithin = 3, time.Minute })
	waiting, release := e.hold()
	var senders []*wire
	for range 3 {
		w := e.dial()
		w.send(head(len(document), document) + document)
		senders = append(senders, w)
	}
	e.until("three are being published", func() bool { return waiting() == 3 })
	for range 5 {
		w := e.dial()
		w.send(head(len(document), document) + document)
		a := w.answer()
		e.refused(a, 503)
		if a.header.Get("Retry-After") != "1" || !a.closed {
			t.Errorf("answer %+v", a)
		}
		w.finish()
		w.ended()
	}
	release()
	for _, w := range senders {
		e.accepted(w.answer())
	}
	// Now they are idle and make way, the one that delivered first before the others.
	e.until("they are idle", func() bool { return e.deliver().status == 200 })
}

func TestWhoDeliveredLastMakesWayLast(t *testing.T) {
	t.Parallel()
	e := start(t, func(o *ingress.Options) { o.MaxConns = 2 })
	slow, good := e.dial(), e.dial()
	slow.send("POST " + path + " HTTP/1.1\r\nHost: h\r\n")
	good.send(head(len(document), document) + document)
	e.accepted(good.answer())
	e.until("the slow one's header is on its way", func() bool { return e.counted("hrbridge_in_flight_bytes") > 0 })
	third := e.dial()
	third.send(head(len(document), document) + document)
	e.accepted(third.answer())
	e.refused(slow.answer(), 503)
	good.send(head(len(document), document) + document)
	e.accepted(good.answer())
}

func TestPastTheBytesInFlightADeliveryIsRefusedBeforeItsBodyIsRead(t *testing.T) {
	t.Parallel()
	e := start(t, small, func(o *ingress.Options) { o.AnswerWithin = time.Minute })
	waiting, release := e.hold()
	var senders []*wire
	for range 2 {
		w := e.dial()
		w.send(head(len(large), large) + large)
		senders = append(senders, w)
	}
	e.until("two are being published", func() bool { return waiting() == 2 })
	w := e.dial()
	w.send(strings.Replace(head(len(large), large), "Host: h", "Host: h\r\nExpect: 100-continue", 1))
	a := w.answer() // and not "100 Continue"
	e.refused(a, 503)
	if a.header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After: %s", a.header.Get("Retry-After"))
	}
	t.Run("chunked bodies count as they come", func(t *testing.T) {
		e := e.of(t)
		e.refused(e.deliver(signed(signature.BodyHex, large), chunked), 503)
	})
	t.Run("decoded bodies count", func(t *testing.T) {
		e := e.of(t)
		e.refused(e.deliver(zipped(large), header(headerName, sign(signature.BodyHex, large))), 503)
	})
	t.Run("small deliveries still fit", func(t *testing.T) {
		e := e.of(t)
		w := e.dial()
		w.send(head(len(document), document) + document)
		e.until("a third is being published", func() bool { return waiting() == 3 })
	})
	release()
	for _, w := range senders {
		e.accepted(w.answer())
	}
	e.until("nothing is held", func() bool { return e.counted("hrbridge_in_flight_bytes") == 0 })
	e.accepted(e.deliver(signed(signature.BodyHex, large), chunked))
}

func TestHeadersOnTheirWayCount(t *testing.T) {
	t.Parallel()
	e := start(t, func(o *ingress.Options) { o.MaxBody, o.MaxHeader, o.MaxInFlight = 4<<10, 64<<10, 160<<10 })
	half := "POST " + path + " HTTP/1.1\r\nHost: h\r\nX: " + strings.Repeat("x", 50<<10)
	first := e.dial()
	first.send(half)
	e.until("its header is counted", func() bool { return e.counted("hrbridge_in_flight_bytes") > 2*50<<10 })
	second := e.dial()
	second.send(half)
	e.refused(second.answer(), 503)
	// A second later the first has held its bytes for too long not to make way.
	e.until("the slow one made way", func() bool { return e.deliver(header("X", strings.Repeat("x", 50<<10))).status == 200 })
	e.refused(first.answer(), 503)
	e.until("nothing is held", func() bool { return e.counted("hrbridge_in_flight_bytes") == 0 })
}

func TestSlowBodiesMakeWayForOthersThatNeedTheirBytes(t *testing.T) {
	t.Parallel()
	e := start(t, small)
	var slow []*wire
	for i := range 3 {
		w := e.dial()
		w.send(head(len(large), large) + "[")
		slow = append(slow, w)
		e.until("it is held", func() bool { return e.counted("hrbridge_in_flight_bytes") > float64((i+1)*64<<10) })
	}
	held := e.counted("hrbridge_in_flight_bytes")
	e.until("one made way", func() bool {
		// A delivery that was refused may hold its bytes still, and more than one would have to make way for the next.
		return e.counted("hrbridge_in_flight_bytes") <= held && e.deliver(signed(signature.BodyHex, large)).status == 200
	})
	e.refused(slow[0].answer(), 503)
	for _, w := range slow[1:] {
		w.send(large[1:])
		e.accepted(w.answer())
	}
	e.until("nothing is held", func() bool { return e.counted("hrbridge_in_flight_bytes") == 0 })
	e.until("it is logged", func() bool { return e.logs.FilterMessage("delivery refused: made_way").Len() > 0 })
}
