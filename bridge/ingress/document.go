package ingress

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// sameDocument tells whether both are the same JSON document: equal but for white space, the order of an object's members
// and how a string's characters are escaped. Numbers are compared as they are written, so that nobody's idea of precision
// makes different ones equal. Whatever is not strict JSON is the same as itself only. It uses up scratch, not signed.
func sameDocument(signed, scratch []byte) bool {
	if bytes.Equal(signed, scratch) {
		return true
	}
	a, b := jsontext.Value(bytes.Clone(signed)), jsontext.Value(scratch)
	return canonicalize(&a) && canonicalize(&b) && bytes.Equal(a, b)
}

func canonicalize(v *jsontext.Value) bool {
	return v.Canonicalize(jsontext.CanonicalizeRawInts(false), jsontext.CanonicalizeRawFloats(false)) == nil
}
