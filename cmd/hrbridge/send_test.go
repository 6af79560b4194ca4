package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hrbridge/bridge/signature"
)

const invented = "an-invented-secret"

// fakeBridge verifies what it is sent by one form, as a bridge does, and keeps what was signed.
type fakeBridge struct {
	*httptest.Server
	form signature.Form

	mu     sync.Mutex
	signed []string
	bodies []string
}

func newFakeBridge(t *testing.T, form signature.Form) *fakeBridge {
	t.Helper()
	verifier, err := signature.NewVerifier([][]byte{[]byte(invented)}, []signature.Form{form})
	if err != nil {
		t.Fatal(err)
	}
	b := &fakeBridge{form: form}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s, err := signature.Parse(r.Header.Get("HTTP-HRFLOW-SIGNATURE"))
		var match signature.Match
		if err == nil {
			match, err = verifier.Verify(s, body)
		}
		var events []json.RawMessage
		if err == nil {
			err = json.Unmarshal(match.Signed, &events)
		}
		if err != nil || r.Header.Get("Content-Type") != "application/json" || r.Method != http.MethodPost {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		b.mu.Lock()
		b.signed, b.bodies = append(b.signed, string(match.Signed)), append(b.bodies, string(body))
		b.mu.Unlock()
		w.Header().Set("X-Request-Id", "r1")
		fmt.Fprintf(w, `{"events":%d,"published":%d,"dead_lettered":0}`, len(events), len(events))
	}))
	t.Cleanup(b.Close)
	return b
}

// answering is a bridge that gives the answers in turn, the last one for ever.
func answering(t *testing.T, answers ...func(w http.ResponseWriter)) *httptest.Server {
	t.Helper()
	var mu sync.Mutex
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		give := answers[0]
		if len(answers) > 1 {
			answers = answers[1:]
		}
		mu.Unlock()
		give(w)
	}))
	t.Cleanup(s.Close)
	return s
}

func taken(w http.ResponseWriter) { fmt.Fprint(w, `{"events":1,"published":1,"dead_lettered":0}`) }

func problem(status int, detail string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.Header().Set("X-Request-Id", "r1")
		if status == http.StatusServiceUnavailable {
			w.Header().Set("Retry-After", "7")
		}
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{"title": http.StatusText(status), "status": status, "detail": detail})
	}
}

// runSend runs the program's verb with the invented secret in the environment.
func runSend(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return runWith(t, []string{"HRBRIDGE_WEBHOOK_SECRET=" + invented}, "", append([]string{"send"}, args...)...)
}

func runWith(t *testing.T, env []string, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, env, strings.NewReader(stdin), &out, &errs)
	if strings.Contains(out.String()+errs.String(), invented) {
		t.Error("the secret was printed")
	}
	return code, out.String(), errs.String()
}

func TestSendSignsInEveryForm(t *testing.T) {
	t.Parallel()
	for _, form := range signature.Forms() {
		t.Run(string(form), func(t *testing.T) {
			t.Parallel()
			b := newFakeBridge(t, form)
			code, out, errs := runSend(t, "--url", b.URL, "--form", string(form), "--events", "3", "--count", "2")
			if code != 0 || errs != "" {
				t.Fatalf("exit code %d: %s%s", code, out, errs)
			}
			if strings.Count(out, "200 OK  events=3  published=3  dead_lettered=0  request_id=r1  time=") != 2 {
				t.Errorf("printed: %s", out)
			}
			carried := form != signature.BodyHex && form != signature.BodyCompactHex
			for i, body := range b.bodies {
				if carried != (body == "") {
					t.Errorf("the body has %d bytes", len(body))
				}
				if form == signature.BodyCompactHex && body == b.signed[i] {
					t.Error("the body has no white space, so it says nothing of the form")
				}
			}
			code, _, errs = runSend(t, "--url", b.URL, "--form", string(form), "--body")
			if last := len(b.bodies) - 1; code != 0 || carried && b.bodies[last] != b.signed[last] {
				t.Errorf("with --body: exit code %d: %s", code, errs)
			}
		})
	}
}

func TestSendTakesFormsInTurn(t *testing.T) {
	t.Parallel()
	b := newFakeBridge(t, signature.SignedPayload)
	code, out, _ := runSend(t, "--url", b.URL, "--form", "body-hex,signed-payload", "--count", "4")
	if code != 1 || len(b.signed) != 2 {
		t.Errorf("exit code %d, %d of 4 verified by signed-payload: %s", code, len(b.signed), out)
	}
}

func TestSendMakesWhatTheSeedGives(t *testing.T) {
	t.Parallel()
	b := newFakeBridge(t, signature.BodyHex)
	sent := func(args ...string) []string {
		b.signed = nil
		if code, _, errs := runSend(t, append([]string{"--url", b.URL}, args...)...); code != 0 {
			t.Fatal(errs)
		}
		return slices.Sorted(slices.Values(b.signed))
	}
	one := sent("--seed", "1", "--count", "30", "--size", "2000")
	if again := sent("--seed", "1", "--count", "30", "--size", "2000", "--connections", "4"); !slices.Equal(one, again) {
		t.Error("the same seed gave other deliveries on four connections")
	}
	if len(slices.Compact(one)) != 30 {
		t.Error("a run repeats a delivery")
	}
	for _, document := range one {
		if len(document) != 2002 {
			t.Errorf("%d bytes with the brackets; want 2002", len(document))
		}
	}
	if slices.Equal(sent(), sent()) {
		t.Error("two runs without a seed sent the same")
	}
	if typed := sent("--type", "job.train.start", "--events", "2"); strings.Count(typed[0], `"type":"job.train.start"`) != 2 {
		t.Errorf("sent %s", typed[0])
	}
	if empty := sent("--events", "0"); empty[0] != "[]" {
		t.Errorf("sent %s", empty[0])
	}
}

func TestSendSendsADocumentAsItIs(t *testing.T) {
	t.Parallel()
	const document = " [ {\"type\": \"profile.parsing.success\"} ]\n\n"
	file := filepath.Join(t.TempDir(), "delivery.json")
	if err := os.WriteFile(file, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{"HRBRIDGE_WEBHOOK_SECRET=" + invented}
	b := newFakeBridge(t, signature.BodyHex)
	for _, name := range []string{file, "-"} {
		if code, _, errs := runWith(t, env, document, "send", "--url", b.URL, "--file", name); code != 0 {
			t.Fatal(errs)
		}
	}
	if !slices.Equal(b.bodies, []string{document, document}) {
		t.Errorf("sent %q", b.bodies)
	}
}

func TestSendFindsTheSecret(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(invented+"\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := newFakeBridge(t, signature.BodyHex)
	for says, row := range map[string]struct {
		env  []string
		args []string
		code int
	}{
		"in a file, without the line's end":     {nil, []string{"--secret-file", file}, 0},
		"in the environment":                    {[]string{"HRBRIDGE_WEBHOOK_SECRET=" + invented}, nil, 0},
		"as the first of several":               {[]string{"HRBRIDGE_WEBHOOK_SECRET= " + invented + " ,other"}, nil, 0},
		"in the file that the environment says": {[]string{"HRBRIDGE_WEBHOOK_SECRET_FILE=" + file}, nil, 0},
		"in the file rather than around":        {[]string{"HRBRIDGE_WEBHOOK_SECRET=other"}, []string{"--secret-file", file}, 0},
		"nowhere":                               {nil, nil, 2},
		"in a file that is not there":           {nil, []string{"--secret-file", file + "2"}, 2},
		"in an empty file":                      {nil, []string{"--secret-file", os.DevNull}, 2},
		"another one":                           {[]string{"HRBRIDGE_WEBHOOK_SECRET=other"}, nil, 1},
	} {
		code, _, errs := runWith(t, row.env, "", append([]string{"send", "--url", b.URL}, row.args...)...)
		if code != row.code {
			t.Errorf("%s: exit code %d, want %d: %s", says, code, row.code, errs)
		}
	}
}

func TestSendUnderstandsTheAnswer(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		says    string
		answers []func(http.ResponseWriter)
		args    []string
		code    int
		out     string
		err     string
	}{
		{"taken is done", []func(http.ResponseWriter){taken}, nil, 0, "200 OK  events=1  published=1", ""},
		{"a wrong secret", []func(http.ResponseWriter){problem(401, "")}, nil, 1, http.StatusText(http.StatusUnauthorized) + "  request_id=r1", "give the right secret"},
		{"a bad document", []func(http.ResponseWriter){problem(400, "Element 3 is cut short.")}, nil, 1, "Element 3 is cut short.", "the delivery was refused; 400: Element 3 is cut short: the document is not what the wire allows"},
		{"a broker that is down", []func(http.ResponseWriter){problem(503, "")}, nil, 1, "503 Service Unavailable", "send again later; the bridge's /readyz says what is wrong (the bridge says: in 7 s)"},
		{"a header that is too large", []func(http.ResponseWriter){func(w http.ResponseWriter) { w.WriteHeader(http.StatusRequestHeaderFieldsTooLarge) }}, nil, 1, "431 Request Header Fields Too Large", "limits.max_header"},
		{"one refused among others", []func(http.ResponseWriter){taken, problem(503, ""), taken}, []string{"--count", "3"}, 1, "503 Service", "1 of 3 deliveries were refused; 503: "},
		{"something else that answers", []func(http.ResponseWriter){func(w http.ResponseWriter) { http.Error(w, "<html>", http.StatusFound) }}, nil, 1, "302 Found", "not an answer of hrbridge"},
		{"something else that takes it", []func(http.ResponseWriter){func(w http.ResponseWriter) { fmt.Fprint(w, "ok") }}, nil, 0, "no receipt: is this hrbridge?", ""},
		{"control characters are escaped", []func(http.ResponseWriter){problem(400, "\x1b[2J\nforged")}, nil, 1, `\x1b[2J\nforged`, `\x1b[2J\nforged`},
		{"many are summed up", []func(http.ResponseWriter){taken, problem(429, ""), taken}, []string{"--count", "100", "--connections", "4"}, 1, "200=99  429=1\n99 events (", "1 of 100 deliveries were refused; 429: "},
	} {
		t.Run(row.says, func(t *testing.T) {
			t.Parallel()
			s := answering(t, row.answers...)
			code, out, errs := runSend(t, append([]string{"--url", s.URL}, row.args...)...)
			if code != row.code || !strings.Contains(out, row.out) || !strings.Contains(errs, row.err) || strings.ContainsRune(out+errs, '\x1b') {
				t.Errorf("exit code %d, want %d\nprinted: %s\nerror: %s", code, row.code, out, errs)
			}
			if strings.Count(errs, "\n") > 1 {
				t.Errorf("the error has several lines: %s", errs)
			}
		})
	}
}

func TestSendWithoutABridge(t *testing.T) {
	t.Parallel()
	s := answering(t, taken)
	s.Close()
	code, out, errs := runSend(t, "--url", s.URL, "--count", "1000", "--connections", "8")
	if code != 3 || !strings.Contains(errs, "is 'hrbridge serve' running at --url?") {
		t.Errorf("exit code %d: %s", code, errs)
	}
	if !strings.Contains(out, "1 deliveries") {
		t.Errorf("it went on trying an address where nobody ever answered: %s", out)
	}
}

func TestSendOutlivesABridgeThatGoesAway(t *testing.T) {
	t.Parallel()
	gone := func(w http.ResponseWriter) { panic(http.ErrAbortHandler) }
	s := answering(t, taken, gone, taken)
	code, out, errs := runSend(t, "--url", s.URL, "--count", "5")
	if code != 3 || strings.Count(out, "200 OK") != 4 || strings.Count(out, "no answer") != 1 {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
}

func TestSendWaitsNoLongerThanItsTimeout(t *testing.T) {
	t.Parallel()
	held := make(chan struct{})
	s := answering(t, func(http.ResponseWriter) { <-held })
	t.Cleanup(func() { close(held) })
	if code, _, errs := runSend(t, "--url", s.URL, "--timeout", "50ms"); code != 3 {
		t.Errorf("exit code %d: %s", code, errs)
	}
}

func TestSendKeepsToTheRate(t *testing.T) {
	t.Parallel()
	s := answering(t, taken)
	began := time.Now()
	if code, _, errs := runSend(t, "--url", s.URL, "--count", "6", "--rate", "100", "--connections", "6"); code != 0 {
		t.Fatal(errs)
	}
	if took := time.Since(began); took < 45*time.Millisecond {
		t.Errorf("6 deliveries at 100 a second took %s", took)
	}
}

func TestSendThatIsInterruptedSaysHowFarItCame(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s := answering(t, taken, func(w http.ResponseWriter) { cancel(); taken(w) })
	var out, errs bytes.Buffer
	code := run(ctx, []string{"send", "--url", s.URL, "--count", "1000", "--rate", "50"}, []string{"HRBRIDGE_WEBHOOK_SECRET=x"}, nil, &out, &errs)
	if code != 1 || !strings.Contains(errs.String(), "interrupted after ") {
		t.Errorf("exit code %d: %s", code, errs.String())
	}
}

func TestSendRefusesWhatItCannotDo(t *testing.T) {
	t.Parallel()
	for _, args := range []string{
		"--url localhost", "--url ftp://localhost/", "--count 0", "--events -1", "--connections 0", "--size -1", "--rate -1", "--rate NaN",
		"--timeout 0s", "--form body", "--type planet.parsing.success", "--type profile", "--type Profile.Parsing.Success",
		"--file /dev/null", "--file /nowhere/at/all", "--file x --size 3", "--secret x", "argument", "--type=", "--form=",
	} {
		if code, out, errs := runSend(t, strings.Fields(args)...); code != 2 || out != "" || strings.Count(errs, "\n") != 1 {
			t.Errorf("%s: exit code %d: %s%s", args, code, out, errs)
		}
	}
}
