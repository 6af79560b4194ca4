package main

import (
	"math/rand/v2"

	"hrbridge/bridge/signature"
	"hrbridge/cmd/hrbridge/client"
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

// delivery makes the delivery of a number.
func (p *plan) delivery(number int) (client.Delivery, error) {
	form := p.forms[number%len(p.forms)]
	document := p.document
	if document == nil {
		var err error
		if document, err = p.invented(number, form); err != nil {
			return client.Delivery{}, err
		}
	}
	return client.Sign(form, p.secret, document, p.withBody)
}

// invented is an array of made-up events.
func (p *plan) invented(number int, form signature.Form) ([]byte, error) {
	r := rand.New(rand.NewPCG(p.seed, uint64(number))) //nolint:gosec // nothing secret; a number is not negative
	events := make([][]byte, p.events)
	for i := range events {
		var err error
		if events[i], err = schema.Sample(p.types[r.IntN(len(p.types))], r, schema.SampleOptions{Size: p.size}); err != nil {
			return nil, err
		}
	}
	return client.Document(form, events), nil
}
