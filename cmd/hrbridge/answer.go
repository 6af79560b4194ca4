package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// outcome is what became of one delivery: an answer, or an error where none came.
type outcome struct {
	answer answer
	err    error
	took   time.Duration
}

// answer is what a bridge said: a receipt, or a problem (RFC 9457).
type answer struct {
	status     int
	requestID  string
	retryAfter string
	receipt    bool // the answer held one
	receiptBody
	problemBody
}

type receiptBody struct {
	Events       *int `json:"events"`
	Published    int  `json:"published"`
	DeadLettered int  `json:"dead_lettered"`
}

type problemBody struct {
	Title  string `json:"title"`
	Detail string `json:"detail"`
}

// readAnswer makes out what it can; an answer that is not a bridge's still has its status.
func readAnswer(status int, header http.Header, body []byte) answer {
	a := answer{status: status, requestID: header.Get("X-Request-Id"), retryAfter: header.Get("Retry-After")}
	if a.taken() {
		a.receipt = json.Unmarshal(body, &a.receiptBody) == nil && a.Events != nil
	} else if json.Unmarshal(body, &a.problemBody) != nil {
		a.problemBody = problemBody{}
	}
	return a
}

// taken tells whether the bridge holds the delivery durably.
func (a answer) taken() bool { return a.status >= 200 && a.status < 300 }

// line is the outcome for people.
func (o outcome) line() string {
	if o.err != nil {
		return fmt.Sprintf("no answer  time=%s  %s", round(o.took), printable(o.err.Error()))
	}
	a := o.answer
	fields := []string{strings.TrimSpace(fmt.Sprintf("%d %s", a.status, http.StatusText(a.status)))}
	if a.receipt {
		fields = append(fields, fmt.Sprintf("events=%d  published=%d  dead_lettered=%d", *a.Events, a.Published, a.DeadLettered))
	}
	if a.requestID != "" {
		fields = append(fields, "request_id="+a.requestID)
	}
	fields = append(fields, "time="+round(o.took).String())
	switch {
	case a.taken() && !a.receipt:
		fields = append(fields, "no receipt: is this hrbridge?")
	case a.Detail != "":
		fields = append(fields, a.Detail)
	case a.Title != "" && a.Title != http.StatusText(a.status):
		fields = append(fields, a.Title)
	}
	return printable(strings.Join(fields, "  "))
}

// remedy is what an answer other than 2xx means and what to do about it.
func (a answer) remedy() string {
	text, known := remedies[a.status]
	if !known {
		text = "this is not an answer of hrbridge: look at what stands between"
	}
	if a.Detail != "" {
		text = strings.TrimSuffix(a.Detail, ".") + ": " + text
	}
	if a.retryAfter != "" {
		text += " (the bridge says: in " + a.retryAfter + " s)"
	}
	return printable(text)
}

// remedies are what can be done about each answer of the contract.
var remedies = map[int]string{
	http.StatusBadRequest:                  "the document is not what the wire allows: correct it",
	http.StatusUnauthorized:                "the secret is not one of the source's, or the source has the form switched off: give the right secret, or another --form",
	http.StatusNotFound:                    "the bridge has no such source: correct the end of --url",
	http.StatusMethodNotAllowed:            "deliveries are not taken at this address: correct --url",
	http.StatusRequestTimeout:              "the delivery came too slowly: send a smaller one, or raise the bridge's limits.body_timeout",
	http.StatusRequestEntityTooLarge:       "the body or an event is larger than the bridge's limits: send less, or raise limits.max_body or limits.max_event",
	http.StatusUnsupportedMediaType:        "the bridge takes JSON only: look at what stands between",
	http.StatusTooManyRequests:             "the source's rate is used up: send again later, or with a lower --rate",
	http.StatusRequestHeaderFieldsTooLarge: "the form carries the document in the header: send less, take a body form, or raise the bridge's limits.max_header",
	http.StatusInternalServerError:         "a fault of the bridge: its log has the request id",
	http.StatusServiceUnavailable:          "the bridge or its broker cannot take it now: send again later; the bridge's /readyz says what is wrong",
}

// round is a duration in as many digits as say something.
func round(d time.Duration) time.Duration {
	if d >= time.Second {
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(10 * time.Microsecond)
}
