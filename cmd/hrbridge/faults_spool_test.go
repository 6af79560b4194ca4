package main_test

import (
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// While a broker elsewhere is away, deliveries are taken into the spool: nobody is refused, and nothing is lost, doubled or out of
// order when the broker is back.

// startSpoolWorld is a world whose bridge answers in its own time, so that what is refused is refused for a reason.
func startSpoolWorld(t *testing.T, settings map[string]string) *world {
	t.Helper()
	w := &world{whole: t, plan: planFaults(t), oracle: newOracle(), broker: startNATS(t, freeAddr(t), t.TempDir(), "")}
	w.net = startNetwork(t, w.broker.addr)
	all := settingsOfWorlds("nats://"+w.net.addr, "batch")
	all["HRBRIDGE_ANSWER_WITHIN"] = "10s"
	all["HRBRIDGE_SPOOL_AFTER"] = "200ms"
	maps.Copy(all, settings)
	w.bridge = serve(t, checkedBinary(t), all)
	w.patience = 20 * time.Second
	w.begin(t)
	return w
}

func (w *world) spooled(t *testing.T) float64 {
	t.Helper()
	return w.bridge.metric(t, "hrbridge_spool_events")
}

// awaitDrained waits until nothing is in the spool, if there is one.
func (p *process) awaitDrained(t *testing.T) {
	t.Helper()
	var events string
	await(t, 2*time.Minute, func() bool {
		_, page, err := get("http://" + p.admin + "/metrics")
		events = valueIn(page, "hrbridge_spool_events")
		return err == nil && (events == "0" || events == "")
	}, func() string { return "the spool is not drained: it holds " + events + " events" })
}

func TestFaultAnOutageUnderLoadRefusesNothing(t *testing.T) {
	t.Parallel()
	w := startSpoolWorld(t, nil)
	refused, unanswered := w.oracle.refused.Load(), w.oracle.unanswered.Load()
	w.broker.kill()
	w.oracle.awaitMore(t, 200)
	w.lasts(t)
	if w.spooled(t) == 0 {
		t.Error("nothing is in the spool")
	}
	w.broker.start(t)
	w.settle(t)
	w.end(t)
	if r, u := w.oracle.refused.Load()-refused, w.oracle.unanswered.Load()-unanswered; r+u > 0 {
		t.Errorf("%d deliveries were refused and %d not answered while the spool had room", r, u)
	}
}

func TestFaultTheBridgeIsKilledWhileItSpoolsAndWhileItDrains(t *testing.T) {
	t.Parallel()
	w := startSpoolWorld(t, nil)
	w.broker.kill()
	for range 5 {
		w.oracle.awaitMore(t, 60)
		w.bridge.kill()
		w.bridge.start(t)
		w.bridge.waitReady(t, http.StatusOK)
	}
	w.lasts(t)
	w.stopLoad()                                                        // or the end of a drain is a race with what comes in
	w.net.poison(t, "slow drain", "bandwidth", `"rate":40`, "upstream") // so that a kill meets it half way
	spooled := w.spooled(t)
	w.broker.start(t)
	await(t, 60*time.Second, func() bool { return w.spooled(t) < spooled }, func() string { return "nothing is drained" })
	left := w.spooled(t)
	w.bridge.kill()
	w.net.cure(t, "slow drain", "upstream")
	w.bridge.start(t)
	w.bridge.waitReady(t, http.StatusOK)
	if left == 0 {
		t.Error("the spool was drained before the bridge could be killed in the middle of it")
	}
	w.load()
	w.settle(t)
	w.end(t)
	if w.oracle.refused.Load() > 0 {
		t.Errorf("%d deliveries were refused while the spool had room", w.oracle.refused.Load())
	}
}

func TestFaultAFullSpoolRefusesAndServesAgain(t *testing.T) {
	t.Parallel()
	if !planFaults(t).long {
		t.Skip("TestAFullSpoolSaysWhenToComeBackAndServesAgain is the short form")
	}
	w := startSpoolWorld(t, map[string]string{"HRBRIDGE_SPOOL_MAX_BYTES": "1MiB"})
	refused, unanswered := w.oracle.refused.Load(), w.oracle.unanswered.Load()
	w.broker.kill()
	await(t, 2*time.Minute, func() bool { return w.oracle.refused.Load() >= refused+4*worldSenders }, func() string { return "a full spool refuses nothing" })
	w.lasts(t)
	w.bridge.waitReady(t, http.StatusServiceUnavailable)
	if u := w.oracle.unanswered.Load() - unanswered; u > 0 {
		t.Errorf("%d deliveries got no answer, or one without Retry-After", u)
	}
	w.atRest(t) // under load: memory does not grow with what is refused
	w.broker.start(t)
	w.settle(t)
	w.end(t)
}

// unnamed is how old the spool's knowledge of its own end may be when the bridge is killed. What is lost of events so young cannot
// be told from what never was.
const unnamed = 2500 * time.Millisecond

// What a damaged disk destroyed is lost, and named with its extent; the rest is sent.
func TestFaultADamagedSpoolIsNamedWithItsExtent(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func([]byte) []byte{
		"torn":        func(b []byte) []byte { return b[:len(b)*2/3] },
		"bit-flipped": func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := startSpoolWorld(t, nil)
			w.broker.kill()
			long := time.After(3 * unnamed)
			w.oracle.awaitMore(t, 100)
			<-long
			w.stopLoad()
			w.bridge.kill()
			killed := time.Now()
			damageSpool(t, w.bridge.dataDir, damage)
			w.bridge.start(t)
			w.bridge.waitReady(t, http.StatusOK)
			w.broker.start(t)
			w.bridge.awaitDrained(t)
			named := int(w.bridge.metric(t, "hrbridge_spool_lost_total"))
			missing, old := w.oracle.missing(t, w.broker.url(), killed.Add(-unnamed))
			if t.Logf("%d events are missing, %d of them older than %v, and %d are named", missing, old, unnamed, named); named == 0 || named < old || named > missing {
				t.Error("the loss is not named as it is")
			}
			w.load()
			w.settle(t)
			w.end(t)
		})
	}
}

// damageSpool does something to the file of the first records.
func damageSpool(t *testing.T, dataDir string, damage func([]byte) []byte) {
	t.Helper()
	blocks := must(filepath.Glob(filepath.Join(dataDir, "spool", "jetstream", "*", "streams", "*", "msgs", "*.blk")))(t)
	if len(blocks) == 0 {
		t.Fatal("the spool has no files")
	}
	b := must(os.ReadFile(blocks[0]))(t)
	if err := os.WriteFile(blocks[0], damage(b), 0o600); err != nil {
		t.Fatal(err)
	}
}
