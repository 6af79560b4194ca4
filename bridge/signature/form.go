package signature

import (
	"fmt"
	"slices"
)

// Form is one of the ways in which HrFlow's documentation and SDKs sign a delivery. Every mac is an HMAC-SHA256 under the
// webhook's secret. Where a form has base64, either alphabet is taken, padded or not; where it has hex, either case.
type Form string

// The forms. The first three carry the signed document in the header, and only that is signed: the body is not. The last
// two sign the body.
const (
	// SignedPayloadEncoded is "base64(mac).base64(payload)"; the mac covers the characters after the dot.
	SignedPayloadEncoded Form = "signed-payload-encoded"
	// SignedPayload is "base64(mac).base64(payload)"; the mac covers the decoded payload.
	SignedPayload Form = "signed-payload"
	// SignedPayloadHex is "base64(hex(mac)).base64(payload)"; the mac covers the decoded payload.
	SignedPayloadHex Form = "signed-payload-hex"
	// BodyHex is "hex(mac)"; the mac covers the body as it arrived.
	BodyHex Form = "body-hex"
	// BodyCompactHex is "hex(mac)"; the mac covers the body without its insignificant white space, which senders sign that
	// serialise the document once for the signature and once more for the wire. Of a body without such white space it is
	// the same as BodyHex.
	BodyCompactHex Form = "body-compact-hex"
)

// Forms returns all forms in the order in which they are tried.
func Forms() []Form {
	return []Form{SignedPayloadEncoded, SignedPayload, SignedPayloadHex, BodyHex, BodyCompactHex}
}

func checkForm(form Form) error {
	if !slices.Contains(Forms(), form) {
		return fmt.Errorf("no signature form is called %q: want some of %q", form, Forms())
	}
	return nil
}
