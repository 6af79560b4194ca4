package prove

import (
	"context"
	"time"

	"hrbridge/bridge"
	"hrbridge/bridge/signature"
	"hrbridge/cmd/hrbridge/client"
)

// Broker is where a bridge's messages are read, and what of it the audit has to know.
type Broker struct {
	// Publisher is its name in the configuration.
	Publisher string
	// Tail hands each what a reading asks for.
	Tail func(ctx context.Context, r bridge.Reading, each func(bridge.Record) error) error
	// Topics are all that the bridge publishes to, as names or patterns: where else a misrouted event could be.
	Topics []string
	// Window is how long the broker remembers an event: within it, a repeat is not stored. 0: it does not.
	Window time.Duration
	// OneOrder tells that there is an order across topics: in a stream, but not on Kafka.
	OneOrder bool
}

// Options are what a run needs to know.
type Options struct {
	Broker Broker
	Client *client.Client
	// Source is the name of the source that Client posts to, Topic where its events of a type belong.
	Source string
	Topic  func(eventType string) string
	Types  []string
	Forms  []signature.Form // taken in turn
	Secret []byte

	Events      int           // how many to send; 0: until Duration has passed
	Duration    time.Duration // how long to send; 0: until Events are sent
	Rate        float64       // deliveries a second; 0: as fast as it goes
	Connections int
	PerDelivery int // events in a delivery
	Size        int // bytes of an event; 0: as it comes
	// Repeats and Forgeries are the shares of deliveries that are sent again, and of those sent beside them with a wrong
	// signature.
	Repeats, Forgeries float64
	// GiveUp is how long to try to get a delivery acknowledged.
	GiveUp time.Duration
	// Settle is how long to wait until what was acknowledged is seen.
	Settle time.Duration
	// File is where the obligations are kept. It must not exist. "" is one named after the run, in the working directory.
	File string
	// Progress is called now and then; nil is not.
	Progress func(Progress)
}

// Progress is how far a run is.
type Progress struct {
	Phase        Phase
	Took         time.Duration
	Acknowledged int // events
	Unseen       int // of them, not yet seen by the subscriber
	Refused      int // answers other than 2xx
	Unanswered   int
	Read         int // records, by the audit
}

// Phase is what a run is doing.
type Phase string

// The phases, in order.
const (
	Sending  Phase = "sending"
	Settling Phase = "waiting for what is acknowledged"
	Auditing Phase = "auditing"
)

// progressEvery is how often Progress is called.
const progressEvery = time.Second
