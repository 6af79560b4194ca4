package config_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"hrbridge/bridge"
	"hrbridge/publishers/nats"
)

func TestBothPublishersHaveTheSameStream(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, env("HRBRIDGE_NATS_STREAM=EVENTS", "HRBRIDGE_TOPIC_PREFIX=prod.", "HRBRIDGE_STREAM_MAX_BYTES=5GiB", "HRBRIDGE_LIMITS_MAX_EVENT=100KiB",
		"HRBRIDGE_DATA_DIR=elsewhere"))
	want := nats.Defaults().Stream
	want.Name, want.MaxBytes, want.MinMessage = "EVENTS", 5<<30, 100<<10+bridge.HeaderAllowance
	want.Subjects = bridge.StreamSubjects("prod.", "hrbridge.deadletter")
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
