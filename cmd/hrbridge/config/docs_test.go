package config_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hrbridge/cmd/hrbridge/config"
)

var update = flag.Bool("update", false, "write the generated parts of the documentation anew")

const (
	documentation = "../../../docs/configuration.md"
	example       = "../../../examples/hrbridge.yaml"

	tableBegins = "<!-- keys: made from the table of keys by go test ./cmd/hrbridge/config -update -->\n"
	tableEnds   = "<!-- end of keys -->\n"
)

func TestTheDocumentationHasEveryKeyAsItIs(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(documentation)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(text), tableBegins)
	_, after, ends := strings.Cut(rest, tableEnds)
	if !begins || !ends {
		t.Fatalf("%s has no place for the keys", documentation)
	}
	compare(t, documentation, string(text), before+tableBegins+"\n"+config.Table()+"\n"+tableEnds+after)
}

func TestTheExampleFileIsTheDefaults(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(example)
	if err != nil && !*update {
		t.Fatal(err)
	}
	compare(t, example, string(text), config.DefaultYAML())
}

// compare fails where a file is not what it should be, or makes it so with -update.
func compare(t *testing.T, file, got, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(filepath.Clean(file), []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("%s is out of date; run: go test ./cmd/hrbridge/config -update\n%s", file, diff)
	}
}

func TestTheExampleFileChangesNothing(t *testing.T) {
	t.Parallel()
	want := mustLoad(t, withSecret(given{})).String()
	if diff := cmp.Diff(want, mustLoad(t, withSecret(given{file: withoutSources(config.DefaultYAML())})).String()); diff != "" {
		t.Error(diff)
	}
}

var commentedOut = regexp.MustCompile(`(?m)^( *)#([a-z_]+:)`)

func TestEveryLineOfTheExampleFileIsTheDefault(t *testing.T) {
	t.Parallel()
	file := commentedOut.ReplaceAllString(withoutSources(config.DefaultYAML()), "$1$2")
	got := mustLoad(t, withSecret(given{file: file})).String()
	origins := regexp.MustCompile(`(?m)  # .*$`)
	want := mustLoad(t, withSecret(given{})).String()
	if diff := cmp.Diff(origins.ReplaceAllString(want, ""), origins.ReplaceAllString(got, "")); diff != "" {
		t.Error(diff)
	}
}

// withoutSources is the file up to its sources, of which there are no defaults.
func withoutSources(file string) string {
	before, _, _ := strings.Cut(file, "\nsources:")
	return before
}

func TestWhatIsPrintedLoadsAgain(t *testing.T) {
	t.Parallel()
	first := mustLoad(t, given{
		file: "sources:\n  ats:\n    secrets: [a, 'b,c']\n    forms: body-hex\n    rate: 0.5\ntopic: {prefix: 'on.'}\nstream: {max_age: 36h, max_bytes: 1536MiB}\n",
		env:  []string{"HRBRIDGE_EMBEDDED_USER=on", "HRBRIDGE_EMBEDDED_PASSWORD=\"x\\", "HRBRIDGE_LOG_LEVEL=debug"},
	}).String()
	second := mustLoad(t, given{file: first}).String()
	origins := regexp.MustCompile(`(?m)  # .*$`)
	if diff := cmp.Diff(origins.ReplaceAllString(first, ""), origins.ReplaceAllString(second, "")); diff != "" {
		t.Error(diff)
	}
	for _, want := range []string{"prefix: on.  # hrbridge.yaml:6", `user: "on"  # HRBRIDGE_EMBEDDED_USER`, "level: debug  # HRBRIDGE_LOG_LEVEL", `secrets: ["***", "***"]`} {
		if !strings.Contains(relativeLines(first), want) {
			t.Errorf("%q is missing in\n%s", want, relativeLines(first))
		}
	}
}

// relativeLines is text without the folders of the tests' files.
func relativeLines(text string) string {
	return regexp.MustCompile(`# /\S*/`).ReplaceAllString(text, "# ")
}
