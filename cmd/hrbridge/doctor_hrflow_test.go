package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hrbridge/bridge"
	"hrbridge/bridge/signature"
)

const (
	apiKey    = "an-invented-api-secret-key"
	userEmail = "ada@example.org"
)

// hrflowAPI stands in for HrFlow's API: it takes apiKey, and calls as call says.
func hrflowAPI(t *testing.T, call func(url string)) string {
	t.Helper()
	answer := func(w http.ResponseWriter, code int, message string) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(map[string]any{"code": code, "message": message})
	}
	known := func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("X-API-KEY") == apiKey && r.Header.Get("X-USER-EMAIL") == userEmail {
			return true
		}
		answer(w, http.StatusUnauthorized, "Invalid key "+r.Header.Get("X-API-KEY"))
		return false
	}
	var url string
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/webhook/check", func(w http.ResponseWriter, r *http.Request) {
		var asked struct{ URL, Type string }
		body, _ := io.ReadAll(r.Body)
		if !known(w, r) {
			return
		}
		if err := json.Unmarshal(body, &asked); err != nil || asked.Type != "profile.parsing.success" {
			answer(w, http.StatusBadRequest, "Invalid parameters")
			return
		}
		url = asked.URL
		answer(w, http.StatusOK, "ok")
	})
	mux.HandleFunc("POST /v1/webhook/test", func(w http.ResponseWriter, r *http.Request) {
		if !known(w, r) {
			return
		}
		if call != nil {
			call(url)
		}
		answer(w, http.StatusOK, "ok")
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL + "/v1/"
}

// callWith is a call with the body, signed with the secret; without one it has no signature.
func callWith(t *testing.T, body, secret string) func(url string) {
	return func(url string) {
		request, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodPost, url, bytes.NewReader([]byte(body)))
		if err != nil {
			t.Error(err)
			return
		}
		request.Header.Set("Content-Type", "application/json")
		if secret != "" {
			mac, err := signature.Sign(signature.BodyHex, []byte(secret), []byte(body))
			if err != nil {
				t.Error(err)
			}
			request.Header.Set("HTTP-HRFLOW-SIGNATURE", mac)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Error(err)
			return
		}
		response.Body.Close()
	}
}

// keyFile is where the API secret key is kept.
func keyFile(t *testing.T, key string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "api-key")
	if err := os.WriteFile(path, []byte(key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDoctorFollowsACallOfHrFlowAndSaysWhereItStops(t *testing.T) {
	t.Parallel()
	healthy := startService(t, nil, nil)
	stranded := startService(t, map[string]string{"PUBLISHER": "nats", "NATS_URL": "nats://127.0.0.1:1", "SPOOL": "off"}, nil)
	spooling := startService(t, map[string]string{"PUBLISHER": "nats", "NATS_URL": "nats://127.0.0.1:1"}, nil)
	other := callWith(t, delivery, serviceSecret)
	untrusted, stranger := httptest.NewUnstartedServer(http.NotFoundHandler()), httptest.NewServer(http.RedirectHandler("/", http.StatusFound))
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains of a client that leaves
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	t.Cleanup(stranger.Close)
	webhook := func(r *running) string { return "http://" + r.ingress + "/webhooks/hrflow" }
	for name, test := range map[string]struct {
		bridge *running
		url    string
		key    string
		call   func(url string)
		want   map[string]bridge.Verdict
		has    map[string]string // what the text of a check holds
	}{
		"the whole way": {
			bridge: healthy, call: other,
			want: map[string]bridge.Verdict{"hrflow.bridge": "ok", "hrflow.api": "ok", "hrflow.arrival": "ok", "hrflow.signature": "ok", "hrflow.published": "ok"},
			has:  map[string]string{"hrflow.url": "without TLS", "hrflow.published": "on the topics of their types: 1"},
		},
		"a dead letter": {
			bridge: healthy, call: callWith(t, `[{"type":"Not.A.Type"}]`, serviceSecret),
			want: map[string]bridge.Verdict{"hrflow.signature": "ok", "hrflow.published": "warning"},
			has:  map[string]string{"hrflow.published": "dead letters"},
		},
		"a key that HrFlow refuses": {
			bridge: healthy, key: "another", call: other,
			want: map[string]bridge.Verdict{"hrflow.api": "failure", "hrflow.arrival": "skipped"},
			has:  map[string]string{"hrflow.api": "hrflow.api_key_file"},
		},
		"HrFlow does not get through": {
			bridge: healthy,
			want:   map[string]bridge.Verdict{"hrflow.api": "ok", "hrflow.arrival": "failure", "hrflow.signature": "skipped"},
			has:    map[string]string{"hrflow.arrival": "DNS"},
		},
		"an address that nobody knows": {
			bridge: healthy, url: "https://hooks.invalid/webhooks/hrflow",
			want: map[string]bridge.Verdict{"hrflow.url": "warning", "hrflow.arrival": "failure"},
			has:  map[string]string{"hrflow.url": "hooks.invalid cannot be resolved", "hrflow.arrival": "make the DNS entry"},
		},
		"a port that does not speak TLS": {
			bridge: healthy, url: "https://" + healthy.ingress + "/webhooks/hrflow",
			want: map[string]bridge.Verdict{"hrflow.url": "warning", "hrflow.arrival": "failure"},
			has:  map[string]string{"hrflow.arrival": "speaks plain HTTP"},
		},
		"a certificate that nobody trusts": {
			bridge: healthy, url: untrusted.URL + "/webhooks/hrflow",
			want: map[string]bridge.Verdict{"hrflow.url": "warning", "hrflow.arrival": "failure"},
			has:  map[string]string{"hrflow.url": "not trusted", "hrflow.arrival": "public authority"},
		},
		"what answers is not a bridge": {
			bridge: healthy, url: stranger.URL + "/webhooks/hrflow",
			want: map[string]bridge.Verdict{"hrflow.url": "warning", "hrflow.arrival": "failure"},
			has:  map[string]string{"hrflow.url": "not a bridge"},
		},
		"another path": {
			bridge: healthy, url: "http://" + healthy.ingress + "/hooks/hrflow", call: other,
			want: map[string]bridge.Verdict{"hrflow.url": "warning", "hrflow.arrival": "failure"},
			has:  map[string]string{"hrflow.url": "404", "hrflow.arrival": "/webhooks/hrflow"},
		},
		"another secret": {
			bridge: healthy, call: callWith(t, delivery, "another-invented-secret"),
			want: map[string]bridge.Verdict{"hrflow.arrival": "ok", "hrflow.signature": "failure", "hrflow.published": "skipped"},
			has:  map[string]string{"hrflow.arrival": "401", "hrflow.signature": "copy the webhook secret key"},
		},
		"no signature": {
			bridge: healthy, call: callWith(t, delivery, ""),
			want: map[string]bridge.Verdict{"hrflow.signature": "failure"},
			has:  map[string]string{"hrflow.signature": "no proxy drops HTTP-HRFLOW-SIGNATURE"},
		},
		"a broker that is down, and a spool": {
			bridge: spooling, call: other,
			want: map[string]bridge.Verdict{"hrflow.arrival": "ok", "hrflow.signature": "ok", "hrflow.published": "warning"},
			has:  map[string]string{"hrflow.published": "in the spool"},
		},
		"a broker that is down": {
			bridge: stranded, call: other,
			want: map[string]bridge.Verdict{"hrflow.arrival": "ok", "hrflow.signature": "ok", "hrflow.published": "failure"},
			has:  map[string]string{"hrflow.published": "503"},
		},
	} {
		t.Run(name, func(t *testing.T) { // one after the other: they watch the same counters
			url, key := test.url, test.key
			if url == "" {
				url = webhook(test.bridge)
			}
			if key == "" {
				key = apiKey
			}
			wait := "30s"
			if test.want["hrflow.arrival"] == bridge.VerdictFailure { // whatever HrFlow does, it has done before its API answers
				wait = "1s"
			}
			env := []string{
				"HRBRIDGE_HRFLOW_API_URL=" + hrflowAPI(t, test.call), "HRBRIDGE_HRFLOW_API_KEY_FILE=" + keyFile(t, key),
				"HRBRIDGE_HRFLOW_USER_EMAIL=" + userEmail, "HRBRIDGE_ADMIN_LISTEN=" + test.bridge.admin,
			}
			report, _ := visit(t, env, "--hrflow", "--url", url, "--wait", wait)
			for check, want := range test.want {
				if f := verdict(t, report, check); f.Status != want {
					t.Errorf("%s is %s, want %s: %+v", check, f.Status, want, f)
				}
			}
			for check, text := range test.has {
				if f := verdict(t, report, check); !strings.Contains(f.Found+"\n"+f.Remedy, text) {
					t.Errorf("%s does not say %q: %+v", check, text, f)
				}
			}
			if shown, err := json.Marshal(report); err != nil || strings.Contains(string(shown), key) && key != "another" || strings.Contains(string(shown), serviceSecret) {
				t.Errorf("it shows a secret: %s, %v", shown, err)
			}
		})
	}
}

func TestDoctorNeedsAKeyAndABridgeToFollowACall(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"no key":      {"--hrflow", "--url", "https://hooks.example.org/webhooks/hrflow"},
		"no address":  {"--hrflow"},
		"no --hrflow": {"--url", "https://hooks.example.org/webhooks/hrflow"},
	} {
		got := try(t.Context(), []string{"HRBRIDGE_WEBHOOK_SECRET=" + inventedSecret}, append([]string{"doctor"}, args...)...)
		if got.code != exitUsage || got.stdout != "" {
			t.Errorf("%s: exit code %d\n%s%s", name, got.code, got.stdout, got.stderr)
		}
	}
	env := []string{
		"HRBRIDGE_HRFLOW_API_URL=" + hrflowAPI(t, nil), "HRBRIDGE_HRFLOW_API_KEY_FILE=" + keyFile(t, apiKey),
		"HRBRIDGE_HRFLOW_USER_EMAIL=" + userEmail, "HRBRIDGE_ADMIN_LISTEN=" + freeAddr(t),
	}
	report, code := visit(t, env, "--hrflow", "--url", "http://127.0.0.1:1/webhooks/hrflow")
	if f := verdict(t, report, "hrflow.bridge"); code == exitDone || f.Status != bridge.VerdictFailure || !strings.Contains(f.Remedy, "start hrbridge serve") {
		t.Errorf("exit code %d: %+v", code, f)
	}
}
