package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hrbridge/cmd/hrbridge/config"
)

func FuzzLoad(f *testing.F) {
	for _, file := range []string{
		"", "listen: ':1'\n", "sources:\n  ats:\n    secrets: [a, b]\n    rate: 1.5\n", "a: &a [*a]\n", "? {a: b}\n: c\n", "<<: {listen: x}\n",
		"- a\n", "--- !!map\n---\n", "\ufeffa: b\n", "sources: {a: {forms: [body-hex]}, b: }\n", "topic.prefix: a.\n", "limits: {max_body: 9223372036854775807TiB}\n",
		"stream:\n  max_age: 99999999d\n", "{[a]: b}", "a: |\n  b\n", "\"\\x00\": 1", "sources: {'': {x: 1}}", config.DefaultYAML(),
	} {
		f.Add(file, "HRBRIDGE_LISTEN=:1\nHRBRIDGE_SOURCES_A_B_RATE=1e400\nHRBRIDGE_NATS_URL=nats://a:b@c,,\nHRBRIDGE_=\nHRBRIDGE_SOURCES__SECRETS=x")
	}
	name := filepath.Join(f.TempDir(), "hrbridge.yaml")
	f.Fuzz(func(t *testing.T, file, env string) {
		if err := os.WriteFile(name, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(file+strings.ToLower(env), "file") {
			t.Skip("would read what it names")
		}
		c, warnings, err := config.Load(config.LoadOptions{File: name, Environ: strings.Split(env, "\n"), Dev: true})
		for _, w := range warnings {
			checkProblem(t, config.Problem(w))
		}
		if err == nil {
			if c.String() == "" {
				t.Error("a configuration prints as nothing")
			}
			return
		}
		problems, ok := errors.AsType[config.Error](err)
		if !ok || len(problems) == 0 {
			t.Fatalf("the error is %T: %v", err, err)
		}
		for _, p := range problems {
			checkProblem(t, p)
		}
	})
}

// checkProblem holds a problem to what all of them are: one line of bounded length that says what to do.
func checkProblem(t *testing.T, p config.Problem) {
	t.Helper()
	if text := p.String(); p.Key == "" || p.Reason == "" || p.Remedy == "" || strings.ContainsAny(text, "\n\r") || len(text) > 2000 {
		t.Errorf("a poor problem: %#v", p)
	}
}

// FuzzSecret puts one secret, as it is, in every place that can hold one, and looks for it in all that is printed.
func FuzzSecret(f *testing.F) {
	for _, s := range []string{
		secret, "*alias1", "&anchor1", "!tag123", "{brace}1", "[list12]", "a: bcdef", "'quoted1", "\"quoted1", "# comment", "with,comma", "%directive", "@at1234",
		"`tick123", "|literal1", ">folded1", "- list12", "? complex", "null12345", "a@b:c/d?e", "://user@x", "\x7f\x01abcdef", "ключ-секрет", "a\u0085b: c",
	} {
		f.Add(s)
	}
	file := filepath.Join(f.TempDir(), "hrbridge.yaml")
	said := everythingSaid()
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) < 6 || strings.ContainsAny(s, "\n\r\x00\u0085\u2028\u2029") {
			t.Skip("a word of the messages, or no value of one line")
		}
		for _, template := range []string{"%s", "'%s'", "\"%s\"", "[%s]", "[[%s]]", "- %s", "{%s: 1}", "[a, %s"} {
			value := strings.Replace(template, "%s", s, 1)
			text := "sources:\n  hrflow:\n    secrets: " + value + "\nnats:\n  token: " + value + "\n  url: nats://a:" + s + "@b\n"
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			env := []string{"HRBRIDGE_SOURCES_ATS_SECRETS=" + s, "HRBRIDGE_EMBEDDED_PASSWORD=" + s, "HRBRIDGE_WEBHOOKSECRET=" + s}
			for _, environ := range [][]string{nil, {"HRBRIDGE_PUBLISHER=nats"}, env} {
				printed := everythingPrinted(config.LoadOptions{File: file, Environ: environ})
				if strings.Contains(printed, s) && !strings.Contains(said, s) {
					t.Fatalf("%q is shown:\n%s", s, printed)
				}
			}
		}
	})
}

// everythingSaid is what the configuration prints of itself; a secret that is a part of it cannot be told from it.
func everythingSaid() string {
	return config.DefaultYAML() + config.Table() +
		everythingPrinted(config.LoadOptions{File: os.DevNull, Environ: []string{"HRBRIDGE_WEBHOOK_SECRET=x", "HRBRIDGE_NATS_TOKEN=x"}})
}

func everythingPrinted(o config.LoadOptions) string {
	c, warnings, err := config.Load(o)
	printed := fmt.Sprint(warnings, err)
	if err == nil {
		printed += fmt.Sprintf("%+v", c)
	}
	return printed
}
