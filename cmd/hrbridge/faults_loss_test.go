package main_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// What the world itself destroyed cannot be there. It is named, with its extent, and what comes after it is held to.
func TestFaultABrokerThatLostItsStoreIsNamed(t *testing.T) {
	t.Parallel()
	w := startWorld(t, "batch")
	for range w.plan.rounds {
		before := w.bridge.metric(t, "hrbridge_broker_lost_messages_total")
		w.broker.kill()
		killed := time.Now()
		w.lasts(t)
		w.broker.empty(t)
		w.broker.start(t)
		w.bridge.waitReady(t, http.StatusOK)
		w.oracle.awaitMore(t, 20)
		w.stopLoad()
		w.bridge.awaitDrained(t)
		const answering = time.Second // an answer that was on its way when the broker was killed
		missing, old := w.oracle.missing(t, w.broker.url(), killed.Add(answering))
		if missing == 0 || old != missing {
			t.Errorf("%d events are missing, and only %d of them were acknowledged before the broker was killed", missing, old)
		}
		if named := int(w.bridge.metric(t, "hrbridge_broker_lost_messages_total") - before); named < missing {
			t.Errorf("%d acknowledged events were lost, and %d are named", missing, named)
		}
		w.load()
		w.settle(t)
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
			one.awaitDrained(t)
			other.awaitDrained(t)
			o.audit(t, broker.url(), "HRFLOW")
		})
	}
}
