package ingress

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"hrbridge/bridge"
)

// cause is one reason for which a request is not answered with 200. The set is closed, and what a sender is told of each is
// fixed: nothing of an answer comes from a request or from an error.
type cause struct {
	name   string // in logs
	status int
	detail string // to the sender
}

const againLater = "The delivery could not be stored durably for now. Send it again after the time in Retry-After."

// The causes.
var (
	causeSource   = &cause{"unknown_source", http.StatusNotFound, "There is no webhook at this address."}
	causeMethod   = &cause{"method", http.StatusMethodNotAllowed, "A webhook takes POST only."}
	causeRate     = &cause{"rate", http.StatusTooManyRequests, "This webhook was called too often. Send the delivery again after the time in Retry-After."}
	causeType     = &cause{"content_type", http.StatusUnsupportedMediaType, "The content type must be application/json in UTF-8."}
	causeEncoding = &cause{"content_encoding", http.StatusUnsupportedMediaType, "The content encoding must be gzip or none."}

	causeSignature = &cause{"signature", http.StatusUnauthorized, "The request has no signature that this webhook accepts."}

	causeBodyTooLarge  = &cause{"body_too_large", http.StatusRequestEntityTooLarge, "The body is larger than the limit (limits.max_body), as it came or decoded."}
	causeEventTooLarge = &cause{"event_too_large", http.StatusRequestEntityTooLarge, "An event is larger than the limit (limits.max_event); index is its position in the array. Nothing of the delivery was published."}
	causeTooLarge      = &cause{"too_large", http.StatusRequestEntityTooLarge, "The delivery is larger than a limit. Nothing of it was published."}

	causeBodySlow   = &cause{"body_slow", http.StatusRequestTimeout, "The body came too slowly."}
	causeBodyBroken = &cause{"body_broken", http.StatusBadRequest, "The body ended early, or its framing is broken."}
	causeGzip       = &cause{"gzip", http.StatusBadRequest, "The body is not whole and valid gzip, as its content encoding says."}
	causeDiffers    = &cause{"body_differs", http.StatusBadRequest, "The body is not the same JSON document as the one in the signature."}
	causeInvalid    = &cause{"invalid", http.StatusBadRequest, "The delivery must be a strict JSON array of events, or one event, within the limits."}

	causeBusy        = &cause{"busy", http.StatusServiceUnavailable, "Too much is on its way already. Send the delivery again after the time in Retry-After."}
	causeMadeWay     = &cause{"made_way", http.StatusServiceUnavailable, "The request came slowly, and others needed its place. Send the delivery again after the time in Retry-After."}
	causeUnavailable = &cause{"unavailable", http.StatusServiceUnavailable, againLater}
	causeTimeout     = &cause{"timeout", http.StatusServiceUnavailable, againLater}
	causeFull        = &cause{"full", http.StatusServiceUnavailable, againLater}
	causeRefused     = &cause{"refused", http.StatusServiceUnavailable, againLater}
	causeInternal    = &cause{"internal", http.StatusInternalServerError, "The fault is this server's. The request id finds it in the log."}
)

// busyRetryAfter is what a sender waits when it is this server's own limits that are reached: they are free again in moments.
const busyRetryAfter = time.Second

// refusal is an error that says how the request is to be answered.
type refusal struct {
	cause      *cause
	retryAfter time.Duration // 0 for none
	index      int           // of the event that it is about, -1 for none
	err        error         // for the log, without content; nil where the cause says it all
}

func refuse(c *cause, err error) *refusal { return &refusal{cause: c, index: -1, err: err} }

// crowded is a refusal because of a limit on what all requests hold together.
func crowded(c *cause) *refusal {
	r := refuse(c, nil)
	r.retryAfter = busyRetryAfter
	return r
}

func (r *refusal) Error() string {
	if r.err == nil {
		return r.cause.name
	}
	return r.cause.name + ": " + r.err.Error()
}

func (r *refusal) Unwrap() error { return r.err }

// refusalOf is the one place where an error becomes an answer.
func refusalOf(err error, retryAfter time.Duration) *refusal {
	if r, ok := errors.AsType[*refusal](err); ok {
		return r
	}
	if routing, ok := errors.AsType[*echo.HTTPError](err); ok {
		return routingRefusal(routing.Code)
	}
	r := refuse(causeInternal, err)
	domain, _ := errors.AsType[*bridge.Error](err)
	if domain != nil && domain.RetryAfter > 0 {
		retryAfter = domain.RetryAfter
	}
	switch bridge.KindOf(err) {
	case bridge.KindInvalid:
		r.cause = causeInvalid
	case bridge.KindTooLarge:
		r.cause = causeTooLarge
		if len(domain.Indexes) > 0 {
			r.cause, r.index = causeEventTooLarge, domain.Indexes[0]
		}
	case bridge.KindUnavailable:
		r.cause, r.retryAfter = causeUnavailable, retryAfter
	case bridge.KindTimeout:
		r.cause, r.retryAfter = causeTimeout, retryAfter
	case bridge.KindFull:
		r.cause, r.retryAfter = causeFull, retryAfter
	case bridge.KindRefused:
		r.cause, r.retryAfter = causeRefused, retryAfter
	case bridge.KindInternal:
	}
	return r
}

func routingRefusal(status int) *refusal {
	switch status {
	case http.StatusNotFound:
		return refuse(causeSource, nil)
	case http.StatusMethodNotAllowed:
		return refuse(causeMethod, nil)
	default:
		return refuse(causeInternal, fmt.Errorf("the router answered %d", status))
	}
}

// problem is a refusal as RFC 9457 has it.
type problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	RequestID string `json:"request_id"`
	Index     *int   `json:"index,omitempty"`
}

// body is the answer's body.
func (r *refusal) body(requestID string) []byte {
	p := problem{
		Type: "about:blank", Title: http.StatusText(r.cause.status), Status: r.cause.status, Detail: r.cause.detail,
		RequestID: requestID,
	}
	if r.index >= 0 {
		p.Index = &r.index
	}
	text, _ := json.Marshal(p) // strings and numbers can always be marshalled
	return text
}

// header sets what the answer's header says beyond what every answer's does.
func (r *refusal) header(h http.Header) {
	h.Set("Content-Type", "application/problem+json")
	if r.retryAfter > 0 {
		h.Set("Retry-After", strconv.FormatInt(wholeSeconds(r.retryAfter), 10))
	}
	switch r.cause {
	case causeMethod:
		h.Set("Allow", http.MethodPost)
	case causeEncoding:
		h.Set("Accept-Encoding", "gzip")
	case causeSignature:
		h.Set("WWW-Authenticate", "HrFlow-Signature") // a 401 must name a scheme
	}
}

// wholeSeconds is d rounded up, one at least.
func wholeSeconds(d time.Duration) int64 { return max(1, int64((d+time.Second-1)/time.Second)) }

// commonHeader sets what every answer's header says.
func commonHeader(h http.Header, requestID string) {
	h.Set("X-Request-Id", requestID)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
}

// receiptBody is the body of a 200.
func receiptBody(r bridge.Receipt) []byte {
	return fmt.Appendf(nil, `{"events":%d,"published":%d,"dead_lettered":%d}`, r.Events, r.Published, r.DeadLettered)
}
