package signature

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
)

// Sign returns what a sender of the form puts in the header for the document: in lower-case hex, or in URL base64 with
// padding, as HrFlow's documentation writes it. A body goes with the last two forms only, and is the document. It refuses an
// unknown form, an empty secret, and an empty document in a form that carries it, since no Verifier takes those.
func Sign(form Form, secret, document []byte) (header string, err error) {
	if err := checkForm(form); err != nil {
		return "", err
	}
	if len(secret) == 0 {
		return "", errors.New("the secret to sign with is empty")
	}
	if form != BodyHex && form != BodyCompactHex {
		return signPayload(form, secret, document)
	}
	if form == BodyCompactHex {
		document = compacted(document)
	}
	return hex.EncodeToString(macOf(secret, document)), nil
}

// signPayload is Sign for the forms that carry the document.
func signPayload(form Form, secret, document []byte) (string, error) {
	if len(document) == 0 {
		return "", errors.New("the document to sign is empty")
	}
	payload := base64.URLEncoding.EncodeToString(document)
	covered := document
	if form == SignedPayloadEncoded {
		covered = []byte(payload)
	}
	mac := macOf(secret, covered)
	if form == SignedPayloadHex {
		mac = []byte(hex.EncodeToString(mac))
	}
	return base64.URLEncoding.EncodeToString(mac) + "." + payload, nil
}

func macOf(secret, covered []byte) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write(covered)
	return mac.Sum(nil)
}
