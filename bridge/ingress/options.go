package ingress

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
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
	// Rate is how many deliveries a second are taken, 0 for no limit; Burst how many at once, at least one where there is a
	// Rate. Past it the answer is 429.
	Rate  float64
	Burst int
}

// Options are what a Server needs to know. Take Defaults and change what differs.
type Options struct {
	Sources []Source
	// Events bounds what a delivery's array may hold.
	Events bridge.Limits
	// KnownTypes are the event types that metrics show by name: the catalogue. All others are counted as "other".
	KnownTypes []string

	MaxBody       int64         // bytes of one body, as it came and decoded
	MaxHeader     int           // bytes of one request's header; net/http lets 4 KiB more through
	MaxInFlight   int64         // bytes of all bodies, and of the headers on their way, at one time
	MaxConns      int           // connections at one time
	HeaderTimeout time.Duration // for a whole header, from its first byte
	BodyTimeout   time.Duration // for a whole body
	IdleTimeout   time.Duration // between two requests of a connection
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

// A source's name is a segment of its address, a CloudEvents source and a metric's label.
var sourceName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

// check says everything that is wrong with the options at once.
func (o Options) check() error {
	var wrong []error
	want := func(ok bool, format string, args ...any) {
		if !ok {
			wrong = append(wrong, fmt.Errorf(format, args...))
		}
	}
	want(len(o.Sources) > 0, "no source is configured")
	names := make(map[string]bool)
	for _, source := range o.Sources {
		want(!names[source.Name], "source %q is there twice", source.Name)
		names[source.Name] = true
		if err := source.check(); err != nil {
			wrong = append(wrong, fmt.Errorf("source %q: %w", source.Name, err))
		}
	}
	want(o.Events.MaxEvent > 0 && o.Events.MaxEvents > 0, "the limits of events must be positive")
	want(o.MaxBody > 0 && o.MaxHeader > 0 && o.MaxConns > 0, "the limits of body, header and connections must be positive")
	// A gzipped body at its limit is held as it came and decoded, in a buffer that grew from one of half its size.
	least := 3*o.MaxBody + headerCost*int64(o.MaxHeader+headerSlop)
	want(o.MaxInFlight >= least, "the limit of bytes in flight must be %d or more for these limits of body and header", least)
	want(o.HeaderTimeout > 0 && o.BodyTimeout > 0 && o.IdleTimeout > 0 && o.AnswerWithin > 0, "the timeouts must be positive")
	want(o.RetryAfter >= time.Second, "a sender must wait a second at least before it tries again")
	return errors.Join(wrong...)
}

func (s Source) check() error {
	if !sourceName.MatchString(s.Name) {
		return fmt.Errorf("a source's name must match %s", sourceName)
	}
	if s.Rate < 0 || s.Rate > 0 && s.Burst < 1 {
		return errors.New("a rate must be positive and needs a burst of at least one")
	}
	if len(s.Headers) == 0 {
		return errors.New("no header carries its signature")
	}
	names := make(map[string]bool)
	for _, name := range s.Headers {
		canonical := http.CanonicalHeaderKey(name)
		if canonical == "" || names[canonical] {
			return fmt.Errorf("the signature header %q is empty or there twice", name)
		}
		names[canonical] = true
	}
	return nil
}
