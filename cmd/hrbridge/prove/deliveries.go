package prove

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"hrbridge/bridge"
	"hrbridge/bridge/signature"
	"hrbridge/cmd/hrbridge/client"
)

const (
	// keysEach is how many keys a connection has. No other uses them, so that the order of each is known.
	keysEach = 8
	// helloKeys stands for no connection: the key of events that do not count.
	helloKeys = 1<<24 - 1
)

// delivery is one of a run's, ready to send.
type delivery struct {
	promise promise
	posted  client.Delivery
}

// maker makes the deliveries of one connection.
type maker struct {
	run       string
	source    string
	secret    []byte
	forms     []signature.Form
	templates []template
	keys      int // whose they are: the number of the connection
	rand      *rand.Rand
	turn      int
}

// delivery is a delivery of n events with numbers from first on.
func (m *maker) delivery(k kind, first uint32, n int) (delivery, error) {
	form := m.nextForm()
	events, p := m.events(k, first, n)
	ids := bridge.NewEventIDs(bridge.Delivery{Source: m.source, Signed: client.Document(signature.BodyHex, valuesOf(events))})
	for i, e := range events {
		p.prints = append(p.prints, fingerprintOf(ids.Of(i), e.key, e.value))
	}
	posted, err := client.Sign(form, m.secret, client.Document(form, valuesOf(events)), false)
	return delivery{promise: p, posted: posted}, err
}

// made is an event and the key that a subscriber has to get with it.
type made struct {
	value []byte
	key   string
}

func valuesOf(events []made) [][]byte {
	values := make([][]byte, len(events))
	for i, e := range events {
		values[i] = e.value
	}
	return values
}

// events makes n of a kind, and the promise about them without the fingerprints.
func (m *maker) events(k kind, first uint32, n int) ([]made, promise) {
	now := time.Now()
	p := promise{first: first}
	events := make([]made, n)
	for i := range events {
		t := m.templates[m.rand.IntN(len(m.templates))]
		digits := fmt.Sprintf("%02x%06x%016x", t.topic, m.keys, m.rand.IntN(keysEach))
		events[i] = made{value: t.event(mark{kind: k, number: first + uint32(i), sent: now}, digits), key: m.run + digits}
		p.topics = append(p.topics, t.topic)
	}
	return events, p
}

func (m *maker) nextForm() signature.Form {
	form := m.forms[m.turn%len(m.forms)]
	m.turn++
	return form
}

// forgery is a delivery that nobody may take: signed with another secret, signed and then changed, or not signed at all.
func (m *maker) forgery(number uint32) (client.Delivery, error) {
	form := m.nextForm()
	events, _ := m.events(kindForge, number, 1)
	document := client.Document(form, valuesOf(events))
	switch number % 3 {
	case 0:
		return client.Sign(form, append(bytes.Clone(m.secret), "-not"...), document, false)
	case 1:
		d, err := client.Sign(form, m.secret, document, false)
		if err != nil {
			return d, err
		}
		events, _ = m.events(kindForge, number, 1)
		other, err := client.Sign(form, m.secret, client.Document(form, valuesOf(events)), false)
		if err != nil {
			return d, err
		}
		return changed(d, other), nil
	default:
		return client.Delivery{Body: document}, nil
	}
}

// changed is d with what it says taken from other, and its own signature.
func changed(d, other client.Delivery) client.Delivery {
	mac, _, _ := strings.Cut(d.Signature, ".")
	if _, payload, carried := strings.Cut(other.Signature, "."); carried {
		return client.Delivery{Signature: mac + "." + payload}
	}
	return client.Delivery{Signature: mac, Body: other.Body}
}
