package main_test

import (
	"net/http"
	"strings"
	"testing"
)

// What the world itself destroyed cannot be there. It is named, with its extent, and what comes after it is held to.
func TestFaultABrokerThatLostItsStoreIsNamed(t *testing.T) {
	t.Parallel()
	w := startWorld(t, "batch")
	for range w.plan.rounds {
		w.broker.kill()
		w.lasts(t) // whoever had an answer has taken note of it
		lost := w.oracle.forgive()
		before := w.bridge.metric(t, "hrbridge_broker_lost_messages_total")
		w.broker.empty(t)
		w.broker.start(t)
		w.settle(t)
		if lost == 0 {
			t.Error("nothing was acknowledged before, so nothing was lost")
		}
		if named := w.bridge.metric(t, "hrbridge_broker_lost_messages_total") - before; int(named) < lost {
			t.Errorf("%d acknowledged events were lost, and %v are named", lost, named)
		}
	}
	w.end(t)
	if named := strings.Count(w.bridge.log.String(), "the broker has lost the stream"); named != w.plan.rounds {
		t.Errorf("the log names %d losses; want %d", named, w.plan.rounds)
	}
}

// Both have to recognise what the other has stored.
func TestFaultTwoBridgesThatGetTheSameDeliveryStoreItOnce(t *testing.T) {
	t.Parallel()
	for _, commit := range []string{"pipeline", "batch"} {
		t.Run(commit, func(t *testing.T) {
			t.Parallel()
			broker := startNATS(t, freeAddr(t), t.TempDir(), "")
			one := serve(t, checkedBinary(t), settingsOfWorlds(broker.url(), commit))
			other := serve(t, checkedBinary(t), settingsOfWorlds(broker.url(), commit))
			one.waitReady(t, http.StatusOK)
			other.waitReady(t, http.StatusOK)
			plan, o := planFaults(t), newOracle()
			l := worldLoad(one)
			l.also = other.url()
			stop := o.startLoad(t, l)
			for range plan.rounds {
				o.awaitMore(t, 40)
				one.kill()
				one.start(t)
				one.waitReady(t, http.StatusOK)
				o.awaitMore(t, 40)
				other.kill()
				other.start(t)
				other.waitReady(t, http.StatusOK)
			}
			o.awaitMore(t, 40)
			stop()
			o.audit(t, broker.url(), "HRFLOW")
		})
	}
}
