package ingress

import (
	"time"

	"hrbridge/bridge"
	"hrbridge/bridge/signature"
)

// Source is one configured webhook, served at POST /webhooks/{Name}.
type Source struct {
	Name string
	// Secrets are the webhook's secret keys; a signature by any one of them is good.
	Secrets [][]byte
	// Forms are the signature forms that are accepted.
	Forms []signature.Form
	// Headers are the names of the headers that may carry the signature; a request must carry exactly one of them, once.
	Headers []string
	// Rate is how many deliveries a second are taken, 0 for no limit; Burst how many at once. Past it the answer is 429.
	Rate  float64
	Burst int
}

// Options are what a Server needs to know. Take Defaults and change what differs.
type Options struct {
	Sources []Source
	// Events bounds what a delivery's array may hold.
	Events bridge.Limits

	MaxBody       int64 // bytes of one body, as it came and decoded
	MaxHeader     int   // bytes of one request's header
	MaxInFlight   int64 // bytes of all bodies, and of the headers on their way, at one time
	MaxConns      int   // connections at one time
	HeaderTimeout time.Duration
	BodyTimeout   time.Duration
	IdleTimeout   time.Duration
	// AnswerWithin is the time from a whole body to the answer.
	AnswerWithin time.Duration
	// RetryAfter is what a 503 for the broker's sake tells the sender to wait, at least a second.
	RetryAfter time.Duration
}

// Defaults are the limits that serve without being told otherwise.
func Defaults() Options {
	return Options{
		Events:        bridge.DefaultLimits(),
		MaxBody:       16 << 20,
		MaxHeader:     1 << 20,
		MaxInFlight:   256 << 20,
		MaxConns:      1000,
		HeaderTimeout: 10 * time.Second,
		BodyTimeout:   30 * time.Second,
		IdleTimeout:   2 * time.Minute,
		AnswerWithin:  5 * time.Second,
		RetryAfter:    5 * time.Second,
	}
}

// DefaultHeaders are the header names in the field: HrFlow's, and the one from before the company was renamed.
func DefaultHeaders() []string { return []string{"HTTP-HRFLOW-SIGNATURE", "HTTP-RIMINDER-SIGNATURE"} }
