package nats_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"hrbridge/bridge"
	"hrbridge/publishers/nats"
)

// inspect looks at b as a publisher with these options would.
func inspect(t *testing.T, b *broker, change ...func(*nats.Options)) ([]bridge.Finding, error) {
	t.Helper()
	o := b.publisherOptions(append([]func(*nats.Options){func(o *nats.Options) { o.Stream.MinMessage, o.ConnectTimeout = 1<<20, patience }}, change...)...)
	return nats.Inspect(t.Context(), nats.InspectOptions{Options: o, Redelivery: 10 * time.Second})
}

// finding is the one of a name.
func finding(t *testing.T, findings []bridge.Finding, name string) bridge.Finding {
	t.Helper()
	at := slices.IndexFunc(findings, func(f bridge.Finding) bool { return f.Name == name })
	if at < 0 {
		t.Fatalf("nothing is said of %s: %+v", name, findings)
	}
	return findings[at]
}

// wanted is what a finding has to be: its text, found and remedy, holds all of has.
type wanted struct {
	name   string
	status bridge.Verdict
	has    []string
}

func (w wanted) check(t *testing.T, findings []bridge.Finding) {
	t.Helper()
	f := finding(t, findings, w.name)
	if f.Status != w.status {
		t.Errorf("%s is %s, want %s: %+v", w.name, f.Status, w.status, f)
	}
	for _, text := range w.has {
		if !strings.Contains(f.Found+"\n"+f.Remedy, text) {
			t.Errorf("%s does not say %q: %+v", w.name, text, f)
		}
	}
	if f.Status == bridge.VerdictWarning || f.Status == bridge.VerdictFailure {
		if f.Why == "" || f.Remedy == "" {
			t.Errorf("%s does not say why it matters and what to do: %+v", w.name, f)
		}
	}
}

// stored makes the publisher's stream with something changed.
func stored(change func(*jetstream.StreamConfig)) func(*testing.T, *broker) {
	return func(t *testing.T, b *broker) {
		t.Helper()
		c := jetstream.StreamConfig{
			Name: "EVENTS", Subjects: []string{"profile.*.*", "job.*.*", "dead.letter"}, Storage: jetstream.FileStorage,
			Discard: jetstream.DiscardNew, MaxAge: 7 * 24 * time.Hour, Duplicates: 2 * time.Minute,
		}
		if change != nil {
			change(&c)
		}
		if _, err := b.client(natsgo.UserInfo("root", "pw")).CreateStream(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
}

func checkedOnly(o *nats.Options) { o.Provision = false }

func TestInspectSaysOfEachTroubleWhatItIsAndWhatToDo(t *testing.T) {
	t.Parallel()
	warning, failure, ok, skipped := bridge.VerdictWarning, bridge.VerdictFailure, bridge.VerdictOK, bridge.VerdictSkipped
	row := func(status bridge.Verdict, name string, has ...string) wanted { return wanted{name, status, has} }
	asIs := stored(nil)
	for name, test := range map[string]struct {
		server  func(*server.Options)
		prepare func(*testing.T, *broker)
		options []func(*nats.Options)
		want    []wanted
	}{
		"a stream as configured": {prepare: asIs, want: []wanted{
			row(ok, "broker.reach", "nats://127.0.0.1"), row(ok, "broker.version", "2."), row(warning, "broker.sync", "cannot be told", "sync_interval: always"),
			row(ok, "stream.present", "EVENTS"), row(ok, "stream.settings"), row(warning, "stream.replicas", "one copy", "stream.replicas"),
			row(ok, "stream.room"), row(ok, "stream.duplicate_window", "2m0s"), row(ok, "broker.max_message"),
			row(ok, "rights.publish"), row(ok, "rights.provision"), row(ok, "clock.broker", "agrees"),
		}},
		"a missing stream that serve makes":  {want: []wanted{row(warning, "stream.present", "serve makes it"), row(skipped, "stream.settings")}},
		"a missing stream that nobody makes": {options: []func(*nats.Options){checkedOnly}, want: []wanted{row(failure, "stream.present", "nats.provision"), row(skipped, "rights.provision", "not needed")}},
		"another stream on our subjects": {
			prepare: stored(func(c *jetstream.StreamConfig) { c.Name = "OTHER" }),
			want:    []wanted{row(failure, "stream.present", "OTHER", "topic.prefix")},
		},
		"memory storage": {
			prepare: stored(func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage }),
			want:    []wanted{row(failure, "stream.settings", "storage: want File, have Memory", "make it anew")},
		},
		"discard old, to be changed": {
			prepare: stored(func(c *jetstream.StreamConfig) { c.Discard, c.MaxMsgs = jetstream.DiscardOld, 1000 }),
			options: []func(*nats.Options){func(o *nats.Options) { o.Stream.MaxMessages = 1000 }},
			want:    []wanted{row(warning, "stream.settings", "discard", "serve changes it")},
		},
		"discard old, to stay": {
			prepare: stored(func(c *jetstream.StreamConfig) { c.Discard, c.MaxMsgs = jetstream.DiscardOld, 1000 }),
			options: []func(*nats.Options){checkedOnly},
			want:    []wanted{row(failure, "stream.settings", "discard: want DiscardNew, have DiscardOld", "nats stream edit")},
		},
		"a longer age than configured": {
			prepare: stored(func(c *jetstream.StreamConfig) { c.MaxAge = 30 * 24 * time.Hour }),
			want:    []wanted{row(warning, "stream.settings", "max_age", "narrow")},
		},
		"a max_payload that is too small": {
			server: func(o *server.Options) { o.MaxPayload = 64 << 10 }, prepare: asIs,
			want: []wanted{row(failure, "broker.max_message", "max_payload: want at least 1048576, have 65536", "raise max_payload")},
		},
		"a max_msg_size that is too small": {
			prepare: stored(func(c *jetstream.StreamConfig) { c.MaxMsgSize = 1000 }),
			options: []func(*nats.Options){checkedOnly},
			want:    []wanted{row(failure, "broker.max_message", "max_msg_size: want at least 1048576, have 1000")},
		},
		"no right to publish to a topic": {
			server: permitted([]string{"$JS.API.>", "$SYS.REQ.USER.INFO", "profile.>", "dead.letter"}, []string{"_INBOX.>"}), prepare: asIs,
			options: []func(*nats.Options){asAda},
			want:    []wanted{row(failure, "rights.publish", "may not publish to job.*.*"), row(ok, "rights.provision")},
		},
		"a right to publish to some types only": {
			server: permitted([]string{"$JS.API.>", "$SYS.REQ.USER.INFO", "profile.>", "job.parsing.*", "dead.letter"}, []string{"_INBOX.>"}), prepare: asIs,
			options: []func(*nats.Options){asAda},
			want:    []wanted{row(warning, "rights.publish", "only to a part of job.*.*")},
		},
		"no right to make the stream": {
			server:  permitted([]string{"$JS.API.STREAM.INFO.EVENTS", "$JS.API.STREAM.NAMES", "$SYS.REQ.USER.INFO", "profile.>", "job.>", "dead.letter"}, []string{"_INBOX.>"}),
			options: []func(*nats.Options){asAda},
			want: []wanted{
				row(ok, "rights.publish"), row(failure, "rights.provision", "may not publish to $JS.API.STREAM.CREATE.EVENTS, $JS.API.STREAM.UPDATE.EVENTS"),
			},
		},
		"rights that cannot be told": {
			server: permitted([]string{"$JS.API.STREAM.INFO.EVENTS", "profile.>", "job.>", "dead.letter"}, []string{"_INBOX.>"}), prepare: asIs,
			options: []func(*nats.Options){asAda},
			want: []wanted{
				row(skipped, "rights.publish", "cannot be told", "$SYS.REQ.USER.INFO"), row(skipped, "rights.provision", "cannot be told"),
				row(ok, "stream.present"), row(ok, "clock.broker"),
			},
		},
		"no right to look at the stream": {
			server: permitted([]string{"$SYS.REQ.USER.INFO", "profile.>", "job.>", "dead.letter"}, []string{"_INBOX.>"}), prepare: asIs,
			options: []func(*nats.Options){asAda},
			want:    []wanted{row(failure, "stream.present", "permissions"), row(skipped, "stream.settings")},
		},
		"no JetStream": {
			server: func(o *server.Options) { o.JetStream = false },
			want:   []wanted{row(failure, "stream.present", "enable JetStream")},
		},
		"a window shorter than a sender waits": {
			prepare: stored(func(c *jetstream.StreamConfig) { c.Duplicates = time.Second }),
			options: []func(*nats.Options){func(o *nats.Options) { o.Stream.DuplicateWindow = time.Second }},
			want:    []wanted{row(warning, "stream.duplicate_window", "1s", "10s", "raise stream.duplicate_window")},
		},
		"a nearly full stream": {
			prepare: func(t *testing.T, b *broker) {
				stored(func(c *jetstream.StreamConfig) { c.MaxMsgs = 5 })(t, b)
				p := openReady(t, b.publisherOptions(checkedOnly))
				if err := p.Publish(t.Context(), events("few", 4)); err != nil {
					t.Fatal(err)
				}
			},
			options: []func(*nats.Options){func(o *nats.Options) { o.Stream.MaxMessages = 5 }},
			want:    []wanted{row(warning, "stream.room", "messages: 4 of 5 (80 %)")},
		},
		"more copies than there are": {
			prepare: asIs, options: []func(*nats.Options){checkedOnly, func(o *nats.Options) { o.Stream.Replicas = 3 }},
			want: []wanted{row(warning, "stream.replicas", "num_replicas: want 3, have 1")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := startBroker(t, test.server)
			if test.prepare != nil {
				test.prepare(t, b)
			}
			found, err := inspect(t, b, test.options...)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range test.want {
				w.check(t, found)
			}
		})
	}
}

func TestInspectSaysWhyThereIsNoConnection(t *testing.T) {
	t.Parallel()
	mine, other := newAuthority(t), newAuthority(t)
	secured := secureServer(t, mine)
	password := func(o *server.Options) { o.Username, o.Password = "ada", "right" }
	nobody := func(*server.Options) {}
	for name, test := range map[string]struct {
		server  func(*server.Options)
		options func(*nats.Options)
		kind    bridge.Kind
		has     []string
	}{
		"a wrong password":  {password, func(o *nats.Options) { o.Auth = nats.Auth{User: "ada", Password: "wrong-secret"} }, bridge.KindRefused, []string{"credentials", "nats.password"}},
		"a wrong token":     {password, func(o *nats.Options) { o.Auth = nats.Auth{Token: "wrong-secret"} }, bridge.KindRefused, []string{"nats.token"}},
		"no credentials":    {password, nil, bridge.KindRefused, []string{"asks who is there", "nats.user"}},
		"an unknown name":   {nobody, func(o *nats.Options) { o.URL = "nats://broker.invalid:4222" }, bridge.KindUnavailable, []string{"broker.invalid cannot be resolved", "nats.url"}},
		"nobody there":      {nobody, func(o *nats.Options) { o.URL = "nats://ada:secret@127.0.0.1:1" }, bridge.KindUnavailable, []string{"nobody listens at nats://xxxxx@127.0.0.1:1", "nats.url"}},
		"TLS that is not":   {nobody, func(o *nats.Options) { o.URL = strings.Replace(o.URL, "nats://", "tls://", 1) }, bridge.KindRefused, []string{"does not speak TLS", "nats://"}},
		"no authority":      {secured, nil, bridge.KindRefused, []string{"does not trust", "nats.tls.ca_file"}},
		"another authority": {secured, func(o *nats.Options) { o.TLS.CAFile = other.file }, bridge.KindRefused, []string{"not of the authority in nats.tls.ca_file"}},
		"no certificate of ours": {secured, func(o *nats.Options) { o.TLS.CAFile = mine.file }, bridge.KindRefused,
			[]string{"TLS fails", "nats.tls.cert_file"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := startBroker(t, test.server)
			found, err := inspect(t, b, func(o *nats.Options) {
				if test.options != nil {
					test.options(o)
				}
			})
			if bridge.KindOf(err) != test.kind {
				t.Errorf("the error is %v of kind %v, want %v", err, bridge.KindOf(err), test.kind)
			}
			wanted{"broker.reach", bridge.VerdictFailure, test.has}.check(t, found)
			if text := finding(t, found, "broker.reach").Found + err.Error(); strings.Contains(text, "secret") {
				t.Errorf("it tells a secret: %s", text)
			}
			wanted{"stream.present", bridge.VerdictSkipped, []string{"no connection"}}.check(t, found)
		})
	}
}

func TestInspectIsAlwaysAboutTheSameChecks(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	names := func(findings []bridge.Finding) (names []string) {
		for _, f := range findings {
			names = append(names, f.Name)
		}
		return names
	}
	want := []string{
		"broker.reach", "broker.version", "broker.sync", "stream.present", "stream.settings", "stream.replicas", "stream.room",
		"stream.duplicate_window", "broker.max_message", "rights.publish", "rights.provision", "clock.broker",
	}
	there, _ := inspect(t, b)
	away, _ := inspect(t, b, func(o *nats.Options) { o.URL = "nats://127.0.0.1:1" })
	for _, got := range [][]string{names(there), names(away), names(nats.NotInspected("because"))} {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestInspectChangesNothingOnTheServer(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	stored(func(c *jetstream.StreamConfig) {
		c.Name, c.Subjects, c.Discard = "OLD", []string{"old.>"}, jetstream.DiscardOld
	})(t, b)
	js := b.client()
	before := streams(t, js)
	if _, err := inspect(t, b); err != nil {
		t.Fatal(err)
	}
	if _, err := inspect(t, b, func(o *nats.Options) { o.Stream.Name, o.Stream.Subjects = "OLD", []string{"old.>", "new.>"} }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, streams(t, js)); diff != "" {
		t.Error(diff)
	}
}

// streams is the configuration and the state of each.
func streams(t *testing.T, js jetstream.JetStream) map[string][2]any {
	t.Helper()
	all := make(map[string][2]any)
	list := js.ListStreams(context.Background())
	for s := range list.Info() {
		all[s.Config.Name] = [2]any{s.Config, s.State}
	}
	if err := list.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestInspectSaysThatAServerIsTooOldForBatches(t *testing.T) {
	t.Parallel()
	o := nats.Defaults()
	o.URL, o.Commit, o.AckTimeout = startOldServer(t), nats.CommitBatch, time.Second
	o.Stream.Name, o.Stream.Subjects = "EVENTS", []string{"profile.*.*"}
	found, err := nats.Inspect(t.Context(), nats.InspectOptions{Options: o})
	if err != nil {
		t.Fatal(err)
	}
	wanted{"broker.version", bridge.VerdictFailure, []string{"2.11.9", "nats.commit to pipeline"}}.check(t, found)
}
