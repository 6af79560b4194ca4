package ingress

import (
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"sync"
	"time"
)

// body is the body, decoded.
func (d *delivery) body() []byte {
	if d.decoded != nil {
		return d.decoded.bytes
	}
	return d.arrived.content()
}

// read reads the body, whole and once. A sender that waits to be told to go on is told so by the first byte that is read.
func (d *delivery) read() error {
	if size := d.Request().ContentLength; size != 0 {
		if size < 0 {
			size = unsizedBuffer
		}
		_ = d.conn.SetReadDeadline(time.Now().Add(d.server.options.BodyTimeout))
		err := d.server.buffers.fill(d.conn, &d.arrived, d.Request().Body, size)
		d.bytes += int64(len(d.arrived.content()))
		if err != nil {
			return d.readFailure(err)
		}
		_ = d.conn.SetReadDeadline(time.Time{})
	}
	d.unread = false
	d.whole = time.Now()
	return nil
}

func (d *delivery) readFailure(err error) error {
	switch {
	case d.conn.in(phaseLeaving):
		return crowded(causeMadeWay)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return refuse(causeBodySlow, nil)
	default:
		return limitOr(causeBodyBroken, err)
	}
}

// decode decodes a gzipped body, as far as the limit of a body.
func (d *delivery) decode() error {
	arrived := d.arrived.content()
	if !d.gzipped || len(arrived) == 0 {
		return nil
	}
	unzip := d.server.unzippers.get(arrived)
	defer d.server.unzippers.put(unzip)
	if err := unzip.Reset(&unzip.source); err != nil {
		return refuse(causeGzip, nil)
	}
	if err := d.server.buffers.fill(d.conn, &d.decoded, unzip, 4*int64(len(arrived))); err != nil {
		return limitOr(causeGzip, err)
	}
	return nil
}

// limitOr is the refusal for an error of buffers.fill: by a limit of ours, or else for that cause. Such an error is left out,
// since it could quote what was sent.
func limitOr(otherwise *cause, err error) error {
	switch {
	case errors.Is(err, errBusy):
		return crowded(causeBusy)
	case errors.Is(err, errTooLong):
		return refuse(causeBodyTooLarge, nil)
	default:
		return refuse(otherwise, nil)
	}
}

// unzippers keeps decoders for the next gzipped body: to make one costs more than to decode a small body with it.
type unzippers struct{ pool sync.Pool }

type unzipper struct {
	gzip.Reader
	source bytes.Reader
}

// get returns a decoder whose source is compressed, and which is to be reset to it.
func (u *unzippers) get(compressed []byte) *unzipper {
	unzip, ok := u.pool.Get().(*unzipper)
	if !ok {
		unzip = new(unzipper)
	}
	unzip.source.Reset(compressed)
	return unzip
}

func (u *unzippers) put(unzip *unzipper) {
	unzip.source.Reset(nil)
	u.pool.Put(unzip)
}
