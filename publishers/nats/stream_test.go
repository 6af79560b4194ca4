package nats_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"hrbridge/bridge"
	"hrbridge/publishers/nats"
)

func config(t testing.TB, js jetstream.JetStream) jetstream.StreamConfig {
	t.Helper()
	s, err := js.Stream(context.Background(), "EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo().Config
}

func TestAMissingStreamIsMadeAsConfigured(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, commit func(*nats.Options)) {
		b := startBroker(t, nil)
		o := b.publisherOptions(commit, func(o *nats.Options) {
			o.Stream.MaxBytes, o.Stream.MaxMessages, o.Stream.Compress = 1<<20, 1000, true
		})
		openReady(t, o)
		have := config(t, b.client())
		type settings struct {
			Subjects       []string
			Storage        jetstream.StorageType
			Retention      jetstream.RetentionPolicy
			Discard        jetstream.DiscardPolicy
			Age, Window    time.Duration
			Bytes, Msgs    int64
			Compression    jetstream.StoreCompression
			Atomic, Direct bool
		}
		want := settings{
			o.Stream.Subjects, jetstream.FileStorage, jetstream.LimitsPolicy, jetstream.DiscardNew,
			7 * 24 * time.Hour, 2 * time.Minute, 1 << 20, 1000, jetstream.S2Compression, o.Commit == nats.CommitBatch, true,
		}
		got := settings{
			have.Subjects, have.Storage, have.Retention, have.Discard, have.MaxAge, have.Duplicates, have.MaxBytes, have.MaxMsgs,
			have.Compression, have.AllowAtomicPublish, have.AllowDirect,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

// existing is a stream as hrbridge would make it, but for change.
func existing(t testing.TB, js jetstream.JetStream, o nats.Options, change func(*jetstream.StreamConfig)) {
	t.Helper()
	c := jetstream.StreamConfig{
		Name: "EVENTS", Subjects: o.Stream.Subjects, Discard: jetstream.DiscardNew, MaxAge: o.Stream.MaxAge,
		Duplicates: o.Stream.DuplicateWindow, Replicas: 1, AllowAtomicPublish: o.Commit == nats.CommitBatch,
	}
	change(&c)
	if _, err := js.CreateStream(context.Background(), c); err != nil {
		t.Fatal(err)
	}
}

// flaw is a stream that is not as configured: what of it breaks a promise, and what can be mended.
type flaw struct {
	key      string
	change   func(*jetstream.StreamConfig)
	configs  func(*nats.Options)
	grave    bool
	mendable bool
	server   func(*server.Options)
}

func flaws() []flaw {
	none := func(*nats.Options) {}
	return []flaw{
		{key: "storage", grave: true, configs: none, change: func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage }},
		{key: "retention", grave: true, configs: none, change: func(c *jetstream.StreamConfig) { c.Retention = jetstream.InterestPolicy }},
		{key: "retention", grave: true, configs: none, change: func(c *jetstream.StreamConfig) { c.Retention = jetstream.WorkQueuePolicy }},
		{key: "persist_mode", grave: true, configs: none, change: func(c *jetstream.StreamConfig) { c.PersistMode = jetstream.AsyncPersistMode }},
		{key: "subject_transform", grave: true, configs: none, change: func(c *jetstream.StreamConfig) {
			c.SubjectTransform = &jetstream.SubjectTransformConfig{Source: "job.*.*", Destination: "work.{{wildcard(1)}}.{{wildcard(2)}}"}
		}},
		{key: "allow_msg_counter", grave: true, configs: none, change: func(c *jetstream.StreamConfig) { c.AllowMsgCounter, c.Discard = true, jetstream.DiscardOld }},
		{key: "subjects", grave: true, mendable: true, configs: none, change: func(c *jetstream.StreamConfig) { c.Subjects = []string{"profile.*.success", "job.>"} }},
		{key: "no_ack", grave: true, mendable: true, configs: none, change: func(c *jetstream.StreamConfig) { c.NoAck = true }},
		{key: "discard", grave: true, mendable: true, configs: none, change: func(c *jetstream.StreamConfig) { c.Discard, c.MaxMsgs = jetstream.DiscardOld, 10 }},
		{key: "discard", mendable: true, configs: none, change: func(c *jetstream.StreamConfig) { c.Discard = jetstream.DiscardOld }},
		{key: "max_msgs_per_subject", grave: true, mendable: true, configs: none, change: func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 1 }},
		{key: "max_msg_size", grave: true, mendable: true, change: func(c *jetstream.StreamConfig) { c.MaxMsgSize = 1000 },
			configs: func(o *nats.Options) { o.Stream.MinMessage = bridge.MaxMessage }},
		{key: "allow_atomic", grave: true, mendable: true, change: func(c *jetstream.StreamConfig) { c.AllowAtomicPublish = false },
			configs: func(o *nats.Options) { o.Commit = nats.CommitBatch }},
		{key: "max_age", mendable: true, configs: none, change: func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour }},
		{key: "max_age", configs: none, change: func(c *jetstream.StreamConfig) { c.MaxAge = 0 }},
		{key: "max_age", configs: none, change: func(c *jetstream.StreamConfig) { c.MaxAge = 1000 * time.Hour }},
		{key: "max_bytes", mendable: true, configs: none, change: func(c *jetstream.StreamConfig) { c.MaxBytes = 1 << 20 }},
		{key: "max_bytes", change: func(c *jetstream.StreamConfig) { c.MaxBytes = 1 << 21 }, configs: func(o *nats.Options) { o.Stream.MaxBytes = 1 << 20 }},
		{key: "max_msgs", mendable: true, configs: func(o *nats.Options) { o.Stream.MaxMessages = 20 }, change: func(c *jetstream.StreamConfig) { c.MaxMsgs = 10 }},
		{key: "duplicate_window", mendable: true, configs: none, change: func(c *jetstream.StreamConfig) { c.Duplicates = time.Minute }},
		{key: "duplicate_window", configs: none, change: func(c *jetstream.StreamConfig) { c.Duplicates = time.Hour }},
		{key: "compression", mendable: true, configs: func(o *nats.Options) { o.Stream.Compress = true }, change: func(c *jetstream.StreamConfig) { c.Compression = jetstream.NoCompression }},
	}
}

func (f flaw) name() string {
	name := f.key
	if f.grave {
		name += " breaks a promise"
	}
	if f.mendable {
		name += " and can be mended"
	}
	return name
}

// readiness is what Ready says once the stream was looked at.
func readiness(t testing.TB, p *nats.Publisher) error {
	t.Helper()
	var err error
	eventually(t, func() error {
		err = p.Ready(context.Background())
		if err != nil && (strings.Contains(err.Error(), "not done yet") || strings.Contains(err.Error(), "connect to NATS")) {
			return err
		}
		return nil
	})
	return err
}

func TestAStreamThatIsNotAsConfigured(t *testing.T) {
	t.Parallel()
	for _, f := range flaws() {
		t.Run(f.name(), func(t *testing.T) {
			t.Parallel()
			b := startBroker(t, f.server)
			js := b.client()
			logged, logs := observer.New(zap.InfoLevel)
			o := b.publisherOptions(f.configs, func(o *nats.Options) { o.Provision, o.Log = false, zap.New(logged) })
			existing(t, js, o, f.change)
			before := config(t, js)

			t.Log("without the right to provision it is left alone")
			p := open(t, o)
			err := readiness(t, p)
			if f.grave {
				if !strings.Contains(wantKind(t, err, bridge.KindRefused).Error(), f.key+": want ") {
					t.Errorf("Ready does not name the difference: %v", err)
				}
				wantKind(t, p.Publish(t.Context(), events("unsafe", 1)), bridge.KindRefused)
			} else if err != nil || !mentions(logs, f.key+": want ") {
				t.Errorf("want a warning and ready, got %v and the log %v", err, logs.All())
			}
			if diff := cmp.Diff(before, config(t, js)); diff != "" {
				t.Errorf("it was changed: %s", diff)
			}
			_ = p.Close()

			t.Log("with the right to provision it is mended, or left alone")
			o.Provision = true
			p = open(t, o)
			err = readiness(t, p)
			if wantErr := f.grave && !f.mendable; (err != nil) != wantErr {
				t.Errorf("Ready says %v", err)
			}
			if changed := !cmp.Equal(before, config(t, js)); changed != f.mendable {
				t.Errorf("changed is %v, want %v: %s", changed, f.mendable, cmp.Diff(before, config(t, js)))
			}
			if err == nil {
				if err := p.Publish(t.Context(), events("safe", 3)); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func mentions(logs *observer.ObservedLogs, text string) bool {
	for _, entry := range logs.All() {
		if s, ok := entry.ContextMap()["differences"].(string); ok && strings.Contains(s, text) {
			return true
		}
	}
	return false
}

func TestSubjectsThatSomebodyAddedStay(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	js := b.client()
	o := b.publisherOptions()
	existing(t, js, o, func(c *jetstream.StreamConfig) { c.Subjects = []string{"extra.>", "profile.parsing.*", "job.*.*"} })
	openReady(t, o)
	want := []string{"extra.>", "job.*.*", "profile.*.*", "dead.letter"}
	if diff := cmp.Diff(want, config(t, js).Subjects); diff != "" {
		t.Error(diff)
	}
}

func TestManyBridgesProvisionAtOnce(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	var bridges sync.WaitGroup
	for range 8 {
		bridges.Go(func() {
			p := openReady(t, b.publisherOptions())
			if err := p.Publish(context.Background(), events("shared", 3)); err != nil {
				t.Error(err)
			}
		})
	}
	bridges.Wait()
	if n := len(heldIDs(t, b.client())); n != 3 {
		t.Errorf("the stream holds %d messages", n)
	}
}

func TestReadySaysWhatTheServerLacks(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name   string
		server func(*server.Options)
		before func(testing.TB, *broker)
		change func(*nats.Options)
		kind   bridge.Kind
		remedy string
	}{
		{name: "JetStream", server: func(o *server.Options) { o.JetStream = false }, kind: bridge.KindUnavailable, remedy: "enable JetStream on the server"},
		{name: "JetStream in this account", kind: bridge.KindRefused, remedy: "enable JetStream for this account", server: func(o *server.Options) {
			plain, with := server.NewAccount("PLAIN"), server.NewAccount("WITH")
			o.Accounts = []*server.Account{plain, with}
			o.Users = []*server.User{{Username: "ada", Password: "pw", Account: plain}}
		}, change: asAda},
		{name: "a large enough max_payload", server: func(o *server.Options) { o.MaxPayload = 1000 },
			change: func(o *nats.Options) { o.Stream.MinMessage = 2000 }, kind: bridge.KindRefused, remedy: "raise max_payload"},
		{name: "subjects that are free", kind: bridge.KindRefused, remedy: "another stream listens", before: func(t testing.TB, b *broker) {
			if _, err := b.client().CreateStream(context.Background(), jetstream.StreamConfig{Name: "OTHER", Subjects: []string{"job.>"}}); err != nil {
				t.Fatal(err)
			}
		}},
		{name: "other servers for replicas", change: func(o *nats.Options) { o.Stream.Replicas = 3 }, kind: bridge.KindRefused, remedy: "stream.replicas"},
		{name: "a stream, where none may be made", change: func(o *nats.Options) { o.Provision = false }, kind: bridge.KindRefused, remedy: "nats.provision"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			b := startBroker(t, row.server)
			if row.before != nil {
				row.before(t, b)
			}
			o := b.publisherOptions()
			if row.change != nil {
				row.change(&o)
			}
			err := readiness(t, open(t, o))
			if !strings.Contains(wantKind(t, err, row.kind).Error(), row.remedy) {
				t.Errorf("no remedy in: %v", err)
			}
		})
	}
}

func TestAServerThatCameBackEmptyIsProvisionedAgain(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, commit func(*nats.Options)) {
		b := startBroker(t, nil)
		p := openReady(t, b.publisherOptions(commit))
		msgs := events("twice", 5)
		if err := p.Publish(t.Context(), msgs); err != nil {
			t.Fatal(err)
		}
		b.restart(p, func() { b.options.StoreDir = t.TempDir() })
		if err := p.Publish(t.Context(), msgs); err != nil {
			t.Fatal(err)
		}
		if n := len(heldIDs(t, b.client())); n != 5 {
			t.Errorf("the new store holds %d of what was acknowledged as stored in it", n)
		}
	})
}

func TestTheBatchModeSaysThatAServerIsTooOld(t *testing.T) {
	t.Parallel()
	// A server that does not know the setting drops it and answers without: what one of before 2.12 does.
	fake := startOldServer(t)
	o := nats.Defaults()
	o.URL, o.Commit = fake, nats.CommitBatch
	o.Stream.Name, o.Stream.Subjects = "EVENTS", []string{"profile.*.*"}
	err := readiness(t, open(t, o))
	if text := wantKind(t, err, bridge.KindRefused).Error(); !strings.Contains(text, "2.12") || !strings.Contains(text, fmt.Sprint(nats.CommitPipeline)) {
		t.Errorf("no remedy in: %v", err)
	}
}
