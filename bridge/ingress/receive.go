package ingress

import (
	"errors"
	"net/http"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
	"go.uber.org/zap"
)

// receive is around every handler: it takes the connection over, and answers, counts and logs the request, however the
// handler ends.
func (s *Server) receive(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		d := &delivery{
			Context: c, server: s, conn: connOf(r.Context()), received: time.Now(), id: requestID(r.Header),
			unread: r.ContentLength != 0,
		}
		if !d.conn.takeOver(d.received) {
			return nil // it has made way, and nobody hears an answer
		}
		err := d.guard(next)
		d.finish(err)
		return nil
	}
}

// guard calls the handler and makes an error of a panic.
func (d *delivery) guard(next echo.HandlerFunc) (err error) {
	defer func() {
		if value := recover(); value != nil {
			// Who panicked may have been a publisher, which may not have let go of the bytes.
			d.arrived, d.decoded = nil, nil
			err = newCrash(value)
		}
	}()
	return next(d)
}

// crash is a panic in a handler. Its value is left out unless it is the runtime's own: it could quote what was sent.
type crash struct {
	err   error
	stack []byte
}

func newCrash(value any) *crash {
	c := &crash{err: errors.New("panic"), stack: debug.Stack()}
	if fault, ok := value.(runtime.Error); ok {
		c.err = fault
	}
	return c
}

func (c *crash) Error() string { return c.err.Error() }

// finish counts, logs and answers the request, in this order, so that whoever has the answer finds it in the log; and it lets
// go of all that was held.
func (d *delivery) finish(err error) {
	d.server.buffers.put(d.arrived)
	d.server.buffers.put(d.decoded)
	_ = d.conn.SetWriteDeadline(time.Now().Add(writeTimeout)) // net/http takes it back
	if err == nil {
		d.note(http.StatusOK, nil)
		d.acknowledge()
	} else {
		r := refusalOf(err, d.server.options.RetryAfter)
		d.note(r.cause.status, r)
		d.reject(r)
	}
	if d.unread && d.conn.move(phaseBody, phaseLeaving) {
		d.conn.linger(lingerTime)
	}
	d.conn.discharge()
}

func (d *delivery) acknowledge() {
	w := d.Response()
	commonHeader(w.Header(), d.id)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(receiptBody(d.receipt))
}

// reject writes the refusal. Where not all of the body was read the connection cannot serve another request, and the answer
// has to be out before what is still coming is waited for.
func (d *delivery) reject(r *refusal) {
	w := d.Response()
	body := r.body(d.id)
	commonHeader(w.Header(), d.id)
	r.header(w.Header())
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if d.unread {
		w.Header().Set("Connection", "close")
	}
	w.WriteHeader(r.cause.status)
	_, _ = w.Write(body)
	if d.unread {
		_ = http.NewResponseController(w.Writer).Flush()
	}
}

// note counts and logs the request.
func (d *delivery) note(status int, r *refusal) {
	source, took := unknownSource, time.Since(d.received)
	if d.source != nil {
		source = d.source.name
		d.server.metrics.duration.WithLabelValues(source).Observe(took.Seconds())
		d.server.metrics.received.WithLabelValues(source).Add(float64(d.bytes))
	}
	d.server.metrics.answered(source, status)

	fields := make([]zap.Field, 0, 16)
	fields = append(fields, zap.String("source", source), zap.String("request_id", d.id),
		zap.Int("events", len(d.events)), zap.Int64("bytes", d.bytes), zap.Duration("duration", took))
	if d.verified {
		fields = append(fields, zap.String("form", string(d.match.Form)), zap.Int("secret", d.match.Secret))
	}
	if r == nil {
		fields = append(fields, zap.Int("status", status), zap.String("delivery", d.receipt.Delivery),
			zap.Int("published", d.receipt.Published), zap.Int("dead_lettered", d.receipt.DeadLettered))
	} else {
		fields = append(fields, zap.Int("refused", len(d.events)))
	}
	d.server.journal.record(r, fields)
}

// turnedAway counts and logs a request that was answered before any handler saw it.
func (s *Server) turnedAway(why *cause, id string) {
	s.metrics.answered(unknownSource, why.status)
	s.journal.record(refuse(why, nil), []zap.Field{zap.String("source", unknownSource), zap.String("request_id", id)})
}
