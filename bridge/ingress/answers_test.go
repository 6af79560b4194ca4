package ingress_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"hrbridge/bridge"
	"hrbridge/bridge/ingress"
	"hrbridge/bridge/signature"
)

func TestAGoodDeliveryIsAnsweredWithItsReceipt(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.fanout.answer = func(_ context.Context, _ bridge.Delivery, events []bridge.Event) (bridge.Receipt, error) {
		events[1].Reason = bridge.ReasonUnknownType
		return bridge.Receipt{Events: 2, Published: 1, DeadLettered: 1}, nil
	}
	a := e.deliver()
	e.accepted(a)
	if a.body != `{"events":2,"published":1,"dead_lettered":1}` {
		t.Errorf("body %s", a.body)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/json", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
	} {
		if got := a.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	d := e.fanout.last(t)
	if d.Source != "hrflow" || string(d.Signed) != document || d.Received.IsZero() {
		t.Errorf("published %+v", d)
	}
	if got := e.fanout.events[0]; len(got) != 2 || got[0].Type != "profile.parsing.success" || got[1].Key != "j1" {
		t.Errorf("events %+v", got)
	}
}

func TestAnEmptyArrayAndALoneObjectAreDeliveries(t *testing.T) {
	t.Parallel()
	e := start(t)
	for text, events := range map[string]int{`[]`: 0, `{"type":"job.parsing.error"}`: 1} {
		a := e.deliver(signed(signature.BodyHex, text))
		e.accepted(a)
		if want := `{"events":` + strconv.Itoa(events); !strings.HasPrefix(a.body, want) {
			t.Errorf("%s: %s", text, a.body)
		}
	}
}

// Each row is a good delivery but for one thing.
func TestEveryRefusalHasItsStatus(t *testing.T) {
	t.Parallel()
	method := func(m string) change { return func(r *request) { r.Method = m } }
	address := func(p string) change { return func(r *request) { r.URL.Path = p } }
	good := sign(signature.BodyHex, document)
	payload := sign(signature.SignedPayload, document)
	for name, row := range map[string]struct {
		change []change
		status int
	}{
		"an unknown source":                            {[]change{address("/webhooks/other")}, 404},
		"a source with an odd name":                    {[]change{address("/webhooks/..%2f..%2fetc")}, 404},
		"no source":                                    {[]change{address("/webhooks/")}, 404},
		"something behind the source":                  {[]change{address("/webhooks/hrflow/more")}, 404},
		"the root":                                     {[]change{address("/")}, 404},
		"GET elsewhere":                                {[]change{address("/metrics"), method("GET"), body("")}, 404},
		"GET":                                          {[]change{method("GET"), body("")}, 405},
		"HEAD-like OPTIONS":                            {[]change{method("OPTIONS"), body("")}, 405},
		"PUT":                                          {[]change{method("PUT")}, 405},
		"a method of nobody's":                         {[]change{method("BREW")}, 405},
		"a form as its content type":                   {[]change{header("Content-Type", "application/x-www-form-urlencoded")}, 415},
		"another charset":                              {[]change{header("Content-Type", "application/json; charset=latin1")}, 415},
		"a broken content type":                        {[]change{header("Content-Type", "application/json; charset")}, 415},
		"two content types":                            {[]change{header("Content-Type", "application/json", "text/plain")}, 415},
		"another content encoding":                     {[]change{header("Content-Encoding", "br")}, 415},
		"two content encodings":                        {[]change{header("Content-Encoding", "gzip, gzip")}, 415},
		"a body too large":                             {[]change{signed(signature.BodyHex, "["+strings.Repeat(" ", 100<<10)+"]")}, 413},
		"a chunked body too large":                     {[]change{signed(signature.BodyHex, "["+strings.Repeat(" ", 100<<10)+"]"), chunked}, 413},
		"a body one byte too large":                    {[]change{signed(signature.BodyHex, "["+strings.Repeat(" ", 64<<10-1)+"]"), chunked}, 413},
		"no signature":                                 {[]change{header(headerName)}, 401},
		"an empty signature":                           {[]change{header(headerName, "")}, 401},
		"a signature of no form":                       {[]change{header(headerName, "Ada Example")}, 401},
		"a signature twice":                            {[]change{header(headerName, good, good)}, 401},
		"a signature in both headers":                  {[]change{header("HTTP-RIMINDER-SIGNATURE", good)}, 401},
		"a signature of something else":                {[]change{body(`[]`)}, 401},
		"a payload signature by nobody known":          {[]change{header(headerName, strings.Replace(payload, payload[:4], "AAAA", 1))}, 401},
		"a body that is not JSON":                      {[]change{signed(signature.BodyHex, `Ada Example`)}, 400},
		"no body":                                      {[]change{signed(signature.BodyHex, ``)}, 400},
		"a body that goes on behind its end":           {[]change{signed(signature.BodyHex, document+document)}, 400},
		"a body that is a string":                      {[]change{signed(signature.BodyHex, `"Ada"`)}, 400},
		"a member twice":                               {[]change{signed(signature.BodyHex, `[{"Ada":1,"Ada":2}]`)}, 400},
		"invalid UTF-8":                                {[]change{signed(signature.BodyHex, "[\"Ada\xff\"]")}, 400},
		"nested too deeply":                            {[]change{signed(signature.BodyHex, strings.Repeat("[", 30_000)+strings.Repeat("]", 30_000))}, 400},
		"too many events":                              {[]change{signed(signature.BodyHex, `[1,2,3,4]`)}, 400},
		"a body that differs from the signed payload":  {[]change{header(headerName, payload), body(`[{"type":"job.parsing.error"}]`)}, 400},
		"a body beside the payload that is not JSON":   {[]change{header(headerName, payload), body(`Ada`)}, 400},
		"a body that says gzip and is not":             {[]change{header("Content-Encoding", "gzip")}, 400},
		"an event too large":                           {[]change{signed(signature.BodyHex, `[{},{"Ada":"`+strings.Repeat("x", 20<<10)+`"}]`)}, 413},
		"an event too large in a payload without body": {[]change{body(""), header(headerName, sign(signature.SignedPayload, `[{},{"Ada":"`+strings.Repeat("x", 20<<10)+`"}]`))}, 413},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := start(t, func(o *ingress.Options) {
				o.MaxBody, o.Events.MaxEvents, o.Events.MaxEvent = 64<<10, 3, 16<<10
			})
			a := e.deliver(row.change...)
			p := e.refused(a, row.status)
			if got := e.fanout.published(); got != nil {
				t.Errorf("published %q", got)
			}
			if (p.Index != nil) != strings.HasPrefix(name, "an event") || p.Index != nil && *p.Index != 1 {
				t.Errorf("index: %s", a.body)
			}
			if got := a.header.Get("Allow"); (got == "POST") != (row.status == 405) {
				t.Errorf("Allow: %q", got)
			}
			if got := a.header.Get("Accept-Encoding"); (got == "gzip") != strings.Contains(name, "content encoding") {
				t.Errorf("Accept-Encoding: %q", got)
			}
			e.seesNothingPersonal()
			if got := e.counted("hrbridge_deliveries_total", "status", strconv.Itoa(row.status)); got != 1 {
				t.Errorf("counted %v times", got)
			}
		})
	}
}

func TestEveryKindOfErrorHasItsStatus(t *testing.T) {
	t.Parallel()
	for kind, status := range map[bridge.Kind]int{
		bridge.KindInvalid: 400, bridge.KindTooLarge: 413, bridge.KindInternal: 500, bridge.KindUnavailable: 503,
		bridge.KindTimeout: 503, bridge.KindFull: 503, bridge.KindRefused: 503,
	} {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			e := start(t)
			e.fanout.answer = func(context.Context, bridge.Delivery, []bridge.Event) (bridge.Receipt, error) {
				return bridge.Receipt{}, &bridge.Error{Kind: kind, Op: "publish to stream X", Err: errors.New("no space left")}
			}
			a := e.deliver()
			e.refused(a, status)
			if strings.Contains(a.body, "stream") || strings.Contains(a.body, "space") {
				t.Errorf("the answer repeats what the broker said: %s", a.body)
			}
			if status == 503 && a.header.Get("Retry-After") != "5" {
				t.Errorf("Retry-After: %s", a.header.Get("Retry-After"))
			}
			if lines := e.logs.FilterMessage("delivery refused: " + kindCause(kind)).All(); len(lines) != 1 ||
				!strings.Contains(lines[0].ContextMap()["error"].(string), "no space left") {
				t.Errorf("log: %v", e.logs.All())
			}
			if got := e.counted("hrbridge_events_total", "outcome", "refused"); got != 2 {
				t.Errorf("%v events counted as refused", got)
			}
		})
	}
	t.Run("too large names the index", func(t *testing.T) {
		t.Parallel()
		e := start(t)
		e.fanout.answer = func(context.Context, bridge.Delivery, []bridge.Event) (bridge.Receipt, error) {
			return bridge.Receipt{}, &bridge.Error{Kind: bridge.KindTooLarge, Op: "publish", Indexes: []int{1}}
		}
		if p := e.refused(e.deliver(), 413); p.Index == nil || *p.Index != 1 {
			t.Errorf("index %v", p.Index)
		}
	})
	t.Run("an error of no kind is ours", func(t *testing.T) {
		t.Parallel()
		e := start(t)
		e.fanout.answer = func(context.Context, bridge.Delivery, []bridge.Event) (bridge.Receipt, error) {
			return bridge.Receipt{}, errors.New("something")
		}
		e.refused(e.deliver(), 500)
	})
}

func kindCause(k bridge.Kind) string { return k.String() }

func TestTheTypesOfContentThatAreSentAreTaken(t *testing.T) {
	t.Parallel()
	e := start(t)
	for _, contentType := range []string{
		"application/json", "application/json; charset=utf-8", `application/json;charset="UTF-8"`, "Application/JSON; version=1",
		"application/json; charset=utf8",
	} {
		e.accepted(e.deliver(header("Content-Type", contentType)))
	}
	e.accepted(e.deliver(header("Content-Type")))
	e.accepted(e.deliver(header("Content-Encoding", "identity")))
}

func TestARequestIDIsTakenIfItIsSane(t *testing.T) {
	t.Parallel()
	e := start(t)
	for _, id := range []string{"a", "3f.Z_9-x", strings.Repeat("x", 64)} {
		if got := e.deliver(header("X-Request-Id", id)).header.Get("X-Request-Id"); got != id {
			t.Errorf("%q became %q", id, got)
		}
	}
	made := []string{e.deliver().header.Get("X-Request-Id")}
	for _, ids := range [][]string{{""}, {"Ada Example"}, {"<script>"}, {"ada@example.org"}, {strings.Repeat("x", 65)}, {"one", "two"}} {
		got := e.deliver(header("X-Request-Id", ids...)).header.Get("X-Request-Id")
		if len(got) < 20 || slices.Contains(ids, got) || slices.Contains(made, got) {
			t.Errorf("%q became %q", ids, got)
		}
		made = append(made, got)
	}
}

func TestATraceIsHandedOnIfItIsOne(t *testing.T) {
	t.Parallel()
	e := start(t)
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for sent, want := range map[string]string{
		trace: trace, "": "", "01" + trace[2:]: "", trace + "-x": "", strings.ToUpper(trace): "", trace[:54]: "",
		"00-" + strings.Repeat("0", 32) + trace[35:]: "", "Ada Example": "",
	} {
		e.accepted(e.deliver(header("traceparent", sent)))
		if got := e.fanout.last(t).Traceparent; got != want {
			t.Errorf("%q became %q", sent, got)
		}
	}
	e.accepted(e.deliver(header("traceparent", trace, trace)))
	if got := e.fanout.last(t).Traceparent; got != "" {
		t.Errorf("two became %q", got)
	}
}

func TestPastItsRateASourceIsToldWhenToComeBack(t *testing.T) {
	t.Parallel()
	e := start(t, func(o *ingress.Options) { o.Sources[0].Rate, o.Sources[0].Burst = 0.4, 2 })
	e.accepted(e.deliver())
	e.accepted(e.deliver())
	for range 3 { // who is refused uses nothing up
		a := e.deliver()
		e.refused(a, http.StatusTooManyRequests)
		if got := a.header.Get("Retry-After"); got != "3" {
			t.Errorf("Retry-After: %s", got)
		}
	}
}

func TestWrongOptionsAreAllSaidAtOnce(t *testing.T) {
	t.Parallel()
	o := options(func(o *ingress.Options) {
		o.Sources = append(o.Sources, o.Sources[0], ingress.Source{Name: "no/name"})
		o.MaxInFlight, o.RetryAfter, o.BodyTimeout = 1, 0, 0
	})
	_, err := ingress.New(o, new(fanout), nil, nil)
	for _, want := range []string{"there twice", "no/name", "in flight", "a second", "timeouts"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in: %v", want, err)
		}
	}
}

// seesNothingPersonal looks for the people of the tests in the log and the metrics.
func (e *edge) seesNothingPersonal() {
	e.t.Helper()
	for _, line := range e.logs.All() {
		e.holdsNothingPersonal("the log's message", line.Message)
		for _, field := range line.Context {
			e.holdsNothingPersonal("the log's field "+field.Key, field.String)
			if err, ok := field.Interface.(error); ok {
				e.holdsNothingPersonal("the log's error", err.Error())
			}
			if text, ok := field.Interface.([]byte); ok {
				e.holdsNothingPersonal("the log's field "+field.Key, string(text))
			}
		}
	}
	families, err := e.registry.Gather()
	if err != nil {
		e.t.Fatal(err)
	}
	for _, family := range families {
		e.holdsNothingPersonal("the metrics", family.String())
	}
}
