package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"hrbridge/bridge"
)

func TestDeadLettersAreListedNewestFirstWithoutContent(t *testing.T) {
	t.Parallel()
	for name, make := range on(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := make(t)
			all := l.listed(t)
			if got := reasonsOf(all); got != "no_type unknown_object unknown_type not_an_object" {
				t.Fatalf("listed: %s", got)
			}
			want := letter{
				Stored: all[2].Stored, ID: all[2].ID, Reason: "unknown_type", Source: "hrflow", Type: "profile.dreaming.success",
				Topic: "profile.dreaming.success", Index: "2", Delivery: all[3].Delivery, FirstBytes: all[2].FirstBytes, Received: all[2].Received,
				Size: len(dreamed), Partition: all[2].Partition, Sequence: all[2].Sequence,
			}
			if all[2] != want || len(want.ID) != 32 || len(want.Delivery) != 32 || want.Stored.IsZero() || want.Received.IsZero() {
				t.Errorf("listed: %+v", all[2])
			}
			code, out, errs := runWith(t, l.env, "", "deadletter", "list")
			if lines := strings.Split(out, "\n"); code != 0 || len(lines) != 6 || !strings.HasPrefix(lines[0], "STORED  ") || !strings.Contains(lines[3], want.ID+"  unknown_type") {
				t.Errorf("exit code %d:\n%s%s", code, out, errs)
			}
			if strings.Contains(out+errs, "Ada") || strings.Contains(out+errs, "example.org") {
				t.Errorf("content is shown:\n%s", out)
			}
		})
	}
}

func TestDeadLettersAreSelected(t *testing.T) {
	t.Parallel()
	l := on(t)["nats"](t)
	for args, want := range map[string]string{
		"--reason no_type":                     "no_type",
		"--reason unknown_type,unknown_object": "unknown_object unknown_type",
		"--source other":                       "no_type",
		"--source nobody":                      "",
		"--limit 2":                            "no_type unknown_object",
		"--limit 0":                            "no_type unknown_object unknown_type not_an_object",
		"--since 1h":                           "no_type unknown_object unknown_type not_an_object",
		"--since 0s":                           "",
		"--until 1h":                           "",
		"--since 2h --until 0s --reason bad_type": "",
		"--until 2126-01-31T08:00:00Z --limit 1":  "no_type",
	} {
		if got := reasonsOf(l.listed(t, strings.Fields(args)...)); got != want {
			t.Errorf("%s: %q; want %q", args, got, want)
		}
	}
	if code, out, errs := runWith(t, l.env, "", "deadletter", "list", "--limit", "3"); code != 0 || strings.Count(out, "\n") != 4 || !strings.Contains(errs, "the newest 3 of 4") {
		t.Errorf("exit code %d:\n%s%s", code, out, errs)
	}
}

func TestADeadLetterIsShownItsContentOnDemand(t *testing.T) {
	t.Parallel()
	l := on(t)["nats"](t)
	id := l.id(t, bridge.ReasonUnknownType)
	code, out, errs := runWith(t, l.env, "", "deadletter", "show", id)
	for _, want := range []string{id, "unknown_type", "hrflow", "profile.dreaming.success", "hrbridge.deadletter/0/", "p1"} {
		if !strings.Contains(out, want) {
			t.Errorf("shown without %q", want)
		}
	}
	if code != 0 || errs != "" || strings.Contains(out, "Ada") {
		t.Errorf("exit code %d:\n%s%s", code, out, errs)
	}
	if code, out, errs := runWith(t, l.env, "", "deadletter", "show", id, "--content"); code != 0 || !strings.HasSuffix(out, "\n\n"+dreamed+"\n") {
		t.Errorf("exit code %d:\n%s%s", code, out, errs)
	}
	if code, out, errs := runWith(t, l.env, "", "deadletter", "show", id, "--raw"); code != 0 || out != dreamed {
		t.Errorf("exit code %d:\n%s%s", code, out, errs)
	}
	if code, out, errs := runWith(t, l.env, "", "deadletter", "show", "nothing"); code != 1 || out != "" || !strings.Contains(errs, "no dead letter nothing") {
		t.Errorf("exit code %d:\n%s%s", code, out, errs)
	}
}

func TestAReplayedLetterIsOnItsTopicWithItsID(t *testing.T) {
	t.Parallel()
	for name, make := range on(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			make(t).wantReplayed(t)
		})
	}
}

// wantReplayed replays the letter that can be repaired, more than once.
func (l *letters) wantReplayed(t *testing.T) {
	t.Helper()
	before := len(l.listed(t))
	id := l.id(t, bridge.ReasonUnknownType)
	for n := 1; n <= 2; n++ { // again within the window in which brokers drop repeats: every run is meant
		code, out, errs := runWith(t, l.env, "", "deadletter", "replay", id)
		if code != 0 || out != "sent      "+id+"  to profile.dreaming.success\n" || !strings.Contains(errs, "1 sent, 0 skipped, 0 failed") {
			t.Fatalf("exit code %d:\n%s%s", code, out, errs)
		}
		got := l.on(t, "profile.dreaming.success")
		if len(got) != n {
			t.Fatalf("%d messages; want %d", len(got), n)
		}
		m := got[n-1]
		if m.ID != id || m.Key != "p1" || m.Type != "profile.dreaming.success" || m.Source != "/hrflow/hrflow" || string(m.Value) != dreamed ||
			m.Time.IsZero() || m.IsDeadLetter() || !strings.HasPrefix(m.Header(bridge.HeaderReplayedFrom), "hrbridge.deadletter/0/") {
			t.Errorf("%+v", m)
		}
	}
	if got := l.listed(t); len(got) != before {
		t.Errorf("%d letters afterwards; want %d", len(got), before)
	}
}

func TestAReplaySaysWhatItDidOfEachLetter(t *testing.T) {
	t.Parallel()
	l := on(t)["nats"](t)
	code, out, errs := runWith(t, l.env, "", "deadletter", "replay", "--all", "--yes")
	if code != 0 || strings.Count(out, "sent ") != 1 || strings.Count(out, "it has no topic; name one with --to") != 3 || !strings.Contains(errs, "1 sent, 3 skipped, 0 failed") {
		t.Errorf("exit code %d:\n%s%s", code, out, errs)
	}
	// --to names one, and the message gets the type of it where it had none.
	code, out, errs = runWith(t, l.env, "", "deadletter", "replay", "--source", "other", "--to", "job.parsing.success")
	if code != 0 || !strings.Contains(out, "to job.parsing.success") {
		t.Errorf("exit code %d:\n%s%s", code, out, errs)
	}
	if got := l.on(t, "job.parsing.success"); len(got) != 1 || got[0].Type != "job.parsing.success" || string(got[0].Value) != "{}" {
		t.Errorf("%+v", got)
	}
	// One that cannot be sent does not keep the others.
	code, out, errs = runWith(t, l.env, "", "deadletter", "replay", "--reason", "not_an_object,no_type", "--to", "planet.parsing.success", "--yes")
	if code != 1 || strings.Count(out, "failed ") != 2 || !strings.Contains(errs, "0 sent, 0 skipped, 2 failed") {
		t.Errorf("exit code %d:\n%s%s", code, out, errs)
	}
	// An id that is not there, and one that has no topic, are failures: they were meant.
	for _, id := range []string{"nothing", l.id(t, bridge.ReasonNotObject)} {
		if code, out, errs := runWith(t, l.env, "", "deadletter", "replay", id); code != 1 || strings.Contains(out, "sent ") {
			t.Errorf("%s: exit code %d:\n%s%s", id, code, out, errs)
		}
	}
	if strings.Contains(out+errs, "Ada") {
		t.Errorf("content is shown:\n%s%s", out, errs)
	}
}

func TestAReplayOfSeveralIsAskedFor(t *testing.T) {
	t.Parallel()
	l := on(t)["nats"](t)
	replay := []string{"deadletter", "replay", "--reason", "not_an_object,no_type", "--to", "job.parsing.success"}
	for stdin, sent := range map[string]int{"": 0, "n\n": 0, "y\n": 2} {
		before := len(l.on(t, "job.parsing.success"))
		code, out, errs := runWith(t, l.env, stdin, replay...)
		if (code == 0) != (sent > 0) || !strings.Contains(errs, "send 2 dead letters?") || len(l.on(t, "job.parsing.success")) != before+sent {
			t.Errorf("%q: exit code %d:\n%s%s", stdin, code, out, errs)
		}
	}
	before := len(l.on(t, "job.parsing.success"))
	if code, out, errs := runWith(t, l.env, "", append(replay, "--dry-run")...); code != 0 || strings.Count(out, "would go ") != 2 || !strings.Contains(errs, "nothing was done") {
		t.Errorf("exit code %d:\n%s%s", code, out, errs)
	}
	if got := len(l.on(t, "job.parsing.success")); got != before {
		t.Errorf("a dry run sent %d", got-before)
	}
}

func TestWhatWouldBeADeadLetterAgainIsNotReplayed(t *testing.T) {
	t.Parallel()
	l := on(t)["nats"](t)
	l.env = append(l.env, "HRBRIDGE_UNKNOWN_TYPES=deadletter")
	code, out, errs := runWith(t, l.env, "", "deadletter", "replay", "--reason", "unknown_type")
	if code != 0 || !strings.Contains(out, "unknown_types is still deadletter") || len(l.on(t, "profile.dreaming.success")) != 0 {
		t.Errorf("exit code %d:\n%s%s", code, out, errs)
	}
}

func TestManyLettersAreReplayedInOrder(t *testing.T) {
	t.Parallel()
	const count = 2*replayBatch + 50
	l := on(t)["the embedded broker of a bridge that runs"](t)
	var events []bridge.Message
	for i := range count {
		m := bridge.Message{
			ID: fmt.Sprintf("%032d", i), Topic: "job.parsing.success", Key: "j1", Source: "/hrflow/hrflow", Type: "job.parsing.success",
			Time: time.Now(), Value: fmt.Appendf(nil, `{"n":%d}`, i),
		}
		events = append(events, m.DeadLetter("hrbridge.deadletter", bridge.ReasonRefused))
	}
	if err := l.keep.Publish(t.Context(), events); err != nil {
		t.Fatal(err)
	}
	code, out, errs := runWith(t, l.env, "", "deadletter", "replay", "--reason", "refused_by_broker", "--yes")
	if code != 0 || !strings.Contains(errs, fmt.Sprintf("%d sent", count)) {
		t.Fatalf("exit code %d:\n%s%s", code, out, errs)
	}
	got := l.on(t, "job.parsing.success")
	if len(got) != count {
		t.Fatalf("%d messages; want %d", len(got), count)
	}
	for i, m := range got {
		if m.ID != fmt.Sprintf("%032d", i) {
			t.Fatalf("message %d is %s", i, m.ID)
		}
	}
}

func TestDeadLettersAreExported(t *testing.T) {
	t.Parallel()
	l := on(t)["nats"](t)
	code, out, errs := runWith(t, l.env, "", "deadletter", "export", "--source", "hrflow")
	if code != 0 || !strings.Contains(errs, "personal data") {
		t.Errorf("exit code %d: %s", code, errs)
	}
	var values []string
	for line := range strings.Lines(out) {
		var one struct {
			Reason string          `json:"reason"`
			Value  json.RawMessage `json:"value"`
		}
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatal(err)
		}
		values = append(values, one.Reason+" "+string(one.Value))
	}
	want := []string{"not_an_object " + rubbish, "unknown_type " + dreamed, "unknown_object " + payroll}
	if strings.Join(values, "\n") != strings.Join(want, "\n") {
		t.Errorf("exported: %q", values)
	}
	line := must(exportLine(letter{}, bridge.Message{Value: []byte{0xff, 0}}))(t)
	if !strings.Contains(string(line), `"value_base64":"/wA="`) {
		t.Errorf("exported: %s", line)
	}
}

func TestDeadLettersOfABrokerThatIsAway(t *testing.T) {
	t.Parallel()
	away := embeddedEnv(t)
	for name, env := range map[string][]string{
		"nats":     {"HRBRIDGE_PUBLISHER=nats", "HRBRIDGE_NATS_URL=nats://127.0.0.1:1"},
		"embedded": away,
	} {
		for _, args := range [][]string{{"list"}, {"show", "x"}, {"replay", "--all"}, {"export"}} {
			if code, out, errs := runWith(t, env, "", append([]string{"deadletter"}, args...)...); code != 3 || out != "" || !strings.Contains(errs, "hrbridge: ") {
				t.Errorf("%s, %v: exit code %d: %s%s", name, args, code, out, errs)
			}
		}
	}
	dir := strings.TrimPrefix(away[0], "HRBRIDGE_DATA_DIR=")
	if left := must(os.ReadDir(dir))(t); len(left) != 0 {
		t.Errorf("the data folder of no bridge has %v", left)
	}
}

func TestDeadletterRefusesWhatCannotBeMeant(t *testing.T) {
	t.Parallel()
	for _, args := range []string{
		"nothing", "list --reason none", "list --since yesterday", "list --until -1h", "list --since 1h --until 2h", "list --limit -1", "list all",
		"show", "show a b", "show a --raw --content", "replay", "replay a --all", "replay --all --reason no_type", "replay a --to profile.*",
		"replay a --to hrbridge.deadletter", "export now", "list --config /nowhere/at/all.yaml",
	} {
		if code, out, errs := runWith(t, brokerEnv(emptyServer(t)), "", append([]string{"deadletter"}, strings.Fields(args)...)...); code != 2 || out != "" {
			t.Errorf("%s: exit code %d: %s%s", args, code, out, errs)
		}
	}
}

func TestADeadLettersTextsCannotMoveACursor(t *testing.T) {
	t.Parallel()
	var out, errs strings.Builder
	a := &app{stdout: &out, stderr: &errs}
	l := newLetter(bridge.Record{Message: bridge.Message{ID: "a\x1b[2Jb", Headers: []bridge.Header{{Name: "hrbridge-reason", Value: "x\ty\n"}}}})
	if err := a.printLetters([]letter{l}, 1, false); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(out.String(), "\x1b\t") || strings.Count(out.String(), "\n") != 2 {
		t.Errorf("%q", out.String())
	}
}
