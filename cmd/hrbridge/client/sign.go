package client

import (
	"bytes"
	"fmt"

	"hrbridge/bridge/signature"
)

// Delivery is a document that is signed and ready to post.
type Delivery struct {
	// Signature is the header's value; "" leaves the header out.
	Signature string
	// Body is nil where the signature carries the document.
	Body []byte
}

// Sign makes a delivery of a document in a form. With withBody the document is the body too where the signature carries it.
func Sign(form signature.Form, secret, document []byte, withBody bool) (Delivery, error) {
	value, err := signature.Sign(form, secret, document)
	if err != nil {
		return Delivery{}, fmt.Errorf("sign a delivery: %w", err)
	}
	if Carries(form) && !withBody {
		document = nil
	}
	return Delivery{Signature: value, Body: document}, nil
}

// Carries tells whether signatures of the form carry the document.
func Carries(form signature.Form) bool {
	return form != signature.BodyHex && form != signature.BodyCompactHex
}

// Document is the array of the events, compact or, where the form needs a difference, spaced as HTTP libraries write it.
func Document(form signature.Form, events [][]byte) []byte {
	if form == signature.BodyCompactHex {
		return fmt.Appendf(nil, "[\n %s\n]\n", bytes.Join(events, []byte(",\n ")))
	}
	return fmt.Appendf(nil, "[%s]", bytes.Join(events, []byte(",")))
}
