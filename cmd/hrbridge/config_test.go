package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const inventedSecret = "an-invented-secret-of-32-letters"

// configFile makes a configuration file that only its owner can read.
func configFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hrbridge.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestConfigPrintsWhatHoldsAndWhereItComesFrom(t *testing.T) {
	t.Parallel()
	file := configFile(t, "topic:\n  prefix: prod.\n")
	env := []string{"HRBRIDGE_WEBHOOK_SECRET=" + inventedSecret, "HRBRIDGE_LISTEN=127.0.0.1:9000"}
	got := try(t.Context(), env, "config", "--config", file, "--answer-within", "3s")
	if got.code != exitDone || strings.Contains(got.stdout+got.stderr, inventedSecret) {
		t.Fatalf("exit code %d\n%s%s", got.code, got.stdout, got.stderr)
	}
	for _, want := range []string{
		"listen: \"127.0.0.1:9000\"  # HRBRIDGE_LISTEN\n", "  prefix: prod.  # " + file + ":2\n", "answer_within: 3s  # --answer-within\n",
		"    secrets: \"***\"  # HRBRIDGE_WEBHOOK_SECRET\n", "retry_after: 5s\n",
	} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("%q is missing in\n%s", want, got.stdout)
		}
	}
}

func TestConfigNeedsNoSecretToPrint(t *testing.T) {
	t.Parallel()
	if got := try(t.Context(), nil, "config"); got.code != exitDone || !strings.Contains(got.stdout, "secrets: []\n") {
		t.Errorf("exit code %d\n%s%s", got.code, got.stdout, got.stderr)
	}
}

func TestConfigRefusesAConfigurationThatIsWrong(t *testing.T) {
	t.Parallel()
	got := try(t.Context(), nil, "config", "--listen", "8080")
	if got.code != exitUsage || got.stdout != "" || !strings.HasPrefix(got.stderr, `hrbridge: listen = "8080" (--listen) is not host:port; `) {
		t.Errorf("exit code %d\n%s%s", got.code, got.stdout, got.stderr)
	}
}

func TestConfigMakesAFileToStartFrom(t *testing.T) {
	t.Parallel()
	made := try(t.Context(), nil, "config", "--defaults")
	if made.code != exitDone {
		t.Fatalf("exit code %d: %s", made.code, made.stderr)
	}
	env := []string{"HRBRIDGE_WEBHOOK_SECRET=" + inventedSecret}
	if got := try(t.Context(), env, "validate", "--config", configFile(t, made.stdout)); got.code != exitDone || got.stderr != "" {
		t.Errorf("exit code %d: %s", got.code, got.stderr)
	}
}

func TestConfigListsTheKeys(t *testing.T) {
	t.Parallel()
	got := try(t.Context(), nil, "config", "--keys")
	if got.code != exitDone {
		t.Fatalf("exit code %d: %s", got.code, got.stderr)
	}
	rows := make(map[string][]string)
	for line := range strings.Lines(got.stdout) {
		if columns := strings.Fields(line); len(columns) > 2 {
			rows[columns[0]] = columns[1:]
		}
	}
	if want := "HRBRIDGE_LISTEN --listen :8080"; strings.Join(rows["listen"], " ") != want {
		t.Errorf("listen: got %q, want %q", rows["listen"], want)
	}
	if want := "HRBRIDGE_NATS_TOKEN -"; strings.Join(rows["nats.token"], " ") != want {
		t.Errorf("nats.token: got %q, want %q", rows["nats.token"], want)
	}
}
