package kafka_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"hrbridge/bridge"
	"hrbridge/publishers/kafka"
	"hrbridge/publishers/kafka/kafkatest"
)

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
	if (f.Status == bridge.VerdictWarning || f.Status == bridge.VerdictFailure) && (f.Why == "" || f.Remedy == "") {
		t.Errorf("%s does not say why it matters and what to do: %+v", w.name, f)
	}
}

// The topics of these tests.
const (
	profiles = "profile.parsing.success"
	jobs     = "job.parsing.error"
)

// sound is a cluster and options of which nothing is to be said.
func sound(t *testing.T, brokers int, options ...kfake.Opt) (*fake, kafka.Options) {
	t.Helper()
	f := startFake(t, brokers, []string{profiles, jobs}, options...)
	o := f.publisherOptions([]string{profiles, jobs}, func(o *kafka.Options) { o.Topics.Partitions, o.Topics.MinMessage, o.DialTimeout = 4, 1<<20, patience })
	return f, o
}

func TestInspectSaysOfEachTroubleWhatItIsAndWhatToDo(t *testing.T) {
	t.Parallel()
	warning, failure, ok, skipped := bridge.VerdictWarning, bridge.VerdictFailure, bridge.VerdictOK, bridge.VerdictSkipped
	row := func(status bridge.Verdict, name string, has ...string) wanted { return wanted{name, status, has} }
	setting := func(name, value string) func(*testing.T, *fake, *kafka.Options) {
		return func(t *testing.T, f *fake, _ *kafka.Options) { f.configure(t, jobs, name, value) }
	}
	for name, test := range map[string]struct {
		brokers int
		change  func(*testing.T, *fake, *kafka.Options)
		want    []wanted
	}{
		"a sound cluster": {
			change: func(t *testing.T, f *fake, _ *kafka.Options) {
				f.configure(t, profiles, "min.insync.replicas", "2")
				f.configure(t, jobs, "min.insync.replicas", "2")
			},
			want: []wanted{
				row(ok, "broker.reach", "brokers: 3"), row(ok, "broker.advertised"), row(ok, "topics.present", "2 topics"), row(ok, "topics.settings"),
				row(ok, "topics.replication"), row(ok, "topics.min_in_sync"), row(ok, "topics.in_sync"), row(ok, "topics.unclean_election"),
				row(ok, "topics.duplicates", "ce_id"), row(ok, "broker.max_message"), row(ok, "rights.publish"), row(ok, "rights.provision"),
				row(skipped, "clock.broker", "cannot be told"),
			},
		},
		"one broker":            {brokers: 1, want: []wanted{row(warning, "topics.replication", "one replica", "3 replicas")}},
		"min.insync.replicas 1": {want: []wanted{row(warning, "topics.min_in_sync", "min.insync.replicas is 1", "to 2")}},
		"min.insync.replicas that nothing can reach": {
			brokers: 1, change: setting("min.insync.replicas", "2"),
			want: []wanted{row(failure, "topics.min_in_sync", jobs, "nothing is ever acknowledged"), row(failure, "topics.in_sync", "fewer replicas in sync")},
		},
		"min.insync.replicas of all replicas": {
			change: func(t *testing.T, f *fake, _ *kafka.Options) {
				f.configure(t, profiles, "min.insync.replicas", "3")
				f.configure(t, jobs, "min.insync.replicas", "3")
			},
			want: []wanted{row(warning, "topics.min_in_sync", "stops everything")},
		},
		"unclean elections":       {change: setting("unclean.leader.election.enable", "true"), want: []wanted{row(failure, "topics.unclean_election", jobs, "=false")}},
		"too small a message":     {change: setting("max.message.bytes", "1000"), want: []wanted{row(failure, "broker.max_message", jobs, "1000", "limits.max_event")}},
		"compaction":              {change: setting("cleanup.policy", "compact"), want: []wanted{row(failure, "topics.settings", jobs, "cleanup.policy=delete")}},
		"other partitions":        {change: func(_ *testing.T, _ *fake, o *kafka.Options) { o.Topics.Partitions = 9 }, want: []wanted{row(warning, "topics.settings", "kafka.partitions (9)")}},
		"no idempotence":          {change: func(_ *testing.T, _ *fake, o *kafka.Options) { o.Idempotent = false }, want: []wanted{row(warning, "topics.duplicates", "kafka.idempotent")}},
		"an address that is dead": {change: func(_ *testing.T, _ *fake, o *kafka.Options) { o.Brokers = append(o.Brokers, "127.0.0.1:1") }, want: []wanted{row(warning, "broker.reach", "127.0.0.1:1", "kafka.brokers")}},
		"a topic that serve makes": {
			change: func(_ *testing.T, _ *fake, o *kafka.Options) {
				o.Topics.Names = append(o.Topics.Names, "new.topic.here")
			},
			want: []wanted{row(warning, "topics.present", "new.topic.here", "serve makes")},
		},
		"a topic that nobody makes": {
			change: func(_ *testing.T, _ *fake, o *kafka.Options) {
				o.Topics.Names, o.Topics.Provision = append(o.Topics.Names, "new.topic.here"), false
			},
			want: []wanted{row(failure, "topics.present", "new.topic.here", "kafka.provision"), row(skipped, "rights.provision", "not needed")},
		},
		"brokers whose topics take too little": {
			change: func(_ *testing.T, _ *fake, o *kafka.Options) {
				o.Topics.Names, o.Topics.MinMessage = []string{"new.topic.here"}, 2<<20
			},
			want: []wanted{row(warning, "broker.max_message", "1048588", "kafka.max_message")},
		},
		"no topic at all": {
			change: func(_ *testing.T, _ *fake, o *kafka.Options) { o.Topics.Names = []string{"new.topic.here"} },
			want:   []wanted{row(warning, "topics.present"), row(skipped, "topics.replication"), row(skipped, "broker.max_message"), row(skipped, "rights.publish")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, o := sound(t, max(test.brokers, 3-2*test.brokers))
			if test.change != nil {
				test.change(t, f, &o)
			}
			found, err := kafka.Inspect(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range test.want {
				w.check(t, found)
			}
		})
	}
}

// allowed is a user who may do these things, and see everything.
func allowed(operations map[string][]kmsg.ACLOperation) kfake.Opt {
	var lists []kfake.ACL
	for topic, may := range operations {
		for _, operation := range may {
			lists = append(lists, kfake.ACL{
				Resource: kmsg.ACLResourceTypeTopic, Name: topic, Pattern: kmsg.ACLResourcePatternTypeLiteral, Operation: operation, Allow: true,
			})
		}
	}
	return kfake.User("PLAIN", "ada", "right-secret", lists...)
}

func TestInspectReadsWhatTheUserMayDo(t *testing.T) {
	t.Parallel()
	all := []kmsg.ACLOperation{kmsg.ACLOperationWrite, kmsg.ACLOperationDescribe, kmsg.ACLOperationDescribeConfigs}
	asAda := func(o *kafka.Options) {
		o.SASL = kafka.SASL{Mechanism: kafka.SASLPlain, User: "ada", Password: "right-secret", AllowPlaintext: true}
	}
	for name, test := range map[string]struct {
		may  map[string][]kmsg.ACLOperation
		want []wanted
	}{
		"what it needs": {map[string][]kmsg.ACLOperation{profiles: all, jobs: all}, []wanted{
			{"rights.publish", bridge.VerdictOK, nil}, {"broker.max_message", bridge.VerdictOK, nil},
		}},
		"one topic only to be seen": {map[string][]kmsg.ACLOperation{profiles: all, jobs: {kmsg.ACLOperationDescribe}}, []wanted{
			{"rights.publish", bridge.VerdictFailure, []string{"may not write to " + jobs, "WRITE"}},
			{"broker.max_message", bridge.VerdictSkipped, []string{"DESCRIBE_CONFIGS"}},
			{"topics.unclean_election", bridge.VerdictSkipped, []string{"cannot be told"}},
		}},
		"one topic not at all": {map[string][]kmsg.ACLOperation{profiles: all}, []wanted{
			{"topics.present", bridge.VerdictFailure, []string{"may not see " + jobs}},
			{"rights.publish", bridge.VerdictFailure, []string{jobs}},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, o := sound(t, 1, kfake.EnableSASL(), kfake.EnableACLs(), kfake.Superuser("PLAIN", "root", "root"), allowed(test.may))
			asAda(&o)
			found, err := kafka.Inspect(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range test.want {
				w.check(t, found)
			}
			if f := finding(t, found, "rights.provision"); f.Status == bridge.VerdictOK {
				t.Errorf("it says that the user may make topics: %+v", f)
			}
		})
	}
}

func TestInspectSaysWhyThereIsNoConnection(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*kafka.Options)
		kind   bridge.Kind
		has    []string
	}{
		"a wrong password": {func(o *kafka.Options) {
			o.SASL = kafka.SASL{Mechanism: kafka.SASLPlain, User: "ada", Password: "wrong-secret", AllowPlaintext: true}
		}, bridge.KindUnavailable, []string{"kafka.sasl.user"}}, // this cluster ends the connection; a real one says why
		"TLS that is not": {func(o *kafka.Options) { o.TLS.Enabled, o.DialTimeout = true, time.Second }, bridge.KindUnavailable, []string{"kafka.tls.enabled"}},
		"nobody there":    {func(o *kafka.Options) { o.Brokers = []string{"127.0.0.1:1"} }, bridge.KindUnavailable, []string{"127.0.0.1:1", "kafka.brokers"}},
		"an unknown name": {func(o *kafka.Options) { o.Brokers = []string{"broker.invalid:9092"} }, bridge.KindUnavailable, []string{"broker.invalid in kafka.brokers"}},
		"half a login":    {func(o *kafka.Options) { o.SASL.User = "ada" }, bridge.KindRefused, []string{"kafka.sasl.mechanism"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, o := sound(t, 1, kfake.EnableSASL(), kfake.Superuser("PLAIN", "ada", "right-secret"))
			test.change(&o)
			found, err := kafka.Inspect(t.Context(), o)
			if bridge.KindOf(err) != test.kind {
				t.Errorf("the error is %v of kind %v, want %v", err, bridge.KindOf(err), test.kind)
			}
			wanted{"broker.reach", bridge.VerdictFailure, test.has}.check(t, found)
			wanted{"topics.present", bridge.VerdictSkipped, nil}.check(t, found)
			if f := finding(t, found, "broker.reach"); strings.Contains(f.Found+f.Remedy, "secret") {
				t.Errorf("it tells a secret: %+v", f)
			}
		})
	}
}

func TestInspectSaysThatABrokerIsNotWhereTheClusterSays(t *testing.T) {
	t.Parallel()
	f, o := sound(t, 1)
	f.ControlKey(int16(kmsg.Metadata), func(request kmsg.Request) (kmsg.Response, error, bool) {
		f.KeepControl()
		answer := request.ResponseKind().(*kmsg.MetadataResponse)
		answer.Brokers = []kmsg.MetadataResponseBroker{{NodeID: 0, Host: "127.0.0.1", Port: 1}}
		return answer, nil, true
	})
	found, err := kafka.Inspect(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	wanted{"broker.reach", bridge.VerdictOK, nil}.check(t, found)
	wanted{"broker.advertised", bridge.VerdictFailure, []string{"127.0.0.1:1", "advertised.listeners"}}.check(t, found)
}

// TestInspectOfARealCluster is about what a cluster in this process may see differently.
func TestInspectOfARealCluster(t *testing.T) {
	t.Parallel()
	c := kafkatest.Start(t, kafkatest.Options{Security: "SASL_PLAINTEXT", Users: map[string]string{"ada": "right-secret"}, Authorize: true})
	admin := c.Admin(t)
	if _, err := admin.CreateTopic(t.Context(), 4, 1, nil, profiles); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.CreateTopic(t.Context(), 4, 1, nil, jobs); err != nil {
		t.Fatal(err)
	}
	grant := func(topic string, operations ...kadm.ACLOperation) {
		lists := kadm.NewACLs().Allow("User:ada").AllowHosts().Topics(topic).Operations(operations...).ResourcePatternType(kadm.ACLPatternLiteral)
		if err := lists.ValidateCreate(); err != nil {
			t.Fatal(err)
		}
		made, err := admin.CreateACLs(t.Context(), lists)
		if err != nil || made[0].Err != nil {
			t.Fatal(err, made)
		}
	}
	grant(profiles, kadm.OpWrite, kadm.OpDescribe, kadm.OpDescribeConfigs)
	grant(jobs, kadm.OpDescribe)
	o := kafka.Defaults()
	o.Brokers, o.DialTimeout = c.Brokers(), patience
	o.Topics.Names, o.Topics.Partitions, o.Topics.MinMessage = []string{profiles, jobs}, 4, 1<<20
	o.SASL = kafka.SASL{Mechanism: kafka.SASLScramSHA256, User: "ada", Password: "right-secret", AllowPlaintext: true}
	var found []bridge.Finding
	eventually(t, func() error { // the access control lists take their time
		var err error
		if found, err = kafka.Inspect(t.Context(), o); err == nil && finding(t, found, "topics.present").Status != bridge.VerdictOK {
			err = errors.New(finding(t, found, "topics.present").Found)
		}
		return err
	})
	for _, w := range []wanted{
		{"broker.reach", bridge.VerdictOK, []string{"brokers: 1"}}, {"broker.advertised", bridge.VerdictOK, nil},
		{"topics.replication", bridge.VerdictWarning, []string{"one replica"}},
		{"topics.in_sync", bridge.VerdictOK, nil},
		{"topics.unclean_election", bridge.VerdictSkipped, []string{jobs}},
		{"rights.publish", bridge.VerdictFailure, []string{"may not write to " + jobs}},
		{"rights.provision", bridge.VerdictSkipped, []string{"cannot be told"}},
	} {
		w.check(t, found)
	}
	grant(jobs, kadm.OpWrite, kadm.OpDescribeConfigs)
	eventually(t, func() error {
		var err error
		found, err = kafka.Inspect(t.Context(), o)
		if f := finding(t, found, "rights.publish"); err == nil && f.Status != bridge.VerdictOK {
			err = errors.New(f.Found)
		}
		return err
	})
	wanted{"broker.max_message", bridge.VerdictOK, nil}.check(t, found)

	o.SASL.Password = "wrong-secret"
	found, err := kafka.Inspect(t.Context(), o)
	if bridge.KindOf(err) != bridge.KindRefused {
		t.Errorf("a wrong password: %v", err)
	}
	wanted{"broker.reach", bridge.VerdictFailure, []string{"kafka.sasl.user"}}.check(t, found)
}

func TestInspectIsAlwaysAboutTheSameChecksAndMakesNoTopic(t *testing.T) {
	t.Parallel()
	f, o := sound(t, 1, kfake.AllowAutoTopicCreation())
	o.Topics.Names = append(o.Topics.Names, "new.topic.here")
	there, err := kafka.Inspect(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	o.Brokers = []string{"127.0.0.1:1"}
	away, _ := kafka.Inspect(t.Context(), o)
	want := strings.Fields(`broker.reach broker.advertised topics.present topics.settings topics.replication topics.min_in_sync topics.in_sync
		topics.unclean_election topics.duplicates broker.max_message rights.publish rights.provision clock.broker`)
	for _, findings := range [][]bridge.Finding{there, away} {
		var names []string
		for _, f := range findings {
			names = append(names, f.Name)
		}
		if diff := cmp.Diff(want, names); diff != "" {
			t.Error(diff)
		}
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(f.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	topics, err := kadm.NewClient(client).ListTopics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{jobs, profiles}, topics.Names()); diff != "" {
		t.Error(diff)
	}
}
