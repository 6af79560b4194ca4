package ingress

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/labstack/echo/v4"

	"hrbridge/bridge"
	"hrbridge/bridge/signature"
)

// answerMargin is what is left of the time for an answer when publishing has to end, a tenth of it at most.
const answerMargin = 250 * time.Millisecond

// delivery is one request on its way through the ingress. It is Echo's context of the request, extended.
type delivery struct {
	echo.Context
	server   *Server
	conn     *conn
	id       string
	received time.Time
	source   *source // nil until it is known

	gzipped   bool
	signature signature.Signature
	arrived   *buffer // the body as it came; nil where there is none
	decoded   *buffer // the body decoded; nil where it came as it is
	unread    bool    // there may be more of the body to come
	bytes     int64   // received: the body's, and a signature's that carries the document

	match    signature.Match
	verified bool
	whole    time.Time // when all of it was there
	events   []bridge.Event
	receipt  bridge.Receipt
}

// steps are the way of every delivery. A step returns why the delivery goes no further, or nil.
var steps = [...]func(*delivery) error{
	(*delivery).findSource,
	(*delivery).limitRate,
	(*delivery).checkHeader,
	(*delivery).findSignature,
	(*delivery).verifyPayload,
	(*delivery).read,
	(*delivery).decode,
	(*delivery).verifyBody,
	(*delivery).secure,
	(*delivery).unpack,
	(*delivery).publish,
}

func (d *delivery) take() error {
	for _, step := range steps {
		if err := step(d); err != nil {
			return err
		}
	}
	return nil
}

func (d *delivery) findSource() error {
	d.source = d.server.sources[d.Param("source")]
	if d.source == nil {
		return refuse(causeSource, nil)
	}
	return nil
}

func (d *delivery) limitRate() error {
	turn := d.source.limiter.ReserveN(d.received, 1)
	wait := turn.DelayFrom(d.received)
	if wait == 0 {
		return nil
	}
	turn.CancelAt(d.received)
	r := refuse(causeRate, nil)
	r.retryAfter = wait
	return r
}

// checkHeader refuses what need not be read, and what could not be.
func (d *delivery) checkHeader() error {
	r := d.Request()
	if !acceptsType(r.Header) {
		return refuse(causeType, nil)
	}
	var ok bool
	if d.gzipped, ok = bodyEncoding(r.Header); !ok {
		return refuse(causeEncoding, nil)
	}
	if r.ContentLength > d.server.options.MaxBody {
		return refuse(causeBodyTooLarge, nil)
	}
	return nil
}

// findSignature takes the one signature that a request has to carry. Of several it could not be told which one is meant.
func (d *delivery) findSignature() error {
	var found []string
	for _, name := range d.source.headers {
		found = append(found, d.Request().Header[name]...)
	}
	switch len(found) {
	case 0:
		return d.unverified(reasonMissing, nil)
	case 1:
	default:
		return d.unverified(reasonRepeated, nil)
	}
	var err error
	if d.signature, err = signature.Parse(found[0]); err != nil {
		return d.unverified(reasonMalformed, err)
	}
	if d.signature.CarriesPayload() {
		d.bytes = int64(len(found[0]))
	}
	return nil
}

// verifyPayload verifies a signature that carries the document, before anything of the body is read.
func (d *delivery) verifyPayload() error {
	if !d.signature.CarriesPayload() {
		return nil
	}
	return d.verify(nil)
}

// verifyBody verifies the body; or, where the signature carries the document, makes sure that a body, if there is one, says
// the same.
func (d *delivery) verifyBody() error {
	body := d.body()
	if d.signature.CarriesPayload() {
		if len(body) > 0 && !sameDocument(d.match.Signed, body) {
			return refuse(causeDiffers, nil)
		}
		return nil
	}
	if d.decoded != nil {
		// Of compressed bytes no white space is insignificant: they are signed as they came, or not at all.
		match, err := d.source.verifier.Verify(d.signature, d.arrived.content())
		if err == nil && match.Form == signature.BodyHex {
			d.match, d.verified = match, true
			d.match.Signed = body
			return nil
		}
	}
	return d.verify(body)
}

// verify sets the match for the body, or for no body where the signature carries the document.
func (d *delivery) verify(body []byte) error {
	match, err := d.source.verifier.Verify(d.signature, body)
	switch {
	case errors.Is(err, signature.ErrFormOff):
		return d.unverified(reasonFormOff, err)
	case err != nil:
		return d.unverified(reasonMismatch, err)
	}
	d.match, d.verified = match, true
	return nil
}

// unverified is the answer to a signature that is not accepted: one, for all reasons. The metric and the log tell them apart.
func (d *delivery) unverified(reason string, err error) error {
	d.server.metrics.failures.WithLabelValues(d.source.name, reason).Inc()
	if err == nil {
		return refuse(causeSignature, errors.New(reason))
	}
	return refuse(causeSignature, fmt.Errorf("%s: %w", reason, err))
}

// secure keeps the connection from making way for others from here on: its delivery is whole and good.
func (d *delivery) secure() error {
	if !d.conn.secure() {
		return crowded(causeMadeWay)
	}
	return nil
}

func (d *delivery) unpack() error {
	var err error
	d.events, err = bridge.Unpack(d.match.Signed, d.server.options.Events)
	return err
}

// publish publishes the events, also when the sender hangs up meanwhile: it has done its part.
func (d *delivery) publish() error {
	within := d.server.options.AnswerWithin
	within -= min(answerMargin, within/10)
	ctx, cancel := context.WithDeadline(context.WithoutCancel(d.Request().Context()), d.whole.Add(within))
	defer cancel()

	start := time.Now()
	receipt, err := d.server.fanout.Publish(ctx, bridge.Delivery{
		Source: d.source.name, Signed: d.match.Signed, Received: d.received, Traceparent: traceparent(d.Request().Header),
	}, d.events)
	d.server.metrics.publishDuration.WithLabelValues(d.source.name).Observe(time.Since(start).Seconds())
	d.server.metrics.count(d.source.name, d.events, err == nil)
	d.receipt = receipt
	return err
}
