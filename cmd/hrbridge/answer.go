package main

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"hrbridge/cmd/hrbridge/client"
)

// outcomeLine is an outcome for people.
func outcomeLine(o client.Outcome) string {
	if o.Err != nil {
		return fmt.Sprintf("no answer  time=%s  %s", round(o.Took), printable(o.Err.Error()))
	}
	a := o.Answer
	fields := []string{strings.TrimSpace(fmt.Sprintf("%d %s", a.Status, http.StatusText(a.Status)))}
	if a.HasReceipt {
		fields = append(fields, fmt.Sprintf("events=%d  published=%d  dead_lettered=%d", a.Events, a.Published, a.DeadLettered))
	}
	if a.RequestID != "" {
		fields = append(fields, "request_id="+a.RequestID)
	}
	fields = append(fields, "time="+round(o.Took).String())
	switch {
	case a.Taken() && !a.HasReceipt:
		fields = append(fields, "no receipt: is this hrbridge?")
	case a.Detail != "":
		fields = append(fields, a.Detail)
	case a.Title != "" && a.Title != http.StatusText(a.Status):
		fields = append(fields, a.Title)
	}
	return printable(strings.Join(fields, "  "))
}

// remedy is what an answer other than 2xx means and what to do about it.
func remedy(a client.Answer) string {
	text, known := remedies[a.Status]
	if !known {
		text = "this is not an answer of hrbridge: look at what stands between"
	}
	if a.Detail != "" {
		text = strings.TrimSuffix(a.Detail, ".") + ": " + text
	}
	if a.RetryAfter != "" {
		text += " (the bridge says: in " + a.RetryAfter + " s)"
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
