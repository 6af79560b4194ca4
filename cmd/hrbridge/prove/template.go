package prove

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"hrbridge/schema"
)

const (
	// variety is how many templates each event type has, of different sizes unless one is given.
	variety = 8
	// maxTemplates bounds the bytes of all templates.
	maxTemplates = 16 << 20
	// keyDigits is the length of a key behind the run's: 40 together, as HrFlow's keys have.
	keyDigits = 24
)

// template is an event with places for its mark and its key. Making events up anew would cost more than all that a bridge
// does with them.
type template struct {
	text  []byte
	topic uint8 // the number of its event type
	mark  int   // where the mark's kind begins
	keys  []int // where the key's digits begin
}

// newTemplates makes up events of each type.
func newTemplates(run string, types []string, size int, r *rand.Rand) ([]template, error) {
	each := variety
	if size > 0 {
		each = max(1, min(variety, maxTemplates/(size*len(types))))
	}
	place := run + strings.Repeat("f", keyDigits)
	message := before(run) + mark{kind: kindEvent, sent: time.UnixMicro(0)}.text()
	var all []template
	for topic, eventType := range types {
		for range each {
			text, err := schema.Sample(eventType, r, schema.SampleOptions{Size: size, Key: place, Message: message})
			if err != nil {
				return nil, err
			}
			t := template{text: text, topic: uint8(topic), mark: bytes.Index(text, []byte(message)) + len(before(run))}
			for from := 0; ; {
				i := bytes.Index(text[from:], []byte(place))
				if i < 0 {
					break
				}
				t.keys = append(t.keys, from+i+len(run))
				from += i + len(place)
			}
			if len(t.keys) == 0 || t.mark < len(before(run)) {
				return nil, fmt.Errorf("an invented event of %s has no place for a key and a mark", eventType)
			}
			all = append(all, t)
		}
	}
	return all, nil
}

// event is a copy of the template with a mark and a key.
func (t template) event(m mark, key string) []byte {
	text := bytes.Clone(t.text)
	copy(text[t.mark:], m.text())
	for _, at := range t.keys {
		copy(text[at:], key)
	}
	return text
}
