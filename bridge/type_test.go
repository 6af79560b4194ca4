package bridge_test

import (
	"regexp"
	"strings"
	"testing"

	"hrbridge/bridge"
)

func TestParseTypeTakesThreeLowerCaseWords(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"profile.parsing.success", "job.embedding.error", "action.stage.success", "a.b.c", "a1.b_2.c__", "z.y.x0_",
		"profile.parsing." + strings.Repeat("x", bridge.MaxTypeLength-len("profile.parsing.")),
	} {
		got, err := bridge.ParseType(s)
		if err != nil || string(got) != s {
			t.Errorf("ParseType(%q) = %q, %v; want it as it is", s, got, err)
		}
	}
}

func TestParseTypeRefusesEverythingElse(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"", ".", "..", "...", "profile", "profile.parsing", "profile.parsing.", ".parsing.success", "profile..success",
		"profile.parsing.success.", ".profile.parsing.success", "profile.parsing.success.more",
		"Profile.parsing.success", "profile.Parsing.success", "profile.parsing.SUCCESS",
		"1profile.parsing.success", "_profile.parsing.success", "profile._parsing.success", "profile.parsing.1success",
		"profile.*.success", "profile.parsing.>", "profile.parsing.*", "profile parsing success", "profile.parsing.success ",
		" profile.parsing.success", "profile.parsing.success\n", "profile.parsing.succ\x00ess", "../etc.passwd.x",
		"profile/parsing.success.x", "profile.parsing.succès", "profile-x.parsing.success",
		"profile.parsing." + strings.Repeat("x", bridge.MaxTypeLength-len("profile.parsing.")+1),
	} {
		if got, err := bridge.ParseType(s); err == nil {
			t.Errorf("ParseType(%q) = %q; want an error", s, got)
		}
	}
}

func TestAnObjectIsTheFirstWord(t *testing.T) {
	t.Parallel()
	if got := bridge.Type("profile.parsing.success").Object(); got != "profile" {
		t.Errorf("Object() = %q; want profile", got)
	}
}

func FuzzParseType(f *testing.F) {
	for _, s := range []string{"profile.parsing.success", "a.b.c", "a..c", "A.b.c", "a.b.c.d", "a.b.", "ä.b.c", "a.b.c\n"} {
		f.Add(s)
	}
	grammar := regexp.MustCompile(`\A[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*\z`)
	f.Fuzz(func(t *testing.T, s string) {
		_, err := bridge.ParseType(s)
		if want := grammar.MatchString(s) && len(s) <= bridge.MaxTypeLength; (err == nil) != want {
			t.Errorf("ParseType(%q): %v; the grammar says %t", s, err, want)
		}
	})
}
