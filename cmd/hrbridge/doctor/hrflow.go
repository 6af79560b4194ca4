package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"hrbridge/bridge"
)

// The names of the checks of the whole way, in the order in which a delivery passes them.
const (
	checkURL       = "hrflow.url"
	checkBridge    = "hrflow.bridge"
	checkAPI       = "hrflow.api"
	checkArrival   = "hrflow.arrival"
	checkSignature = "hrflow.signature"
	checkPublished = "hrflow.published"
)

// HrFlow is how to ask HrFlow to call a webhook, and where to see the call arrive.
type HrFlow struct {
	// API is the address of HrFlow's API; Key and UserEmail say whose webhook it is. The key is never shown.
	API, Key, UserEmail string
	// URL is the webhook's public address, which HrFlow calls, and Type the event type that is asked for.
	URL, Type string
	// Source is the name of the webhook here, and Admin the address of the admin listener of the bridge that serves it.
	Source, Admin string
	// Wait is how long a delivery may take to arrive.
	Wait time.Duration
}

const (
	// watchEvery is how often the bridge is asked for what it counted.
	watchEvery = 200 * time.Millisecond
	// secondCall is how long a call that was refused is left alone in case that the other one is not: there are two.
	secondCall = 3 * time.Second
)

// Follow asks HrFlow to call the webhook and watches the delivery arrive at the bridge, be verified and be published. The
// findings are always about the same checks, and the first failure is where the way ends.
func Follow(ctx context.Context, h HrFlow) []bridge.Finding {
	f := &follow{HrFlow: h}
	if f.lookAtURL(ctx) {
		before, err := f.count(ctx)
		if err == nil && f.askBoth(ctx) {
			f.judge(f.watch(ctx, before))
		}
	}
	var all []bridge.Finding
	for _, name := range []string{checkURL, checkBridge, checkAPI, checkArrival, checkSignature, checkPublished} {
		at := slices.IndexFunc(f.found, func(f bridge.Finding) bool { return f.Name == name })
		if at < 0 {
			all = append(all, bridge.Finding{Name: name, Status: bridge.VerdictSkipped, Found: "not reached: see above"})
			continue
		}
		all = append(all, f.found[at])
	}
	return all
}

// follow is one way followed.
type follow struct {
	HrFlow
	found []bridge.Finding
	// hint is what may keep HrFlow from getting through, as far as the address shows from here; "" is nothing.
	hint string
}

func (f *follow) ok(name, found string) {
	f.found = append(f.found, bridge.Finding{Name: name, Status: bridge.VerdictOK, Found: found})
}

func (f *follow) warn(name, found, why, remedy string) {
	f.found = append(f.found, bridge.Finding{Name: name, Status: bridge.VerdictWarning, Found: found, Why: why, Remedy: remedy})
}

func (f *follow) fail(name, found, why, remedy string) {
	f.found = append(f.found, bridge.Finding{Name: name, Status: bridge.VerdictFailure, Found: found, Why: why, Remedy: remedy})
}

// count reads what the bridge has counted up to now.
func (f *follow) count(ctx context.Context) (tally, error) {
	t, err := readTally(ctx, f.Admin, f.Source)
	const why = "what the bridge counts shows whether a delivery arrived"
	switch {
	case err != nil:
		f.fail(checkBridge, fmt.Sprintf("no bridge answers at %s: %v", f.Admin, err), why,
			"start hrbridge serve, and run doctor where its admin listener (admin.listen) can be reached")
	case !t.known:
		err = fmt.Errorf("the bridge has no source %s", f.Source)
		f.fail(checkBridge, err.Error(), why, "name a source of the bridge with --source; hrbridge config shows them")
	default:
		f.ok(checkBridge, fmt.Sprintf("%s counts the deliveries of %s", f.Admin, f.Source))
	}
	return t, err
}

// askBoth asks HrFlow for both of the calls that it offers, and tells whether it is worth while to wait for them.
func (f *follow) askBoth(ctx context.Context) bool {
	const why = "HrFlow calls the webhook of whoever the key belongs to"
	said, err := f.askCheck(ctx)
	if err == nil && said.good() {
		said, err = f.askTest(ctx)
	}
	switch {
	case err != nil:
		f.fail(checkAPI, "HrFlow's API cannot be reached from here: "+err.Error(), why, "look at hrflow.api_url, DNS, and what stands between (a proxy, a firewall)")
		return false
	case said.refused():
		f.fail(checkAPI, fmt.Sprintf("HrFlow's API refuses the key (code %d)", said.code), why,
			"put the API secret key of this account into hrflow.api_key_file, and its user's address into hrflow.user_email")
		return false
	case !said.good():
		f.warn(checkAPI, fmt.Sprintf("HrFlow's API answers with code %d: %s", said.code, said.message), why,
			"see whether HrFlow could call the address at all: the checks below say")
	default:
		f.ok(checkAPI, "HrFlow's API takes the key and says that it calls "+f.URL)
	}
	return true
}

// watch returns what the bridge counted since before, when a delivery was taken or no more is to be expected.
func (f *follow) watch(ctx context.Context, before tally) tally {
	ctx, cancel := context.WithTimeout(ctx, f.Wait)
	defer cancel()
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	var since tally
	var arrived time.Time
	for {
		since = f.latest(ctx, before, since)
		if arrived.IsZero() && since.arrived() {
			arrived = time.Now()
		}
		switch {
		case since.taken() > 0:
			return f.latest(ctx, before, since) // a page may have the delivery and not yet its events
		case !arrived.IsZero() && time.Since(arrived) > secondCall:
			return since
		}
		select {
		case <-ctx.Done():
			return since
		case <-tick.C:
		}
	}
}

// latest is what was counted since before up to now; otherwise, where the bridge does not say, what was known of it.
func (f *follow) latest(ctx context.Context, before, otherwise tally) tally {
	now, err := readTally(ctx, f.Admin, f.Source)
	if err != nil {
		return otherwise
	}
	return now.since(before)
}

// judge says how far the delivery came.
func (f *follow) judge(since tally) {
	const whyArrival = "an event that does not arrive is on no topic"
	switch {
	case since.arrived():
	case since.strays > 0:
		f.fail(checkArrival, "a request arrived for a source that the bridge does not have", whyArrival,
			"let the webhook's address end in /webhooks/"+f.Source+", and see that no proxy changes the path")
		return
	default:
		remedy := "see that the address is the bridge's from outside: DNS, the port, the certificate, the path, and the webhook's settings at HrFlow"
		if f.hint != "" {
			remedy = f.hint
		}
		f.fail(checkArrival, fmt.Sprintf("nothing arrived for %s within %v: HrFlow does not get through to the bridge", f.Source, f.Wait), whyArrival, remedy)
		return
	}
	f.ok(checkArrival, "a delivery arrived, answered "+since.statuses())
	if since.taken() == 0 && since.failed() != "" {
		f.fail(checkSignature, "its signature is not good: "+since.failed(), "nothing unverified is published", failureRemedy(since.failed()))
		return
	}
	if since.taken() == 0 && !since.unavailable() {
		f.fail(checkSignature, "it was refused before or after its signature was looked at, with "+since.statuses(), "nothing unverified is published",
			"docs/ingress.md has every answer and what it means; the bridge's log has the request")
		return
	}
	f.ok(checkSignature, "its signature is good")
	const whyPublished = "a delivery that is answered 503 may not come again"
	switch {
	case since.taken() == 0:
		f.fail(checkPublished, "it could not be published, and was answered "+since.statuses(), whyPublished,
			"see the checks of the broker above, and what the bridge's /readyz says")
	case since.spooled > 0:
		f.warn(checkPublished, "it was taken, and its events are in the spool: the broker is away or slow", "services see the events when the broker has them",
			"see the checks of the broker above, and what the bridge's /readyz says")
	case since.deadLettered > 0:
		f.warn(checkPublished, fmt.Sprintf("%d events were published, %d are dead letters", since.published, since.deadLettered),
			"no service sees a dead letter", "see the reason with hrbridge deadletter list")
	case since.published == 0:
		f.ok(checkPublished, "the delivery had no events, and was taken")
	default:
		f.ok(checkPublished, fmt.Sprintf("events that are on the topics of their types: %d", since.published))
	}
}

// failureRemedy is what to do about signatures that are not good, by why.
func failureRemedy(reasons string) string {
	switch {
	case strings.Contains(reasons, "mismatch"):
		return "the secret here is not the webhook's: copy the webhook secret key from HrFlow into the source's secret_files. If it is, a proxy changes the body"
	case strings.Contains(reasons, "missing"):
		return "no signature header came: see that no proxy drops HTTP-HRFLOW-SIGNATURE, and which headers the source takes (sources.….headers)"
	case strings.Contains(reasons, "form_off"):
		return "switch the signature's form on in the source's forms"
	}
	return "see that no proxy changes or repeats the signature header"
}
