package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// imageBinary is where deploy/Dockerfile puts the binary.
const imageBinary = "/usr/local/bin/hrbridge"

// instruction is one of a Dockerfile, with what follows it on one line.
type instruction struct{ name, rest string }

func dockerfile(t *testing.T) []instruction {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(top, "deploy", "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	var all []instruction
	joined := regexp.MustCompile(`\s*\\\n\s*`).ReplaceAllString(string(text), " ")
	for line := range strings.Lines(joined) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			name, rest, _ := strings.Cut(line, " ")
			all = append(all, instruction{name, rest})
		}
	}
	return all
}

// last is what follows the last instruction of a name: the one that holds for the image.
func last(all []instruction, name string) string {
	for _, i := range slices.Backward(all) {
		if i.name == name {
			return i.rest
		}
	}
	return ""
}

func TestTheImageIsOneStaticBinaryThatIsNotRoot(t *testing.T) {
	t.Parallel()
	all := dockerfile(t)
	var bases []string
	for _, i := range all {
		if i.name == "FROM" {
			bases = append(bases, i.rest)
		}
	}
	if want := []string{`^golang:1\.26\.\d+ AS build$`, `^gcr\.io/distroless/static-debian12:nonroot$`}; len(bases) != len(want) ||
		!regexp.MustCompile(want[0]).MatchString(bases[0]) || !regexp.MustCompile(want[1]).MatchString(bases[1]) {
		t.Errorf("the stages are %v", bases)
	}
	if build := last(all, "RUN"); !strings.Contains(build, "CGO_ENABLED=0 go build -trimpath -ldflags") || !strings.Contains(build, "-X main.version=${VERSION}") {
		t.Errorf("it is built by %s", build)
	}
	if user := last(all, "USER"); user != "65532:65532" {
		t.Errorf("it runs as %s", user)
	}
	for _, label := range []string{"title", "description", "version", "licenses"} {
		if !strings.Contains(last(all, "LABEL"), "org.opencontainers.image."+label+"=") {
			t.Errorf("it has no label %s", label)
		}
	}
	volume := last(all, "VOLUME")
	if env := last(all, "ENV"); env != "HRBRIDGE_DATA_DIR="+volume {
		t.Errorf("the volume is %s, and the environment %s", volume, env)
	}
	if !slices.ContainsFunc(all, func(i instruction) bool {
		return i.name == "COPY" && strings.Contains(i.rest, "--chown=65532:65532") && strings.HasSuffix(i.rest, " "+volume)
	}) {
		t.Error("its user does not own the volume")
	}
	if got := try(t.Context(), []string{"HRBRIDGE_DATA_DIR=" + volume, "HRBRIDGE_WEBHOOK_SECRET=" + serviceSecret}, "validate"); got.code != exitDone {
		t.Errorf("the image's environment: %s", got.stderr)
	}
}

func TestTheImageRunsVerbsThatThereAre(t *testing.T) {
	t.Parallel()
	all := dockerfile(t)
	_, check, _ := strings.Cut(last(all, "HEALTHCHECK"), "CMD ")
	isVerb(t, execForm(t, check))
	isVerb(t, append(execForm(t, last(all, "ENTRYPOINT")), execForm(t, last(all, "CMD"))...))
}

// execForm is a command that is started without a shell, which the image does not have.
func execForm(t *testing.T, s string) (line []string) {
	t.Helper()
	if err := json.Unmarshal([]byte(s), &line); err != nil || len(line) == 0 {
		t.Fatalf("%q needs a shell", s)
	}
	return line
}

func TestTheImageIsBuiltFromEveryFolderWithCode(t *testing.T) {
	t.Parallel()
	ignored, err := os.ReadFile(filepath.Join(top, ".dockerignore"))
	if err != nil {
		t.Fatal(err)
	}
	copied, sent := make(map[string]bool), strings.Split(string(ignored), "\n")
	for _, i := range dockerfile(t) {
		if i.name == "COPY" {
			copied[strings.Fields(i.rest)[0]] = true
		}
	}
	for _, p := range listPackages(t) {
		folder, _, _ := strings.Cut(p.room(), "/")
		if !copied[folder] || !slices.Contains(sent, "!"+folder) {
			t.Errorf("%s does not reach the builder", folder)
		}
	}
	if sent[1] != "*" {
		t.Error("what is not named in .dockerignore is sent to the builder")
	}
}
