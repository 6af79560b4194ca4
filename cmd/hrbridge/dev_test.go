package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheSecretOfDevIsMadeOnceAndIsPrivate(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	first, file, err := devSecret(dir)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 || !filepath.IsAbs(file) || len(first) < 24 {
		t.Errorf("mode %o, file %s, a secret of %d letters", info.Mode().Perm(), file, len(first))
	}
	second, _, err := devSecret(dir)
	if err != nil || second != first {
		t.Errorf("the second start has another secret, or %v", err)
	}
	other, _, err := devSecret(t.TempDir())
	if err != nil || other == first {
		t.Errorf("another data folder has the same secret, or %v", err)
	}
}

func TestASecretOfDevThatIsEmptyIsNotUsed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, devSecretFile), []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := devSecret(dir); err == nil || !strings.Contains(err.Error(), "remove it") {
		t.Errorf("error %v", err)
	}
}

func TestDevPrintsCommandsThatAShellReadsBack(t *testing.T) {
	t.Parallel()
	text := guide{
		program: "/opt/my tools/hrbridge", secretFile: "/data/it's/dev-secret", source: "hrflow", proveFile: "/data/it's/dev-secret",
		ingress: "[::]:8080", admin: "127.0.0.1:8081", broker: "nats://127.0.0.1:4222",
	}.String()
	for _, want := range []string{
		`'/opt/my tools/hrbridge' send --url http://127.0.0.1:8080/webhooks/hrflow --secret-file '/data/it'\''s/dev-secret'`,
		`'/opt/my tools/hrbridge' tail --url nats://127.0.0.1:4222`,
		`'/opt/my tools/hrbridge' prove --dev --url http://127.0.0.1:8080 --secret-file '/data/it'\''s/dev-secret' --duration 10s`,
		"curl http://127.0.0.1:8081/readyz",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in:\n%s", want, text)
		}
	}
}
