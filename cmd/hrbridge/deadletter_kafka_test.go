package main

import (
	"strings"
	"testing"

	"hrbridge/bridge"
	"hrbridge/publishers/kafka/kafkatest"
)

func TestDeadLettersAreWorkedOnOnKafka(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Start(t, kafkatest.Options{})
	l := newLetters(t, true, "HRBRIDGE_PUBLISHER=kafka", "HRBRIDGE_KAFKA_BROKERS="+strings.Join(cluster.Addresses(), ","), "HRBRIDGE_KAFKA_PARTITIONS=1", "HRBRIDGE_SPOOL=off")
	all := l.listed(t)
	if len(all) != 4 || all[0].Reason != "no_type" || all[3].Reason != "not_an_object" || all[2].Delivery != all[3].Delivery || len(all[2].Delivery) != 32 {
		t.Fatalf("listed: %+v", all)
	}
	code, out, errs := runWith(t, l.env, "", "deadletter", "show", all[3].ID, "--raw")
	if code != 0 || out != rubbish {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	l.wantReplayed(t)

	// A topic that somebody mistyped is not made.
	code, out, errs = runWith(t, l.env, "", "deadletter", "replay", l.id(t, bridge.ReasonNoType), "--to", "profil.parsing.success")
	if code != 1 || !strings.Contains(out, "failed ") || strings.Contains(out+errs, "Ada") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	if got := l.on(t, "profil.parsing.success"); len(got) != 0 {
		t.Errorf("%d messages on a topic that nobody made", len(got))
	}
	if err := l.keep.Close(); err != nil {
		t.Error(err)
	}
	cluster.Stop(t)
	if code, out, errs := runWith(t, l.env, "", "deadletter", "list"); code != 3 || out != "" {
		t.Errorf("without brokers: exit code %d: %s%s", code, out, errs)
	}
}
