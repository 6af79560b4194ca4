package ingress

import (
	"crypto/rand"
	"mime"
	"net/http"
	"strings"
)

// maxRequestID is the longest request id that is taken from a sender.
const maxRequestID = 64

// requestID is the sender's own, where there is one that is safe in logs and headers, else one made here.
func requestID(h http.Header) string {
	if sent := h["X-Request-Id"]; len(sent) == 1 && saneRequestID(sent[0]) {
		return sent[0]
	}
	return rand.Text()
}

func saneRequestID(id string) bool {
	if id == "" || len(id) > maxRequestID {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if !isLower(c) && !isUpper(c) && !isDigit(c) && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// traceparent is the request's trace context where it is exactly what W3C's version 00 says it is, else "".
func traceparent(h http.Header) string {
	sent := h["Traceparent"]
	if len(sent) != 1 || !validTraceparent(sent[0]) {
		return ""
	}
	return sent[0]
}

// validTraceparent tells whether s is 00-{32 hex}-{16 hex}-{2 hex}, lower case, and neither id is zero.
func validTraceparent(s string) bool {
	if len(s) != 55 || s[:3] != "00-" || s[35] != '-' || s[52] != '-' {
		return false
	}
	trace, parent, flags := s[3:35], s[36:52], s[53:]
	return isLowerHex(trace) && isLowerHex(parent) && isLowerHex(flags) &&
		strings.Trim(trace, "0") != "" && strings.Trim(parent, "0") != ""
}

// acceptsType tells whether the request's content type, if it has one, is JSON in UTF-8.
func acceptsType(h http.Header) bool {
	switch sent := h["Content-Type"]; len(sent) {
	case 0:
		return true
	case 1:
		return isJSON(sent[0])
	default:
		return false
	}
}

func isJSON(contentType string) bool {
	if contentType == "application/json" { // what is sent nearly always
		return true
	}
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil || media != "application/json" {
		return false
	}
	charset, given := params["charset"]
	return !given || strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "utf8")
}

// bodyEncoding tells whether the body is gzipped, and whether it is encoded in a way that is decoded here at all.
func bodyEncoding(h http.Header) (gzipped, ok bool) {
	sent := h["Content-Encoding"]
	if len(sent) > 1 {
		return false, false
	}
	if len(sent) == 0 {
		return false, true
	}
	switch strings.ToLower(strings.TrimSpace(sent[0])) {
	case "", "identity":
		return false, true
	case "gzip", "x-gzip":
		return true, true
	default:
		return false, false
	}
}

func isLower(c byte) bool { return c >= 'a' && c <= 'z' }
func isUpper(c byte) bool { return c >= 'A' && c <= 'Z' }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isLowerHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isDigit(c) && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
