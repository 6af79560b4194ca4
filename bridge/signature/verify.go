package signature

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"hash"
	"slices"
	"sync"
)

// Why a well-formed value is refused.
var (
	// ErrMismatch is a value that no secret gives in any of the enabled forms that it can be of.
	ErrMismatch = errors.New("the signature is not by any of the secrets")
	// ErrFormOff is a value that can only be of forms that are switched off. Nothing was computed for it.
	ErrFormOff = errors.New("the signature's form is switched off")
)

// Match says how a value was verified.
type Match struct {
	Form Form
	// Secret is the position of the secret that gives the mac: the first one, should a secret be there twice.
	Secret int
	// Signed are the bytes that whoever signed had before him, decoded: the value's payload, the body itself, or in the form
	// BodyCompactHex the body without its insignificant white space (a copy where it has any). They are never the body in
	// the forms that carry a payload.
	Signed []byte
}

// Verifier knows a webhook's secrets and which forms are switched on. It may be used concurrently.
type Verifier struct {
	forms []Form    // in the order of Forms
	macs  sync.Pool // of *macs: keying one is as dear as a small body
}

// NewVerifier returns a Verifier that accepts what any of the secrets signed in any of the forms. There must be at least
// one of each, no secret may be empty, since anybody could sign with that, and every form must be one of Forms. The order of
// forms is of no account. The secrets are copied.
func NewVerifier(secrets [][]byte, forms []Form) (*Verifier, error) {
	if len(secrets) == 0 {
		return nil, errors.New("no secret to verify signatures with")
	}
	if i := slices.IndexFunc(secrets, func(s []byte) bool { return len(s) == 0 }); i >= 0 {
		return nil, fmt.Errorf("secret %d of %d is empty", i+1, len(secrets))
	}
	if len(forms) == 0 {
		return nil, errors.New("no signature form is switched on")
	}
	for _, form := range forms {
		if err := checkForm(form); err != nil {
			return nil, err
		}
	}
	own := make([][]byte, len(secrets))
	for i, secret := range secrets {
		own[i] = slices.Clone(secret)
	}
	v := &Verifier{forms: slices.DeleteFunc(Forms(), func(f Form) bool { return !slices.Contains(forms, f) })}
	v.macs.New = func() any { return newMacs(own) }
	return v, nil
}

// Verify tells whether the signature is by one of the secrets, and which bytes it covers; otherwise the error is ErrFormOff
// where every form that the value can be of is off, else ErrMismatch. In the forms that carry a payload the body is not
// looked at; it may be nil.
//
// Every secret and every enabled form that the value can be of is computed and compared in constant time, also after one
// has matched, so that the time tells nothing of macs or secrets. The one exception shows only what the answer shows anyway:
// BodyCompactHex is a second try, for a body that BodyHex did not match and that has insignificant white space. Where
// BodyHex is off it is tried with every body. The time is linear in the bytes, the secrets and the forms; nothing of the
// body's size is allocated before a mac matches.
func (v *Verifier) Verify(s Signature, body []byte) (Match, error) {
	var match Match
	tried, found := false, false
	m := v.macs.Get().(*macs)
	for _, form := range v.forms {
		if !s.fits(form) || form == BodyCompactHex && tried && (found || !spaced(body)) {
			continue
		}
		m.cover(form, s, body)
		tried = true
		if secret, ok := m.find(s.mac[:]); ok {
			match, found = Match{Form: form, Secret: secret}, true
		}
	}
	v.macs.Put(m)
	switch {
	case found:
		match.Signed = signed(match.Form, s, body)
		return match, nil
	case tried:
		return Match{}, ErrMismatch
	default:
		return Match{}, ErrFormOff
	}
}

// signed returns what a mac of the form stands for: the document, though in one form the mac covers its encoding.
func signed(form Form, s Signature, body []byte) []byte {
	switch form {
	case BodyHex:
		return body
	case BodyCompactHex:
		return compacted(body)
	default:
		return s.payload
	}
}

// macs computes the macs that all secrets give for the same bytes. It is made for one goroutine and for many values, one
// after another.
type macs struct {
	keyed []hash.Hash // of each secret
	// gather spares each hash the short stretches of a compacted body, and a long string the copy that makes it bytes. Long
	// bytes go through it untouched.
	gather *bufio.Writer
	sum    [macSize]byte
}

func newMacs(secrets [][]byte) *macs {
	m := &macs{keyed: make([]hash.Hash, len(secrets))}
	for i, secret := range secrets {
		m.keyed[i] = hmac.New(sha256.New, secret)
	}
	m.gather = bufio.NewWriterSize(m, 4<<10)
	return m
}

// Write adds p to what every mac covers. Like a hash's, it returns no error.
func (m *macs) Write(p []byte) (int, error) {
	for _, mac := range m.keyed {
		mac.Write(p)
	}
	return len(p), nil
}

// cover adds the bytes that a mac of the form covers.
func (m *macs) cover(form Form, s Signature, body []byte) {
	switch form {
	case SignedPayloadEncoded:
		_, _ = m.gather.WriteString(s.encoded)
	case SignedPayload, SignedPayloadHex:
		_, _ = m.gather.Write(s.payload)
	case BodyHex:
		_, _ = m.gather.Write(body)
	case BodyCompactHex:
		for run := range runs(body) {
			_, _ = m.gather.Write(run)
		}
	}
	_ = m.gather.Flush()
}

// find returns the position of the first secret that gives want for the covered bytes, after it compared them all, and
// covers nothing any more.
func (m *macs) find(want []byte) (secret int, ok bool) {
	for i, mac := range m.keyed {
		equal := subtle.ConstantTimeCompare(mac.Sum(m.sum[:0]), want) == 1
		if equal && !ok {
			secret, ok = i, true
		}
		mac.Reset()
	}
	return secret, ok
}
