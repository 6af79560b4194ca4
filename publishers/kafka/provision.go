package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"go.uber.org/zap"

	"hrbridge/bridge"
)

// createTimeout bounds the wait for new topics, and for the cluster to show them.
const createTimeout = 5 * time.Second

// supply makes the topics that are missing, or says of each why it cannot be had. The error is about the cluster.
func (k *keeper) supply(ctx context.Context, missing []string, there map[string]topic) (map[string]*bridge.Error, *bridge.Error) {
	wanting := make(map[string]*bridge.Error)
	refuse := func(name, reason string) {
		wanting[name] = &bridge.Error{Kind: bridge.KindRefused, Op: opTopics, Err: &missingTopic{name: name, reason: reason}}
	}
	taken := make(map[string]string, len(there)+len(missing)) // by the name as Kafka's metrics see it
	for name := range there {
		taken[flat(name)] = name
	}
	var wanted []kafkago.TopicConfig
	for _, name := range missing {
		other, collides := taken[flat(name)]
		switch {
		case collides:
			refuse(name, "Kafka does not let it be beside "+other+", because . and _ are the same to it: choose another topic.prefix or topic.dead_letter, or delete that topic")
		case !k.topics.Provision:
			refuse(name, "it is not there, and kafka.provision is off: make it, or turn that on")
		default:
			taken[flat(name)] = name
			wanted = append(wanted, k.topics.configuration(name))
		}
	}
	if len(wanted) == 0 {
		return wanting, nil
	}
	ctx, cancel := context.WithTimeout(ctx, createTimeout)
	defer cancel()
	answer, err := k.client.CreateTopics(ctx, &kafkago.CreateTopicsRequest{Topics: wanted})
	if err != nil {
		return nil, fault("make topics", err)
	}
	var made []string
	for _, w := range wanted {
		err := answer.Errors[w.Topic]
		switch {
		case err == nil:
			made = append(made, w.Topic)
		case errors.Is(err, kafkago.TopicAlreadyExists): // then another bridge was faster
		case errors.Is(err, kafkago.TopicAuthorizationFailed), errors.Is(err, kafkago.ClusterAuthorizationFailed):
			refuse(w.Topic, "it is not there, and the user may not make it: make it, or grant CREATE on it, see docs/kafka.md")
		case passing(err):
			wanting[w.Topic] = &bridge.Error{Kind: bridge.KindUnavailable, Op: opTopics, Err: &missingTopic{name: w.Topic, reason: "it is not made yet: " + err.Error()}}
		default:
			refuse(w.Topic, "the cluster does not make it as the configuration wants it: "+err.Error())
		}
	}
	if len(made) > 0 {
		k.log.Info("made topics", zap.Int("topics", len(made)), zap.String("names", few(made)))
	}
	return wanting, nil
}

// passing tells whether a topic that could not be made can be a little later, without anybody doing anything.
func passing(err error) bool {
	for _, code := range []kafkago.Error{
		kafkago.RequestTimedOut, kafkago.NotController, kafkago.BrokerNotAvailable, kafkago.NetworkException, kafkago.ThrottlingQuotaExceeded,
	} {
		if errors.Is(err, code) {
			return true
		}
	}
	return false
}

// flat is the name as Kafka's metrics see it: two topics with the same cannot be.
func flat(name string) string { return strings.ReplaceAll(name, ".", "_") }

// configuration is what to make the topic with.
func (t Topics) configuration(name string) kafkago.TopicConfig {
	c := kafkago.TopicConfig{Topic: name, NumPartitions: t.Partitions, ReplicationFactor: -1}
	if t.Replicas > 0 {
		c.ReplicationFactor = t.Replicas
	}
	set := func(key string, value int64) {
		c.ConfigEntries = append(c.ConfigEntries, kafkago.ConfigEntry{ConfigName: key, ConfigValue: strconv.FormatInt(value, 10)})
	}
	retention := int64(-1)
	if t.Retention > 0 {
		retention = t.Retention.Milliseconds()
	}
	set(configRetention, retention)
	if t.MinInSync > 0 {
		set(configMinInSync, int64(t.MinInSync))
	}
	if t.MaxMessage > 0 {
		set(configMaxMessage, int64(t.MaxMessage))
	}
	return c
}

// The topics' settings that matter here, as Kafka calls them.
const (
	configRetention  = "retention.ms"
	configMinInSync  = "min.insync.replicas"
	configMaxMessage = "max.message.bytes"
	configCleanup    = "cleanup.policy"
	configUnclean    = "unclean.leader.election.enable"
	configFlush      = "flush.messages"
)

// describe adds what the topics' settings say to what is known of them, where we may read them.
func (k *keeper) describe(ctx context.Context, names []string, there map[string]topic) *bridge.Error {
	var resources []kafkago.DescribeConfigRequestResource
	for _, name := range names {
		if _, ok := there[name]; ok {
			resources = append(resources, kafkago.DescribeConfigRequestResource{
				ResourceType: kafkago.ResourceTypeTopic, ResourceName: name,
				ConfigNames: []string{configMaxMessage, configMinInSync, configCleanup, configUnclean, configFlush},
			})
		}
	}
	if len(resources) == 0 {
		return nil
	}
	answer, err := k.client.DescribeConfigs(ctx, &kafkago.DescribeConfigsRequest{Resources: resources})
	if err != nil {
		return fault(opTopics, err)
	}
	for _, r := range answer.Resources {
		t, ok := there[r.ResourceName]
		if !ok {
			continue
		}
		t.veiled = errors.Is(r.Error, kafkago.TopicAuthorizationFailed) || errors.Is(r.Error, kafkago.ClusterAuthorizationFailed)
		if r.Error != nil && !t.veiled { // the broker may not have heard of a topic that was just made
			return fault(opTopics, r.Error)
		}
		for _, entry := range r.ConfigEntries {
			number, _ := strconv.Atoi(entry.ConfigValue) // of the policy it is none
			switch entry.ConfigName {
			case configMaxMessage:
				t.maxMessage = number
			case configMinInSync:
				t.minInSync = number
			case configCleanup:
				t.compacts = strings.Contains(entry.ConfigValue, "compact")
			case configUnclean:
				t.unclean = entry.ConfigValue == "true"
			case configFlush:
				t.syncs = number == 1
			}
		}
		there[r.ResourceName] = t
	}
	return nil
}

// judge says what keeps the topics that there should be from taking every message, and warns once of what does not.
func (k *keeper) judge() *bridge.Error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.shortage(); err != nil {
		return err
	}
	f := k.topics.sort(k.known)
	k.warn(
		aside(f.veiled, "the user may not read their settings, so nobody checks that they take the largest event: grant DESCRIBE_CONFIGS"),
		aside(f.compacts, "they compact: of each key only the last event is kept; set cleanup.policy=delete"),
		aside(f.unclean, "a replica without all that was acknowledged may lead, and then it is lost: set unclean.leader.election.enable=false"),
		aside(f.differ, fmt.Sprintf("they have another number of partitions than kafka.partitions (%d), and stay as they are", k.topics.Partitions)),
	)
	switch {
	case len(f.starved) > 0:
		return &bridge.Error{Kind: bridge.KindRefused, Op: opTopics, Err: fmt.Errorf("%s: they have fewer replicas than min.insync.replicas, "+
			"so that nothing is ever acknowledged: lower that, or add replicas", few(f.starved))}
	case len(f.small) > 0:
		return &bridge.Error{Kind: bridge.KindRefused, Op: opTopics, Err: fmt.Errorf("%s: they take %d bytes (max.message.bytes), and the largest event with its headers has %d: "+
			"raise max.message.bytes of these topics, or lower limits.max_event", few(f.small), f.smallest, k.topics.MinMessage)}
	}
	return nil
}

// faults are the topics that are not as they have to be, or not as they should be.
type faults struct {
	small    []string // take less than the largest event, at least smallest bytes
	smallest int
	starved  []string // have fewer replicas than have to be in sync
	veiled   []string
	compacts []string
	unclean  []string
	differ   []string // have another number of partitions
}

// sort says what is wrong with the topics of which something is known.
func (t Topics) sort(known map[string]topic) faults {
	var f faults
	for _, name := range t.Names {
		have, there := known[name]
		if !there {
			continue
		}
		if have.maxMessage > 0 && have.maxMessage < t.MinMessage {
			f.small = append(f.small, name)
			if f.smallest == 0 || have.maxMessage < f.smallest {
				f.smallest = have.maxMessage
			}
		}
		if have.minInSync > have.replicas && have.replicas > 0 {
			f.starved = append(f.starved, name)
		}
		if have.veiled {
			f.veiled = append(f.veiled, name)
		}
		if have.compacts {
			f.compacts = append(f.compacts, name)
		}
		if have.unclean && have.replicas > 1 {
			f.unclean = append(f.unclean, name)
		}
		if t.Provision && have.partitions != t.Partitions {
			f.differ = append(f.differ, name)
		}
	}
	return f
}

// shortage is the error of the configured topics that cannot be had, those with the same reason as one. The mutex is held.
func (k *keeper) shortage() *bridge.Error {
	var first *bridge.Error
	var reason string
	var names []string
	for _, name := range k.topics.Names {
		s := k.wanting[name]
		if s == nil {
			continue
		}
		m, ok := errors.AsType[*missingTopic](s.err)
		if !ok {
			return s.err
		}
		if first == nil {
			first, reason = s.err, m.reason
		}
		if m.reason == reason {
			names = append(names, name)
		}
	}
	if len(names) < 2 {
		return first
	}
	return &bridge.Error{Kind: first.Kind, Op: first.Op, Err: fmt.Errorf("the topics %s, each: %s", few(names), reason)}
}

// aside is a warning about the topics, "" where there are none.
func aside(names []string, reason string) string {
	if len(names) == 0 {
		return ""
	}
	return few(names) + ": " + reason
}

// warn logs what is odd and breaks nothing, where it is something else than last time. The mutex is held.
func (k *keeper) warn(asides ...string) {
	asides = slices.DeleteFunc(asides, func(s string) bool { return s == "" })
	text := strings.Join(asides, "; ")
	if text != "" && text != k.warned {
		k.log.Warn("the topics are not as configured", zap.String("differences", text))
	}
	k.warned = text
}
