package bridge

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxDepth is how deeply a document may be nested, its array included. HrFlow's own go to about 8.
const MaxDepth = 64

// Limits bound what one delivery may hold.
type Limits struct {
	// MaxEvent is the size of the largest element in bytes.
	MaxEvent int
	// MaxEvents is how many elements an array may have.
	MaxEvents int
}

// DefaultLimits are those that need no change of a broker's own.
func DefaultLimits() Limits {
	return Limits{MaxEvent: MaxMessage - HeaderAllowance, MaxEvents: 10_000}
}

// Unpack splits doc, a JSON array of events or a lone event, into its elements, each a slice of doc.
//
// The whole of doc has to be one strict JSON text: valid UTF-8, no member name twice in an object, nested no deeper than
// MaxDepth, nothing after it; otherwise the error is an [*Error] of KindInvalid. An element that cannot go to a topic of its
// own is an event all the same, with a Reason. An element larger than limits.MaxEvent fits on no topic, not even on the
// dead-letter topic: the error is then of KindTooLarge and names its index.
func Unpack(doc []byte, limits Limits) ([]Event, error) {
	u := unpackers.Get().(*unpacker)
	defer u.release()
	return u.unpack(doc, limits)
}

// A decoder's own buffers are worth keeping: making one costs more than reading a small delivery with it.
var unpackers = sync.Pool{New: func() any { return new(unpacker) }}

type unpacker struct {
	doc     []byte
	reader  bytes.Buffer
	decoder jsontext.Decoder
}

func (u *unpacker) release() {
	u.doc = nil
	u.reader = bytes.Buffer{}
	u.decoder.Reset(&u.reader)
	unpackers.Put(u)
}

func (u *unpacker) unpack(doc []byte, limits Limits) ([]Event, error) {
	u.doc = doc
	u.reader = *bytes.NewBuffer(doc) // of a bytes.Buffer, and nothing else, the decoder reads in place
	u.decoder.Reset(&u.reader)

	var events []Event
	var err error
	switch u.decoder.PeekKind() {
	case '[':
		events, err = u.array(limits)
	case '{':
		var e Event
		e, err = u.element(0, limits)
		events = []Event{e}
	default:
		if _, err = u.decoder.ReadToken(); err == nil {
			err = invalid(errors.New("neither an array nor an object"))
		}
	}
	if err == nil {
		err = u.end()
	}
	if err != nil {
		return nil, sorted(err)
	}
	return events, nil
}

// array reads `[element, …]`.
func (u *unpacker) array(limits Limits) ([]Event, error) {
	if _, err := u.decoder.ReadToken(); err != nil {
		return nil, err
	}
	events := make([]Event, 0, min(len(u.doc)>>10+1, limits.MaxEvents, 64)) // an event has a KiB or more, as a rule
	for u.decoder.PeekKind() != ']' {
		if len(events) == limits.MaxEvents {
			return nil, invalid(fmt.Errorf("more than %d elements", limits.MaxEvents))
		}
		e, err := u.element(len(events), limits)
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	_, err := u.decoder.ReadToken()
	return events, err
}

// element reads the array's next element, or a lone event.
func (u *unpacker) element(index int, limits Limits) (Event, error) {
	e := Event{Index: index}
	members, err := u.members()
	if err != nil {
		return e, err
	}
	end := int(u.decoder.InputOffset())
	e.Raw = u.doc[members.start:end:end]
	if len(e.Raw) > limits.MaxEvent {
		return e, &Error{Kind: KindTooLarge, Op: "unpack", Indexes: []int{index},
			Err: fmt.Errorf("the event has %d bytes, the limit is %d", len(e.Raw), limits.MaxEvent)}
	}
	members.place(&e)
	return e, nil
}

// end makes sure that nothing follows the document.
func (u *unpacker) end() error {
	switch _, err := u.decoder.ReadToken(); {
	case errors.Is(err, io.EOF):
		return nil
	case err == nil:
		return invalid(errors.New("more than one JSON text"))
	default:
		return err
	}
}

// sorted gives a decoder's error its kind. The decoder's own text is left behind: it quotes what was sent.
func sorted(err error) error {
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		cause := "not strict JSON"
		if errors.Is(err, jsontext.ErrDuplicateName) {
			cause = "a member name stands twice in an object"
		}
		return invalid(fmt.Errorf("%s, at byte %d", cause, syntax.ByteOffset))
	}
	return invalid(errors.New("the JSON text ends early"))
}

func invalid(err error) error { return &Error{Kind: KindInvalid, Op: "unpack", Err: err} }
