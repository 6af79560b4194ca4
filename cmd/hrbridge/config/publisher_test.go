package config_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hrbridge/bridge"
	"hrbridge/cmd/hrbridge/config"
	"hrbridge/publishers/nats"
)

func TestBothPublishersHaveTheSameStream(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, env("HRBRIDGE_NATS_STREAM=EVENTS", "HRBRIDGE_TOPIC_PREFIX=prod.", "HRBRIDGE_STREAM_MAX_BYTES=5GiB", "HRBRIDGE_LIMITS_MAX_EVENT=100KiB",
		"HRBRIDGE_DATA_DIR=elsewhere"))
	want := nats.Defaults().Stream
	want.Name, want.MaxBytes, want.MinMessage = "EVENTS", 5<<30, 100<<10+bridge.HeaderAllowance
	want.Subjects = bridge.FanoutOptions{TopicPrefix: "prod.", DeadLetterTopic: "hrbridge.deadletter"}.StreamSubjects()
	got := c.Publisher()
	if diff := cmp.Diff(want, got.NATS.Stream); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want, got.Embedded.Stream); diff != "" {
		t.Error(diff)
	}
	if got.Name != "embedded" || got.Embedded.DataDir != "elsewhere" {
		t.Errorf("publisher %q in %q", got.Name, got.Embedded.DataDir)
	}
}

func TestTailGoesWhereThePublisherPutsTheEvents(t *testing.T) {
	t.Parallel()
	cert := write(t, "cert.pem", "")
	for name, row := range map[string]struct {
		given given
		url   string
		auth  nats.Auth
		tls   nats.TLS
	}{
		"the embedded broker": {env(), "nats://127.0.0.1:4222", nats.Auth{}, nats.TLS{}},
		"the embedded broker on every interface": {
			env("HRBRIDGE_EMBEDDED_LISTEN=:4333", "HRBRIDGE_EMBEDDED_TOKEN="+secret), "nats://127.0.0.1:4333", nats.Auth{Token: secret}, nats.TLS{},
		},
		"the embedded broker by TLS": {
			env("HRBRIDGE_EMBEDDED_TLS_CERT_FILE="+cert, "HRBRIDGE_EMBEDDED_TLS_KEY_FILE="+cert), "tls://127.0.0.1:4222", nats.Auth{}, nats.TLS{CAFile: cert},
		},
		"a server elsewhere": {
			env("HRBRIDGE_PUBLISHER=nats", "HRBRIDGE_NATS_URL=tls://a,b:1", "HRBRIDGE_NATS_USER=ada", "HRBRIDGE_NATS_PASSWORD="+secret),
			"tls://a,b:1", nats.Auth{User: "ada", Password: secret}, nats.TLS{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := mustLoad(t, row.given).Tail().NATS
			if got.URL != row.url || got.Auth != row.auth || got.TLS != row.tls || got.Stream != "HRFLOW" {
				t.Errorf("got %s, stream %s, TLS %+v", got.URL, got.Stream, got.TLS)
			}
		})
	}
}

func TestTheTopicsOfASourceCanHaveAPrefixOfTheirOwn(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, given{file: "sources:\n  hrflow: {secrets: " + secret + "}\n  ats: {secrets: " + secret + ", topic_prefix: ats.}\ntopic: {prefix: prod.}\n"})
	f := c.Fanout()
	if got := f.Topic("ats", "job.parsing.error") + " " + f.Topic("hrflow", "job.parsing.error"); got != "prod.ats.job.parsing.error prod.job.parsing.error" {
		t.Errorf("topics %s", got)
	}
	if diff := cmp.Diff(f.StreamSubjects(), c.Publisher().NATS.Stream.Subjects); diff != "" || !slices.Contains(f.StreamSubjects(), "prod.ats.job.*.*") {
		t.Errorf("the stream listens on %v", c.Publisher().NATS.Stream.Subjects)
	}
}

func TestTheSourceToProveWithIsThereWhenAskedFor(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		file    string
		prove   bool
		sources []string
		topic   string
	}{
		"not asked for":        {"", false, []string{"hrflow"}, "filter.a.b"},
		"beside the default":   {"", true, []string{"hrflow", "prove"}, "prove.filter.a.b"},
		"beside others":        {"sources: {ats: {}}\n", true, []string{"ats", "prove"}, "prove.filter.a.b"},
		"as it was configured": {"sources: {prove: {topic_prefix: x.}}\n", true, []string{"prove"}, "x.filter.a.b"},
		"without a prefix":     {"sources: {prove: {}}\n", true, []string{"prove"}, "filter.a.b"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _, err := config.Load(config.LoadOptions{File: write(t, "hrbridge.yaml", row.file), Dev: true, Prove: row.prove})
			if err != nil {
				t.Fatal(err)
			}
			var sources []string
			for _, s := range c.Ingress().Sources {
				sources = append(sources, s.Name)
			}
			if topic := c.Fanout().Topic("prove", "filter.a.b"); !slices.Equal(sources, row.sources) || topic != row.topic {
				t.Errorf("sources %v, topic %s", sources, topic)
			}
		})
	}
}
