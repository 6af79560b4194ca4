package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestProveRefusesWhatItCannotDo(t *testing.T) {
	t.Parallel()
	env := []string{"HRBRIDGE_WEBHOOK_SECRET=" + invented}
	for _, args := range []string{
		"--events -1", "--size -1", "--rate -1", "--rate NaN", "--duration -1s", "--duration 0s", "--connections 0", "--events-per-delivery 0",
		"--redeliveries 2", "--redeliveries NaN", "--forgeries -0.1", "--timeout 0s", "--give-up 0s", "--settle 0s", "argument",
		"--yes --url localhost", "--yes --url http://127.0.0.1:8080/webhooks/hrflow", "--yes --source ats", "--resume a --state b",
		"--yes --size 2000000", "--yes --events-per-delivery 10001", "--yes --events-per-delivery 100 --size 1000000", "--config /nowhere",
		"--yes --secret-file /nowhere",
	} {
		if code, out, errs := runWith(t, env, "", append([]string{"prove"}, strings.Fields(args)...)...); code != exitUsage || out != "" || errs == "" {
			t.Errorf("%s: exit code %d: %s%s", args, code, out, errs)
		}
	}
}

func TestProveAsksBeforeInventedEventsReachSubscribers(t *testing.T) {
	t.Parallel()
	const refusal = "so to everybody who subscribes to them"
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(invented), 0o600); err != nil {
		t.Fatal(err)
	}
	two := []string{"HRBRIDGE_WEBHOOK_SECRET=" + invented, "HRBRIDGE_SOURCES_ATS_SECRETS=" + invented}
	for says, row := range map[string]struct {
		env  []string
		args []string
		code int
		err  string
	}{
		"the only source":                {two[:1], nil, exitUsage, refusal},
		"one of several":                 {two, []string{"--source", "ats"}, exitUsage, refusal},
		"none of several":                {two, nil, exitUsage, "no source prove is configured"},
		"allowed":                        {two, []string{"--source", "ats", "--yes"}, exitEnvironment, "does not answer"},
		"prove without topics":           {append(two, "HRBRIDGE_SOURCES_PROVE_SECRETS="+invented), nil, exitUsage, refusal},
		"prove with topics":              {append(two, "HRBRIDGE_SOURCES_PROVE_SECRETS="+invented, "HRBRIDGE_SOURCES_PROVE_TOPIC_PREFIX=prove."), nil, exitEnvironment, "does not answer"},
		"prove with another's":           {append(two, "HRBRIDGE_SOURCES_PROVE_SECRETS="+invented, "HRBRIDGE_SOURCES_PROVE_TOPIC_PREFIX=x.", "HRBRIDGE_SOURCES_ATS_TOPIC_PREFIX=x."), nil, exitUsage, refusal},
		"the one of serve --dev":         {two, []string{"--dev", "--secret-file", file}, exitEnvironment, "does not answer"},
		"serve --dev without a secret":   {append(two, "HRBRIDGE_DATA_DIR=/nowhere"), []string{"--dev"}, exitUsage, "read the secret"},
		"a source that has no secret":    {[]string{"HRBRIDGE_SOURCES_PROVE_TOPIC_PREFIX=prove."}, nil, exitUsage, "no secret to sign with"},
		"a source with its own file":     {[]string{"HRBRIDGE_SOURCES_PROVE_TOPIC_PREFIX=prove.", "HRBRIDGE_SOURCES_PROVE_SECRET_FILES=" + file}, nil, exitEnvironment, "does not answer"},
		"obligations that are not there": {two, []string{"--resume", filepath.Join(t.TempDir(), "none")}, exitUsage, "read the obligations"},
	} {
		args := append([]string{"prove", "--url", "http://127.0.0.1:1"}, row.args...)
		code, out, errs := runWith(t, append([]string{"HRBRIDGE_EMBEDDED_LISTEN=127.0.0.1:1"}, row.env...), "y\n", args...)
		if code != row.code || !strings.Contains(errs, row.err) || out != "" {
			t.Errorf("%s: exit code %d, want %d: %s%s", says, code, row.code, out, errs)
		}
	}
}
