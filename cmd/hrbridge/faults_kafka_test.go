package main_test

import (
	"net/http"
	"testing"
	"time"

	"hrbridge/publishers/kafka/kafkatest"
)

// Kafka away under load, and the bridge killed meanwhile and while it drains. Kafka drops no repeat, so that an event whose
// acknowledgement was lost may be there twice, with one id.
func TestFaultKafkaIsAwayUnderLoad(t *testing.T) {
	t.Parallel()
	for name, kills := range map[string]int{"and the bridge goes on": 0, "and the bridge is killed": 5} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if kills == 0 && !planFaults(t).long {
				t.Skip("TestAKafkaBrokerThatIsAwayIsNoticedByNobodyWhoSends is the short form")
			}
			c := kafkatest.Start(t, kafkatest.Options{})
			w := &world{whole: t, plan: planFaults(t), oracle: newOracle(), patience: 20 * time.Second}
			w.bridge = serveKafka(t, c, map[string]string{
				"HRBRIDGE_SPOOL": "on", "HRBRIDGE_SPOOL_AFTER": "500ms", "HRBRIDGE_ANSWER_WITHIN": "10s",
			})
			w.begin(t)
			refused, unanswered := w.oracle.refused.Load(), w.oracle.unanswered.Load()
			c.Kill(t, 0)
			w.oracle.awaitMore(t, 100)
			w.lasts(t)
			if w.spooled(t) == 0 {
				t.Error("nothing is in the spool")
			}
			for range kills {
				w.bridge.kill()
				w.bridge.start(t)
				w.bridge.waitReady(t, http.StatusOK)
				w.oracle.awaitMore(t, 30)
			}
			c.Start(t)
			if kills > 0 {
				await(t, 60*time.Second, func() bool { return w.bridge.metric(t, "hrbridge_spool_drained_total") > 0 }, func() string { return "nothing is drained" })
				w.bridge.kill()
				w.bridge.start(t)
				w.bridge.waitReady(t, http.StatusOK)
			}
			w.oracle.awaitMore(t, 50)
			w.stopLoad()
			w.bridge.awaitDrained(t)
			w.oracle.auditKafka(t, c, anyRepeats)
			w.atRest(t)
			if r, u := w.oracle.refused.Load()-refused, w.oracle.unanswered.Load()-unanswered; r > 0 || u > 0 && kills == 0 {
				t.Errorf("%d deliveries were refused and %d not answered while the spool had room", r, u)
			}
		})
	}
}
