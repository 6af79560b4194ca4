package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"hrbridge/bridge/ingress"
	"hrbridge/bridge/signature"
	"hrbridge/cmd/hrbridge/config"
)

const secret = "correct-horse-battery-staple"

// given is what a test says of the configuration: a file's text, variables and flags.
type given struct {
	file  string
	env   []string
	flags []string
	dev   bool
}

// withSecret is a configuration that lacks nothing.
func withSecret(g given) given {
	g.env = append(g.env, "HRBRIDGE_WEBHOOK_SECRET="+secret)
	return g
}

// load loads what is given. The file is called hrbridge.yaml, in a folder of its own.
func load(t *testing.T, g given) (config.Config, []config.Warning, error) {
	t.Helper()
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	config.AddFlags(fs)
	if err := fs.Parse(g.flags); err != nil {
		t.Fatal(err)
	}
	return config.Load(config.LoadOptions{File: write(t, "hrbridge.yaml", g.file), Environ: g.env, Flags: fs, Dev: g.dev})
}

// write makes a file that only its owner can read.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// mustLoad loads what has to be good.
func mustLoad(t *testing.T, g given) config.Config {
	t.Helper()
	c, _, err := load(t, g)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEachLayerIsStrongerThanTheOneBefore(t *testing.T) {
	t.Parallel()
	file := "listen: 127.0.0.1:1\nadmin:\n  listen: 127.0.0.1:11\ndata_dir: from-file\n"
	env := []string{"HRBRIDGE_LISTEN=127.0.0.1:2", "HRBRIDGE_ADMIN_LISTEN=127.0.0.1:12"}
	flags := []string{"--listen", "127.0.0.1:3"}
	for name, row := range map[string]struct {
		given given
		want  [3]string // listen, admin.listen, data_dir
	}{
		"nothing is the defaults":          {given{}, [3]string{":8080", "127.0.0.1:8081", "./data"}},
		"the file over the defaults":       {given{file: file}, [3]string{"127.0.0.1:1", "127.0.0.1:11", "from-file"}},
		"the environment over the file":    {given{file: file, env: env}, [3]string{"127.0.0.1:2", "127.0.0.1:12", "from-file"}},
		"the flags over the environment":   {given{file: file, env: env, flags: flags}, [3]string{"127.0.0.1:3", "127.0.0.1:12", "from-file"}},
		"an empty file says nothing":       {given{file: "\n"}, [3]string{":8080", "127.0.0.1:8081", "./data"}},
		"comments say nothing":             {given{file: "# listen: x\n"}, [3]string{":8080", "127.0.0.1:8081", "./data"}},
		"a section without keys is fine":   {given{file: "nats:\nadmin: {}\n"}, [3]string{":8080", "127.0.0.1:8081", "./data"}},
		"variables of others do not count": {given{env: []string{"LISTEN=1", "hrbridge_listen=x"}}, [3]string{":8080", "127.0.0.1:8081", "./data"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := mustLoad(t, withSecret(row.given))
			if got := [3]string{c.Listen, c.AdminListen, c.DataDir}; got != row.want {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}

func TestTheFileIsFoundWhereItIsNamedOrByItsUsualName(t *testing.T) {
	here := write(t, "hrbridge.yaml", "data_dir: here\n")
	t.Chdir(filepath.Dir(here))
	there := write(t, "other.yaml", "data_dir: there\n")
	for name, row := range map[string]struct {
		options config.LoadOptions
		want    string
	}{
		"by its usual name":   {config.LoadOptions{}, "here"},
		"named by the flag":   {config.LoadOptions{Flags: flags(t, "--config", there)}, "there"},
		"named by the caller": {config.LoadOptions{File: there}, "there"},
	} {
		t.Run(name, func(t *testing.T) {
			row.options.Dev = true
			c, _, err := config.Load(row.options)
			if err != nil || c.DataDir != row.want {
				t.Errorf("got %q, %v, want %q", c.DataDir, err, row.want)
			}
		})
	}
	t.Run("there need be none of the usual name", func(t *testing.T) {
		t.Chdir(t.TempDir())
		if _, _, err := config.Load(config.LoadOptions{Dev: true}); err != nil {
			t.Error(err)
		}
	})
}

func flags(t *testing.T, args ...string) *pflag.FlagSet {
	t.Helper()
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	config.AddFlags(fs)
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	return fs
}

func TestTheShortListOfTheDesignStands(t *testing.T) {
	t.Parallel()
	keys := make(map[string]config.Key)
	for _, k := range config.Keys() {
		keys[k.Name] = k
	}
	for _, row := range [][3]string{
		{"listen", "HRBRIDGE_LISTEN", ":8080"},
		{"admin.listen", "HRBRIDGE_ADMIN_LISTEN", "127.0.0.1:8081"},
		{"data_dir", "HRBRIDGE_DATA_DIR", "./data"},
		{"publisher", "HRBRIDGE_PUBLISHER", "embedded"},
		{"topic.prefix", "HRBRIDGE_TOPIC_PREFIX", ""},
		{"topic.dead_letter", "HRBRIDGE_TOPIC_DEAD_LETTER", "hrbridge.deadletter"},
		{"unknown_types", "HRBRIDGE_UNKNOWN_TYPES", "publish"},
		{"max_new_types", "HRBRIDGE_MAX_NEW_TYPES", "64"},
		{"answer_within", "HRBRIDGE_ANSWER_WITHIN", "5s"},
		{"embedded.listen", "HRBRIDGE_EMBEDDED_LISTEN", "127.0.0.1:4222"},
		{"nats.url", "HRBRIDGE_NATS_URL", "nats://127.0.0.1:4222"},
		{"nats.stream", "HRBRIDGE_NATS_STREAM", "HRFLOW"},
		{"nats.commit", "HRBRIDGE_NATS_COMMIT", "pipeline"},
		{"stream.max_age", "HRBRIDGE_STREAM_MAX_AGE", "7d"},
		{"kafka.brokers", "HRBRIDGE_KAFKA_BROKERS", "127.0.0.1:9092"},
		{"limits.max_body", "HRBRIDGE_LIMITS_MAX_BODY", "16MiB"},
		{"limits.max_header", "HRBRIDGE_LIMITS_MAX_HEADER", "1MiB"},
		{"limits.max_in_flight", "HRBRIDGE_LIMITS_MAX_IN_FLIGHT", "256MiB"},
		{"limits.max_connections", "HRBRIDGE_LIMITS_MAX_CONNECTIONS", "1000"},
		{"limits.max_event", "HRBRIDGE_LIMITS_MAX_EVENT", "1020KiB"},
		{"limits.max_events", "HRBRIDGE_LIMITS_MAX_EVENTS", "10000"},
		{"sources.hrflow.secrets", "HRBRIDGE_WEBHOOK_SECRET", ""},
		{"sources.hrflow.secret_files", "HRBRIDGE_WEBHOOK_SECRET_FILE", ""},
	} {
		k := keys[row[0]]
		if got := [3]string{k.Name, k.Env, k.Default}; got != row {
			t.Errorf("got %q, want %q", got, row)
		}
	}
}

func TestSourcesAreThoseThatAreSpokenOf(t *testing.T) {
	t.Parallel()
	source := func(name string, secrets ...string) ingress.Source {
		s := ingress.Source{Name: name, Forms: signature.Forms(), Headers: ingress.DefaultHeaders()}
		for _, secret := range secrets {
			s.Secrets = append(s.Secrets, []byte(secret))
		}
		return s
	}
	limited := source("ats", secret)
	limited.Rate, limited.Burst, limited.Forms, limited.Headers = 2.5, 3, []signature.Form{signature.BodyHex}, []string{"X-Sig"}
	for name, row := range map[string]struct {
		given given
		want  []ingress.Source
	}{
		"hrflow unless another is configured": {
			withSecret(given{}), []ingress.Source{source("hrflow", secret)},
		},
		"another instead of hrflow": {
			given{file: "sources: {ats: {secrets: " + secret + "}}"}, []ingress.Source{source("ats", secret)},
		},
		"hrflow too where the environment has its secret": {
			withSecret(given{file: "sources: {ats: {secrets: " + secret + "}}"}),
			[]ingress.Source{source("ats", secret), source("hrflow", secret)},
		},
		"one of the environment alone": {
			given{env: []string{"HRBRIDGE_SOURCES_MY_ATS_2_SECRETS=" + secret}}, []ingress.Source{source("my-ats-2", secret)},
		},
		"several secrets, separated by commas": {
			given{env: []string{"HRBRIDGE_WEBHOOK_SECRET=" + secret + ", another-long-enough"}},
			[]ingress.Source{source("hrflow", secret, "another-long-enough")},
		},
		"an item of a YAML list is not split": {
			given{file: "sources: {hrflow: {secrets: ['with,comma-and-length', b]}}"},
			[]ingress.Source{source("hrflow", "with,comma-and-length", "b")},
		},
		"a source of all settings; the burst follows the rate": {
			given{file: "sources:\n  ats:\n    forms: body-hex\n    headers: [X-Sig]\n    rate: 2.5\n", env: []string{"HRBRIDGE_SOURCES_ATS_SECRETS=" + secret}},
			[]ingress.Source{limited},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(row.want, mustLoad(t, row.given).Ingress().Sources); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTheVariablesOfKubernetesAreNotTakenForOurs(t *testing.T) {
	t.Parallel()
	mustLoad(t, withSecret(given{env: []string{
		"HRBRIDGE_SERVICE_HOST=10.0.0.1", "HRBRIDGE_SERVICE_PORT=8080", "HRBRIDGE_SERVICE_PORT_HTTP=8080",
		"HRBRIDGE_PORT=tcp://10.0.0.1:8080", "HRBRIDGE_PORT_8080_TCP=tcp://10.0.0.1:8080", "HRBRIDGE_PORT_8080_TCP_PROTO=tcp",
		"HRBRIDGE_PORT_8080_TCP_PORT=8080", "HRBRIDGE_PORT_8080_TCP_ADDR=10.0.0.1", "HRBRIDGE_NATS_SERVICE_HOST=10.0.0.2",
		"HRBRIDGE_NATS_PORT=tcp://10.0.0.2:4222",
	}}))
	if _, _, err := load(t, withSecret(given{env: []string{"HRBRIDGE_PORT=8080"}})); err == nil || !strings.Contains(err.Error(), "HRBRIDGE_PORT") {
		t.Errorf("a port that a person set was taken for Kubernetes': %v", err)
	}
}

func TestWithoutAnyoneSayingOtherwiseThePartsHaveTheirOwnDefaults(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, withSecret(given{}))
	got, want := c.Ingress(), ingress.Defaults()
	if len(got.KnownTypes) == 0 || len(c.Fanout().Known) == 0 {
		t.Error("the catalogue is not handed on")
	}
	got.Sources, got.KnownTypes = nil, nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if c.DrainTimeout != 15*time.Second || c.Log != (config.Log{Format: config.LogJSON, Level: "info"}) {
		t.Errorf("drain_timeout %s, log %+v", c.DrainTimeout, c.Log)
	}
}
