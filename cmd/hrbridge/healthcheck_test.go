package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestHealthcheckSaysInOneLineWhetherItIsReady(t *testing.T) {
	t.Parallel()
	s := startService(t, nil, nil)
	s.awaitReadyz(t, http.StatusOK, "ready")
	down := startService(t, map[string]string{"PUBLISHER": "nats", "NATS_URL": "nats://" + freeAddr(t), "SPOOL": "off"}, nil)
	down.awaitReadyz(t, http.StatusServiceUnavailable, "out of reach")
	_, port, err := net.SplitHostPort(s.admin)
	if err != nil {
		t.Fatal(err)
	}
	stranger := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(stranger.Close)
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts in the kernel, and never answers
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })

	for _, row := range []struct {
		name, admin string
		args        []string
		code        int
		says        string
	}{
		{"ready", s.admin, nil, exitDone, "ready\n"},
		{"live", s.admin, []string{"--live"}, exitDone, "ok\n"},
		{"every interface", ":" + port, nil, exitDone, "ready\n"},
		{"every interface, of IPv6", "[::]:" + port, nil, exitDone, "ready\n"},
		{"the broker is down", down.admin, nil, exitFailed, "hrbridge: not ready; publisher: "},
		{"the broker is down, and it lives", down.admin, []string{"--live"}, exitDone, "ok\n"},
		{"nobody is there", freeAddr(t), nil, exitFailed, "is hrbridge serve running"},
		{"somebody else is there", strings.TrimPrefix(stranger.URL, "http://"), nil, exitFailed, "another program's port"},
		{"it hangs", silent.Addr().String(), []string{"--timeout", "50ms"}, exitFailed, "does not answer in time"},
		{"a wrong configuration", s.admin, []string{"--limits-max-body", "much"}, exitFailed, "run 'hrbridge validate'"},
		{"a wrong command line", s.admin, []string{"--alive"}, exitUsage, "unknown flag"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			got := try(t.Context(), []string{"HRBRIDGE_ADMIN_LISTEN=" + row.admin}, append([]string{"healthcheck"}, row.args...)...)
			if said := got.stdout + got.stderr; got.code != row.code || !strings.Contains(said, row.says) || strings.Count(said, "\n") != 1 {
				t.Errorf("exit code %d\n%s", got.code, said)
			}
		})
	}
}

func TestHealthcheckReadsNoMoreThanItNeeds(t *testing.T) {
	t.Parallel()
	flood := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, `{"status":"`)
		for {
			if _, err := io.WriteString(w, strings.Repeat("x", 1<<20)); err != nil {
				return
			}
		}
	}))
	t.Cleanup(flood.Close)
	got := try(t.Context(), []string{"HRBRIDGE_ADMIN_LISTEN=" + strings.TrimPrefix(flood.URL, "http://")}, "healthcheck")
	if got.code != exitFailed || len(got.stderr) > 1000 {
		t.Errorf("exit code %d, %d bytes", got.code, len(got.stderr))
	}
}
