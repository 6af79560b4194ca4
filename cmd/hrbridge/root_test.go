package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
)

// ran is what a run of the program left.
type ran struct {
	code           int
	stdout, stderr string
}

// try runs the program to its end in this process.
func try(ctx context.Context, env []string, args ...string) ran {
	var stdout, stderr bytes.Buffer
	code := run(ctx, args, env, strings.NewReader(""), &stdout, &stderr)
	return ran{code, stdout.String(), stderr.String()}
}

func TestWhatCannotBeMeantIsAnErrorOfUsageInOneLine(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		args []string
		says string
	}{
		{"an unknown verb", []string{"sevre"}, `unknown verb "sevre"`},
		{"a verb that is nearly one", []string{"sent"}, `did you mean "send"?`},
		{"an unknown flag", []string{"version", "--loud"}, "unknown flag: --loud; see 'hrbridge version --help'"},
		{"an unknown flag without a verb", []string{"--loud"}, "unknown flag: --loud; see 'hrbridge --help'"},
		{"flags that do not go together", []string{"config", "--defaults", "--keys"}, "none of the others can be"},
		{"an argument too many", []string{"version", "now"}, `'hrbridge version' does not take "now"`},
		{"an argument too few", []string{"completion"}, "see 'hrbridge completion --help'"},
		{"a shell that nobody knows", []string{"completion", "sesh"}, `does not take "sesh"`},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			got := try(t.Context(), nil, row.args...)
			if got.code != exitUsage || got.stdout != "" {
				t.Errorf("exit code %d, stdout %q", got.code, got.stdout)
			}
			if !strings.HasPrefix(got.stderr, "hrbridge: ") || !strings.Contains(got.stderr, row.says) || strings.Count(got.stderr, "\n") != 1 {
				t.Errorf("stderr %q", got.stderr)
			}
		})
	}
}

func TestEveryVerbHasAnExampleInItsHelp(t *testing.T) {
	t.Parallel()
	for _, verb := range (&app{}).rootCommand().Commands() {
		t.Run(verb.Name(), func(t *testing.T) {
			t.Parallel()
			got := try(t.Context(), nil, verb.Name(), "--help")
			if got.code != exitDone || !strings.Contains(got.stdout, "Examples:\n  ") || !strings.Contains(got.stdout, "hrbridge "+verb.Name()) {
				t.Errorf("exit code %d\n%s%s", got.code, got.stdout, got.stderr)
			}
		})
	}
}

func TestVersionIsOneLine(t *testing.T) {
	t.Parallel()
	got := try(t.Context(), nil, "version")
	if got.code != exitDone || !strings.HasPrefix(got.stdout, "hrbridge ") || strings.Count(got.stdout, "\n") != 1 {
		t.Errorf("%+v", got)
	}
}

func TestEveryShellCanComplete(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if got := try(t.Context(), nil, "completion", shell); got.code != exitDone || !strings.Contains(got.stdout, "hrbridge") {
			t.Errorf("%s: exit code %d, %s", shell, got.code, got.stderr)
		}
	}
}

func TestWithoutAVerbTheProgramExplainsItself(t *testing.T) {
	t.Parallel()
	got := try(t.Context(), nil)
	if got.code != exitDone || !strings.Contains(got.stdout, "Available Commands:") {
		t.Errorf("%+v", got)
	}
}
