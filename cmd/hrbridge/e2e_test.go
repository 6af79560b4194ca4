package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	natsgo "github.com/nats-io/nats.go"

	"hrbridge/bridge/signature"
)

// natsServer starts a NATS server with JetStream, as an operator has one, at addr with its store in dir.
func natsServer(t *testing.T, addr, dir string) *natsserver.Server {
	t.Helper()
	host, port, _ := strings.Cut(addr, ":")
	o := &natsserver.Options{Host: host, JetStream: true, StoreDir: dir, NoSigs: true, NoLog: true}
	if _, err := fmt.Sscan(port, &o.Port); err != nil {
		t.Fatal(err)
	}
	s := must(natsserver.NewServer(o))(t)
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the NATS server does not start")
	}
	t.Cleanup(func() { stopServer(s) })
	return s
}

func stopServer(s *natsserver.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

func TestANewcomerSeesEventsByType(t *testing.T) {
	t.Parallel()
	p := serve(t, checkedBinary(t), map[string]string{"HRBRIDGE_WEBHOOK_SECRET": ""}, "--dev")
	p.waitReady(t, http.StatusOK)

	line := regexp.MustCompile(`(?m)^.*/hrbridge\S* ((?:send|tail)\b.*)$`)
	commands := map[string][]string{}
	await(t, 10*time.Second, func() bool {
		for _, m := range line.FindAllStringSubmatch(p.log.String(), -1) {
			words := strings.Fields(m[1])
			commands[words[0]] = words
		}
		return commands["send"] != nil && commands["tail"] != nil
	}, func() string { return "serve --dev prints no send and tail commands to try" })
	if code, out, errs := p.verb(t, nil, commands["send"]...); code != 0 {
		t.Fatalf("%v: exit code %d\n%s%s", commands["send"], code, out, errs)
	}
	code, out, errs := p.verb(t, nil, append(commands["tail"], "--from", "start", "--count", "1")...)
	if code != 0 || !regexp.MustCompile(`(profile|job|action)\.[a-z]+\.(success|error)`).MatchString(out) {
		t.Errorf("%v: exit code %d\n%s%s", commands["tail"], code, out, errs)
	}
	secrets := must(filepath.Glob(filepath.Join(p.dataDir, "dev-secret*")))(t)
	if len(secrets) != 1 {
		t.Fatalf("secrets in the data folder: %v; want one", secrets)
	}
	if info := must(os.Stat(secrets[0]))(t); info.Mode().Perm() != 0o600 {
		t.Errorf("the secret has mode %o; want 600", info.Mode().Perm())
	}
}

func TestEveryAcknowledgedEventIsInTheStreamOnce(t *testing.T) {
	t.Parallel()
	brokers := map[string]func(t *testing.T) (settings map[string]string, url string){
		"embedded": func(*testing.T) (map[string]string, string) { return nil, "" },
		"nats": func(t *testing.T) (map[string]string, string) {
			addr := freeAddr(t)
			natsServer(t, addr, t.TempDir())
			return map[string]string{"HRBRIDGE_PUBLISHER": "nats", "HRBRIDGE_NATS_URL": "nats://" + addr}, "nats://" + addr
		},
	}
	for name, broker := range brokers {
		for _, form := range signature.Forms() {
			t.Run(name+", "+string(form), func(t *testing.T) {
				settings, url := broker(t)
				p := serve(t, checkedBinary(t), settings)
				if url == "" {
					url = "nats://" + p.broker
				}
				p.waitReady(t, http.StatusOK)
				ctx, cancel := context.WithTimeout(t.Context(), soak(t, 2*time.Second))
				defer cancel()
				o := newOracle()
				o.run(ctx, t, load{url: p.url(), forms: []signature.Form{form}, senders: 32, events: 8})
				o.audit(t, url, "HRFLOW")
				if code := p.stop(t); code != 0 {
					t.Errorf("after SIGTERM: exit code %d", code)
				}
			})
		}
	}
}

func TestADeliveryThatComesThreeTimesIsStoredOnce(t *testing.T) {
	t.Parallel()
	p := serve(t, checkedBinary(t), nil)
	p.waitReady(t, http.StatusOK)

	// Others share the commits meanwhile.
	o := newOracle()
	stop := o.start(t, p, 8, 20)

	client := &http.Client{Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	var repeats sync.WaitGroup
	for i := range 20 {
		event := fmt.Sprintf(`{"type":"profile.parsing.success","repeat":%d,"profile":{"key":"repeat%d"}}`, i, i)
		o.mu.Lock()
		o.sent[event] = &obligation{topic: "profile.parsing.success", key: fmt.Sprint("repeat", i), number: 1, acknowledged: true}
		o.mu.Unlock()
		for range 3 { // at once, so that repeats meet in one commit, too
			repeats.Go(func() {
				status, answer, err := post(client, p.url(), signature.BodyHex, []byte("["+event+"]"))
				if err != nil || status != http.StatusOK || decodeReceipt(t, answer) != (receipt{Events: 1, Published: 1}) {
					t.Errorf("a repeat: %d %s %v; want 200", status, answer, err)
				}
			})
		}
		repeats.Wait()
	}
	stop()
	o.audit(t, "nats://"+p.broker, "HRFLOW")
}

func TestNothingOfAPersonLeavesTheMessages(t *testing.T) {
	t.Parallel()
	p := serve(t, checkedBinary(t), nil)
	p.waitReady(t, http.StatusOK)
	client := &http.Client{Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()

	const person = `{"type":"profile.parsing.success","profile":{"key":"k","info":{"full_name":"Ada Example","email":"ada@example.org"}}}`
	var answers strings.Builder
	for _, doc := range []string{
		"[" + person + "]", "[" + person, "[" + person + `,{"type":"Ada Example"},"Ada Example",{"Ada Example":1,"Ada Example":2}]`,
		`[{"type":"Ada Example","profile":{"key":"Ada Example"}},"Ada Example"]`, `"Ada Example"`,
	} {
		for _, form := range signature.Forms() {
			_, answer, err := post(client, p.url(), form, []byte(doc))
			if err != nil && form != signature.BodyCompactHex {
				t.Error(err)
			}
			answers.Write(answer)
		}
	}
	for name, header := range map[string]string{"X-Request-Id": "Ada Example", "HTTP-HRFLOW-SIGNATURE": "Ada Example", "Traceparent": "Ada Example", "Content-Type": "text/ada-example"} {
		request := must(http.NewRequestWithContext(t.Context(), http.MethodPost, p.url()+"/Ada%20Example?name=Ada%20Example", strings.NewReader(person)))(t)
		request.Header.Set(name, header)
		response := must(client.Do(request))(t)
		_ = response.Body.Close()
		answers.WriteString(fmt.Sprint(response.Header))
	}
	for _, page := range []string{"/healthz", "/readyz", "/metrics"} {
		_, body, err := get("http://" + p.admin + page)
		if err != nil {
			t.Error(err)
		}
		answers.WriteString(body)
	}
	_, out, errs := p.verb(t, nil, "tail", "--from", "start", "--count", "1")
	for where, text := range map[string]string{"an answer, a metric or a page": answers.String(), "the log": p.log.String(), "what tail shows by default": out + errs} {
		lower := strings.ToLower(text)
		for _, personal := range []string{"ada example", "ada%20example", "ada-example", "ada@example.org", "full_name"} {
			if strings.Contains(lower, personal) {
				t.Errorf("%s holds %q", where, personal)
			}
		}
	}
}

func TestStartingWhereItCannotRunSaysWhyInOneLine(t *testing.T) {
	t.Parallel()
	taken := freeAddr(t)
	natsServer(t, taken, t.TempDir())
	running := serve(t, checkedBinary(t), nil)
	running.waitReady(t, http.StatusOK)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		settings map[string]string
		code     int
		says     string
	}{
		"the ingress port is taken":  {map[string]string{"HRBRIDGE_LISTEN": taken}, 3, taken},
		"the admin port is taken":    {map[string]string{"HRBRIDGE_ADMIN_LISTEN": taken}, 3, taken},
		"the broker's port is taken": {map[string]string{"HRBRIDGE_EMBEDDED_LISTEN": taken}, 3, taken},
		"the data folder is in use":  {map[string]string{"HRBRIDGE_DATA_DIR": running.dataDir}, 3, "in use"},
		"the data folder is a file":  {map[string]string{"HRBRIDGE_DATA_DIR": file}, 3, file},
		"the disk is nearly full":    {map[string]string{"HRBRIDGE_EMBEDDED_MIN_FREE": "1000TiB"}, 3, "free"},
		"a broker open to the world": {map[string]string{"HRBRIDGE_EMBEDDED_LISTEN": "0.0.0.0:0"}, 2, "embedded.listen"},
		"no secret":                  {map[string]string{"HRBRIDGE_WEBHOOK_SECRET": ""}, 2, "HRBRIDGE_WEBHOOK_SECRET"},
		"an unknown setting":         {map[string]string{"HRBRIDGE_LISTENN": "x"}, 2, "HRBRIDGE_LISTENN"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := serve(t, checkedBinary(t), row.settings)
			if code := p.exited(t); code != row.code {
				t.Errorf("exit code %d; want %d", code, row.code)
			}
			var errors []string
			for line := range strings.Lines(p.log.String()) {
				if strings.HasPrefix(line, "hrbridge: ") {
					errors = append(errors, line)
				}
			}
			if len(errors) != 1 || !strings.Contains(p.log.String(), row.says) {
				t.Errorf("want one line that names %q, got:\n%s", row.says, p.log.String())
			}
		})
	}
}

func TestAMessageIsACloudEvent(t *testing.T) {
	t.Parallel()
	p := serve(t, checkedBinary(t), map[string]string{"HRBRIDGE_TOPIC_PREFIX": "prod."})
	p.waitReady(t, http.StatusOK)
	client := &http.Client{Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	event := `{"type":"profile.parsing.success","profile":{"key":"p 1"}}`
	if status, answer, err := post(client, p.url(), signature.BodyHex, []byte("["+event+",{}]")); status != http.StatusOK {
		t.Fatal(status, string(answer), err)
	}
	var all []*natsgo.Msg
	readStream(t, "nats://"+p.broker, "HRFLOW", func(m *natsgo.Msg) { all = append(all, m) })
	if len(all) != 2 || all[0].Subject != "prod.profile.parsing.success" || all[1].Subject != "hrbridge.deadletter" {
		t.Fatalf("%d messages: %v", len(all), all)
	}
	h := all[0].Header
	want := map[string]string{
		"ce-specversion": "1.0", "ce-id": h.Get("Nats-Msg-Id"), "ce-source": "/hrflow/hrflow", "ce-type": "profile.parsing.success",
		"ce-subject": "p%201", "content-type": "application/json",
	}
	for name, value := range want {
		if h[name] == nil || h[name][0] != value {
			t.Errorf("header %s is %q; want %q", name, h[name], value)
		}
	}
	if when, err := time.Parse(time.RFC3339Nano, h["ce-time"][0]); err != nil || time.Since(when) > time.Minute {
		t.Errorf("header ce-time is %q", h["ce-time"])
	}
	if string(all[0].Data) != event || !json.Valid(all[1].Data) {
		t.Errorf("value %s", all[0].Data)
	}
	if got := all[1].Header["hrbridge-reason"]; len(got) != 1 || got[0] != "no_type" {
		t.Errorf("header hrbridge-reason is %q", got)
	}
}
