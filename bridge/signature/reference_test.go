package signature_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"regexp"
	"strings"

	"hrbridge/bridge/signature"
)

// What follows is the wire document once more, written for being read and sharing nothing with the package: the vectors are
// made with it and the fuzz tests compare with it.

func mac(secret string, covered []byte) []byte {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write(covered)
	return m.Sum(nil)
}

func hexOf(b []byte) string { return hex.EncodeToString(b) }

func upper(b []byte) []byte { return []byte(strings.ToUpper(string(b))) }

// vector is the value that a sender of the form makes, in the given encoding.
func vector(form signature.Form, secret string, document []byte, encoding *base64.Encoding) string {
	payload := encoding.EncodeToString(document)
	switch form {
	case signature.SignedPayloadEncoded:
		return encoding.EncodeToString(mac(secret, []byte(payload))) + "." + payload
	case signature.SignedPayload:
		return encoding.EncodeToString(mac(secret, document)) + "." + payload
	case signature.SignedPayloadHex:
		return encoding.EncodeToString([]byte(hexOf(mac(secret, document)))) + "." + payload
	case signature.BodyHex:
		return hexOf(mac(secret, document))
	default:
		return hexOf(mac(secret, referenceCompact(document)))
	}
}

type referenceMatch struct {
	form   signature.Form
	secret int
	signed string
}

// referenceVerify makes every mac that the wire document knows and looks which one the value has.
func referenceVerify(value string, body []byte, secrets []string, forms map[signature.Form]bool) (referenceMatch, bool) {
	sent, payload, encoded, ok := referenceParse(value)
	if !ok {
		return referenceMatch{}, false
	}
	for _, form := range signature.Forms() {
		for i, secret := range secrets {
			var want, signed string
			carries := true
			switch form {
			case signature.SignedPayloadEncoded:
				want, signed = string(mac(secret, []byte(encoded))), payload
			case signature.SignedPayload:
				want, signed = string(mac(secret, []byte(payload))), payload
			case signature.SignedPayloadHex:
				want, signed = hexOf(mac(secret, []byte(payload))), payload
			case signature.BodyHex:
				want, signed, carries = hexOf(mac(secret, body)), string(body), false
			case signature.BodyCompactHex:
				compact := referenceCompact(body)
				want, signed, carries = hexOf(mac(secret, compact)), string(compact), false
			}
			if len(want) == hex.EncodedLen(sha256.Size) {
				want, sent = strings.ToLower(want), strings.ToLower(sent)
			}
			if forms[form] && carries == (payload != "") && want == sent {
				return referenceMatch{form, i, signed}, true
			}
		}
	}
	return referenceMatch{}, false
}

var (
	hexValue   = regexp.MustCompile(`^[0-9a-fA-F]{64}$`)
	base64Part = regexp.MustCompile(`^([A-Za-z0-9+/]+|[A-Za-z0-9_-]+)(={0,2})$`)
)

// referenceParse returns the mac as it was written (raw or in hex) and, where the value carries one, the payload.
func referenceParse(value string) (sent, payload, encoded string, ok bool) {
	parts := strings.Split(value, ".")
	switch len(parts) {
	case 1:
		return value, "", "", hexValue.MatchString(value)
	case 2:
		sent, okMac := referenceDecode(parts[0])
		payload, okPayload := referenceDecode(parts[1])
		okMac = okMac && (len(sent) == sha256.Size || hexValue.MatchString(sent))
		return sent, payload, parts[1], okMac && okPayload
	default:
		return "", "", "", false
	}
}

// referenceDecode decodes what is exactly what an encoder makes, in any of the four ways.
func referenceDecode(part string) (string, bool) {
	match := base64Part.FindStringSubmatch(part)
	if match == nil || match[2] != "" && len(part)%4 != 0 {
		return "", false
	}
	standard := strings.NewReplacer("-", "+", "_", "/").Replace(match[1])
	decoded, err := base64.RawStdEncoding.DecodeString(standard)
	return string(decoded), err == nil && base64.RawStdEncoding.EncodeToString(decoded) == standard
}

var (
	token       = regexp.MustCompile(`(?s)"(?:[^"\\]|\\.)*"?|[{}\[\]:,]|[ \t\r\n]+|[^{}\[\]:," \t\r\n]+`)
	space       = regexp.MustCompile(`^[ \t\r\n]`)
	punctuation = regexp.MustCompile(`^[{}\[\]:,]`)
)

// referenceCompact cuts doc into tokens and leaves out those that are white space, at an end or beside punctuation.
func referenceCompact(doc []byte) []byte {
	tokens := token.FindAll(doc, -1)
	compact := []byte{}
	for i, tok := range tokens {
		insignificant := i == 0 || i+1 == len(tokens) || punctuation.Match(tokens[i-1]) || punctuation.Match(tokens[i+1])
		if !space.Match(tok) || !insignificant {
			compact = append(compact, tok...)
		}
	}
	return compact
}
