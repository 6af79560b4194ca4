package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"hrbridge/bridge"
)

// record is a stored message about an invented person.
func record(topic string, changes ...func(*bridge.Record)) bridge.Record {
	r := bridge.Record{
		Message:  bridge.Message{ID: "id1", Topic: topic, Key: "k1", Type: topic, Value: []byte(`{"name":"Ada Example"}`)},
		Sequence: 7,
		Stored:   time.Date(2026, time.January, 31, 8, 0, 0, 120_000_000, time.FixedZone("", 3600)),
	}
	for _, change := range changes {
		change(&r)
	}
	return r
}

func value(text string) func(*bridge.Record) {
	return func(r *bridge.Record) { r.Message.Value = []byte(text) }
}

func shown(t *testing.T, raw bool, r bridge.Record) (stdout, stderr string) {
	t.Helper()
	var out, errs strings.Builder
	f := follower{raw: raw, stdout: &out, stderr: &errs}
	if err := f.show(r); err != nil {
		t.Fatal(err)
	}
	return out.String(), errs.String()
}

func TestTailShowsMetadata(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		says   string
		record bridge.Record
		want   string
	}{
		{
			"no content", record("profile.parsing.success"),
			"2026-01-31T07:00:00.120Z  profile.parsing.success  seq=7  id=id1  size=22  key=k1\n",
		},
		{
			"no key where there is none", record("agent.training.error", func(r *bridge.Record) { r.Message.Key = "" }),
			"2026-01-31T07:00:00.120Z  agent.training.error  seq=7  id=id1  size=22\n",
		},
		{
			"the reason of a dead letter, and the type that it claims",
			record("hrbridge.deadletter", func(r *bridge.Record) {
				r.Message.Headers = []bridge.Header{{Name: bridge.HeaderReason, Value: "bad_type"}, {Name: bridge.HeaderType, Value: "Profile"}, {Name: "other", Value: "x"}}
			}),
			"2026-01-31T07:00:00.120Z  hrbridge.deadletter  seq=7  id=id1  size=22  key=k1  reason=bad_type  type=Profile\n",
		},
		{
			"control characters escaped", record("job.parsing.success", func(r *bridge.Record) { r.Message.Key = "k\n\x1b[2J" }),
			`2026-01-31T07:00:00.120Z  job.parsing.success  seq=7  id=id1  size=22  key=k\n\x1b[2J` + "\n",
		},
	} {
		if out, errs := shown(t, false, row.record); out != row.want || errs != "" {
			t.Errorf("%s:\ngot  %swant %s%s", row.says, out, row.want, errs)
		}
	}
}

func TestTailShowsRawValuesAsLines(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ says, value, want string }{
		{"byte for byte", `{"b": 1.50,  "a":"\u0041é\/"}`, `{"b": 1.50,  "a":"\u0041é\/"}` + "\n"},
		{"on one line", "{\"b\": 1.50,\r\n \"a\":\"\\u0041\\n \"}\n", `{"b":1.50,"a":"\u0041\n "}` + "\n"},
		{"scalars too", "1", "1\n"},
	} {
		if out, errs := shown(t, true, record("a.b", value(row.value))); out != row.want || errs != "" {
			t.Errorf("%s: got %q, want %q %s", row.says, out, row.want, errs)
		}
	}
	for _, foreign := range []string{"", "\x1b[2J", "{", "1 2", "not json\n"} {
		out, errs := shown(t, true, record("a.b", value(foreign)))
		if out != "" || !strings.Contains(errs, "is not JSON and is left out: ") || !strings.Contains(errs, "seq=7") || strings.ContainsRune(errs, '\x1b') {
			t.Errorf("%q: got %q %q", foreign, out, errs)
		}
	}
}

func FuzzJSONLine(f *testing.F) {
	for _, seed := range []string{`{"a": 1}`, "[\n1,\r2]", `"\n"`, "\x1b", "1 2", "\"\u2028\""} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		before := string(value)
		line, ok := jsonLine(value)
		if !ok {
			return
		}
		text, closed := strings.CutSuffix(string(line), "\n")
		if !closed || strings.ContainsAny(text, "\r\n\x1b") {
			t.Fatalf("%q became %q", before, line)
		}
		if !strings.ContainsAny(before, "\r\n") && text != before || string(value) != before {
			t.Fatalf("%q was changed to %q", before, text)
		}
	})
}

func TestTailShowsWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	f := follower{patterns: patterns(t, "profile.*", "*.parsing.success"), count: 2, stdout: &out, stderr: &out}
	var last error
	var topics []string
	for _, topic := range []string{"job.parsing.error", "job.parsing.success", "action.stage.success", "profile.parsing.success"} {
		if last != nil {
			t.Fatalf("ended early: %v", last)
		}
		last = f.show(record(topic))
	}
	for line := range strings.Lines(out.String()) {
		topics = append(topics, strings.Fields(line)[1])
	}
	if !errors.Is(last, errEnough) || strings.Join(topics, " ") != "job.parsing.success profile.parsing.success" {
		t.Errorf("%v, shown: %v", last, topics)
	}
}

func TestTailBeginsWhereItIsTold(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]bridge.From{
		"now":                       {},
		"start":                     {Start: true},
		"10m":                       {Since: now.Add(-10 * time.Minute)},
		"1h30m":                     {Since: now.Add(-90 * time.Minute)},
		"2026-01-31T08:00:00Z":      {Since: time.Date(2026, time.January, 31, 8, 0, 0, 0, time.UTC)},
		"2026-01-31T08:00:00+01:00": {Since: time.Date(2026, time.January, 31, 7, 0, 0, 0, time.UTC)},
	} {
		got, err := parseFrom(text, now)
		if err != nil || got.Start != want.Start || !got.Since.Equal(want.Since) {
			t.Errorf("%s: got %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "-10m", "yesterday", "10", "2026-01-31", "Start", "\x1b"} {
		if _, err := parseFrom(text, now); err == nil || strings.ContainsRune(err.Error(), '\x1b') {
			t.Errorf("%q: %v", text, err)
		}
	}
}
