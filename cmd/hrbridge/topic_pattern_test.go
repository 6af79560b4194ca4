package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func patterns(t *testing.T, texts ...string) topicPatterns {
	t.Helper()
	var ps topicPatterns
	for _, text := range texts {
		p, err := parseTopicPattern(text)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		ps = append(ps, p)
	}
	return ps
}

func TestTopicPatternMatches(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		says    string
		pattern string
		matches string
		not     string
	}{
		{"an exact name is one topic", "profile.parsing.success", "profile.parsing.success", "profile.parsing profile.parsing.error profile.parsing.success.x"},
		{"a last star is one word or more", "profile.*", "profile.parsing profile.parsing.success profile.a.b.c", "profile job.parsing.success profiles.a"},
		{"an earlier star is exactly one word", "*.parsing.error", "job.parsing.error profile.parsing.error", "parsing.error a.b.parsing.error job.parsing.success"},
		{"stars go together", "*.parsing.*", "job.parsing.error job.parsing.a.b", "job.parsing job.embedding.error"},
		{"a lone star is everything", "*", "a a.b hrbridge.deadletter", ""},
		{"a prefix is a part of the topic", "prod.profile.*", "prod.profile.parsing.success", "profile.parsing.success"},
	} {
		ps := patterns(t, row.pattern)
		for topic := range strings.FieldsSeq(row.matches) {
			if !ps.match(topic) {
				t.Errorf("%s: %s does not match %s", row.says, row.pattern, topic)
			}
		}
		for topic := range strings.FieldsSeq(row.not) {
			if ps.match(topic) {
				t.Errorf("%s: %s matches %s", row.says, row.pattern, topic)
			}
		}
	}
	if !patterns(t).match("any.topic.at.all") {
		t.Error("no pattern does not match everything")
	}
}

func TestTopicPatternsBecomeSubjects(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		says     string
		patterns string
		want     []string
	}{
		{"none is the whole stream", "", nil},
		{"an exact name is itself", "profile.parsing.success", []string{"profile.parsing.success"}},
		{"a last star is NATS's rest", "profile.* *.parsing.error job.*.*", nil},
		{"patterns that keep apart are all asked for", "profile.* job.*.error hrbridge.deadletter", []string{"profile.>", "job.*.error", "hrbridge.deadletter"}},
		{"patterns that overlap are matched here", "profile.* profile.parsing.success", nil},
		{"patterns that overlap in part are matched here", "profile.* *.parsing.success", nil},
		{"the same pattern twice is matched here", "a.b a.b", nil},
		{"a lone star is the whole stream", "*", nil},
	} {
		if diff := cmp.Diff(row.want, patterns(t, strings.Fields(row.patterns)...).subjects()); diff != "" {
			t.Errorf("%s: %s", row.says, diff)
		}
	}
}

func TestTopicPatternRefusesWhatNoTopicCanBe(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", ".", "a.", ".a", "a..b", "prof*", "a.**", ">", "a.>", "a b", "a.\x00", "é", "$JS.API", "a\n"} {
		if _, err := parseTopicPattern(text); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

// FuzzTopicPattern holds that what is accepted is a subject that is safe to send to a broker, and that matching agrees with a
// plain second implementation.
func FuzzTopicPattern(f *testing.F) {
	for _, seed := range [][2]string{
		{"*", "a"}, {"profile.*", "profile.parsing.success"}, {"*.parsing.*", "job.parsing"}, {"a.b", "a.b"}, {"a.*.c", "a.b.c"}, {"a.>", "a.b"}, {"", ""},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, text, topic string) {
		p, err := parseTopicPattern(text)
		if err != nil {
			return
		}
		if strings.ContainsAny(p.subject(), " \t\r\n\x00") || strings.Contains(p.subject(), "..") {
			t.Fatalf("%q became the subject %q", text, p.subject())
		}
		if !p.overlaps(p) {
			t.Fatalf("%q does not overlap itself", text)
		}
		if strings.Contains(topic, anyWord) {
			return
		}
		if got, want := p.matches(topic), plainMatch(strings.Split(text, "."), strings.Split(topic, ".")); got != want {
			t.Fatalf("%q matches %q: %v, want %v", text, topic, got, want)
		}
	})
}

func plainMatch(pattern, topic []string) bool {
	switch {
	case len(pattern) == 0 || len(topic) == 0:
		return len(pattern) == len(topic)
	case len(pattern) == 1 && pattern[0] == "*":
		return true
	case pattern[0] != "*" && pattern[0] != topic[0]:
		return false
	}
	return plainMatch(pattern[1:], topic[1:])
}
