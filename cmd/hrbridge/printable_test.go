package main

import "testing"

func TestPrintable(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                     "",
		"profile.*":            "profile.*",
		"Zoé \"quoted\" a\\b":  "Zoé \"quoted\" a\\b",
		"a\nb\r\tc":            `a\nb\r\tc`,
		"\x1b[2J\x07\x7f":      `\x1b[2J\a\x7f`,
		"\u009b31m":            `\u009b31m`,
		"evil\u202etxt.exe":    `evil\u202etxt.exe`,
		"\xff":                 `\ufffd`,
		"\U000e0001 invisible": `\U000e0001 invisible`,
	} {
		if got := printable(in); got != want {
			t.Errorf("printable(%q) = %q, want %q", in, got, want)
		}
	}
}
