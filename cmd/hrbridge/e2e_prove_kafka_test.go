package main_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"hrbridge/publishers/kafka/kafkatest"
)

func TestProveReadsBackFromKafka(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Start(t, kafkatest.Options{})
	p := serve(t, checkedBinary(t), map[string]string{
		"HRBRIDGE_PUBLISHER": "kafka", "HRBRIDGE_KAFKA_BROKERS": strings.Join(cluster.Addresses(), ","), "HRBRIDGE_KAFKA_PARTITIONS": "2",
		"HRBRIDGE_SOURCES_PROVE_SECRETS": "another-invented-secret", "HRBRIDGE_SOURCES_PROVE_TOPIC_PREFIX": "prove.",
	})
	p.waitReady(t, http.StatusOK)
	code, out, errs := p.verb(t, nil, "prove", "--events", "1000", "--redeliveries", "0.3", "--state", "kept", "--json")
	r := decodeProof(t, out, errs)
	if e := r.Events; code != 0 || !r.Proven || e.Acknowledged != 1000 || e.Stored != 1000 || e.Doubled != 0 || e.StoredAgain == 0 {
		t.Fatalf("exit code %d: %s%s", code, out, errs)
	}

	const topic = "prove.profile.parsing.success"
	admin := cluster.Admin(t)
	end := must(admin.ListEndOffsets(t.Context(), topic))(t)
	deleted := must(admin.DeleteRecords(t.Context(), end.Offsets()))(t)
	if err := deleted.Error(); err != nil {
		t.Fatal(err)
	}
	var most int64
	deleted.Each(func(d kadm.DeleteRecordsResponse) { most += d.LowWatermark })
	code, out, errs = p.verb(t, nil, "prove", "--resume", "kept", "--json")
	if r = decodeProof(t, out, errs); code != 1 || r.Proven || r.Events.Lost == 0 || int64(r.Events.Lost) > most || r.Events.Misrouted != 0 || r.Events.Altered != 0 {
		t.Errorf("after %d records were deleted: exit code %d: %s%s", most, code, out, errs)
	}
}
