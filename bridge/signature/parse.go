package signature

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// ErrMalformed is a value that is in none of the forms. What wraps it says which rule was broken, and nothing of the value.
var ErrMalformed = errors.New("malformed signature")

const (
	macSize    = sha256.Size
	hexMacSize = 2 * macSize
	// maxMacPart is the longest that the part before the dot can be: a hex mac in padded base64. The decoder wants room for
	// maxMacDecoded bytes, though fewer come out.
	maxMacPart    = (hexMacSize + 2) / 3 * 4
	maxMacDecoded = maxMacPart / 4 * 3
)

// The encodings of a part. All are strict: unused bits behind the last byte must be zero.
var (
	paddedStandard = base64.StdEncoding.Strict()
	bareStandard   = base64.RawStdEncoding.Strict()
	paddedURL      = base64.URLEncoding.Strict()
	bareURL        = base64.RawURLEncoding.Strict()
)

// Signature is a header's value taken apart, not yet verified. It refers to the value that it was parsed from.
type Signature struct {
	mac [macSize]byte
	// macInHex tells the forms that carry a payload apart: SignedPayloadHex wraps a hex mac in base64, the others a raw one.
	macInHex bool
	encoded  string // the payload's characters in the value
	payload  []byte // the payload decoded, never empty; nil in the forms that sign the body
}

// Parse takes a header's value apart. It checks the value's shape only and needs no secret; whatever is not exactly one of
// the forms is an ErrMalformed: another count of dots, an empty payload, a mac of another length, the two base64 alphabets
// mixed within a part, padding that is neither whole nor absent, set bits behind the last byte, white space anywhere.
//
// Parse takes a value of any length, in time linear in it, and allocates three quarters of it for the payload; the caller
// limits what it hands in.
func Parse(value string) (Signature, error) {
	mac, payload, dotted := strings.Cut(value, ".")
	if !dotted {
		return parseBodyForm(value)
	}
	return parsePayloadForm(mac, payload)
}

// CarriesPayload tells whether the value itself carries the signed document, so that the body is not what is signed.
func (s Signature) CarriesPayload() bool { return s.payload != nil }

// fits tells whether the value can be of the form, by its shape.
func (s Signature) fits(form Form) bool {
	switch form {
	case SignedPayloadEncoded, SignedPayload:
		return s.CarriesPayload() && !s.macInHex
	case SignedPayloadHex:
		return s.CarriesPayload() && s.macInHex
	default:
		return !s.CarriesPayload()
	}
}

func parseBodyForm(value string) (Signature, error) {
	var s Signature
	if len(value) != hexMacSize {
		return Signature{}, malformed("neither a payload behind a dot nor 64 hex digits")
	}
	if _, err := hex.Decode(s.mac[:], []byte(value)); err != nil {
		return Signature{}, malformed("not 64 hex digits")
	}
	return s, nil
}

func parsePayloadForm(mac, payload string) (Signature, error) {
	s := Signature{encoded: payload}
	if err := s.parseMac(mac); err != nil {
		return Signature{}, err
	}
	encoding, ok := encodingOf(payload)
	if !ok {
		return Signature{}, malformed("the payload is not base64")
	}
	decoded, err := encoding.DecodeString(payload)
	if err != nil {
		return Signature{}, malformed("the payload is not base64")
	}
	if len(decoded) == 0 {
		return Signature{}, malformed("the payload is empty")
	}
	s.payload = decoded
	return s, nil
}

// parseMac reads the part before the dot: a raw mac, or one in hex, in base64.
func (s *Signature) parseMac(part string) error {
	encoding, ok := encodingOf(part)
	if !ok || len(part) > maxMacPart {
		return malformed("the mac is not one in base64")
	}
	var buf [maxMacDecoded]byte
	n, err := encoding.Decode(buf[:], []byte(part))
	if err != nil {
		return malformed("the mac is not one in base64")
	}
	switch n {
	case macSize:
		copy(s.mac[:], buf[:n])
	case hexMacSize:
		s.macInHex = true
		if _, err := hex.Decode(s.mac[:], buf[:n]); err != nil {
			return malformed("the mac is neither raw nor in hex")
		}
	default:
		return malformed("the mac is neither raw nor in hex")
	}
	return nil
}

// encodingOf returns the one base64 encoding that the part can be in, going by its characters, and false where it is in
// none. Line ends are looked for here because the decoder would skip them, so that many values would mean the same.
func encodingOf(part string) (*base64.Encoding, bool) {
	if strings.IndexByte(part, '\n') >= 0 || strings.IndexByte(part, '\r') >= 0 {
		return nil, false
	}
	url := strings.IndexByte(part, '-') >= 0 || strings.IndexByte(part, '_') >= 0
	padded := strings.HasSuffix(part, "=")
	switch {
	case url && padded:
		return paddedURL, true
	case url:
		return bareURL, true
	case padded:
		return paddedStandard, true
	default:
		return bareStandard, true
	}
}

func malformed(rule string) error { return fmt.Errorf("%w: %s", ErrMalformed, rule) }
