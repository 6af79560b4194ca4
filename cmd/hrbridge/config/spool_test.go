package config_test

import (
	"strings"
	"testing"
	"time"

	"hrbridge/publishers/spool"
)

func TestTheSpoolIsOneWordOrASection(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		given given
		mode  spool.Mode
		after time.Duration
	}{
		"nothing said":             {given{}, spool.On, 2 * time.Second},
		"a word":                   {given{file: "spool: off"}, spool.Off, 2 * time.Second},
		"a section":                {given{file: "spool: {after: 1s, mode: off}"}, spool.Off, time.Second},
		"a section without a mode": {given{file: "spool:\n  after: 1s"}, spool.On, time.Second},
		"the variable":             {given{file: "spool: {after: 1s}", env: []string{"HRBRIDGE_SPOOL=off", "HRBRIDGE_SPOOL_AFTER=3s"}}, spool.Off, 3 * time.Second},
		"a flag":                   {given{file: "spool: off", flags: []string{"--spool=on", "--spool-after=4s"}}, spool.On, 4 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			row.given.env = append(row.given.env, "HRBRIDGE_PUBLISHER=nats")
			o := mustLoad(t, withSecret(row.given)).Publisher().Spool
			if o.Mode != row.mode || o.After != row.after {
				t.Errorf("mode %q, after %v; want %q, %v", o.Mode, o.After, row.mode, row.after)
			}
		})
	}
}

func TestASpoolThatCannotWorkIsRefused(t *testing.T) {
	t.Parallel()
	for file, says := range map[string]string{
		"publisher: nats\nspool: {after: 5s}":                    "spool.after",
		"publisher: nats\nspool: perhaps":                        "one of on, off",
		"publisher: nats\nspool: [on]":                           "spool",
		"publisher: nats\nspool: {max_bytes: 1KiB}":              "spool.max_bytes",
		"publisher: nats\nanswer_within: 1s\nspool: {after: 1s}": "nothing could be spooled in time",
		"publisher: nats\nspool: on\nspool: {after: 1s}":         "spool",
	} {
		if _, _, err := load(t, withSecret(given{file: file})); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", file, err)
		}
	}
}
