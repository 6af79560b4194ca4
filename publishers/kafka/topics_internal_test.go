package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"hrbridge/bridge"
)

// fakeCluster starts a cluster in this process.
func fakeCluster(t testing.TB, options ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// keeperOn is a keeper that nobody runs, and what it logs.
func keeperOn(t testing.TB, c *kfake.Cluster, change func(*Options)) (*keeper, *observer.ObservedLogs) {
	t.Helper()
	o := Defaults()
	o.Brokers = c.ListenAddrs()
	core, logs := observer.New(zap.InfoLevel)
	o.Log = zap.New(core)
	if change != nil {
		change(&o)
	}
	transport, err := o.transport()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(transport.CloseIdleConnections)
	return newKeeper(o, o.client(transport)), logs
}

func wantRefusal(t testing.TB, err *bridge.Error, words ...string) {
	t.Helper()
	if err == nil || err.Kind != bridge.KindRefused {
		t.Fatalf("got %v, want a refusal", err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
}

func TestKeeperMakesTheTopicsThatAreMissing(t *testing.T) {
	t.Parallel()
	c := fakeCluster(t, kfake.SeedTopics(2, "profile.parsing.success"))
	k, logs := keeperOn(t, c, func(o *Options) {
		o.Topics.Names = []string{"profile.parsing.success", "job.parsing.error", "hrbridge.deadletter"}
	})
	if err := k.check(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{"profile.parsing.success": 2, "job.parsing.error": 6, "hrbridge.deadletter": 6} {
		if got := len(c.PartitionInfos(name)); got != want {
			t.Errorf("%s has %d partitions, want %d", name, got, want)
		}
	}
	if got := k.limit("job.parsing.error"); got != 1048588 {
		t.Errorf("the limit is %d", got)
	}
	if n := logs.FilterMessage("made topics").Len(); n != 1 {
		t.Errorf("it says %d times that it made topics", n)
	}
	if err := k.ensure(t.Context(), []string{"job.parsing.error", "profile.new.type"}); err != nil {
		t.Fatal(err)
	}
	if len(c.PartitionInfos("profile.new.type")) != 6 {
		t.Error("a topic is not made on first use")
	}
}

func TestKeeperRefusesTopicsThatCannotBeHad(t *testing.T) {
	t.Parallel()
	rows := map[string]struct {
		options []kfake.Opt
		change  func(*Options)
		words   []string
	}{
		"missing, without the right to make any": {change: func(o *Options) { o.Topics.Provision = false }, words: []string{"a.b.c, d.e.f", "kafka.provision is off"}},
		"colliding with one that is there":       {options: []kfake.Opt{kfake.SeedTopics(1, "a.b_c")}, words: []string{"topic a.b.c", "beside a.b_c"}},
		"colliding with each other":              {change: func(o *Options) { o.Topics.Names = []string{"a.b_c.d", "a.b.c_d"} }, words: []string{"topic a.b.c_d", "beside a.b_c.d"}},
		"with a limit below the largest event":   {change: func(o *Options) { o.Topics.MinMessage = 2 << 20 }, words: []string{"a.b.c, d.e.f", "1048588", "2097152", "limits.max_event"}},
		"with fewer replicas than have to be in sync": {
			options: []kfake.Opt{kfake.BrokerConfigs(map[string]string{"min.insync.replicas": "9"})}, words: []string{"min.insync.replicas"},
		},
		"with more replicas than brokers": {change: func(o *Options) { o.Topics.Replicas = 100 }, words: []string{"does not make it as the configuration wants it"}},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k, _ := keeperOn(t, fakeCluster(t, row.options...), func(o *Options) {
				o.Topics.Names = []string{"a.b.c", "d.e.f"}
				if row.change != nil {
					row.change(o)
				}
			})
			wantRefusal(t, k.check(t.Context()), row.words...)
		})
	}
}

func TestKeeperTellsOnFirstUseWhichTopicCannotBeHad(t *testing.T) {
	t.Parallel()
	k, _ := keeperOn(t, fakeCluster(t, kfake.SeedTopics(1, "there")), func(o *Options) { o.Topics.Provision = false })
	if err := k.ensure(t.Context(), []string{"there"}); err != nil {
		t.Fatal(err)
	}
	err := k.ensure(t.Context(), []string{"there", "not.there"})
	wantRefusal(t, err, "not.there")
	if m, ok := errors.AsType[*missingTopic](err); !ok || m.name != "not.there" {
		t.Errorf("%v does not name the topic for the publisher", err)
	}
}

func TestKeeperTakesTheTopicsOfAFasterReplica(t *testing.T) {
	t.Parallel()
	c := fakeCluster(t)
	names := make([]string, 8)
	for i := range names {
		names[i] = fmt.Sprintf("profile.race.n%d", i)
	}
	var racing sync.WaitGroup
	for range 16 {
		k, _ := keeperOn(t, c, func(o *Options) { o.Topics.Names = names })
		racing.Go(func() {
			if err := k.check(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	racing.Wait()
}

func TestKeeperWithoutRightsUsesWhatIsThere(t *testing.T) {
	t.Parallel()
	acl := func(op kmsg.ACLOperation) kfake.ACL {
		return kfake.ACL{Resource: kmsg.ACLResourceTypeTopic, Name: "*", Pattern: kmsg.ACLResourcePatternTypeLiteral, Operation: op, Allow: true}
	}
	c := fakeCluster(t, kfake.EnableSASL(), kfake.EnableACLs(), kfake.SeedTopics(6, "there"), kfake.User("PLAIN", "ada", "secret", acl(kmsg.ACLOperationWrite)))
	as := func(o *Options) {
		o.SASL = SASL{Mechanism: SASLPlain, User: "ada", Password: "secret", AllowPlaintext: true}
		o.Topics.Names = []string{"there"}
	}
	k, logs := keeperOn(t, c, as)
	if err := k.check(t.Context()); err != nil {
		t.Fatal(err)
	}
	k.check(t.Context())
	said := logs.FilterMessage("the topics are not as configured").All()
	if len(said) != 1 || !strings.Contains(fmt.Sprint(said[0].ContextMap()), "DESCRIBE_CONFIGS") {
		t.Errorf("it says of the settings that it may not read: %v", said)
	}
	wantRefusal(t, k.ensure(t.Context(), []string{"not.there"}), "not.there", "grant CREATE")
}

func TestKeeperSeesTheClusterGoAndComeBack(t *testing.T) {
	t.Parallel()
	c := fakeCluster(t)
	k, logs := keeperOn(t, c, func(o *Options) { o.Topics.Names = []string{"a.b.c"} })
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { k.run(ctx) })
	defer running.Wait()
	defer cancel()
	eventually(t, func() error { return asError(k.ready()) })
	var gone atomic.Bool
	gone.Store(true)
	c.ControlKey(int16(kmsg.ApiVersions), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		return nil, errors.New("gone"), gone.Load()
	})
	eventually(t, func() error {
		if err := k.ready(); err == nil || err.Kind != bridge.KindUnavailable {
			return fmt.Errorf("ready is %w", asError(err))
		}
		return nil
	})
	gone.Store(false)
	eventually(t, func() error { return asError(k.ready()) })
	var said []string
	for _, e := range logs.All() {
		if !slices.Contains(said, e.Message) {
			said = append(said, e.Message)
		}
	}
	if want := []string{"made topics", "the topics are ready", "the cluster is out of reach; retrying"}; !slices.Equal(said, want) {
		t.Errorf("it says %q", said)
	}
}

// asError is err as the interface, nil where there is none.
func asError(err *bridge.Error) error {
	if err == nil {
		return nil
	}
	return err
}

// eventually waits for what has to happen.
func eventually(t testing.TB, happens func() error) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := happens()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestTopicsAreMadeAsConfigured(t *testing.T) {
	t.Parallel()
	entry := func(name, value string) kafkago.ConfigEntry {
		return kafkago.ConfigEntry{ConfigName: name, ConfigValue: value}
	}
	for name, row := range map[string]struct {
		topics   Topics
		replicas int
		entries  []kafkago.ConfigEntry
	}{
		"the broker's defaults": {Topics{Partitions: 6}, -1, []kafkago.ConfigEntry{entry("retention.ms", "-1")}},
		"everything": {
			Topics{Partitions: 3, Replicas: 3, MinInSync: 2, Retention: time.Hour, MaxMessage: 5 << 20}, 3,
			[]kafkago.ConfigEntry{entry("retention.ms", "3600000"), entry("min.insync.replicas", "2"), entry("max.message.bytes", "5242880")},
		},
	} {
		c := row.topics.configuration("a.b.c")
		if c.Topic != "a.b.c" || c.NumPartitions != row.topics.Partitions || c.ReplicationFactor != row.replicas || !slices.Equal(c.ConfigEntries, row.entries) {
			t.Errorf("%s: got %+v", name, c)
		}
	}
}
