package doctor_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"hrbridge/bridge"
	"hrbridge/cmd/hrbridge/doctor"
)

func TestABridgeThatRunsIsTakenAtItsWord(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]bridge.Verdict{
		`{"status":"ready","checks":{"publisher":{"status":"ok"}}}`:                                        bridge.VerdictOK,
		`{"status":"degraded","checks":{"publisher":{"status":"degraded","reason":"it spools"}}}`:          bridge.VerdictWarning,
		`{"status":"draining","checks":{}}`:                                                                bridge.VerdictWarning,
		`{"status":"not ready","checks":{"publisher":{"status":"failing","reason":"the broker is away"}}}`: bridge.VerdictFailure,
		`<html>`: bridge.VerdictSkipped,
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(answer)) }))
		t.Cleanup(s.Close)
		f := doctor.Running(t.Context(), s.URL)
		if f.Name != "bridge.ready" || f.Status != want {
			t.Errorf("%s: %+v", answer, f)
		}
		for _, reason := range []string{"it spools", "the broker is away"} {
			if strings.Contains(answer, reason) && !strings.Contains(f.Found, reason) {
				t.Errorf("it does not say %q: %+v", reason, f)
			}
		}
	}
	if f := doctor.Running(t.Context(), "http://127.0.0.1:1"); f.Status != bridge.VerdictSkipped || !strings.Contains(f.Found, "no bridge answers") {
		t.Errorf("%+v", f)
	}
}
