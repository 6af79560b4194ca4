package kafka

import (
	"context"
	"fmt"
	"strconv"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/metadata"
	"go.uber.org/zap"

	"hrbridge/bridge"
)

// learn takes the topics that are there from what the cluster said, and reads their settings as the publisher does.
func (i *inspection) learn(ctx context.Context) {
	i.known = make(map[string]topic)
	for _, t := range i.said.Topics {
		if t.ErrorCode == 0 && len(t.Partitions) > 0 {
			i.known[t.Name] = topic{partitions: len(t.Partitions), replicas: len(t.Partitions[0].ReplicaNodes), veiled: true}
		}
	}
	transport, err := i.o.transport()
	if err != nil {
		return // the dialer said so
	}
	defer transport.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	k := &keeper{topics: i.o.Topics, client: i.o.client(transport), log: zap.NewNop()}
	_ = k.describe(ctx, i.o.Topics.Names, i.known) // what cannot be read stays veiled
	i.usual = i.brokersDefault(ctx, k.client)
}

// configBrokerMax is what topics take that say nothing, as the brokers call it.
const configBrokerMax = "message.max.bytes"

// brokersDefault is how large a message topics take that say nothing, 0 where that is not told.
func (i *inspection) brokersDefault(ctx context.Context, client *kafkago.Client) int {
	if len(i.said.Brokers) == 0 {
		return 0
	}
	answer, err := client.DescribeConfigs(ctx, &kafkago.DescribeConfigsRequest{Resources: []kafkago.DescribeConfigRequestResource{{
		ResourceType: kafkago.ResourceTypeBroker, ResourceName: strconv.Itoa(int(i.said.Brokers[0].NodeID)), ConfigNames: []string{configBrokerMax},
	}}})
	if err != nil {
		return 0
	}
	for _, r := range answer.Resources {
		for _, entry := range r.ConfigEntries {
			if most, err := strconv.Atoi(entry.ConfigValue); err == nil && entry.ConfigName == configBrokerMax {
				return most
			}
		}
	}
	return 0
}

// inState are the topics of which the cluster says that code.
func (i *inspection) inState(code kafkago.Error) []string {
	var names []string
	for _, t := range i.said.Topics {
		if t.ErrorCode == int16(code) {
			names = append(names, t.Name)
		}
	}
	return names
}

func (i *inspection) present() {
	f := bridge.Finding{
		Name: checkTopics, Status: bridge.VerdictOK, Found: fmt.Sprintf("%d topics, those of the catalogue and the dead-letter topic", len(i.known)),
		Why: "an event whose topic is not there is not published",
	}
	hidden, missing := i.inState(kafkago.TopicAuthorizationFailed), i.inState(kafkago.UnknownTopicOrPartition)
	switch {
	case len(hidden) > 0:
		f.Status, f.Found = bridge.VerdictFailure, "the user may not see "+few(hidden)
		f.Remedy = "grant it WRITE and DESCRIBE on these topics, see docs/kafka.md"
	case len(missing) > 0 && i.o.Topics.Provision:
		f.Status, f.Found, f.Remedy = bridge.VerdictWarning, "not there yet: "+few(missing), "nothing: hrbridge serve makes them (kafka.provision)"
	case len(missing) > 0:
		f.Status, f.Found, f.Remedy = bridge.VerdictFailure, "not there: "+few(missing), "make them, or set kafka.provision"
	case len(i.known) < len(i.o.Topics.Names):
		f.Status, f.Found = bridge.VerdictFailure, fmt.Sprintf("the cluster shows %d of %d topics", len(i.known), len(i.o.Topics.Names))
		f.Remedy = "bring the brokers back that have the others"
	}
	i.note(f)
}

// settings are those that the publisher warns of.
func (i *inspection) settings() {
	faults := i.o.Topics.sort(i.known)
	f := bridge.Finding{
		Name: checkSettings, Status: bridge.VerdictOK, Found: "events are kept, one by one",
		Why: "a topic of another make drops acknowledged events, or is not what was configured",
	}
	switch {
	case len(faults.compacts) > 0:
		f.Status, f.Found = bridge.VerdictFailure, few(faults.compacts)+": of each key only the last event is kept"
		f.Remedy = "set cleanup.policy=delete on these topics"
	case len(faults.differ) > 0:
		f.Status = bridge.VerdictWarning
		f.Found = fmt.Sprintf("%s: another number of partitions than kafka.partitions (%d)", few(faults.differ), i.o.Topics.Partitions)
		f.Remedy = "set kafka.partitions to what there is: more partitions would break the order of keys that are under way"
	case len(faults.veiled) > 0:
		f.Status, f.Found = bridge.VerdictSkipped, "cannot be told: the user may not read the settings of "+few(faults.veiled)
		f.Remedy = "grant it DESCRIBE_CONFIGS on these topics, see docs/kafka.md"
	}
	i.note(f)
}

// having are the topics that are there and are so.
func (i *inspection) having(so func(topic) bool) []string {
	var names []string
	for _, name := range i.o.Topics.Names {
		if t, there := i.known[name]; there && so(t) {
			names = append(names, name)
		}
	}
	return names
}

func (i *inspection) replication() {
	f := bridge.Finding{
		Name: checkReplication, Status: bridge.VerdictOK, Found: "every topic has several replicas, on brokers that fail apart",
		Why: "Kafka acknowledges what is in memory, not on disk: what is on one broker only is lost in a power cut of it",
	}
	alone := i.having(func(t topic) bool { return t.replicas == 1 })
	unsynced := i.having(func(t topic) bool { return t.replicas == 1 && !t.syncs })
	switch {
	case len(unsynced) > 0:
		f.Status, f.Found = bridge.VerdictWarning, few(unsynced)+": one replica, and its disk is synced later"
		f.Remedy = "run three brokers, and give the topics 3 replicas with min.insync.replicas 2 (kafka.replicas and kafka.min_insync_replicas for topics that are made)"
	case len(alone) > 0:
		f.Status, f.Found = bridge.VerdictWarning, few(alone)+": one replica, synced at each message: a disk that dies takes its events with it"
		f.Remedy = "run three brokers, and give the topics 3 replicas"
	}
	i.note(f)
}

func (i *inspection) minInSync() {
	f := bridge.Finding{
		Name: checkMinInSync, Status: bridge.VerdictOK, Found: "an acknowledgement says that two brokers or more have the event",
		Why: "an acknowledgement says no more than that min.insync.replicas brokers have the event",
	}
	faults := i.o.Topics.sort(i.known)
	unknown := i.having(func(t topic) bool { return t.minInSync == 0 })
	weak := i.having(func(t topic) bool { return t.minInSync == 1 })
	rigid := i.having(func(t topic) bool { return t.minInSync > 1 && t.minInSync == t.replicas })
	switch {
	case len(faults.starved) > 0:
		f.Status, f.Found = bridge.VerdictFailure, few(faults.starved)+": fewer replicas than min.insync.replicas, so that nothing is ever acknowledged"
		f.Remedy = "lower min.insync.replicas, or add replicas"
	case len(unknown) > 0:
		f.Status, f.Found = bridge.VerdictSkipped, "cannot be told: the user may not read the settings of "+few(unknown)
		f.Remedy = "grant it DESCRIBE_CONFIGS on these topics, see docs/kafka.md"
	case len(weak) > 0:
		f.Status, f.Found = bridge.VerdictWarning, few(weak)+": min.insync.replicas is 1: when the other replicas are behind, one broker alone has what is acknowledged"
		f.Remedy = "set min.insync.replicas to 2 on topics of 3 replicas"
	case len(rigid) > 0:
		f.Status, f.Found = bridge.VerdictWarning, few(rigid)+": as many as there are replicas, so that one broker that is down stops everything"
		f.Remedy = "set min.insync.replicas to one less than there are replicas"
	}
	i.note(f)
}

// inSync is about now: leaders, and replicas that keep up.
func (i *inspection) inSync() {
	f := bridge.Finding{
		Name: checkInSync, Status: bridge.VerdictOK, Found: "every partition has a leader, and all of its replicas are in sync",
		Why: "a partition without a leader, or with too few replicas in sync, takes nothing",
	}
	var leaderless, short, behind []string
	for _, t := range i.said.Topics {
		switch worst := i.state(t); worst {
		case partitionLeaderless:
			leaderless = append(leaderless, t.Name)
		case partitionShort:
			short = append(short, t.Name)
		case partitionBehind:
			behind = append(behind, t.Name)
		case partitionSound:
		}
	}
	const remedy = "bring back the brokers that are down, or see why they do not keep up"
	switch {
	case len(leaderless) > 0:
		f.Status, f.Found, f.Remedy = bridge.VerdictFailure, few(leaderless)+": partitions without a leader", remedy
	case len(short) > 0:
		f.Status, f.Found, f.Remedy = bridge.VerdictFailure, few(short)+": fewer replicas in sync than min.insync.replicas", remedy
	case len(behind) > 0:
		f.Status, f.Found, f.Remedy = bridge.VerdictWarning, few(behind)+": some replicas are not in sync", remedy
	}
	i.note(f)
}

// partitionState is how a partition is, from good to bad.
type partitionState int

const (
	partitionSound partitionState = iota
	partitionBehind
	partitionShort
	partitionLeaderless
)

// state is that of the topic's worst partition.
func (i *inspection) state(t metadata.ResponseTopic) partitionState {
	worst := partitionSound
	for _, p := range t.Partitions {
		now := partitionSound
		switch {
		case p.LeaderID < 0:
			now = partitionLeaderless
		case len(p.IsrNodes) < i.known[t.Name].minInSync:
			now = partitionShort
		case len(p.IsrNodes) < len(p.ReplicaNodes):
			now = partitionBehind
		}
		worst = max(worst, now)
	}
	return worst
}

func (i *inspection) unclean() {
	f := bridge.Finding{
		Name: checkUnclean, Status: bridge.VerdictOK, Found: "only a replica with all that was acknowledged may lead",
		Why: "a leader without all that was acknowledged drops the rest everywhere",
	}
	faults := i.o.Topics.sort(i.known)
	switch {
	case len(faults.unclean) > 0:
		f.Status, f.Found = bridge.VerdictFailure, few(faults.unclean)+": unclean.leader.election.enable is on"
		f.Remedy = "set unclean.leader.election.enable=false on these topics"
	case len(faults.veiled) > 0:
		f.Status, f.Found = bridge.VerdictSkipped, "cannot be told: the user may not read the settings of "+few(faults.veiled)
		f.Remedy = "grant it DESCRIBE_CONFIGS on these topics, see docs/kafka.md"
	}
	i.note(f)
}

func (i *inspection) size() {
	t := i.o.Topics
	faults := t.sort(i.known)
	f := bridge.Finding{
		Name: checkSize, Status: bridge.VerdictOK,
		Found: fmt.Sprintf("an event and its headers take %d bytes at most, and every topic takes that", t.MinMessage),
		Why:   "an event that limits.max_event lets in and the topic does not take is answered 413 each time that it is sent",
	}
	unknown := i.having(func(t topic) bool { return t.maxMessage == 0 })
	switch {
	case len(faults.small) > 0:
		f.Status, f.Found = bridge.VerdictFailure, fmt.Sprintf("%s: max.message.bytes is %d, and the largest event with its headers has %d", few(faults.small), faults.smallest, t.MinMessage)
		f.Remedy = "raise max.message.bytes of these topics, or lower limits.max_event"
	case len(unknown) > 0:
		f.Status, f.Found = bridge.VerdictSkipped, "cannot be told: the user may not read the settings of "+few(unknown)
		f.Remedy = "grant it DESCRIBE_CONFIGS on these topics, see docs/kafka.md"
	case t.Provision && t.MaxMessage == 0 && i.usual > 0 && i.usual < t.MinMessage:
		f.Status, f.Remedy = bridge.VerdictWarning, "set kafka.max_message, raise message.max.bytes of the brokers, or lower limits.max_event"
		f.Found = fmt.Sprintf("topics that hrbridge makes take %d bytes, the brokers' default, and the largest event with its headers has %d", i.usual, t.MinMessage)
	case len(i.known) == 0:
		f.Status, f.Found = bridge.VerdictSkipped, "not looked at: none of the topics is there"
	}
	i.note(f)
}
