package bridge_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hrbridge/bridge"
)

// headers are those of m by name.
func headers(m bridge.Message) map[string]string {
	all := make(map[string]string, len(m.Headers))
	for _, h := range m.Headers {
		all[h.Name] = h.Value
	}
	return all
}

func TestADeadLetterSaysWhyWhatItClaimedToBeAndWhereItShouldHaveGone(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		event                     string
		reason, said, kind, topic string
		change                    func(*bridge.FanoutOptions)
	}{
		"a type outside the grammar": {`{"type":"Profile.Parsing"}`, "bad_type", "Profile.Parsing", "hrbridge.deadletter", "", nil},
		"a type that is not legible": {`{"type":"Ada Example"}`, "bad_type", "", "hrbridge.deadletter", "", nil},
		"no type":                    {`{}`, "no_type", "", "hrbridge.deadletter", "", nil},
		"no object":                  {`["Ada Example"]`, "not_an_object", "", "hrbridge.deadletter", "", nil},
		"an object without topics":   {`{"type":"payroll.parsing.success"}`, "unknown_object", "payroll.parsing.success", "payroll.parsing.success", "", nil},
		"a type outside the catalogue": {`{"type":"profile.dreaming.success"}`, "unknown_type", "profile.dreaming.success", "profile.dreaming.success",
			"prod.profile.dreaming.success", func(o *bridge.FanoutOptions) { o.UnknownTypes = bridge.DeadLetterUnknown }},
		"one new type too many": {`{"type":"profile.dreaming.success"}`, "too_many_new_types", "profile.dreaming.success", "profile.dreaming.success",
			"prod.profile.dreaming.success", func(o *bridge.FanoutOptions) { o.MaxNewTypes = 0 }},
		"a key too long": {fmt.Sprintf(`{"type":"profile.parsing.success","profile":{"key":"%0300d"}}`, 1), "key_too_long", "profile.parsing.success",
			"profile.parsing.success", "prod.profile.parsing.success", nil},
		"a key too long of an object without topics": {`{"type":"payroll.parsing.success","profile":{"key":"` + strings.Repeat("k", 257) + `"}}`, "key_too_long",
			"payroll.parsing.success", "payroll.parsing.success", "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := new(published)
			d, events := unpacked(t, row.event)
			f := newFanout(t, p, func(o *bridge.FanoutOptions) {
				o.TopicPrefix = "prod."
				if row.change != nil {
					row.change(o)
				}
			})
			receipt, err := f.Publish(t.Context(), d, events)
			if err != nil || receipt.DeadLettered != 1 || receipt.Published != 0 {
				t.Fatalf("%+v, %v; want one dead letter", receipt, err)
			}
			m := p.msgs[0]
			got := headers(m)
			if len(got["hrbridge-first-bytes"]) != 16 {
				t.Errorf("first bytes: %q", got["hrbridge-first-bytes"])
			}
			delete(got, "hrbridge-first-bytes")
			want := map[string]string{
				"hrbridge-reason": row.reason, "hrbridge-source": "hrflow", "hrbridge-delivery": receipt.Delivery, "hrbridge-index": "0",
			}
			if row.said != "" {
				want["hrbridge-type"] = row.said
			}
			if row.topic != "" {
				want["hrbridge-topic"] = row.topic
			}
			if diff := cmp.Diff(want, got); diff != "" || m.Type != row.kind || m.Topic != "hrbridge.deadletter" || string(m.Value) != strings.Trim(row.event, "[]") {
				t.Errorf("%+v; headers -want +got:\n%s", m, diff)
			}
			if string(events[0].Reason) != row.reason || !m.IsDeadLetter() {
				t.Errorf("the event's reason is %q; want %q", events[0].Reason, row.reason)
			}
		})
	}
}

func TestADeliveryHasOneIDForEver(t *testing.T) {
	t.Parallel()
	idOf := func(source, doc string) string {
		d, events := unpacked(t, doc)
		d.Source, d.Received = source, time.Now()
		receipt, err := newFanout(t, new(published), nil).Publish(t.Context(), d, events)
		if err != nil {
			t.Fatal(err)
		}
		return receipt.Delivery
	}
	// This is what dead letters and logs have stored: it must not change from one release to the next.
	if got, want := idOf("hrflow", `[1,2]`), "04fb7d1f941f65695b9cd378b95120a4"; got != want {
		t.Errorf("%s; want %s", got, want)
	}
	if idOf("hrflow", `[1,2]`) == idOf("other", `[1,2]`) || idOf("hrflow", `[1,2]`) == idOf("hrflow", `[1, 2]`) {
		t.Error("two deliveries have one id")
	}
}

func TestLettersThatBeginAlikeAreTold(t *testing.T) {
	t.Parallel()
	of := func(value string) string {
		return headers(bridge.Message{Value: []byte(value)}.DeadLetter("dead", bridge.ReasonRefused))["hrbridge-first-bytes"]
	}
	long := strings.Repeat("x", 64)
	if of(long+"a") != of(long+"b") || of("a") == of("b") || of("") == of("a") {
		t.Error("the hash is not of the first 64 bytes")
	}
}

// anEvent is a message as the fan-out makes it.
func anEvent() bridge.Message {
	return bridge.Message{
		ID: "34d5917d7210d9bd311df487e5e7c7bb", Topic: "prod.profile.parsing.success", Key: "p1", Source: "/hrflow/hrflow", Type: "profile.parsing.success",
		Delivery: "cf213b99afef38d0b0d70d67bdf9fdf4", Index: 3, Headers: []bridge.Header{{Name: "traceparent", Value: "00-ab-cd-01"}}, Value: []byte(`{"n":1}`),
	}
}

func TestAMessageThatABrokerRefusesBecomesADeadLetter(t *testing.T) {
	t.Parallel()
	m := anEvent()
	letter := m.DeadLetter("dead", bridge.ReasonTooLarge)
	want := m
	want.Topic = "dead"
	want.Headers = []bridge.Header{
		{Name: "traceparent", Value: "00-ab-cd-01"}, {Name: "hrbridge-reason", Value: "too_large"}, {Name: "hrbridge-type", Value: "profile.parsing.success"},
		{Name: "hrbridge-source", Value: "hrflow"}, {Name: "hrbridge-delivery", Value: m.Delivery}, {Name: "hrbridge-index", Value: "3"},
		{Name: "hrbridge-first-bytes", Value: headers(letter)["hrbridge-first-bytes"]}, {Name: "hrbridge-topic", Value: "prod.profile.parsing.success"},
	}
	if diff := cmp.Diff(want, letter); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if len(m.Headers) != 1 || m.IsDeadLetter() {
		t.Errorf("the message itself changed: %+v", m)
	}
	if diff := cmp.Diff(letter, letter.DeadLetter("dead", bridge.ReasonRefused)); diff != "" {
		t.Errorf("a dead letter became another:\n%s", diff)
	}
	m.Delivery, m.Index = "", 0
	got := headers(m.DeadLetter("dead", bridge.ReasonRefused))
	if _, ok := got["hrbridge-index"]; ok || got["hrbridge-delivery"] != "" {
		t.Errorf("an index without a delivery: %v", got)
	}
}

func TestAReplayedLetterIsTheMessageThatItShouldHaveBeen(t *testing.T) {
	t.Parallel()
	m := anEvent()
	replayed := m.DeadLetter("dead", bridge.ReasonRefused).Replay("prod.profile.parsing.success", "n1", "dead/0/7")
	want := m
	want.Nonce = "n1"
	want.Headers = append(want.Headers, bridge.Header{Name: "hrbridge-replayed-from", Value: "dead/0/7"})
	if diff := cmp.Diff(want, replayed); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if replayed.DedupeID() == m.DedupeID() || replayed.IsDeadLetter() {
		t.Error("a broker that drops repeats would drop it")
	}
}

func TestADeadLettersHeadersAreWithinTheAllowance(t *testing.T) {
	t.Parallel()
	m := anEvent()
	m.Key = strings.Repeat("\xc3\xa4", bridge.MaxKeyLength/2)
	m.Type = strings.Repeat("t", bridge.MaxTypeLength)
	m.Topic = strings.Repeat("t", 249)
	m.Source = "/hrflow/" + strings.Repeat("s", 32)
	m.Index = 1 << 30
	m.Headers = []bridge.Header{{Name: bridge.HeaderTraceparent, Value: strings.Repeat("0", 55)}}
	m = m.DeadLetter(strings.Repeat("d", 249), bridge.ReasonTooManyTypes)
	size := 512 + 3*len(m.Key) + len(m.Type) + len(m.Source) + 2*len(m.ID) // 512: a broker's own, and the names of the attributes
	for _, h := range m.Headers {
		size += len(h.Name) + len(h.Value) + len(": \r\n")
		if strings.ContainsFunc(h.Name+h.Value, func(c rune) bool { return c < ' ' || c > '~' }) {
			t.Errorf("%s is not printable ASCII", h.Name)
		}
	}
	if size > bridge.HeaderAllowance {
		t.Errorf("%d bytes; want %d at most", size, bridge.HeaderAllowance)
	}
}

func TestTheReasonsAreAClosedSet(t *testing.T) {
	t.Parallel()
	var all []string
	for _, r := range bridge.Reasons() {
		all = append(all, string(r))
	}
	want := "not_an_object no_type bad_type key_too_long unknown_object unknown_type too_many_new_types too_large refused_by_broker"
	if got := strings.Join(all, " "); got != want {
		t.Errorf("%s; want %s", got, want)
	}
}
