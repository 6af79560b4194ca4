package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// broker is a NATS server in this process with a stream of three messages.
func broker(t *testing.T) (url string, publish func(topic, key, value string)) {
	t.Helper()
	server, err := natsserver.NewServer(&natsserver.Options{
		Host: "127.0.0.1", Port: natsserver.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	server.Start()
	t.Cleanup(func() { server.Shutdown(); server.WaitForShutdown() })
	if !server.ReadyForConnections(10 * time.Second) {
		t.Fatal("the NATS server does not start")
	}
	nc, err := natsgo.Connect(server.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	subjects := []string{"profile.*.*", "job.*.*", "hrbridge.deadletter"}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "HRFLOW", Subjects: subjects}); err != nil {
		t.Fatal(err)
	}
	publish = func(topic, key, value string) {
		m := natsgo.NewMsg(topic)
		m.Data = []byte(value)
		m.Header.Set("ce-id", "id-"+key)
		m.Header.Set("ce-subject", key)
		if _, err := js.PublishMsg(t.Context(), m); err != nil {
			t.Error(err)
		}
	}
	publish("profile.parsing.success", "k1", `{"name":"Ada Example"}`)
	publish("job.parsing.error", "k2", `{"n": 2}`)
	publish("profile.embedding.success", "k3", `{"n": 3}`)
	return server.ClientURL(), publish
}

func brokerEnv(url string) []string {
	return []string{"HRBRIDGE_PUBLISHER=nats", "HRBRIDGE_NATS_URL=" + url}
}

func TestTailFollowsTheBroker(t *testing.T) {
	t.Parallel()
	url, _ := broker(t)
	for _, row := range []struct {
		says string
		args []string
		code int
		want string
	}{
		{"everything from the start", []string{"--count", "3"}, 0, "k1 k2 k3"},
		{"a pattern", []string{"profile.*", "--count", "2"}, 0, "k1 k3"},
		{"several topics", []string{"job.parsing.error", "profile.embedding.success", "--count", "2"}, 0, "k2 k3"},
		{"patterns that overlap", []string{"profile.*", "*.*.success", "*.embedding.*", "--count", "2"}, 0, "k1 k3"},
		{"everything by a star", []string{"*", "--count", "3"}, 0, "k1 k2 k3"},
		{"as much as there is until the time is over", []string{"--timeout", "300ms"}, 0, "k1 k2 k3"},
		{"fewer than were asked for", []string{"--count", "4", "--timeout", "300ms"}, 1, "k1 k2 k3"},
	} {
		t.Run(row.says, func(t *testing.T) {
			t.Parallel()
			code, out, errs := runWith(t, brokerEnv(url), "", append([]string{"tail", "--from", "start"}, row.args...)...)
			var keys []string
			for line := range strings.Lines(out) {
				_, key, _ := strings.Cut(line, "key=")
				keys = append(keys, strings.TrimSpace(key))
			}
			if code != row.code || strings.Join(keys, " ") != row.want || strings.Contains(out+errs, "Ada") {
				t.Errorf("exit code %d: %s%s", code, out, errs)
			}
		})
	}
	t.Run("the values", func(t *testing.T) {
		t.Parallel()
		code, out, errs := runWith(t, nil, "", "tail", "--url", url, "--from", "1h", "--raw", "--count", "3")
		if code != 0 || out != "{\"name\":\"Ada Example\"}\n{\"n\": 2}\n{\"n\": 3}\n" {
			t.Errorf("exit code %d: %s%s", code, out, errs)
		}
	})
	t.Run("a topic that nothing is on", func(t *testing.T) {
		t.Parallel()
		code, out, errs := runWith(t, brokerEnv(url), "", "tail", "planet.parsing.success", "--timeout", "300ms")
		if code != 0 || out != "" || errs != "" {
			t.Errorf("exit code %d: %s%s", code, out, errs)
		}
	})
	t.Run("a stream that is not there", func(t *testing.T) {
		t.Parallel()
		env := append(brokerEnv(url), "HRBRIDGE_NATS_STREAM=OTHER")
		if code, out, errs := runWith(t, env, "", "tail", "--timeout", "5s"); code != 3 || !strings.Contains(errs, "OTHER") {
			t.Errorf("exit code %d: %s%s", code, out, errs)
		}
	})
}

// lineWriter tells of each line that is written.
type lineWriter chan string

func (w lineWriter) Write(p []byte) (int, error) {
	w <- string(p)
	return len(p), nil
}

func TestTailFromNowShowsOnlyWhatComes(t *testing.T) {
	t.Parallel()
	url, publish := broker(t)
	lines := make(lineWriter, 100)
	done := make(chan int)
	go func() {
		done <- run(t.Context(), []string{"tail", "--raw", "--count", "1", "job.*"}, brokerEnv(url), nil, lines, &bytes.Buffer{})
	}()
	for {
		publish("job.parsing.success", "later", `{"later":true}`)
		select {
		case line := <-lines:
			if !json.Valid([]byte(line)) || line != "{\"later\":true}\n" {
				t.Errorf("shown: %s", line)
			}
			if code := <-done; code != 0 {
				t.Errorf("exit code %d", code)
			}
			return
		case <-time.After(20 * time.Millisecond): // it may not be following yet: publish one more
		case <-t.Context().Done():
			t.Fatal("nothing was shown")
		}
	}
}

func TestTailWithoutABroker(t *testing.T) {
	t.Parallel()
	code, out, errs := runWith(t, brokerEnv("nats://127.0.0.1:1"), "", "tail")
	if code != 3 || out != "" || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, "is the broker, or 'hrbridge serve'") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
}

func TestTailRefusesWhatItCannotDo(t *testing.T) {
	t.Parallel()
	for _, args := range []string{
		"prof*", "a..b", "--from yesterday", "--count -1", "--timeout -1s", "--raw --metadata", "--config /nowhere/at/all.yaml",
	} {
		if code, out, errs := runWith(t, nil, "", append([]string{"tail"}, strings.Fields(args)...)...); code != 2 || out != "" {
			t.Errorf("%s: exit code %d: %s%s", args, code, out, errs)
		}
	}
}
