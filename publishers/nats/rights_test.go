package nats_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"hrbridge/bridge"
	"hrbridge/publishers/nats"
)

// permitted is a server with a user who may do these things only.
func permitted(publish, subscribe []string) func(*server.Options) {
	return func(o *server.Options) {
		o.Users = []*server.User{
			{Username: "ada", Password: "pw", Permissions: &server.Permissions{
				Publish: &server.SubjectPermission{Allow: publish}, Subscribe: &server.SubjectPermission{Allow: subscribe},
			}},
			{Username: "root", Password: "pw"},
		}
	}
}

func asAda(o *nats.Options) { o.Auth = nats.Auth{User: "ada", Password: "pw"} }

func TestATopicThatWeMayNotPublishToIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, commit func(*nats.Options)) {
		b := startBroker(t, permitted([]string{"$JS.API.>", "profile.>"}, []string{"_INBOX.>"}))
		p := openReady(t, b.publisherOptions(commit, asAda))
		msgs := events("mixed", 3)
		msgs[1].Topic = "job.parsing.success"
		start := time.Now()
		err := wantKind(t, p.Publish(t.Context(), msgs), bridge.KindRefused)
		if took := time.Since(start); took > time.Second {
			t.Errorf("it took %v", took)
		}
		if err.Indexes != nil && !slices.Equal(err.Indexes, []int{1}) {
			t.Errorf("the indexes are %v", err.Indexes)
		}
		if !strings.Contains(err.Error(), "job.parsing.success") {
			t.Errorf("the error does not name the topic: %v", err)
		}
		wantKind(t, p.Ready(t.Context()), bridge.KindRefused)
		if err := p.Publish(t.Context(), events("allowed", 2)); err != nil {
			t.Error(err)
		}
	})
}

func TestMissingRightsAreSaidByReady(t *testing.T) {
	t.Parallel()
	for name, grant := range map[string]func(*server.Options){
		"no JetStream requests": permitted([]string{"profile.>"}, []string{"_INBOX.>"}),
		"no inbox":              permitted([]string{">"}, []string{"nothing"}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := startBroker(t, grant)
			p := open(t, b.publisherOptions(asAda))
			start := time.Now()
			eventually(t, func() error {
				err := p.Ready(context.Background())
				if bridge.KindOf(err) != bridge.KindRefused || !strings.Contains(err.Error(), "permissions") {
					return fmt.Errorf("Ready says: %w", err)
				}
				return nil
			})
			if took := time.Since(start); took > 2*time.Second {
				t.Errorf("it took %v to say so", took)
			}
			wantKind(t, p.Publish(t.Context(), events("no-rights", 2)), bridge.KindRefused)
		})
	}
}

// TestTheRightsOfTheDocumentationAreEnough holds docs/nats.md's lists, with EVENTS for the stream.
func TestTheRightsOfTheDocumentationAreEnough(t *testing.T) {
	t.Parallel()
	topics := []string{"profile.*.*", "job.*.*", "dead.letter"}
	check := []string{"$JS.API.STREAM.INFO.EVENTS"}
	provision := append(check, "$JS.API.STREAM.CREATE.EVENTS", "$JS.API.STREAM.UPDATE.EVENTS")
	b := startBroker(t, permitted(slices.Concat(topics, provision), []string{"_INBOX.>"}))
	p := openReady(t, b.publisherOptions(asAda, func(o *nats.Options) { o.Stream.MaxAge = time.Hour }))
	if err := p.Publish(t.Context(), events("made", 2)); err != nil {
		t.Fatal(err)
	}
	openReady(t, b.publisherOptions(asAda, func(o *nats.Options) { o.Stream.MaxAge = 2 * time.Hour }))

	b.options.Users[0].Permissions.Publish.Allow = append(topics, check...)
	b.restart(p, func() {})
	if err := p.Publish(t.Context(), events("checked", 2)); err != nil {
		t.Fatal(err)
	}

	b.options.Users[0].Permissions.Publish.Allow = append(check,
		"$JS.API.CONSUMER.CREATE.EVENTS.>", "$JS.API.CONSUMER.MSG.NEXT.EVENTS.>", "$JS.API.CONSUMER.DELETE.EVENTS.>")
	_ = p.Close()
	b.stop()
	b.start()
	f := follow(t, b, func(o *nats.TailOptions) { o.Auth, o.From.Start = nats.Auth{User: "ada", Password: "pw"}, true })
	f.wait(t, "made-0", "made-1", "checked-0", "checked-1")
	f.end(t)
}
