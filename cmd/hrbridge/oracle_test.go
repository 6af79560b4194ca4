package main_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hrbridge/bridge/signature"
)

// oracle keeps account of what was sent: every event of a delivery that was answered 200 is an obligation, to be found in the
// stream once, byte for byte, on its topic, in the order of its key.
type oracle struct {
	mu   sync.Mutex
	sent map[string]*obligation // by the event's bytes

	senders      atomic.Int64 // that there were so far
	acknowledged atomic.Int64 // deliveries
	forged       atomic.Int64 // deliveries with a wrong signature that were refused as such
	refused      atomic.Int64 // answers other than 200
	unanswered   atomic.Int64 // connections that broke
	wrong        sync.Map     // answers that no delivery may get
}

type obligation struct {
	topic, key   string
	number       int // the event's place among those of its key
	sendings     int // of its delivery
	acknowledged bool
	at           time.Time // when it was
}

func newOracle() *oracle { return &oracle{sent: make(map[string]*obligation)} }

// load is what an oracle's senders send.
type load struct {
	url     string
	forms   []signature.Form
	senders int
	events  int // of a delivery, at most
	// patience is how long a sender waits for an answer; 0 is longer than anything should take.
	patience time.Duration
	// forgers put deliveries with a wrong signature among the others.
	forgers bool
	// also is a second bridge that has to take every delivery, too; "" for none.
	also string
}

// run sends until the context ends. Each sender has keys of its own and sends a delivery again, the same bytes, until it is
// taken: that is what keeps the order of a key the sender's business to lose.
func (o *oracle) run(ctx context.Context, t *testing.T, l load) {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: l.senders}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: cmp.Or(l.patience, 20*time.Second)}
	var all sync.WaitGroup
	for range l.senders {
		all.Go(func() {
			id := o.senders.Add(1)                                                                               // its keys are nobody else's, of an earlier run neither
			s := &sender{oracle: o, load: l, client: client, id: id, rand: rand.New(rand.NewPCG(uint64(id), 7))} //nolint:gosec // not a secret
			for n := 0; ctx.Err() == nil; n++ {
				s.deliver(ctx, l.forms[n%len(l.forms)])
			}
		})
	}
	all.Wait()
	o.wrong.Range(func(status, _ any) bool {
		t.Errorf("a delivery was answered %v", status)
		return true
	})
}

// start sends in the background, to p in every form, until stop is called.
func (o *oracle) start(t *testing.T, p *process, senders, events int) (stop func()) {
	t.Helper()
	return o.startLoad(t, load{url: p.url(), forms: signature.Forms(), senders: senders, events: events})
}

// startLoad is start with a load of its own.
func (o *oracle) startLoad(t *testing.T, l load) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() { o.run(ctx, t, l) })
	stop = func() { cancel(); all.Wait() }
	t.Cleanup(stop)
	return stop
}

// awaitAnswers waits until n more deliveries met an end of whatever kind.
func (o *oracle) awaitAnswers(t *testing.T, n int64) {
	t.Helper()
	answers := func() int64 { return o.acknowledged.Load() + o.refused.Load() + o.unanswered.Load() }
	before := answers()
	await(t, 60*time.Second, func() bool { return answers() >= before+n }, func() string { return "deliveries get no answers" })
}

// awaitMore waits until n more deliveries are acknowledged.
func (o *oracle) awaitMore(t *testing.T, n int64) {
	t.Helper()
	before := o.acknowledged.Load()
	await(t, 60*time.Second, func() bool { return o.acknowledged.Load() > before+n }, func() string { return "no deliveries are taken" })
}

// one is a delivery of one event that somebody else sends, once; it is no obligation.
func (o *oracle) one() (document string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	key := fmt.Sprint("other", len(o.sent))
	event := fmt.Sprintf(`{"type":"profile.parsing.success","profile":{"key":"%s"}}`, key)
	o.sent[event] = &obligation{topic: "profile.parsing.success", key: key, number: 1, sendings: 1}
	return "[" + event + "]"
}
