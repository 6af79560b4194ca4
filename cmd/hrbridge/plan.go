package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"

	"hrbridge/bridge/signature"
	"hrbridge/schema"
)

// plan is what to send. It makes each delivery from its number alone, so that connections need not agree on anything, and
// the same seed gives the same deliveries on any number of them.
type plan struct {
	secret   []byte
	forms    []signature.Form // taken in turn
	types    []string         // taken at random
	events   int
	size     int
	seed     uint64
	document []byte // sent as it is; nil where events are made up
	withBody bool
}

// signed is a delivery that is ready to send.
type signed struct {
	header string
	body   []byte // nil where the header carries the document
}

// delivery makes the delivery of a number.
func (p *plan) delivery(number int) (signed, error) {
	form := p.forms[number%len(p.forms)]
	document := p.document
	if document == nil {
		var err error
		if document, err = p.invented(number, form == signature.BodyCompactHex); err != nil {
			return signed{}, err
		}
	}
	header, err := signature.Sign(form, p.secret, document)
	if err != nil {
		return signed{}, fmt.Errorf("sign a delivery: %w", err)
	}
	if form != signature.BodyHex && form != signature.BodyCompactHex && !p.withBody {
		document = nil
	}
	return signed{header: header, body: document}, nil
}

// invented is an array of made-up events, compact or spaced as HTTP libraries do it.
func (p *plan) invented(number int, spaced bool) ([]byte, error) {
	r := rand.New(rand.NewPCG(p.seed, uint64(number))) //nolint:gosec // nothing secret; a number is not negative
	events := make([][]byte, p.events)
	for i := range events {
		var err error
		if events[i], err = schema.Sample(p.types[r.IntN(len(p.types))], r, schema.SampleOptions{Size: p.size}); err != nil {
			return nil, err
		}
	}
	if spaced {
		return fmt.Appendf(nil, "[\n %s\n]\n", bytes.Join(events, []byte(",\n "))), nil
	}
	return fmt.Appendf(nil, "[%s]", bytes.Join(events, []byte(","))), nil
}
