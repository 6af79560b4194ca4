package ingress_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"hrbridge/bridge"
	"hrbridge/bridge/ingress"
	"hrbridge/bridge/signature"
)

func TestASenderThatHangsUpDoesNotStopThePublishing(t *testing.T) {
	t.Parallel()
	e := start(t)
	entered, hungUp, outcome := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	e.fanout.answer = func(ctx context.Context, _ bridge.Delivery, _ []bridge.Event) (bridge.Receipt, error) {
		close(entered)
		<-hungUp
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond): // the server notices in far less
		}
		outcome <- ctx.Err()
		return bridge.Receipt{Events: 2, Published: 2}, nil
	}
	w := e.dial()
	w.send(head(len(document), document) + document)
	<-entered
	_ = w.Close()
	close(hungUp)
	if err := <-outcome; err != nil {
		t.Errorf("its context ended: %v", err)
	}
	e.until("it is logged as published", func() bool { return e.logs.FilterMessage("delivery published").Len() == 1 })
}

func TestPublishingEndsInTimeForTheAnswer(t *testing.T) {
	t.Parallel()
	e := start(t, func(o *ingress.Options) { o.AnswerWithin = 200 * time.Millisecond })
	e.hold()
	begin := time.Now()
	e.refused(e.deliver(), 503)
	if took := time.Since(begin); took < 100*time.Millisecond || took > 5*time.Second {
		t.Errorf("answered after %v", took)
	}
}

func TestAPanicIsAnsweredAndLoggedWithoutItsContent(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		panics func()
		logged string
	}{
		"with a value of anybody's": {func() { panic("Ada Example") }, "panic"},
		"with an error":             {func() { panic(fmt.Errorf("of %w", errors.New("Ada Example"))) }, "panic"},
		"of the runtime":            {func() { _ = document[len(personal)*1000:] }, "slice bounds out of range"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := start(t)
			e.fanout.answer = func(context.Context, bridge.Delivery, []bridge.Event) (bridge.Receipt, error) {
				row.panics()
				return bridge.Receipt{}, nil
			}
			e.refused(e.deliver(), 500)
			lines := e.logs.FilterMessage("delivery refused: internal").All()
			if len(lines) != 1 || !strings.Contains(lines[0].ContextMap()["error"].(string), row.logged) ||
				!strings.Contains(lines[0].ContextMap()["stack"].(string), "Publish") {
				t.Errorf("log: %v", e.logs.All())
			}
			e.seesNothingPersonal()
			e.fanout.mu.Lock()
			e.fanout.answer = nil
			e.fanout.mu.Unlock()
			e.accepted(e.deliver())
			if got := e.counted("hrbridge_in_flight_bytes"); got != 0 {
				t.Errorf("%v bytes are still held", got)
			}
		})
	}
}

func TestEachDeliveryIsOneLine(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.fanout.answer = func(_ context.Context, _ bridge.Delivery, events []bridge.Event) (bridge.Receipt, error) {
		events[0].Reason = bridge.ReasonUnknownType
		return bridge.Receipt{Delivery: "of-these-bytes", Events: 2, Published: 1, DeadLettered: 1}, nil
	}
	for range 30 {
		e.accepted(e.deliver(header("X-Request-Id", "of-the-test")))
	}
	lines := e.logs.FilterMessage("delivery published").All()
	if len(lines) != 30 {
		t.Fatalf("%d lines", len(lines))
	}
	line := lines[0].ContextMap()
	if took, ok := line["duration"].(time.Duration); !ok || took <= 0 {
		t.Errorf("duration %v", line["duration"])
	}
	delete(line, "duration")
	want := map[string]any{
		"source": "hrflow", "request_id": "of-the-test", "status": int64(200), "events": int64(2), "published": int64(1),
		"dead_lettered": int64(1), "bytes": int64(len(document)), "form": "body-hex", "secret": int64(1), "delivery": "of-these-bytes",
	}
	for key, value := range want {
		if line[key] != value {
			t.Errorf("%s is %v, want %v", key, line[key], value)
		}
	}
	if len(line) != len(want) {
		t.Errorf("line %v", line)
	}
	for outcome, kind := range map[string]string{"dead_lettered": "profile.parsing.success", "published": "job.parsing.error"} {
		if got := e.counted("hrbridge_events_total", "source", "hrflow", "type", kind, "outcome", outcome); got != 30 {
			t.Errorf("%s %s: %v", outcome, kind, got)
		}
	}
	if got := e.counted("hrbridge_dead_letters_total", "source", "hrflow", "reason", "unknown_type"); got != 30 || e.counted("hrbridge_dead_letters_total") != 30 {
		t.Errorf("%v dead letters of their reason", got)
	}
	if got := e.counted("hrbridge_received_bytes_total", "source", "hrflow"); got != float64(30*len(document)) {
		t.Errorf("%v bytes received", got)
	}
}

func TestRepeatsOfOneFailureAreLeftOutAndCounted(t *testing.T) {
	t.Parallel()
	e := start(t)
	for range 30 {
		e.refused(e.deliver(header(headerName)), 401)
	}
	e.refused(e.deliver(header("Content-Type", "text/plain")), 415) // another failure
	if got := e.logs.FilterMessage("delivery refused: signature").Len(); got != 10 {
		t.Errorf("%d lines", got)
	}
	if got := e.logs.FilterMessage("delivery refused: content_type").Len(); got != 1 {
		t.Errorf("%d lines of the other", got)
	}
	if got := e.counted("hrbridge_log_lines_dropped_total"); got != 20 {
		t.Errorf("%v lines left out", got)
	}
	if got := e.counted("hrbridge_verification_failures_total", "reason", "missing"); got != 30 {
		t.Errorf("%v failures counted", got)
	}
}

func TestMetricsHaveNoLabelFromARequest(t *testing.T) {
	t.Parallel()
	e := start(t)
	for i := range 50 {
		n := strconv.Itoa(i)
		text := `[{"type":"profile.ada` + n + `.success"},{"type":"Ada"},{}]`
		e.accepted(e.deliver(signed(signature.BodyHex, text)))
		e.refused(e.deliver(func(r *request) { r.URL.Path = "/webhooks/Ada" + n }), 404)
		e.refused(e.deliver(header(headerName, "Ada"+n)), 401)
		e.refused(e.deliver(func(r *request) { r.Method = "ADA" + n }), 405)
	}
	if got := e.counted("hrbridge_events_total", "type", "other"); got != 150 {
		t.Errorf("%v other events", got)
	}
	families, err := e.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	allowed := []string{"hrflow", "unknown", "200", "401", "404", "405", "other", "published", "dead_lettered", "missing", "repeated", "malformed", "form_off", "mismatch"}
	for _, reason := range bridge.Reasons() {
		allowed = append(allowed, string(reason))
	}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			for _, pair := range metric.GetLabel() {
				if !slices.Contains(allowed, pair.GetValue()) {
					t.Errorf("%s has the label %s", family.GetName(), pair.GetValue())
				}
			}
		}
	}
}

func TestShutdownFinishesWhatIsInFlight(t *testing.T) {
	t.Parallel()
	e := start(t, func(o *ingress.Options) { o.AnswerWithin = time.Minute })
	waiting, release := e.hold()
	slowHeader := e.dial()
	slowHeader.send("POST " + path)
	e.until("the header is counted", func() bool { return e.counted("hrbridge_in_flight_bytes") > 0 })
	var senders []*wire
	for range 3 {
		w := e.dial()
		w.send(head(len(document), document) + document)
		senders = append(senders, w)
	}
	e.until("three are being published", func() bool { return waiting() == 3 })
	before := e.counted("hrbridge_in_flight_bytes")
	slowBody, idle := e.dial(), e.dial()
	slowBody.send(head(len(document), document) + document[:10])
	e.until("a body is on its way", func() bool {
		return e.counted("hrbridge_in_flight_bytes") > before+4<<10 && e.counted("hrbridge_connections") == 6
	})
	done := make(chan error, 1)
	go func() { done <- e.server.Shutdown(t.Context()) }()
	idle.ended()
	e.refused(slowHeader.answer(), 503)
	select {
	case err := <-done:
		t.Fatalf("it did not wait: %v", err)
	default:
	}
	release()
	slowBody.send(document[10:])
	for _, w := range append(senders, slowBody) {
		a := w.answer()
		e.accepted(a)
		if !a.closed {
			t.Error("the connection is kept")
		}
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestShutdownEndsWithItsContext(t *testing.T) {
	t.Parallel()
	e := start(t, func(o *ingress.Options) { o.AnswerWithin = time.Minute })
	waiting, release := e.hold()
	w := e.dial()
	w.send(head(len(document), document) + document)
	e.until("it is being published", func() bool { return waiting() == 1 })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := e.server.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown: %v", err)
	}
	w.ended()
	release()
}
