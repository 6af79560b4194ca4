package nats

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"hrbridge/bridge"
)

// The names of the checks, in the order in which they are reported.
const (
	checkReach     = "broker.reach"
	checkVersion   = "broker.version"
	checkSync      = "broker.sync"
	checkStream    = "stream.present"
	checkSettings  = "stream.settings"
	checkReplicas  = "stream.replicas"
	checkRoom      = "stream.room"
	checkWindow    = "stream.duplicate_window"
	checkSize      = "broker.max_message"
	checkPublish   = "rights.publish"
	checkProvision = "rights.provision"
	checkClock     = "clock.broker"
)

// inspected are the names of all checks: every Inspect reports every one, once.
func inspected() []string {
	return []string{
		checkReach, checkVersion, checkSync, checkStream, checkSettings, checkReplicas, checkRoom, checkWindow, checkSize,
		checkPublish, checkProvision, checkClock,
	}
}

// InspectOptions are what Inspect needs to know: how to connect, and what the publisher would want of server and stream.
type InspectOptions struct {
	Options
	// Redelivery is the longest time that may lie between the first try to publish a delivery and the soonest that its sender
	// tries again.
	Redelivery time.Duration
	// Own says that the broker is the one inside hrbridge, which is looked at through its listener as a subscriber sees it.
	Own bool
}

// Inspect looks at the server and the stream as the publisher would find them, and changes nothing there: it publishes nothing
// to a topic and creates nothing. The findings are always about the same checks. The error, a [*bridge.Error], is that there
// is no connection, so that most checks were skipped.
func Inspect(ctx context.Context, o InspectOptions) ([]bridge.Finding, error) {
	i := &inspection{o: o}
	err := i.connect()
	if err == nil {
		defer i.nc.Close()
		i.look(ctx)
	}
	return i.report(), err
}

// inspection is a look at one server.
type inspection struct {
	o      InspectOptions
	keeper *keeper // explains what the server says; it does not run
	nc     *natsgo.Conn
	js     jetstream.JetStream
	user   *userInfo // nil where the server does not tell
	stream *jetstream.StreamInfo
	heard  heard
	found  []bridge.Finding

	mu     sync.Mutex
	cancel context.CancelCauseFunc // ends the request under way
}

func (i *inspection) note(f bridge.Finding) { i.found = append(i.found, f) }

func (i *inspection) skip(name, found, remedy string) {
	i.note(bridge.Finding{Name: name, Status: bridge.VerdictSkipped, Found: found, Remedy: remedy})
}

// report is a finding for every check, in their order.
func (i *inspection) report() []bridge.Finding {
	otherwise := "not looked at: there is no connection to the broker"
	if i.nc != nil {
		otherwise = "not looked at: there is no stream to look at"
	}
	report := make([]bridge.Finding, 0, len(inspected()))
	for _, name := range inspected() {
		at := slices.IndexFunc(i.found, func(f bridge.Finding) bool { return f.Name == name })
		if at < 0 {
			report = append(report, bridge.Finding{Name: name, Status: bridge.VerdictSkipped, Found: otherwise})
			continue
		}
		report = append(report, i.found[at])
	}
	return report
}

// connect makes the one connection that there is.
func (i *inspection) connect() error {
	d := dialing{i.o.URL, i.o.Name, i.o.Auth, i.o.TLS, i.o.ConnectTimeout, i.o.InProcess}
	options, err := d.options()
	if err == nil {
		i.nc, err = natsgo.Connect(i.o.URL, append(options, natsgo.NoReconnect(), natsgo.ErrorHandler(i.onError))...)
	}
	if err == nil {
		i.keeper = &keeper{stream: i.o.Stream}
		if i.js, err = jetstream.New(i.nc); err == nil {
			return nil
		}
	}
	t := d.trouble(err)
	i.note(bridge.Finding{
		Name: checkReach, Status: bridge.VerdictFailure, Found: t.found, Remedy: t.remedy,
		Why: "without a connection deliveries go into the spool, where there is one with room, and are answered 503 otherwise",
	})
	return &bridge.Error{Kind: t.kind, Op: "connect to NATS", Err: errors.New(t.found)}
}

// onError learns that we may not use a subject, of which the server tells the connection and not who waits.
func (i *inspection) onError(_ *natsgo.Conn, _ *natsgo.Subscription, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.cancel != nil && errors.Is(err, natsgo.ErrPermissionViolation) {
		i.cancel(err)
	}
}

// ask makes one request, which ends when the server answers or refuses it, or the time for an answer is over.
func (i *inspection) ask(ctx context.Context, request func(ctx context.Context) error) error {
	ctx, stop := context.WithTimeout(ctx, i.o.AckTimeout)
	defer stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	i.mu.Lock()
	i.cancel = cancel
	i.mu.Unlock()
	err := request(ctx)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// look makes all checks on a connection that stands.
func (i *inspection) look(ctx context.Context) {
	trip, err := i.nc.RTT()
	i.note(bridge.Finding{Name: checkReach, Status: bridge.VerdictOK, Found: fmt.Sprintf("%s answers in %v",
		i.nc.ConnectedUrlRedacted(), trip.Round(10*time.Microsecond))})
	if err != nil {
		i.found[len(i.found)-1].Found = i.nc.ConnectedUrlRedacted() + " took the connection"
	}
	denied := i.askUser(ctx)
	i.version()
	i.sync()
	i.rights(denied)
	i.present(ctx)
	i.size()
	i.clock()
	if i.stream == nil {
		return
	}
	i.settings()
	i.replicas()
	i.room(ctx)
	i.window()
}

// The versions that count: what hrbridge is made for, and what an atomic batch needs.
const oldestMinor, batchMinor = 10, 12

func (i *inspection) version() {
	f := bridge.Finding{
		Name: checkVersion, Status: bridge.VerdictOK, Found: "nats-server " + i.nc.ConnectedServerVersion(),
		Why: "hrbridge is made for 2.10 and later; nats.commit batch needs 2.12",
	}
	var major, minor int
	switch n, _ := fmt.Sscanf(i.nc.ConnectedServerVersion(), "%d.%d", &major, &minor); {
	case n < 2:
		f.Status, f.Remedy = bridge.VerdictWarning, "see that it is a nats-server of 2.10 or later"
	case major > 2:
	case i.o.Commit == CommitBatch && (major < 2 || minor < batchMinor):
		f.Status, f.Remedy = bridge.VerdictFailure, "upgrade the server to 2.12 or later, or set nats.commit to pipeline"
	case major < 2 || minor < oldestMinor:
		f.Status, f.Remedy = bridge.VerdictWarning, "upgrade the server to 2.10 or later"
	}
	i.note(f)
}

// sync says what cannot be seen: no client is told when the server syncs its disk.
func (i *inspection) sync() {
	if i.o.Own {
		i.note(bridge.Finding{Name: checkSync, Status: bridge.VerdictOK, Found: "the broker inside hrbridge syncs every commit to disk before it acknowledges"})
		return
	}
	i.note(bridge.Finding{
		Name: checkSync, Status: bridge.VerdictWarning,
		Found: "cannot be told: a client is not shown when the server syncs what it acknowledged to disk; unless its configuration says otherwise that is every 2 minutes",
		Why:   "what the server acknowledged and did not sync is lost in a power cut: of this server where the stream has one copy, of all at once where it has three",
		Remedy: "see that the server's configuration has jetstream { sync_interval: always }, with nats.commit batch here; " +
			"doctor reads it where --nats-monitor gives the server's monitoring port",
	})
}

// heard is a time that the server told, and when it was asked and had answered by our clock.
type heard struct{ server, asked, answered time.Time }

// far is how far the clocks may be apart: retention and "since" go by the server's, what is in the events by ours.
const far = 5 * time.Second

// clock compares the server's time with ours.
func (i *inspection) clock() {
	t := i.heard
	if t.server.IsZero() {
		i.skip(checkClock, "cannot be told: this server does not say what time it has", "")
		return
	}
	f := bridge.Finding{
		Name: checkClock, Status: bridge.VerdictOK,
		Why: "the bridge stamps events by its own clock; the server expires them, and tail finds them by time, by the server's",
	}
	apart := max(t.asked.Sub(t.server), t.server.Sub(t.answered))
	switch {
	case apart <= 0:
		f.Found = fmt.Sprintf("the server's clock agrees with ours within %v", t.answered.Sub(t.asked).Round(10*time.Microsecond))
	case apart <= far:
		f.Found = fmt.Sprintf("the server's clock and ours are %v apart", apart.Round(time.Millisecond))
	default:
		f.Status, f.Found = bridge.VerdictWarning, fmt.Sprintf("the server's clock and ours are %v apart", apart.Round(time.Second))
		f.Remedy = "let NTP set the clocks of both machines"
	}
	i.note(f)
}

// NotInspected are the findings of all checks where there is nothing to look at; why says that.
func NotInspected(why string) []bridge.Finding {
	findings := make([]bridge.Finding, 0, len(inspected()))
	for _, name := range inspected() {
		findings = append(findings, bridge.Finding{Name: name, Status: bridge.VerdictSkipped, Found: why})
	}
	return findings
}
