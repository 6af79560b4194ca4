package config_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hrbridge/cmd/hrbridge/config"
)

func writeMode(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask
		t.Fatal(err)
	}
}

// secretEverywhere has the same secret in every place that can hold one.
func secretEverywhere(t *testing.T, publisher string) given {
	t.Helper()
	return given{
		file: "sources:\n  hrflow:\n    secrets: [" + secret + "]\n  other:\n    secret_files: [" + write(t, "secret", secret) + "]\n",
		env: []string{
			"HRBRIDGE_PUBLISHER=" + publisher, "HRBRIDGE_EMBEDDED_TOKEN=" + secret,
			"HRBRIDGE_NATS_URL=nats://a:" + secret + "@localhost, tls://" + secret + "@other:1",
			"HRBRIDGE_SOURCES_THIRD_SECRETS=" + secret,
		},
	}
}

func TestNoWayOfPrintingAConfigurationShowsASecret(t *testing.T) {
	t.Parallel()
	for _, publisher := range []string{"embedded", "nats"} {
		c, warnings, err := load(t, secretEverywhere(t, publisher))
		if err != nil {
			t.Fatal(err)
		}
		inside := struct{ c config.Config }{c}
		for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			for _, printed := range []any{c, &c, inside, &inside, []config.Config{c}, warnings} {
				if text := fmt.Sprintf(format, printed); strings.Contains(text, secret) || strings.Contains(text, fmt.Sprintf("%x", secret)) {
					t.Errorf("%s of a %T shows a secret", format, printed)
				}
			}
		}
		if text, err := json.Marshal(c); err != nil || strings.Contains(string(text), secret) {
			t.Errorf("JSON shows a secret, or fails: %v", err)
		}
		for _, want := range []string{`secrets: "***"`, `token: "***"`, `url: ["nats://***@localhost", "tls://***@other:1"]`} {
			if !strings.Contains(c.String(), want) {
				t.Errorf("%s is missing in\n%s", want, c)
			}
		}
	}
}

func TestNoMistakeShowsASecret(t *testing.T) {
	t.Parallel()
	for name, g := range map[string]given{
		"a list of lists":           {file: "sources: {hrflow: {secrets: [[" + secret + "]]}}"},
		"a section":                 {file: "sources: {hrflow: {secrets: {" + secret + ": 1}}}"},
		"an alias":                  {file: "sources: {hrflow: {secrets: *" + secret + "}}"},
		"an anchor":                 {file: "sources: {hrflow: {secrets: &" + secret + " x}}"},
		"a tag":                     {file: "sources: {hrflow: {secrets: !" + secret + " x}}"},
		"no YAML":                   {file: "sources: {hrflow: {secrets: '" + secret + "}}"},
		"a tab":                     {file: "sources:\n\thrflow: {secrets: " + secret + "}}"},
		"one empty":                 {env: []string{"HRBRIDGE_WEBHOOK_SECRET=" + secret + ",,"}},
		"two kinds":                 {env: []string{"HRBRIDGE_WEBHOOK_SECRET=" + secret, "HRBRIDGE_WEBHOOK_SECRET_FILE=x"}},
		"a list for one":            {file: "nats: {token: [" + secret + "]}"},
		"an unknown variable":       {env: []string{"HRBRIDGE_WEBHOOKSECRET=" + secret}},
		"an unknown key":            {file: "webhook_secret: " + secret},
		"no address":                {env: []string{"HRBRIDGE_NATS_URL=nats//a:" + secret + "@localhost"}},
		"no address, several":       {env: []string{"HRBRIDGE_NATS_URL=a,nats://a:" + secret + "@local host,b"}},
		"a user and a token":        {env: []string{"HRBRIDGE_PUBLISHER=nats", "HRBRIDGE_NATS_USER=a", "HRBRIDGE_NATS_TOKEN=" + secret, "HRBRIDGE_NATS_PASSWORD=" + secret}},
		"a password without a user": {env: []string{"HRBRIDGE_EMBEDDED_PASSWORD=" + secret}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, warnings, err := load(t, g)
			if err == nil {
				t.Fatal("it was taken")
			}
			if text := fmt.Sprintf("%v %+v %#v %v", err, err, err, warnings); strings.Contains(text, secret) {
				t.Errorf("shown: %s", text)
			}
		})
	}
}

func TestSecretsAreReadFromFiles(t *testing.T) {
	t.Parallel()
	first, second := write(t, "first", "the-first-of-the-secrets\n"), write(t, "second", " the second, with spaces \r\n")
	c := mustLoad(t, given{env: []string{
		"HRBRIDGE_WEBHOOK_SECRET_FILE=" + first + "," + second, "HRBRIDGE_EMBEDDED_USER=ada", "HRBRIDGE_EMBEDDED_PASSWORD_FILE=" + first,
	}})
	want := [][]byte{[]byte("the-first-of-the-secrets"), []byte(" the second, with spaces ")}
	if diff := cmp.Diff(want, c.Ingress().Sources[0].Secrets); diff != "" {
		t.Error(diff)
	}
	if got := c.Publisher().Embedded.Password; got != "the-first-of-the-secrets" {
		t.Errorf("the broker's password is %q", got)
	}
}

func TestASecretMadeForDevelopmentIsTheSourcesSecret(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, given{dev: true})
	if diff := cmp.Diff([]string{"hrflow"}, c.WithoutSecret()); diff != "" {
		t.Fatal(diff)
	}
	with := c.WithSecret("hrflow", []byte(secret))
	if got := string(with.Ingress().Sources[0].Secrets[0]); got != secret {
		t.Errorf("got %q", got)
	}
	if len(with.WithoutSecret()) != 0 || len(c.WithoutSecret()) != 1 {
		t.Error("the configuration without the secret changed, or the one with it did not")
	}
	if text := with.String(); strings.Contains(text, secret) || !strings.Contains(text, `secrets: "***"`) {
		t.Errorf("printed:\n%s", text)
	}
}
