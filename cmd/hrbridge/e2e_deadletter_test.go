package main_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"hrbridge/bridge/signature"
)

// aLetter is what list --json says of a dead letter.
type aLetter struct {
	ID, Reason, Topic, Delivery string
	Index                       int
}

// letters are those that the bridge's own binary lists.
func letters(t *testing.T, p *process) map[string]aLetter {
	t.Helper()
	code, out, errs := p.verb(t, nil, "deadletter", "list", "--json")
	if code != 0 {
		t.Fatalf("list: exit code %d\n%s%s", code, out, errs)
	}
	byReason := map[string]aLetter{}
	for line := range strings.Lines(out) {
		var l aLetter
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		byReason[l.Reason] = l
	}
	return byReason
}

const dreamed = `{"type":"profile.dreaming.success","profile":{"key":"k","name":"Ada Example"}}`

func TestARepairedDeadLetterReachesItsSubscriber(t *testing.T) {
	t.Parallel()
	for name, broker := range map[string]func(t *testing.T) (settings map[string]string, url string){
		"embedded": func(*testing.T) (map[string]string, string) { return map[string]string{}, "" },
		"nats": func(t *testing.T) (map[string]string, string) {
			addr := freeAddr(t)
			natsServer(t, addr, t.TempDir())
			return map[string]string{"HRBRIDGE_PUBLISHER": "nats", "HRBRIDGE_NATS_URL": "nats://" + addr}, "nats://" + addr
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings, url := broker(t)
			settings["HRBRIDGE_UNKNOWN_TYPES"] = "deadletter"
			p := serve(t, checkedBinary(t), settings)
			p.waitReady(t, http.StatusOK)
			if url == "" {
				url = "nats://" + p.broker
			}
			letter := p.takeLetters(t)
			if code, out, errs := p.verb(t, nil, "deadletter", "replay", letter.ID); code != 1 || !strings.Contains(out, "unknown_types is still deadletter") {
				t.Errorf("replay before the cause is gone: exit code %d\n%s%s", code, out, errs)
			}

			if code := p.stop(t); code != 0 {
				t.Fatalf("after SIGTERM: exit code %d", code)
			}
			p.env = append(p.env, "HRBRIDGE_UNKNOWN_TYPES=publish")
			p.start(t)
			p.waitReady(t, http.StatusOK)
			if code, out, errs := p.verb(t, nil, "deadletter", "replay", "--all", "--yes"); code != 0 || !strings.Contains(errs, "1 sent, 2 skipped, 0 failed") {
				t.Errorf("replay: exit code %d\n%s%s", code, out, errs)
			}
			wantReplayed(t, url, letter)
			if len(letters(t, p)) != 3 {
				t.Error("a dead letter is gone")
			}
		})
	}
}

// takeLetters delivers three events that become dead letters, looks at what is said of them, and returns the one that can be
// repaired.
func (p *process) takeLetters(t *testing.T) aLetter {
	t.Helper()
	client := &http.Client{Timeout: 30 * time.Second}
	defer client.CloseIdleConnections()
	status, answer, err := post(client, p.url(), signature.BodyHex, []byte(`["Ada Example",`+dreamed+`,{"type":"payroll.parsing.success"}]`))
	if err != nil || status != http.StatusOK || decodeReceipt(t, answer) != (receipt{Events: 3, DeadLettered: 3}) {
		t.Fatalf("%d %s %v", status, answer, err)
	}
	if _, body, err := get("http://" + p.admin + "/metrics"); err != nil || !strings.Contains(body, `hrbridge_dead_letters_total{reason="unknown_type",source="hrflow"} 1`) {
		t.Errorf("the metrics count no dead letter by its reason: %v", err)
	}
	all := letters(t, p)
	letter := all["unknown_type"]
	if len(all) != 3 || letter.Topic != "profile.dreaming.success" || letter.Index != 1 {
		t.Fatalf("listed: %+v", all)
	}
	if !strings.Contains(p.log.String(), letter.Delivery) {
		t.Error("the log's line of the delivery has another id")
	}
	if code, out, errs := p.verb(t, nil, "deadletter", "show", letter.ID); code != 0 || !strings.Contains(out, letter.Delivery) || strings.Contains(out+errs, "Ada") {
		t.Errorf("show: exit code %d\n%s%s", code, out, errs)
	}
	return letter
}

// wantReplayed wants the letter's event on its topic, with its id.
func wantReplayed(t *testing.T, url string, letter aLetter) {
	t.Helper()
	var replayed []*natsgo.Msg
	readStream(t, url, "HRFLOW", func(m *natsgo.Msg) {
		if m.Subject == letter.Topic {
			replayed = append(replayed, m)
		}
	})
	if len(replayed) != 1 {
		t.Fatalf("%d messages on the topic; want 1, although the broker has the letter's id", len(replayed))
	}
	m := replayed[0]
	if got := m.Header["ce-id"]; len(got) != 1 || got[0] != letter.ID || string(m.Data) != dreamed || m.Header["hrbridge-reason"] != nil {
		t.Errorf("%v %s", m.Header, m.Data)
	}
}

func TestADeadLetterOutlivesAnOutageOfTheBroker(t *testing.T) {
	t.Parallel()
	addr := freeAddr(t)
	p := serve(t, checkedBinary(t), map[string]string{
		"HRBRIDGE_PUBLISHER": "nats", "HRBRIDGE_NATS_URL": "nats://" + addr, "HRBRIDGE_UNKNOWN_TYPES": "deadletter",
	})
	p.waitReady(t, http.StatusOK) // by its spool
	client := &http.Client{Timeout: 30 * time.Second}
	defer client.CloseIdleConnections()
	status, answer, err := post(client, p.url(), signature.BodyHex, []byte(`[`+dreamed+`]`))
	if err != nil || status != http.StatusOK || decodeReceipt(t, answer) != (receipt{Events: 1, DeadLettered: 1}) {
		t.Fatalf("%d %s %v", status, answer, err)
	}
	if code, out, errs := p.verb(t, nil, "deadletter", "list"); code != 3 || out != "" || !strings.Contains(errs, "is the broker running") {
		t.Errorf("list without a broker: exit code %d\n%s%s", code, out, errs)
	}
	natsServer(t, addr, t.TempDir())
	await(t, 60*time.Second, func() bool {
		code, out, _ := p.verb(t, nil, "deadletter", "list", "--json", "--reason", "unknown_type")
		return code == 0 && strings.Contains(out, `"index":0,"delivery":"`)
	}, func() string { return "the dead letter is not on its topic although the broker is there" })
}
