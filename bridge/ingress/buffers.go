package ingress

import (
	"errors"
	"io"
	"sync"
)

var (
	errBusy    = errors.New("as much is held already as may be")
	errTooLong = errors.New("more than the limit of a body")
)

const (
	smallestBuffer = 4 << 10
	// unsizedBuffer is where a body begins that does not say how long it is.
	unsizedBuffer = 16 << 10
)

// buffer is memory for one body. Its capacity is charged to the connection that it was taken for.
type buffer struct {
	bytes []byte
	class int
}

// content is what is in the buffer; of none, nothing.
func (b *buffer) content() []byte {
	if b == nil {
		return nil
	}
	return b.bytes
}

// buffers keeps buffers for the next body, in classes of capacity: the powers of two from smallestBuffer, and the limit of
// a body as the last.
type buffers struct {
	capacities []int64
	pools      []sync.Pool
}

func newBuffers(maxBody int64) *buffers {
	b := new(buffers)
	for capacity := int64(smallestBuffer); capacity < maxBody; capacity *= 2 {
		b.capacities = append(b.capacities, capacity)
	}
	b.capacities = append(b.capacities, maxBody)
	b.pools = make([]sync.Pool, len(b.capacities))
	return b
}

// max is the largest capacity.
func (b *buffers) max() int64 { return b.capacities[len(b.capacities)-1] }

// get returns an empty buffer for size bytes, or for as many as there can be, and nil where c may not hold that much.
func (b *buffers) get(c *conn, size int64) *buffer {
	class := 0
	for class < len(b.capacities)-1 && b.capacities[class] < size {
		class++
	}
	if !c.charge(b.capacities[class]) {
		return nil
	}
	if kept, ok := b.pools[class].Get().(*buffer); ok {
		return kept
	}
	return &buffer{bytes: make([]byte, 0, b.capacities[class]), class: class}
}

// put keeps a buffer that nobody touches any more. The charge stays, since more than one buffer may have been charged.
func (b *buffers) put(buf *buffer) {
	if buf != nil {
		buf.bytes = buf.bytes[:0]
		b.pools[buf.class].Put(buf)
	}
}

// fill reads r to its end into *dst, which it makes for size bytes and lets grow, past its limit only to errTooLong. When
// c may not hold more the error is errBusy. What was read until an error is in *dst.
func (b *buffers) fill(c *conn, dst **buffer, r io.Reader, size int64) error {
	if *dst = b.get(c, size); *dst == nil {
		return errBusy
	}
	for {
		buf := *dst
		if len(buf.bytes) == cap(buf.bytes) {
			if int64(cap(buf.bytes)) == b.max() {
				return expectEnd(r)
			}
			if err := b.grow(c, dst); err != nil {
				return err
			}
			buf = *dst
		}
		n, err := r.Read(buf.bytes[len(buf.bytes):cap(buf.bytes)])
		buf.bytes = buf.bytes[:len(buf.bytes)+n]
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// grow moves what is in *dst to a buffer of the next class. Both count until it is done.
func (b *buffers) grow(c *conn, dst **buffer) error {
	small := *dst
	large := b.get(c, int64(cap(small.bytes))+1)
	if large == nil {
		return errBusy
	}
	large.bytes = append(large.bytes, small.bytes...)
	*dst = large
	c.refund(int64(cap(small.bytes)))
	b.put(small)
	return nil
}

// expectEnd reads on where there is no room for another byte.
func expectEnd(r io.Reader) error {
	var one [1]byte
	switch n, err := io.ReadFull(r, one[:]); {
	case n > 0:
		return errTooLong
	case err == io.EOF:
		return nil
	default:
		return err
	}
}
