package kafka

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	kafkago "github.com/segmentio/kafka-go"

	"hrbridge/bridge"
)

func TestAMessageIsReadFromWhatTheTopicHolds(t *testing.T) {
	t.Parallel()
	header := func(name, value string) kafkago.Header { return kafkago.Header{Key: name, Value: []byte(value)} }
	at := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	for name, row := range map[string]struct {
		key     []byte
		headers []kafkago.Header
		want    bridge.Message
	}{
		"one of ours": {
			[]byte("Zoë Beispiel"),
			[]kafkago.Header{
				header("ce_specversion", "1.0"), header("ce_id", "i"), header("ce_source", "/hrflow/s"), header("ce_type", "t"),
				header("ce_time", "2026-01-02T03:04:05.000006Z"), header("ce_subject", "Zoë Beispiel"), header("content-type", "application/json"),
				header("hrbridge-reason", "bad_type"),
			},
			bridge.Message{
				ID: "i", Key: "Zoë Beispiel", Source: "/hrflow/s", Type: "t", Time: at,
				Headers: []bridge.Header{{Name: "hrbridge-reason", Value: "bad_type"}},
			},
		},
		"one of somebody else's": {nil, []kafkago.Header{header("ce_time", "yesterday"), header("other", "x")}, bridge.Message{
			Headers: []bridge.Header{{Name: "other", Value: "x"}},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			row.want.Topic, row.want.Value = "profile.parsing.success", []byte("{}")
			got := message("profile.parsing.success", row.key, []byte("{}"), row.headers)
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
