package config_test

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"hrbridge/bridge/ingress"
	"hrbridge/cmd/hrbridge/config"
)

// lines are what is wrong, a line each, with the file as if it lay in the working directory.
func lines(t *testing.T, g given) []string {
	t.Helper()
	_, _, err := load(t, g)
	if err == nil {
		return nil
	}
	problems, ok := errors.AsType[config.Error](err)
	if !ok {
		t.Fatalf("the error is a %T", err)
	}
	var all []string
	for _, p := range problems {
		all = append(all, relative(p.String()))
	}
	return all
}

// relative is text without the folders of the test.
func relative(text string) string {
	words := strings.Fields(text)
	for i, w := range words {
		if at := strings.Index(w, "/"); at >= 0 && strings.HasSuffix(filepath.Dir(w[at:]), "/001") {
			words[i] = w[:at] + filepath.Base(w)
		}
	}
	return strings.Join(words, " ")
}

func yaml(text string) given     { return withSecret(given{file: text}) }
func env(vars ...string) given   { return withSecret(given{env: vars}) }
func args(words ...string) given { return withSecret(given{flags: words}) }

func TestEveryMistakeIsToldWithItsPlaceItsReasonAndARemedy(t *testing.T) {
	t.Parallel()
	const anAddress = "; use host:port, such as 127.0.0.1:8080, or :8080 for every interface"
	for name, row := range map[string]struct {
		given given
		want  string
	}{
		"an unknown key": {
			yaml("listn: x\n"), "listn (hrbridge.yaml:1) is not a key of the configuration; did you mean listen?"},
		"an unknown key of a section": {
			yaml("topic:\n  prefx: a.\n"), "topic.prefx (hrbridge.yaml:2) is not a key of the configuration; did you mean topic.prefix?"},
		"a key whose section was forgotten": {
			yaml("max_body: 1MiB\n"), "max_body (hrbridge.yaml:1) is not a key of the configuration; did you mean limits.max_body?"},
		"a key like no other": {
			yaml("zzzzzzzzzz: 1\n"), "zzzzzzzzzz (hrbridge.yaml:1) is not a key of the configuration; see 'hrbridge config --keys' for those that do"},
		"a key with a line break": {
			yaml("\"a\\nb\": 1\n"), `"a\nb" (hrbridge.yaml:1) is not a key of the configuration; see 'hrbridge config --keys' for those that do`},
		"an unknown key of a source": {
			yaml("sources: {hrflow: {secret: x}}\n"), "sources.hrflow.secret (hrbridge.yaml:1) is not a key of the configuration; did you mean sources.hrflow.secrets?"},
		"an unknown key of another source": {
			yaml("sources: {ats: {secrets: x, heders: X-A}}\n"), "sources.ats.heders (hrbridge.yaml:1) is not a key of the configuration; did you mean sources.ats.headers?"},
		"a key given twice": {
			yaml("listen: ':1'\nlisten: ':2'\n"), "listen (hrbridge.yaml:2) is already given on line 1; leave one of the two"},
		"a section given twice": {
			yaml("admin: {}\nadmin: {}\n"), "admin (hrbridge.yaml:2) is already given on line 1; leave one of the two"},
		"an unknown variable": {
			env("HRBRIDGE_LISTENN=x"), "HRBRIDGE_LISTENN is not a variable that hrbridge knows; did you mean HRBRIDGE_LISTEN?"},
		"an unknown variable of a source": {
			env("HRBRIDGE_SOURCES_ATS_SECRET=x"), "HRBRIDGE_SOURCES_ATS_SECRET is not a variable that hrbridge knows; after HRBRIDGE_SOURCES_ write the source's name and one of the settings of a source, such as HRBRIDGE_SOURCES_HRFLOW_SECRETS"},
		"a variable under both of its names": {
			env("HRBRIDGE_SOURCES_HRFLOW_SECRETS=" + secret),
			"sources.hrflow.secrets (HRBRIDGE_WEBHOOK_SECRET) is already given by HRBRIDGE_SOURCES_HRFLOW_SECRETS; unset one of the two"},
		"a file that is no YAML": {
			yaml("a: [\nb"), "hrbridge.yaml (line 2) is not YAML, there or on the line before; look at the indentation, and put values with special characters in quotes"},
		"a second document": {
			yaml("listen: ':1'\n---\nlisten: ':2'\n"), "hrbridge.yaml holds more than one document; leave only the first, and no --- after it"},
		"a file that is a list": {
			yaml("- a\n"), "the file (hrbridge.yaml:1) is a single value where a section of keys belongs; write its keys indented on the lines below it"},
		"a section that is a value": {
			yaml("admin: x\n"), "admin (hrbridge.yaml:1) is a single value where a section of keys belongs; write its keys indented on the lines below it"},
		"a value that is a section": {
			yaml("data_dir: {a: b}\n"), "data_dir (hrbridge.yaml:1) is a section of keys where a value belongs; use a folder"},
		"a value that is a list": {
			yaml("data_dir: [a, b]\n"), `data_dir = "a,b" (hrbridge.yaml:1) is a list where a single value belongs; use a folder`},
		"a list of lists": {
			yaml("nats: {url: [[a]]}\n"), "nats.url (hrbridge.yaml:1) has an item that is not a single value; use addresses such as nats://127.0.0.1:4222 or tls://nats.example.org, separated by commas"},
		"no value": {
			yaml("data_dir:\n"), "data_dir (hrbridge.yaml:1) has no value; use a folder"},
		"an alias": {
			yaml("data_dir: &a x\n"), "data_dir (hrbridge.yaml:1) is a YAML alias, anchor or tag; put a value that starts with *, & or ! in quotes"},
		"a source with a bad name": {
			yaml("sources: {A_B: {}}\n"), "sources.A_B (hrbridge.yaml:1) does not name a source well; use a name of [a-z0-9-] that starts with a letter, 32 bytes at most"},

		"an address without a port": {
			env("HRBRIDGE_LISTEN=8080"), `listen = "8080" (HRBRIDGE_LISTEN) is not host:port` + anAddress},
		"a port that is none": {
			args("--listen", ":65536"), `listen = ":65536" (--listen) has no port from 0 to 65535` + anAddress},
		"a publisher that does not exist": {
			args("--publisher", "pigeons"), `publisher = "pigeons" (--publisher) is not one of the choices; use one of embedded, nats, kafka`},
		"not a number": {
			env("HRBRIDGE_MAX_NEW_TYPES=many"), `max_new_types = "many" (HRBRIDGE_MAX_NEW_TYPES) is not a whole number; use a whole number from 0 to 10000`},
		"too many": {
			env("HRBRIDGE_STREAM_REPLICAS=6"), `stream.replicas = "6" (HRBRIDGE_STREAM_REPLICAS) is out of range; use a whole number from 1 to 5`},
		"far too many": {
			env("HRBRIDGE_STREAM_REPLICAS=99999999999999999999"),
			`stream.replicas = "99999999999999999999" (HRBRIDGE_STREAM_REPLICAS) is out of range; use a whole number from 1 to 5`},
		"not a size": {
			env("HRBRIDGE_LIMITS_MAX_BODY=16M"), `limits.max_body = "16M" (HRBRIDGE_LIMITS_MAX_BODY) is not a size; use a size from 1KiB to 4GiB, such as 16MiB`},
		"no time at all": {
			env("HRBRIDGE_ANSWER_WITHIN=0"), `answer_within = "0" (HRBRIDGE_ANSWER_WITHIN) is out of range; use a duration from 100ms to 1h, such as 5s or 2m`},
		"less than no time": {
			env("HRBRIDGE_DRAIN_TIMEOUT=-1s"), `drain_timeout = "-1s" (HRBRIDGE_DRAIN_TIMEOUT) is out of range; use a duration from 100ms to 1h, such as 5s or 2m`},
		"neither true nor false": {
			args("--nats-provision=maybe"), `nats.provision = "maybe" (--nats-provision) is neither true nor false; use true or false`},
		"a rate that is no number": {
			yaml("sources: {hrflow: {rate: NaN}}\n"), `sources.hrflow.rate = "NaN" (hrbridge.yaml:1) is not a number; use a number from 0 to 1000000, 0 for no limit`},
		"a form that does not exist": {
			yaml("sources: {hrflow: {forms: [body-hex, md5]}}\n"),
			`sources.hrflow.forms = "body-hex,md5" (hrbridge.yaml:1) names a form that does not exist; use some of signed-payload-encoded, signed-payload, signed-payload-hex, body-hex, body-compact-hex`},
		"no form": {
			yaml("sources: {hrflow: {forms: []}}\n"),
			`sources.hrflow.forms (hrbridge.yaml:1) is empty; use some of signed-payload-encoded, signed-payload, signed-payload-hex, body-hex, body-compact-hex`},
		"no header's name": {
			yaml("sources: {hrflow: {headers: 'a b'}}\n"), `sources.hrflow.headers = "a b" (hrbridge.yaml:1) holds what is not the name of a header; use names of headers`},
		"a header twice": {
			yaml("sources: {hrflow: {headers: [X-A, x-a]}}\n"),
			`sources.hrflow.headers = "X-A,x-a" (hrbridge.yaml:1) names a header twice; leave one of the two; upper and lower case are the same`},
		"a burst without a rate": {
			yaml("sources: {hrflow: {burst: 3}}\n"),
			`sources.hrflow.burst = "3" (hrbridge.yaml:1) is set without a rate; set sources.hrflow.rate too, or leave the burst out`},

		"a prefix without its dot": {
			env("HRBRIDGE_TOPIC_PREFIX=prod"), `topic.prefix = "prod" (HRBRIDGE_TOPIC_PREFIX) does not end with a dot; use words of [a-zA-Z0-9_-], each with a dot after it ("prod."), or nothing`},
		"a prefix with a wildcard": {
			env("HRBRIDGE_TOPIC_PREFIX=a.*."), `topic.prefix = "a.*." (HRBRIDGE_TOPIC_PREFIX) is not a prefix that every broker takes; use words of [a-zA-Z0-9_-], each with a dot after it ("prod."), or nothing`},
		"a prefix that is too long": {
			env("HRBRIDGE_TOPIC_PREFIX=" + strings.Repeat("a", 49) + "."),
			`topic.prefix = "` + strings.Repeat("a", 49) + `." (HRBRIDGE_TOPIC_PREFIX) is longer than 49 bytes, and topics would become longer than brokers allow; choose a shorter one`},
		"a dead-letter topic that no broker takes": {
			env("HRBRIDGE_TOPIC_DEAD_LETTER=a..b"), `topic.dead_letter = "a..b" (HRBRIDGE_TOPIC_DEAD_LETTER) is not a topic that every broker takes; use words of [a-zA-Z0-9_-] joined by dots, such as hrbridge.deadletter`},
		"a dead-letter topic that is too long": {
			env("HRBRIDGE_TOPIC_DEAD_LETTER=" + strings.Repeat("a", 250)),
			`topic.dead_letter = "` + strings.Repeat("a", 79) + `… (HRBRIDGE_TOPIC_DEAD_LETTER) is longer than the 249 bytes that brokers allow; choose a shorter one`},
		"a dead-letter topic among those of the events": {
			env("HRBRIDGE_TOPIC_PREFIX=a.", "HRBRIDGE_TOPIC_DEAD_LETTER=a.job.dead.letter"),
			`topic.dead_letter = "a.job.dead.letter" (HRBRIDGE_TOPIC_DEAD_LETTER) looks like the topic of an event type; choose a topic of another shape, such as hrbridge.deadletter`},
		"a stream's name with a dot": {
			env("HRBRIDGE_NATS_STREAM=a.b"), `nats.stream = "a.b" (HRBRIDGE_NATS_STREAM) is not the name of a stream; use a name of [a-zA-Z0-9_-], 128 bytes at most`},

		"two listeners on a port": {
			env("HRBRIDGE_LISTEN=127.0.0.1:9000", "HRBRIDGE_ADMIN_LISTEN=:9000"),
			`admin.listen = ":9000" (HRBRIDGE_ADMIN_LISTEN) wants the port that listen has ("127.0.0.1:9000"); give each a port of its own`},
		"the broker on the port of the webhooks": {
			env("HRBRIDGE_LISTEN=:4222"),
			`embedded.listen = "127.0.0.1:4222" wants the port that listen has (":4222"); give each a port of its own`},
		"an open broker": {
			env("HRBRIDGE_EMBEDDED_LISTEN=:4222"),
			`embedded.listen = ":4222" (HRBRIDGE_EMBEDDED_LISTEN) is open to the network without asking who is there; set embedded.user and embedded.password_file, embedded.token_file, or embedded.tls.client_ca_file with a certificate; or listen on 127.0.0.1`},
		"no data folder": {
			env("HRBRIDGE_DATA_DIR="), "data_dir (HRBRIDGE_DATA_DIR) is empty; name a folder; . is the working directory"},
		"an event larger than a body": {
			env("HRBRIDGE_LIMITS_MAX_BODY=1000KiB"),
			`limits.max_event = "1020KiB" is more than limits.max_body (1000KiB), so no such event can come in; raise limits.max_body or lower limits.max_event`},
		"too little for one delivery": {
			env("HRBRIDGE_LIMITS_MAX_IN_FLIGHT=50MiB"),
			`limits.max_in_flight = "50MiB" (HRBRIDGE_LIMITS_MAX_IN_FLIGHT) is too little for the largest delivery that limits.max_body and limits.max_header allow; raise it to 51208KiB or more, or lower those`},
		"a source's prefix that leaves no room for a type": {
			env("HRBRIDGE_TOPIC_PREFIX="+strings.Repeat("a", 40)+".", "HRBRIDGE_SOURCES_HRFLOW_TOPIC_PREFIX=ats-prod."),
			`sources.hrflow.topic_prefix = "ats-prod." (HRBRIDGE_SOURCES_HRFLOW_TOPIC_PREFIX) is longer than 49 bytes together with topic.prefix, and topics would become longer than brokers allow; choose a shorter one`},
		"a source's prefix without a dot": {
			yaml("sources: {hrflow: {topic_prefix: ats}}\n"),
			`sources.hrflow.topic_prefix = "ats" (hrbridge.yaml:1) does not end with a dot; use words of [a-zA-Z0-9_-], each with a dot after it ("prod."), or nothing`},
		"a dead-letter topic that looks like one of a source": {
			env("HRBRIDGE_TOPIC_PREFIX=a.", "HRBRIDGE_SOURCES_ATS_TOPIC_PREFIX=b.", "HRBRIDGE_SOURCES_ATS_SECRETS="+secret, "HRBRIDGE_TOPIC_DEAD_LETTER=a.b.job.dead.letter"),
			`topic.dead_letter = "a.b.job.dead.letter" (HRBRIDGE_TOPIC_DEAD_LETTER) looks like the topic of an event type; choose a topic of another shape, such as hrbridge.deadletter`},
		"remembered for longer than kept": {
			env("HRBRIDGE_STREAM_MAX_AGE=1m"),
			`stream.duplicate_window = "2m" is more than stream.max_age (1m), and an event that is gone cannot be remembered; raise stream.max_age or lower stream.duplicate_window`},
		"copies of the embedded broker": {
			env("HRBRIDGE_STREAM_REPLICAS=3"),
			`stream.replicas = "3" (HRBRIDGE_STREAM_REPLICAS) asks for copies, and the embedded broker is a single server; leave it at 1, or use a NATS cluster with publisher: nats`},

		"a user without a password": {
			env("HRBRIDGE_EMBEDDED_USER=ada"), `embedded.user = "ada" (HRBRIDGE_EMBEDDED_USER) has no password; set embedded.password_file or embedded.password`},
		"a password without a user": {
			env("HRBRIDGE_PUBLISHER=nats", "HRBRIDGE_NATS_PASSWORD="+secret), `nats.password = "***" (HRBRIDGE_NATS_PASSWORD) is set without a user; set nats.user`},
		"a certificate without a key": {
			env("HRBRIDGE_EMBEDDED_TLS_CERT_FILE=/dev/null"), `embedded.tls.cert_file = "/dev/null" (HRBRIDGE_EMBEDDED_TLS_CERT_FILE) has no key; set embedded.tls.key_file`},
		"a key without a certificate": {
			env("HRBRIDGE_PUBLISHER=nats", "HRBRIDGE_NATS_TLS_KEY_FILE=/dev/null"), `nats.tls.key_file = "/dev/null" (HRBRIDGE_NATS_TLS_KEY_FILE) has no certificate; set nats.tls.cert_file`},
		"an authority for clients without a certificate of its own": {
			env("HRBRIDGE_EMBEDDED_TLS_CLIENT_CA_FILE=/dev/null"),
			`embedded.tls.client_ca_file = "/dev/null" (HRBRIDGE_EMBEDDED_TLS_CLIENT_CA_FILE) needs a certificate of the listener's own; set embedded.tls.cert_file and embedded.tls.key_file`},
		"two ways to log in on the embedded broker": {
			env("HRBRIDGE_EMBEDDED_USER=ada", "HRBRIDGE_EMBEDDED_PASSWORD="+secret, "HRBRIDGE_EMBEDDED_TOKEN="+secret),
			`embedded.token = "***" (HRBRIDGE_EMBEDDED_TOKEN) is set, and a user too; leave one of the two`},
		"two ways to log in on a server": {
			env("HRBRIDGE_PUBLISHER=nats", "HRBRIDGE_NATS_URL=nats://ada:"+secret+"@localhost", "HRBRIDGE_NATS_TOKEN="+secret),
			`nats.url = "nats://***@localhost" (HRBRIDGE_NATS_URL) is one way to log in, and another is set: nats.token; leave only one`},
		"a file that is not there": {
			env("HRBRIDGE_PUBLISHER=nats", "HRBRIDGE_NATS_CREDENTIALS_FILE=none.creds"),
			`nats.credentials_file = "none.creds" (HRBRIDGE_NATS_CREDENTIALS_FILE) cannot be read: no such file or directory; name a file that exists, and is yours to read`},
		"a server's address of another kind": {
			env("HRBRIDGE_PUBLISHER=nats", "HRBRIDGE_NATS_URL=http://ada:"+secret+"@localhost"),
			`nats.url = "http://***@localhost" (HRBRIDGE_NATS_URL) has a scheme other than nats, tls, ws, wss; use addresses such as nats://127.0.0.1:4222 or tls://nats.example.org, separated by commas`},
		"a password with a comma": {
			env("HRBRIDGE_PUBLISHER=nats", "HRBRIDGE_NATS_URL=nats://ada:12,34@localhost"),
			`nats.url = "nats://***@localhost" (HRBRIDGE_NATS_URL) has a user but no scheme; a comma in a password is written %2C; use addresses such as nats://127.0.0.1:4222 or tls://nats.example.org, separated by commas`},

		"no secret": {
			given{}, "sources.hrflow.secrets is not set, and nothing can be verified without a secret; set HRBRIDGE_WEBHOOK_SECRET, or HRBRIDGE_WEBHOOK_SECRET_FILE to the file that holds it; to try things out, run 'hrbridge serve --dev'"},
		"no secret of a source": {
			given{file: "sources:\n  ats:\n"}, "sources.ats.secrets is not set, and nothing can be verified without a secret; set HRBRIDGE_SOURCES_ATS_SECRETS, or HRBRIDGE_SOURCES_ATS_SECRET_FILES to the file that holds it; to try things out, run 'hrbridge serve --dev'"},
		"an empty secret": {
			given{env: []string{"HRBRIDGE_WEBHOOK_SECRET="}}, "sources.hrflow.secrets (HRBRIDGE_WEBHOOK_SECRET) is empty; use the webhook's secret, or several while one is being replaced"},
		"an empty secret among others": {
			given{env: []string{"HRBRIDGE_WEBHOOK_SECRET=" + secret + ","}}, `sources.hrflow.secrets = "***" (HRBRIDGE_WEBHOOK_SECRET) is empty; use the webhook's secret, or several while one is being replaced`},
		"a secret and a file of it": {
			env("HRBRIDGE_WEBHOOK_SECRET_FILE=x"), `sources.hrflow.secrets = "***" (HRBRIDGE_WEBHOOK_SECRET) is given, and sources.hrflow.secret_files (HRBRIDGE_WEBHOOK_SECRET_FILE) too; leave one of the two`},
		"a secret's file that is not there": {
			given{env: []string{"HRBRIDGE_WEBHOOK_SECRET_FILE=none"}}, `sources.hrflow.secret_files = "none" (HRBRIDGE_WEBHOOK_SECRET_FILE) names "none", which cannot be read: no such file or directory; name a file that exists, and is yours to read`},
		"a secret's file without a name": {
			given{env: []string{"HRBRIDGE_WEBHOOK_SECRET_FILE="}}, `sources.hrflow.secret_files (HRBRIDGE_WEBHOOK_SECRET_FILE) is empty; name the file that holds the secret, or leave the setting out`},
		"an empty file for a secret": {
			given{env: []string{"HRBRIDGE_WEBHOOK_SECRET_FILE=/dev/null"}}, `sources.hrflow.secret_files = "/dev/null" (HRBRIDGE_WEBHOOK_SECRET_FILE) names "/dev/null", which is empty; put the secret into the file`},
		"a secret's file without an end": {
			given{env: []string{"HRBRIDGE_WEBHOOK_SECRET_FILE=/dev/zero"}}, `sources.hrflow.secret_files = "/dev/zero" (HRBRIDGE_WEBHOOK_SECRET_FILE) names "/dev/zero", which cannot be read: it is larger than 64KiB; name a file that exists, and is yours to read`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff([]string{row.want}, lines(t, row.given)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAllMistakesAreToldAtOnce(t *testing.T) {
	t.Parallel()
	got := lines(t, given{
		file:  "listn: a\nadmin:\n  listen: 1\n",
		env:   []string{"HRBRIDGE_MAX_EVENTS=1", "HRBRIDGE_LOG_LEVEL=loud", "HRBRIDGE_EMBEDDED_LISTEN=0.0.0.0:1"},
		flags: []string{"--answer-within", "soon"},
	})
	var keys []string
	for _, line := range got {
		key, _, _ := strings.Cut(line, " ")
		keys = append(keys, key)
	}
	want := []string{
		"listn", "HRBRIDGE_MAX_EVENTS", "admin.listen", "answer_within", "log.level", "sources.hrflow.secrets", "embedded.listen",
	}
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Errorf("%s\n%s", diff, strings.Join(got, "\n"))
	}
}

func TestAFileThatIsNamedHasToExist(t *testing.T) {
	t.Parallel()
	_, _, err := config.Load(config.LoadOptions{File: "none.yaml"})
	want := "none.yaml cannot be read: no such file or directory; name a file that exists, and is yours to read, with --config"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestWhatIsDoubtfulIsAWarning(t *testing.T) {
	t.Parallel()
	open := filepath.Dir(write(t, "x", "")) + "/secret"
	writeMode(t, open, secret+"\n", 0o644)
	for name, row := range map[string]struct {
		given given
		want  []string // the beginnings of the warnings
	}{
		"nothing":        {withSecret(given{}), nil},
		"a short secret": {given{env: []string{"HRBRIDGE_WEBHOOK_SECRET=1234"}}, []string{`sources.hrflow.secrets = "***" (HRBRIDGE_WEBHOOK_SECRET) holds a secret of less than 16 bytes`}},
		"a secret that everybody can read": {
			given{env: []string{"HRBRIDGE_WEBHOOK_SECRET_FILE=" + open}}, []string{"sources.hrflow.secret_files = "},
		},
		"a setting of the publisher that is not used": {
			env("HRBRIDGE_NATS_URL=nats://localhost"), []string{`nats.url = "nats://localhost" (HRBRIDGE_NATS_URL) has no effect, because the publisher is embedded; set publisher: nats, or leave it out`},
		},
		"an event larger than a server takes": {
			env("HRBRIDGE_PUBLISHER=nats", "HRBRIDGE_LIMITS_MAX_EVENT=2MiB"),
			[]string{`limits.max_event = "2MiB" (HRBRIDGE_LIMITS_MAX_EVENT) is more than a NATS server takes unless it is told otherwise; set max_payload of the server to 2052KiB or more`},
		},
		"a stop that is too short": {
			env("HRBRIDGE_DRAIN_TIMEOUT=1s"), []string{`drain_timeout = "1s" (HRBRIDGE_DRAIN_TIMEOUT) is less than answer_within (5s)`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, warnings, err := load(t, row.given)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.EqualFunc(warnings, row.want, func(w config.Warning, want string) bool { return strings.HasPrefix(w.String(), want) }) {
				t.Errorf("got %q, want %q", warnings, row.want)
			}
		})
	}
}

func TestAConfigurationFileWithASecretThatEverybodyCanReadIsAWarning(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "open.yaml")
	writeMode(t, file, "sources: {hrflow: {secrets: "+secret+"}}\n", 0o644)
	_, warnings, err := config.Load(config.LoadOptions{File: file})
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0].String(), "chmod o-r "+file) {
		t.Errorf("got %q, %v", warnings, err)
	}
}

func TestTheSmallestBudgetIsWhatTheIngressTakes(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, env("HRBRIDGE_LIMITS_MAX_IN_FLIGHT=51208KiB"))
	if _, err := ingress.New(c.Ingress(), nil, zap.NewNop(), prometheus.NewRegistry()); err != nil {
		t.Error(err)
	}
}
