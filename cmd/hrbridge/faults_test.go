package main_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"hrbridge/bridge/signature"
)

// The fault suite: the real binary, its broker as a process, the network between them, and what happens to each of them while
// deliveries go on. Whatever was answered 200 is in the stream afterwards: once, byte for byte, in the order of its key.
//
// go test runs a short form. make faults runs the long one, through
//
//	HRBRIDGE_FAULTS_ROUNDS  how many random mixtures of faults there are, and how often a process is killed
//	HRBRIDGE_FAULTS_OUTAGE  how long each fault lasts at least, such as "1m"
//	HRBRIDGE_FAULTS_SEED    what the random choices come from; each run prints its own

// faultPlan is how long and how much.
type faultPlan struct {
	rounds int
	outage time.Duration
	seed   uint64
	long   bool
}

func planFaults(t *testing.T) faultPlan {
	t.Helper()
	plan := faultPlan{rounds: 2, seed: rand.Uint64()}
	if s := os.Getenv("HRBRIDGE_FAULTS_ROUNDS"); s != "" {
		plan.rounds, plan.long = must(strconv.Atoi(s))(t), true
	}
	if s := os.Getenv("HRBRIDGE_FAULTS_OUTAGE"); s != "" {
		plan.outage = must(time.ParseDuration(s))(t)
	}
	if s := os.Getenv("HRBRIDGE_FAULTS_SEED"); s != "" {
		plan.seed = must(strconv.ParseUint(s, 10, 64))(t)
	}
	t.Logf("to repeat it: HRBRIDGE_FAULTS_SEED=%d", plan.seed)
	return plan
}

func (p faultPlan) random() *rand.Rand { return rand.New(rand.NewPCG(p.seed, 0)) } //nolint:gosec // to be repeated

// world is a bridge on a broker that faults happen to.
type world struct {
	plan   faultPlan
	bridge *process
	broker *natsProcess
	net    *network
	oracle *oracle

	whole    *testing.T // which the load lives as long as
	stopLoad func()
	patience time.Duration // of the senders, where it is not that of impatient ones
	rest     footprint     // of the bridge, before anything happened to it
}

// footprint is what a bridge without deliveries takes.
type footprint struct{ memory, goroutines int64 }

const worldSenders = 8

// settingsOfWorlds make faults short: a delivery gives up soon, and an id is remembered for longer than anything lasts.
func settingsOfWorlds(url, commit string) map[string]string {
	return map[string]string{
		"HRBRIDGE_PUBLISHER": "nats", "HRBRIDGE_NATS_URL": url, "HRBRIDGE_NATS_COMMIT": commit,
		"HRBRIDGE_ANSWER_WITHIN": "1s", "HRBRIDGE_STREAM_DUPLICATE_WINDOW": "30m",
	}
}

// startWorld is a bridge that has taken its first deliveries and rests.
func startWorld(t *testing.T, commit string) *world {
	t.Helper()
	w := &world{whole: t, plan: planFaults(t), oracle: newOracle(), broker: startNATS(t, freeAddr(t), t.TempDir(), "")}
	w.net = startNetwork(t, w.broker.addr)
	w.bridge = serve(t, checkedBinary(t), settingsOfWorlds("nats://"+w.net.addr, commit))
	w.begin(t)
	return w
}

// begin waits for the first deliveries and measures the bridge at rest.
func (w *world) begin(t *testing.T) {
	t.Helper()
	w.bridge.waitReady(t, http.StatusOK)
	w.load()
	w.oracle.awaitMore(t, 50)
	w.stopLoad()
	w.rest = footprint{memory: w.memory(t), goroutines: w.goroutines(t)}
	w.load()
	w.oracle.awaitMore(t, 20)
}

// load lets deliveries go on.
func (w *world) load() {
	l := worldLoad(w.bridge)
	l.patience = cmp.Or(w.patience, l.patience)
	w.stopLoad = w.oracle.startLoad(w.whole, l)
}

// worldLoad is deliveries of impatient senders, forged ones among them.
func worldLoad(p *process) load {
	return load{
		url: p.url(), forms: signature.Forms(), senders: worldSenders, events: 8, patience: 1500 * time.Millisecond, forgers: true,
	}
}

// fault is something that happens to a world and passes.
type fault struct {
	name       string
	begin, end func(t *testing.T, w *world)
}

// both directions of the network.
var both = []string{"upstream", "downstream"}

// faults that lose nothing.
func faults() []fault {
	poisoned := func(name, toxic, attributes string, directions ...string) fault {
		return fault{
			name,
			func(t *testing.T, w *world) { w.net.poison(t, name, toxic, attributes, directions...) },
			func(t *testing.T, w *world) { w.net.cure(t, name, directions...) },
		}
	}
	signal := func(s syscall.Signal) func(*testing.T, *world) {
		return func(_ *testing.T, w *world) { w.broker.signal(s) }
	}
	brokerUp := func(t *testing.T, w *world) { w.broker.start(t) }
	return []fault{
		{"the bridge is killed", func(_ *testing.T, w *world) { w.bridge.kill() }, func(t *testing.T, w *world) { w.bridge.restart(t) }},
		{
			"the bridge is paused",
			func(_ *testing.T, w *world) { _ = w.bridge.cmd.Process.Signal(syscall.SIGSTOP) },
			func(_ *testing.T, w *world) { _ = w.bridge.cmd.Process.Signal(syscall.SIGCONT) },
		},
		{"the broker is stopped", func(t *testing.T, w *world) { w.broker.stop(t) }, brokerUp},
		{"the broker is killed", func(_ *testing.T, w *world) { w.broker.kill() }, brokerUp},
		{"the broker is paused", signal(syscall.SIGSTOP), signal(syscall.SIGCONT)},
		{"the network is cut", func(_ *testing.T, w *world) { w.net.cut() }, func(t *testing.T, w *world) { w.net.mend(t) }},
		poisoned("the network is slow", "latency", `"latency":200,"jitter":100`, both...),
		poisoned("the network is narrow", "bandwidth", `"rate":64`, both...),
		poisoned("the network is a black hole", "timeout", `"timeout":0`, both...),
		poisoned("the way to the broker is a hole", "timeout", `"timeout":0`, "upstream"),
		poisoned("the way back from the broker is a hole", "timeout", `"timeout":0`, "downstream"),
		poisoned("connections are reset", "reset_peer", `"timeout":50`, both...),
	}
}

// lasts waits until the senders have met what is going on, and as long as the plan wants.
func (w *world) lasts(t *testing.T) {
	t.Helper()
	passed := time.After(w.plan.outage)
	w.oracle.awaitAnswers(t, 2*worldSenders)
	<-passed
}

// awaitTrouble waits until the bridge says that its broker does not take what it should.
func (w *world) awaitTrouble(t *testing.T) {
	t.Helper()
	var last string
	await(t, 60*time.Second, func() bool {
		status, body, err := get("http://" + w.bridge.admin + "/readyz")
		last = fmt.Sprint(status, body, err)
		return err == nil && (status != http.StatusOK || strings.Contains(body, "degraded"))
	}, func() string { return "the bridge notices nothing: " + last })
}

// settle waits for the end of all trouble, and then holds what is against what was promised.
func (w *world) settle(t *testing.T) {
	t.Helper()
	w.bridge.waitReady(t, http.StatusOK)
	w.oracle.awaitMore(t, 20)
	w.stopLoad()
	w.bridge.awaitDrained(t)
	w.oracle.audit(t, w.brokerURL(), "HRFLOW")
	w.atRest(t)
	w.load()
}

// end is for a world that nothing more happens to.
func (w *world) end(t *testing.T) {
	t.Helper()
	w.stopLoad()
	if w.oracle.forged.Load() == 0 {
		t.Error("nobody tried to forge a delivery")
	}
}

// brokerURL is where the events are read back: not through the network that faults happen to.
func (w *world) brokerURL() string {
	if w.broker == nil {
		return "nats://" + w.bridge.broker
	}
	return w.broker.url()
}

// atRest waits until the bridge takes no more than it did before all this, loosely.
func (w *world) atRest(t *testing.T) {
	t.Helper()
	const fewGoroutines, fewBytes = 16, 96 << 20
	const collected = 150 * time.Second // Go collects every two minutes at least
	var now footprint
	await(t, collected, func() bool {
		now = footprint{memory: w.memory(t), goroutines: w.goroutines(t)}
		return now.goroutines <= w.rest.goroutines+fewGoroutines && now.memory <= w.rest.memory+fewBytes
	}, func() string {
		return fmt.Sprintf("the bridge does not come to rest: %d goroutines and %d MiB; at first it had %d and %d MiB",
			now.goroutines, now.memory>>20, w.rest.goroutines, w.rest.memory>>20)
	})
}

// memory is of the heap: what the process has from the system it gives back in its own time, and with the race detector, late.
func (w *world) memory(t *testing.T) int64 {
	t.Helper()
	return int64(w.bridge.metric(t, "go_memstats_heap_alloc_bytes"))
}

func (w *world) goroutines(t *testing.T) int64 {
	t.Helper()
	return int64(w.bridge.metric(t, "go_goroutines"))
}

func TestFaultsOneByOneLoseNothing(t *testing.T) {
	t.Parallel()
	for _, commit := range []string{"pipeline", "batch"} {
		t.Run(commit, func(t *testing.T) {
			t.Parallel()
			w := startWorld(t, commit)
			for _, f := range faults() {
				happened := t.Run(f.name, func(t *testing.T) {
					f.begin(t, w)
					w.lasts(t)
					f.end(t, w)
					w.settle(t)
				})
				if !happened {
					break // the next one would happen to what this one left
				}
			}
			w.end(t)
		})
	}
}

func TestFaultsMixedLoseNothing(t *testing.T) {
	t.Parallel()
	w := startWorld(t, "batch")
	random, all := w.plan.random(), faults()
	for round := range w.plan.rounds {
		var chosen []fault
		for _, i := range random.Perm(len(all))[:2+random.IntN(2)] {
			chosen = append(chosen, all[i])
		}
		happened := t.Run(fmt.Sprintf("round %d: %s", round+1, names(chosen)), func(t *testing.T) {
			for _, f := range chosen {
				f.begin(t, w)
			}
			w.lasts(t)
			for _, i := range random.Perm(len(chosen)) {
				chosen[i].end(t, w)
			}
			w.settle(t)
		})
		if !happened {
			break
		}
	}
	w.end(t)
}

func names(all []fault) string {
	var s []string
	for _, f := range all {
		s = append(s, f.name)
	}
	return strings.Join(s, ", ")
}
