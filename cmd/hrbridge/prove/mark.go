package prove

import (
	"bytes"
	"fmt"
	"strconv"
	"time"
)

// kind is what a marked event is for. All have the same length, so that one can stand in another's place.
type kind string

const (
	kindEvent kind = "event" // counts, once it is acknowledged
	kindHello kind = "hello" // shows that what is sent can be read
	kindForge kind = "forge" // goes out with a signature that is wrong
)

// mark is what the message of each event of a run says: "prove RUN KIND NUMBER TIME", of a fixed length, so that templates
// have a place for it.
type mark struct {
	kind   kind
	number uint32
	sent   time.Time // when it was made, which is right before it is first sent
}

const (
	markPrefix   = "prove "
	kindDigits   = 5
	numberDigits = 10
	timeDigits   = 16 // of microseconds since 1970
	tailDigits   = kindDigits + 1 + numberDigits + 1 + timeDigits
)

// before is what stands before a mark's kind.
func before(run string) string { return markPrefix + run + " " }

// text is the mark behind before.
func (m mark) text() string {
	return fmt.Sprintf("%s %0*d %0*d", m.kind, numberDigits, m.number, timeDigits, m.sent.UnixMicro())
}

// findMark finds the mark of a run in an event. It is not ok where there is none, or one that was damaged.
func findMark(value []byte, before string) (m mark, ok bool) {
	i := bytes.Index(value, []byte(before))
	if i < 0 || len(value) < i+len(before)+tailDigits {
		return mark{}, false
	}
	text := value[i+len(before):][:tailDigits]
	m.kind = kind(text[:kindDigits])
	switch m.kind {
	case kindEvent, kindHello, kindForge:
	default:
		return mark{}, false
	}
	number, err := strconv.ParseUint(string(text[kindDigits+1:][:numberDigits]), 10, 32)
	if err != nil {
		return mark{}, false
	}
	micros, err := strconv.ParseInt(string(text[tailDigits-timeDigits:]), 10, 64)
	if err != nil {
		return mark{}, false
	}
	m.number, m.sent = uint32(number), time.UnixMicro(micros)
	return m, true
}
