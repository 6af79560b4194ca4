package ingress // it calls the handler as net/http does, without a socket

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"hrbridge/bridge"
	"hrbridge/bridge/signature"
)

type nowhere struct{}

func (nowhere) Publish(_ context.Context, _ bridge.Delivery, events []bridge.Event) (bridge.Receipt, error) {
	return bridge.Receipt{Events: len(events), Published: len(events)}, nil
}

// deliveryOf is an array of so many events of that size.
func deliveryOf(events, size int) []byte {
	const frame = `{"type":"profile.parsing.success","profile":{"key":"p%04d","text":"%s"}}`
	var all []string
	for i := range events {
		all = append(all, fmt.Sprintf(frame, i, strings.Repeat("x", size-len(frame))))
	}
	return []byte("[" + strings.Join(all, ",") + "]")
}

func BenchmarkDelivery(b *testing.B) {
	for _, size := range []struct{ events, bytes int }{{1, 1 << 10}, {20, 1 << 10}, {20, 8 << 10}, {200, 8 << 10}} {
		for _, form := range []signature.Form{signature.BodyHex, signature.SignedPayload} {
			document := deliveryOf(size.events, size.bytes)
			if form == signature.SignedPayload && len(document) > 700<<10 {
				continue
			}
			b.Run(fmt.Sprintf("%s/%dx%dKiB", form, size.events, size.bytes>>10), func(b *testing.B) { benchmark(b, form, document) })
		}
	}
}

func benchmark(b *testing.B, form signature.Form, document []byte) {
	secret := []byte("a secret of the tests")
	o := Defaults()
	o.Sources = []Source{{Name: "hrflow", Secrets: [][]byte{secret}, Forms: signature.Forms(), Headers: DefaultHeaders()}}
	o.KnownTypes = []string{"profile.parsing.success"}
	core := zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(io.Discard), zapcore.InfoLevel)
	s, err := New(o, nowhere{}, zap.New(core), prometheus.NewRegistry())
	if err != nil {
		b.Fatal(err)
	}
	value, err := signature.Sign(form, secret, document)
	if err != nil {
		b.Fatal(err)
	}
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	c := s.connections.admit(near)
	body := bytes.NewReader(document)
	r := httptest.NewRequest(http.MethodPost, "/webhooks/hrflow", body).WithContext(context.WithValue(b.Context(), connKey{}, c))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(DefaultHeaders()[0], value)
	if form == signature.SignedPayload {
		r.ContentLength = 0
	}
	w := httptest.NewRecorder()
	b.SetBytes(int64(len(document)))
	b.ReportAllocs()
	for b.Loop() {
		body.Reset(document)
		w.Body.Reset()
		s.echo.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatalf("status %d: %s", w.Code, w.Body)
		}
		c.rest(time.Now())
	}
}
