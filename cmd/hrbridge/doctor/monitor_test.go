package doctor_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"hrbridge/bridge"
	"hrbridge/cmd/hrbridge/doctor"
)

// monitored is a NATS server in this process, by its monitoring port.
func monitored(t *testing.T, change func(*server.Options)) string {
	t.Helper()
	o := &server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, HTTPHost: "127.0.0.1", HTTPPort: server.RANDOM_PORT, StoreDir: t.TempDir(), NoLog: true, NoSigs: true,
	}
	change(o)
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(30 * time.Second) {
		t.Fatal("the NATS server does not start")
	}
	return "http://" + s.MonitorAddr().String()
}

func TestTheSyncPolicyIsReadAtTheMonitoringPort(t *testing.T) {
	t.Parallel()
	stranger := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(stranger.Close)
	always := monitored(t, func(o *server.Options) { o.JetStream, o.SyncAlways = true, true })
	later := monitored(t, func(o *server.Options) { o.JetStream, o.SyncInterval = true, 10*time.Second })
	none := monitored(t, func(*server.Options) {})
	for name, test := range map[string]struct {
		monitor string
		copies  int
		status  bridge.Verdict
		has     string
	}{
		"always":                     {always, 1, bridge.VerdictOK, "syncs what it acknowledges"},
		"later, one copy":            {later, 1, bridge.VerdictFailure, "every 10s"},
		"later, three copies":        {later + "/", 3, bridge.VerdictWarning, "3 copies"},
		"no JetStream":               {none, 1, bridge.VerdictWarning, "no JetStream"},
		"nobody":                     {"http://127.0.0.1:1", 1, bridge.VerdictWarning, "cannot be told"},
		"something that is not NATS": {stranger.URL, 1, bridge.VerdictWarning, "not as a NATS server does"},
		"no address":                 {"://", 1, bridge.VerdictWarning, "cannot be told"},
	} {
		f := doctor.SyncPolicy(t.Context(), test.monitor, test.copies)
		if f.Name != doctor.CheckBrokerSync || f.Status != test.status || !strings.Contains(f.Found, test.has) || (f.Remedy == "") != (test.status == bridge.VerdictOK) {
			t.Errorf("%s: %+v", name, f)
		}
	}
}
