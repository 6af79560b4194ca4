package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"hrbridge/bridge"
	"hrbridge/cmd/hrbridge/config"
	"hrbridge/publishers"
)

// letters is a broker with a dead-letter topic, as the verbs find it by an environment.
type letters struct {
	env    []string
	config config.Config
	keep   publishers.Publisher // the bridge's, where one runs; nil where it is stopped
}

// on makes a broker of each kind that dead letters can be on.
func on(t *testing.T) map[string]func(*testing.T) *letters {
	t.Helper()
	return map[string]func(*testing.T) *letters{
		"nats": func(t *testing.T) *letters {
			t.Helper()
			return newLetters(t, true, "HRBRIDGE_PUBLISHER=nats", "HRBRIDGE_NATS_URL="+emptyServer(t), "HRBRIDGE_SPOOL=off")
		},
		"the embedded broker of a bridge that runs": func(t *testing.T) *letters {
			t.Helper()
			return newLetters(t, true, embeddedEnv(t)...)
		},
		"the embedded broker of a bridge that is stopped": func(t *testing.T) *letters {
			t.Helper()
			return newLetters(t, false, embeddedEnv(t)...)
		},
	}
}

func emptyServer(t *testing.T) string {
	t.Helper()
	s, err := natsserver.NewServer(&natsserver.Options{
		Host: "127.0.0.1", Port: natsserver.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(30 * time.Second) {
		t.Fatal("the NATS server does not start")
	}
	return s.ClientURL()
}

func embeddedEnv(t *testing.T) []string {
	t.Helper()
	return []string{"HRBRIDGE_DATA_DIR=" + t.TempDir(), "HRBRIDGE_EMBEDDED_LISTEN=" + freeAddr(t), "HRBRIDGE_EMBEDDED_MIN_FREE=0"}
}

func newLetters(t *testing.T, runs bool, env ...string) *letters {
	t.Helper()
	l := &letters{env: env, config: must(configOf(env))(t)}
	p := must(publishers.Open(t.Context(), l.config.Publisher()))(t)
	t.Cleanup(func() { _ = p.Close() })
	first := bridge.Message{ID: "first", Topic: "job.parsing.error", Source: "/hrflow/hrflow", Type: "job.parsing.error", Time: time.Now(), Value: []byte("{}")}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); ; <-tick.C { // a broker that has just begun takes a moment
		err := p.Publish(t.Context(), []bridge.Message{first})
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	l.keep = p
	l.deliver(t)
	if !runs {
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		l.keep = nil
	}
	return l
}

func configOf(env []string) (config.Config, error) {
	c, _, err := config.Load(config.LoadOptions{Environ: env, Dev: true})
	return c, err
}

const (
	rubbish = `"Ada Example"`
	dreamed = `{"type":"profile.dreaming.success","profile":{"key":"p1","name":"Ada Example <ada@example.org>"}}`
	payroll = `{"type":"payroll.parsing.success","n":1}`
)

// deliver publishes a delivery with three dead letters, and one of another source.
func (l *letters) deliver(t *testing.T) {
	t.Helper()
	o := l.config.Fanout()
	o.UnknownTypes = bridge.DeadLetterUnknown
	fanout := must(bridge.NewFanout(l.keep, o))(t)
	for _, d := range []struct{ source, doc string }{
		{"hrflow", `[{"type":"profile.parsing.success"},` + rubbish + `,` + dreamed + `,` + payroll + `]`},
		{"other", `[{}]`},
	} {
		events := must(bridge.Unpack([]byte(d.doc), bridge.DefaultLimits()))(t)
		if _, err := fanout.Publish(t.Context(), bridge.Delivery{Source: d.source, Signed: []byte(d.doc), Received: time.Now()}, events); err != nil {
			t.Fatal(err)
		}
	}
}

// listed are the dead letters that a list shows with args.
func (l *letters) listed(t *testing.T, args ...string) []letter {
	t.Helper()
	code, out, errs := runWith(t, l.env, "", append([]string{"deadletter", "list", "--json"}, args...)...)
	if code != 0 || errs != "" {
		t.Fatalf("list: exit code %d: %s%s", code, out, errs)
	}
	var all []letter
	for line := range strings.Lines(out) {
		var one letter
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		all = append(all, one)
	}
	return all
}

// id is that of the one letter with a reason.
func (l *letters) id(t *testing.T, reason bridge.Reason) string {
	t.Helper()
	all := l.listed(t, "--reason", string(reason))
	if len(all) != 1 {
		t.Fatalf("%d letters of %s; want 1", len(all), reason)
	}
	return all[0].ID
}

// on returns what is on a topic.
func (l *letters) on(t *testing.T, topic string) []bridge.Message {
	t.Helper()
	broker := must(publishers.Approach(t.Context(), l.config.Publisher(), l.config.Tail()))(t)
	defer func() {
		if err := broker.Close(); err != nil {
			t.Error(err)
		}
	}()
	var all []bridge.Message
	reading := bridge.Reading{Topics: []string{topic}, From: bridge.From{Start: true}, ToEnd: true}
	if err := broker.Tail(t.Context(), reading, func(r bridge.Record) error {
		all = append(all, r.Message)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func reasonsOf(all []letter) string {
	var reasons []string
	for _, l := range all {
		reasons = append(reasons, l.Reason)
	}
	return strings.Join(reasons, " ")
}
