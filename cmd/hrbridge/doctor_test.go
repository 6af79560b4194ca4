package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"hrbridge/bridge"
	"hrbridge/cmd/hrbridge/doctor"
)

// visit runs doctor --json and returns its report and its exit code.
func visit(t *testing.T, env []string, args ...string) (doctor.Report, int) {
	t.Helper()
	env = append([]string{"HRBRIDGE_WEBHOOK_SECRET=" + inventedSecret, "HRBRIDGE_DATA_DIR=" + t.TempDir()}, env...)
	if !slices.ContainsFunc(env, func(kv string) bool { return strings.HasPrefix(kv, "HRBRIDGE_ADMIN_LISTEN=") }) {
		env = append(env, "HRBRIDGE_ADMIN_LISTEN="+freeAddr(t)) // no bridge of somebody else's
	}
	got := try(t.Context(), env, append([]string{"doctor", "--json"}, args...)...)
	var r doctor.Report
	if err := json.Unmarshal([]byte(got.stdout), &r); err != nil {
		t.Fatalf("exit code %d, and no report: %v\n%s%s", got.code, err, got.stdout, got.stderr)
	}
	return r, got.code
}

func verdict(t *testing.T, r doctor.Report, name string) bridge.Finding {
	t.Helper()
	at := slices.IndexFunc(r.Checks, func(f bridge.Finding) bool { return f.Name == name })
	if at < 0 {
		t.Fatalf("nothing is said of %s: %+v", name, r)
	}
	return r.Checks[at]
}

func TestDoctorsExitCodeSaysWhatKindOfTroubleThereIs(t *testing.T) {
	t.Parallel()
	url, _ := broker(t)
	for name, test := range map[string]struct {
		env    []string
		args   []string
		code   int
		status bridge.Verdict
	}{
		"a stream that serve mends":    {brokerEnv(url), nil, exitDone, bridge.VerdictWarning},
		"a stream that nobody makes":   {brokerEnv(url), []string{"--nats-stream", "OTHER", "--nats-provision=false"}, exitFailed, bridge.VerdictFailure},
		"a broker that is not there":   {brokerEnv("nats://127.0.0.1:1"), nil, exitEnvironment, bridge.VerdictFailure},
		"no bridge with its own store": {nil, []string{"--embedded-min-free", "1MiB"}, exitDone, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report, code := visit(t, test.env, test.args...)
			if code != test.code || test.status != "" && report.Status != test.status {
				t.Errorf("exit code %d, want %d: %+v", code, test.code, report)
			}
		})
	}
	report, _ := visit(t, brokerEnv(url), "--nats-monitor", "http://127.0.0.1:1")
	if f := verdict(t, report, "broker.sync"); !strings.Contains(f.Found, "http://127.0.0.1:1") {
		t.Errorf("the monitoring port was not asked: %+v", f)
	}
	if got := try(t.Context(), []string{"HRBRIDGE_WEBHOOK_SECRET=" + inventedSecret}, "doctor", "--nats-monitor", "http://127.0.0.1:1"); got.code != exitUsage {
		t.Errorf("a monitoring port without a NATS server: exit code %d\n%s%s", got.code, got.stdout, got.stderr)
	}
	if got := try(t.Context(), nil, "doctor", "--listen", "nowhere"); got.code != exitUsage || got.stdout != "" {
		t.Errorf("a configuration that is wrong: exit code %d\n%s%s", got.code, got.stdout, got.stderr)
	}
}

func TestDoctorLooksAtKafka(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	env := []string{"HRBRIDGE_PUBLISHER=kafka", "HRBRIDGE_KAFKA_BROKERS=" + cluster.ListenAddrs()[0]}
	for _, row := range []struct {
		args   []string
		code   int
		status bridge.Verdict
	}{
		{nil, exitDone, bridge.VerdictWarning},
		{[]string{"--kafka-provision=false"}, exitFailed, bridge.VerdictFailure},
		{[]string{"--kafka-brokers", "127.0.0.1:1"}, exitEnvironment, bridge.VerdictSkipped},
	} {
		report, code := visit(t, env, row.args...)
		if f := verdict(t, report, "topics.present"); code != row.code || f.Status != row.status {
			t.Errorf("%v: exit code %d, want %d: %+v", row.args, code, row.code, f)
		}
	}
}

func TestDoctorIsForPeopleUnlessToldOtherwise(t *testing.T) {
	t.Parallel()
	url, _ := broker(t)
	env := append(brokerEnv(url), "HRBRIDGE_WEBHOOK_SECRET="+inventedSecret, "HRBRIDGE_DATA_DIR="+t.TempDir(), "HRBRIDGE_ADMIN_LISTEN="+freeAddr(t))
	got := try(t.Context(), env, "doctor")
	if got.code != exitDone {
		t.Fatalf("exit code %d\n%s%s", got.code, got.stdout, got.stderr)
	}
	for _, text := range []string{"ok       broker.reach ", "warning  broker.sync ", "remedy  see that the server's configuration has jetstream { sync_interval: always }", "checks: ok "} {
		if !strings.Contains(got.stdout, text) {
			t.Errorf("it does not say %q:\n%s", text, got.stdout)
		}
	}
	if strings.Contains(got.stdout, inventedSecret) {
		t.Error("it prints a secret")
	}
}

func TestDoctorReportsWhatTheConfigurationWarnsOf(t *testing.T) {
	t.Parallel()
	url, _ := broker(t)
	report, _ := visit(t, append(brokerEnv(url), "HRBRIDGE_EMBEDDED_LISTEN=127.0.0.1:4333"))
	if f := verdict(t, report, "configuration"); f.Status != bridge.VerdictWarning || !strings.Contains(f.Found, "embedded.listen has no effect") {
		t.Errorf("%+v", f)
	}
}

func TestServeSaysAtStartWhatIsDoubtfulAndIsReadyAllTheSame(t *testing.T) {
	t.Parallel()
	s := startService(t, map[string]string{"ADMIN_LISTEN": "0.0.0.0:0"}, nil)
	body := s.awaitReadyz(t, http.StatusOK, "ready")
	if !strings.Contains(body, `"notes":[{"name":"admin.listen","status":"warning"`) {
		t.Errorf("/readyz does not note it: %s", body)
	}
	if log := s.log.String(); !strings.Contains(log, "doctor: ") || !strings.Contains(log, "can be reached from other machines") {
		t.Errorf("the log does not say it:\n%s", log)
	}
}
