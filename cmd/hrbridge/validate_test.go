package main

import (
	"strings"
	"testing"
)

func TestValidateTakesWhatServeWouldTake(t *testing.T) {
	t.Parallel()
	got := try(t.Context(), []string{"HRBRIDGE_WEBHOOK_SECRET=" + inventedSecret}, "validate")
	if want := (ran{exitDone, "configuration is valid\n", ""}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestValidateNamesEverythingThatIsWrongALineEach(t *testing.T) {
	t.Parallel()
	file := configFile(t, "listn: x\ntopic: {prefix: prod}\n")
	got := try(t.Context(), []string{"HRBRIDGE_LIMITS_MAX_BODY=lots"}, "validate", "--config", file, "--publisher", "pigeons")
	lines := strings.Split(strings.TrimSpace(got.stderr), "\n")
	if got.code != exitUsage || got.stdout != "" || len(lines) != 5 {
		t.Fatalf("exit code %d, stdout %q\n%s", got.code, got.stdout, got.stderr)
	}
	for i, want := range []string{"hrbridge: listn (", "publisher = \"pigeons\" (--publisher)", "topic.prefix = \"prod\" (", "limits.max_body = \"lots\" (", "sources.hrflow.secrets "} {
		if !strings.HasPrefix(strings.TrimSpace(lines[i]), want) {
			t.Errorf("line %d is %q, want %q", i+1, lines[i], want)
		}
	}
}

func TestValidateWarnsAndIsContent(t *testing.T) {
	t.Parallel()
	got := try(t.Context(), []string{"HRBRIDGE_WEBHOOK_SECRET=1234"}, "validate")
	if got.code != exitDone || got.stdout != "configuration is valid\n" || !strings.HasPrefix(got.stderr, "hrbridge: warning: sources.hrflow.secrets = ") {
		t.Errorf("got %+v", got)
	}
}
