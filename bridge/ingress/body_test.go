package ingress_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"hash/crc32"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"

	"hrbridge/bridge"
	"hrbridge/bridge/ingress"
	"hrbridge/bridge/signature"
)

func TestEachFormPublishesWhatIsSigned(t *testing.T) {
	t.Parallel()
	spaced := strings.ReplaceAll(document, ",", " ,\n ")
	for name, row := range map[string]struct {
		form   signature.Form
		change []change
		signed string
	}{
		"body-hex":                    {signature.BodyHex, []change{signed(signature.BodyHex, spaced)}, spaced},
		"body-compact-hex":            {signature.BodyCompactHex, []change{body(spaced), header(headerName, sign(signature.BodyHex, document))}, document},
		"body-hex, chunked":           {signature.BodyHex, []change{chunked}, document},
		"body-hex, older header":      {signature.BodyHex, []change{header(headerName), header("HTTP-RIMINDER-SIGNATURE", sign(signature.BodyHex, document))}, document},
		"signed-payload-encoded":      {signature.SignedPayloadEncoded, []change{signed(signature.SignedPayloadEncoded, document)}, document},
		"signed-payload":              {signature.SignedPayload, []change{signed(signature.SignedPayload, document)}, document},
		"signed-payload-hex":          {signature.SignedPayloadHex, []change{signed(signature.SignedPayloadHex, document)}, document},
		"a payload without a body":    {signature.SignedPayload, []change{signed(signature.SignedPayload, document), body("")}, document},
		"a payload, an empty chunked": {signature.SignedPayload, []change{signed(signature.SignedPayload, document), body(""), emptyChunks}, document},
		"a payload, the body spaced":  {signature.SignedPayload, []change{header(headerName, sign(signature.SignedPayload, document)), body(spaced)}, document},
		"a payload, the body reordered": {signature.SignedPayload, []change{header(headerName, sign(signature.SignedPayload, `{"type":"a.b.c","\u0061":1.0}`)),
			body(`{"a": 1.0, "type": "a.b.c"}`)}, `{"type":"a.b.c","\u0061":1.0}`},
		"a payload, the body gzipped": {signature.SignedPayload, []change{header(headerName, sign(signature.SignedPayload, document)), zipped(document)}, document},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := start(t)
			e.accepted(e.deliver(row.change...))
			if got := string(e.fanout.last(t).Signed); got != row.signed {
				t.Errorf("published %s", got)
			}
			line := e.logs.FilterMessage("delivery published").All()
			if len(line) != 1 || line[0].ContextMap()["form"] != string(row.form) || line[0].ContextMap()["secret"] != int64(1) {
				t.Errorf("log: %v", e.logs.All())
			}
			e.seesNothingPersonal()
		})
	}
}

func emptyChunks(r *request) {
	r.ContentLength, r.Body = -1, http.NoBody
	r.TransferEncoding = []string{"chunked"}
}

// zipped makes the body the text gzipped.
func zipped(text string) change {
	return func(r *request) {
		body(gzipped(text))(r)
		r.Header.Set("Content-Encoding", "gzip")
	}
}

func TestAFormThatIsOffIsRefusedAsAnyWrongSignature(t *testing.T) {
	t.Parallel()
	e := start(t, func(o *ingress.Options) { o.Sources[0].Forms = []signature.Form{signature.BodyHex} })
	off := e.refused(e.deliver(signed(signature.SignedPayload, document)), 401)
	wrong := e.refused(e.deliver(body(`[]`)), 401)
	if off.Detail != wrong.Detail {
		t.Errorf("%q and %q tell them apart", off.Detail, wrong.Detail)
	}
	for _, reason := range []string{"form_off", "mismatch"} {
		if got := e.counted("hrbridge_verification_failures_total", "source", "hrflow", "reason", reason); got != 1 {
			t.Errorf("%s: %v", reason, got)
		}
	}
}

func TestAGzippedBodyIsDecoded(t *testing.T) {
	t.Parallel()
	bySender := zipped(document) // signed over what was compressed
	overWire := func(r *request) {
		bySender(r)
		r.Header.Set(headerName, sign(signature.BodyHex, gzipped(document)))
	}
	members := func(r *request) {
		body(gzipped(document[:40]) + gzipped(document[40:]))(r)
		r.Header.Set("Content-Encoding", "GZIP")
	}
	spaced := strings.ReplaceAll(document, ",", ", ")
	for name, c := range map[string][]change{
		"signed before it was compressed":   {bySender},
		"signed as it was compressed":       {overWire},
		"in several members":                {members},
		"under its older name":              {bySender, header("Content-Encoding", "x-gzip")},
		"chunked":                           {bySender, chunked},
		"signed over its compact text":      {zipped(spaced)},
		"signed twice over, in two members": {overWire, chunked},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := start(t)
			e.accepted(e.deliver(c...))
			if got := string(e.fanout.last(t).Signed); got != document {
				t.Errorf("published %s", got)
			}
		})
	}
}

func TestGzipThatIsNotWholeIsRefused(t *testing.T) {
	t.Parallel()
	whole := gzipped(document)
	for name, text := range map[string]string{
		"cut":              whole[:len(whole)-9],
		"without its end":  whole[:len(whole)-1],
		"with a tail":      whole + "Ada",
		"with a long tail": whole + strings.Repeat("Ada", 20),
		"broken":           whole[:30] + "!" + whole[31:],
		"not at all":       "Ada",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := start(t)
			// Signed as it is: it is not the signature that it fails by.
			e.refused(e.deliver(signed(signature.BodyHex, text), header("Content-Encoding", "gzip")), 400)
			e.seesNothingPersonal()
		})
	}
}

// White space between compressed bytes is not insignificant, so the second try of the body's form is not for them.
func TestGzippedBytesAreNotCompacted(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Name = "}   {" // a stretch of spaces that compaction would remove, in a file name that does not change the content
	_, _ = w.Write([]byte(document))
	_ = w.Close()
	wire := b.String()
	signedWire := strings.Replace(wire, "}   {", "}{", 1)
	if signedWire == wire {
		t.Fatal("the name is not in the header")
	}
	e := start(t)
	e.refused(e.deliver(body(wire), header("Content-Encoding", "gzip"), header(headerName, sign(signature.BodyHex, signedWire))), 401)
}

func TestAGzipBombIsRefusedAndTakesNoMemory(t *testing.T) {
	e := start(t) // not in parallel: it looks at the memory of the whole process
	wire := bomb(300 << 20)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	a := e.deliver(body(wire), header("Content-Encoding", "gzip"), header(headerName, sign(signature.BodyHex, wire)))
	runtime.ReadMemStats(&after)
	e.refused(a, 413)
	if got := after.TotalAlloc - before.TotalAlloc; got > 48<<20 {
		t.Errorf("%d MiB were allocated for a body limited to 16", got>>20)
	}
	if got := e.counted("hrbridge_in_flight_bytes"); got != 0 {
		t.Errorf("%v bytes are still held", got)
	}
}

// bomb is size zero bytes, gzipped in members of 10 MiB.
func bomb(size int) string {
	return strings.Repeat(gzipped(strings.Repeat("\x00", 10<<20)), size/(10<<20))
}

func TestABodyBufferIsNotReusedWhileItIsPublished(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.fanout.answer = func(_ context.Context, d bridge.Delivery, events []bridge.Event) (bridge.Receipt, error) {
		sum := crc32.ChecksumIEEE(d.Signed)
		for range 50 {
			runtime.Gosched() // meanwhile others read their bodies
			if crc32.ChecksumIEEE(d.Signed) != sum {
				return bridge.Receipt{}, &bridge.Error{Kind: bridge.KindInternal, Op: "watch the bytes"}
			}
		}
		return bridge.Receipt{Events: len(events), Published: len(events)}, nil
	}
	var senders sync.WaitGroup
	for sender := range 8 {
		senders.Go(func() {
			for i := range 20 {
				text := fmt.Sprintf(`[{"type":"job.parsing.error","n":"%s"}]`, strings.Repeat(string(rune('a'+sender)), 3000+i))
				for _, c := range []change{signed(signature.BodyHex, text), func(r *request) { zipped(text)(r); r.Header.Set(headerName, sign(signature.BodyHex, text)) }} {
					if a := e.deliver(c); a.status != 200 {
						t.Errorf("status %d: %s", a.status, a.body)
					}
				}
			}
		})
	}
	senders.Wait()
}

func TestBodiesOfEverySizeArriveWhole(t *testing.T) {
	t.Parallel()
	e := start(t, func(o *ingress.Options) { o.MaxBody, o.Events.MaxEvent = 100_000, 100_000 })
	for _, size := range []int{2, 4095, 4096, 4097, 16 << 10, 16<<10 + 1, 64 << 10, 65<<10 + 1, 99_999, 100_000} {
		text := "[" + strings.Repeat(" ", size-2) + "]"
		e.accepted(e.deliver(signed(signature.BodyHex, text)))
		e.accepted(e.deliver(signed(signature.BodyHex, text), chunked))
		e.accepted(e.deliver(zipped(text), header(headerName, sign(signature.BodyHex, text))))
		for i, got := range e.fanout.published() {
			if got != text {
				t.Fatalf("size %d: delivery %d differs", size, i)
			}
		}
		e.fanout.mu.Lock()
		e.fanout.deliveries = nil
		e.fanout.mu.Unlock()
	}
	if got := e.counted("hrbridge_in_flight_bytes"); got != 0 {
		t.Errorf("%v bytes are still held", got)
	}
}

func TestABodyIsAskedForOnlyWhenTheHeaderIsAcceptable(t *testing.T) {
	t.Parallel()
	e := start(t)
	head := func(length int, signature string) string {
		return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: %d\r\n%s: %s\r\n\r\n", path, length, headerName, signature)
	}
	t.Run("acceptable", func(t *testing.T) {
		e := e.of(t)
		w := e.dial()
		w.send(head(len(document), sign(signature.BodyHex, document)))
		if line, err := w.in.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 100") {
			t.Fatalf("%q, %v", line, err)
		}
		if _, err := w.in.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		w.send(document)
		e.accepted(w.answer())
	})
	for name, row := range map[string]struct {
		head   string
		status int
	}{
		"too large":             {head(17<<20, sign(signature.BodyHex, document)), 413},
		"without a signature":   {head(10, ""), 401},
		"with a wrong payload":  {head(10, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.e30"), 401},
		"of an unknown address": {strings.Replace(head(10, ""), path, "/webhooks/x", 1), 404},
	} {
		t.Run(name, func(t *testing.T) {
			e := e.of(t)
			w := e.dial()
			w.send(row.head)
			e.refused(w.answer(), row.status)
			w.ended()
		})
	}
}

func TestASenderThatReadsOnlyWhenItHasSentAllGetsItsAnswer(t *testing.T) {
	t.Parallel()
	e := start(t)
	for name, row := range map[string]struct {
		length, status int
	}{
		"a body too large": {20 << 20, 413},
		"no signature":     {12 << 20, 401},
	} {
		t.Run(name, func(t *testing.T) {
			e := e.of(t)
			w := e.dial()
			w.send(fmt.Sprintf("POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", path, row.length))
			w.send(strings.Repeat("x", row.length))
			e.refused(w.answer(), row.status)
			w.ended()
		})
	}
}
