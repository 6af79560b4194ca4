package ingress

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// The causes of answers to requests that no handler ever sees.
var (
	causeHeaderTooLarge = &cause{"header_too_large", http.StatusRequestHeaderFieldsTooLarge, "The request's header is larger than the limit, which whoever runs this server can raise (limits.max_header)."}
	causeHeaderSlow     = &cause{"header_slow", http.StatusRequestTimeout, "The request's header came too slowly."}
	causeMalformed      = &cause{"malformed_request", http.StatusBadRequest, "The request is not well-formed HTTP/1.1."}
	causeTransferCoding = &cause{"transfer_coding", http.StatusNotImplemented, "The transfer encoding must be chunked or none."}
	causeVersion        = &cause{"http_version", http.StatusHTTPVersionNotSupported, "The protocol must be HTTP/1.1 or HTTP/1.0."}
	causeExpectation    = &cause{"expectation", http.StatusExpectationFailed, "The one expectation that can be met is 100-continue."}
)

// causeOf tells from the beginning of an answer that net/http wrote by itself why it did.
func causeOf(answer []byte) *cause {
	_, rest, _ := bytes.Cut(answer[:min(len(answer), 16)], []byte(" "))
	status, _ := strconv.Atoi(string(rest[:min(len(rest), 3)]))
	for _, known := range [...]*cause{causeHeaderTooLarge, causeTransferCoding, causeVersion, causeExpectation} {
		if status == known.status {
			return known
		}
	}
	return causeMalformed // of whatever rule of HTTP's
}

// lastAnswer is a whole answer, as it goes over the wire, after which the connection is closed.
func lastAnswer(why *cause, requestID string) []byte {
	r := refuse(why, nil)
	if why.status == http.StatusServiceUnavailable {
		r = crowded(why)
	}
	body := r.body(requestID)
	h := make(http.Header)
	commonHeader(h, requestID)
	r.header(h)
	h.Set("Connection", "close")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Date", time.Now().UTC().Format(http.TimeFormat))

	var wire bytes.Buffer
	fmt.Fprintf(&wire, "HTTP/1.1 %d %s\r\n", why.status, http.StatusText(why.status))
	_ = h.Write(&wire)
	wire.WriteString("\r\n")
	wire.Write(body)
	return wire.Bytes()
}
