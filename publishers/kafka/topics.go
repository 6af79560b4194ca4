package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"go.uber.org/zap"

	"hrbridge/bridge"
)

const (
	// What is not as it has to be is looked at again after the first pause, twice that, and so on up to the longest.
	firstRetry = 500 * time.Millisecond
	lastRetry  = 15 * time.Second
	// A cluster that nobody publishes to is asked at such times whether it is there.
	probeEvery = 3 * time.Second
	// What was found out about a topic that cannot be had is said for so long without asking again.
	recheckEvery = time.Second
	// A topic that was just made is asked for again after this, where the broker that was asked has not heard of it.
	unheard = 50 * time.Millisecond
	// A look at the topics asks several questions, and making topics takes a cluster its time.
	lookTimeout = 15 * time.Second
)

// keeper knows the topics. It makes those that are missing, where it may, checks the others, and goes on asking until all of
// them are as they have to be and while they are.
type keeper struct {
	topics Topics
	client *kafkago.Client
	log    *zap.Logger

	kick chan struct{} // has room for one
	turn chan struct{} // full while somebody asks the cluster about topics

	mu      sync.Mutex
	found   *bridge.Error        // why not; nil is ready
	checked time.Time            // when the last check ended
	known   map[string]topic     // those that are there
	wanting map[string]*shortage // those that cannot be had, and when that was found
	said    string               // of the topics' state, in the log
	warned  string               // of what breaks nothing
}

// topic is what is known of one that is there. What the cluster does not tell is 0.
type topic struct {
	partitions, replicas  int
	maxMessage, minInSync int
	compacts              bool // keeps the last message of each key only
	unclean               bool // lets a replica lead that does not have all that was acknowledged
	syncs                 bool // syncs each message to disk
	veiled                bool // we may not read its settings
}

// shortage is why a topic cannot be had.
type shortage struct {
	err *bridge.Error
	at  time.Time
}

func newKeeper(o Options, client *kafkago.Client) *keeper {
	log := o.Log
	if log == nil {
		log = zap.NewNop()
	}
	return &keeper{
		topics: o.Topics, client: client, log: log,
		kick: make(chan struct{}, 1), turn: make(chan struct{}, 1),
		found: &bridge.Error{Kind: bridge.KindUnavailable, Op: opTopics, Err: errors.New("not done yet")},
		known: make(map[string]topic), wanting: make(map[string]*shortage),
	}
}

const opTopics = "check the topics"

// ready returns nil, or why the topics cannot take messages, or why the cluster does not answer.
func (k *keeper) ready() *bridge.Error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.found
}

// limit is how large a batch the topic takes, 0 where that is not known.
func (k *keeper) limit(name string) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.known[name].maxMessage
}

// minInSync is how many replicas have what the topic acknowledges, 0 where that is not known.
func (k *keeper) minInSync(name string) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.known[name].minInSync
}

// missing says that the cluster does not know the topic, which may have been deleted: it is looked for again.
func (k *keeper) missing(name string) {
	k.mu.Lock()
	delete(k.known, name)
	recent := time.Since(k.checked) < recheckEvery
	k.mu.Unlock()
	if !recent {
		k.again()
	}
}

// again asks for a check now.
func (k *keeper) again() {
	select {
	case k.kick <- struct{}{}:
	default:
	}
}

// run checks at once, whenever it is asked to, after a pause where something is not as it has to be, and asks at other times
// whether the cluster is there, until ctx ends.
func (k *keeper) run(ctx context.Context) {
	next := time.NewTimer(0)
	defer next.Stop()
	pause := firstRetry
	for {
		full := true
		select {
		case <-ctx.Done():
			return
		case <-k.kick:
			pause = firstRetry
		case <-next.C:
			full = k.ready() != nil
		}
		var found *bridge.Error
		if full {
			found = k.check(ctx)
		} else {
			found = k.probe(ctx)
		}
		if ctx.Err() != nil {
			return
		}
		k.conclude(found)
		if found == nil {
			pause = firstRetry
			next.Reset(probeEvery)
			continue
		}
		next.Reset(pause)
		pause = min(2*pause, lastRetry)
	}
}

// conclude takes in what a check or a probe found, and logs it where it is another than was said last.
func (k *keeper) conclude(found *bridge.Error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.found, k.checked = found, time.Now()
	state := "ready"
	switch {
	case found == nil:
	case found.Kind == bridge.KindRefused:
		state = found.Error()
	default:
		state = "away" // which may be said in many words
	}
	switch {
	case state == k.said:
	case found == nil:
		k.log.Info("the topics are ready", zap.Int("topics", len(k.topics.Names)))
	case found.Kind == bridge.KindRefused:
		k.log.Error("the topics are not ready", zap.Error(found))
	default:
		k.log.Warn("the cluster is out of reach; retrying", zap.Error(found))
	}
	k.said = state
}

// probe asks whether anybody is there.
func (k *keeper) probe(ctx context.Context) *bridge.Error {
	const op = "ask the cluster whether it is there"
	var err error
	for range 2 { // a connection may have gone stale since the last time
		asking, cancel := context.WithTimeout(ctx, probeEvery)
		_, err = k.client.ApiVersions(asking, &kafkago.ApiVersionsRequest{})
		cancel()
		if err == nil {
			return nil
		}
		k.purge()
	}
	return fault(op, err)
}

// purge drops idle connections and what they told of the cluster: the next question is asked anew.
func (k *keeper) purge() {
	if t, ok := k.client.Transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// ensure returns nil when all of the topics are there, having made those that were not where that is allowed. Otherwise the
// error names one that is not, which a [*missingTopic] in it tells.
func (k *keeper) ensure(ctx context.Context, names []string) *bridge.Error {
	if unknown, err := k.unknown(names); err != nil || unknown == nil {
		return err
	}
	select {
	case k.turn <- struct{}{}:
		defer func() { <-k.turn }()
	case <-ctx.Done():
		return fault(opTopics, ctx.Err())
	}
	unknown, err := k.unknown(names) // somebody before us may have asked
	if err != nil || unknown == nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	if err := k.find(ctx, unknown); err != nil {
		return err
	}
	_, err = k.unknown(names)
	return err
}

// unknown are those of the topics that nobody has seen yet, or why one of them cannot be had.
func (k *keeper) unknown(names []string) ([]string, *bridge.Error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var unknown []string
	for _, name := range names {
		if s := k.wanting[name]; s != nil {
			if time.Since(s.at) < recheckEvery {
				return nil, &bridge.Error{Kind: s.err.Kind, Op: s.err.Op, Err: s.err.Err}
			}
			delete(k.wanting, name)
		}
		if _, there := k.known[name]; !there {
			unknown = append(unknown, name)
		}
	}
	return unknown, nil
}

// check looks at all the topics there should be, once.
func (k *keeper) check(ctx context.Context) *bridge.Error {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	select {
	case k.turn <- struct{}{}:
		defer func() { <-k.turn }()
	case <-ctx.Done():
		return fault(opTopics, ctx.Err())
	}
	k.mu.Lock()
	clear(k.wanting)
	names := slices.Clone(k.topics.Names)
	for name := range k.known { // those of first use, too
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	k.mu.Unlock()
	if err := k.find(ctx, names); err != nil {
		return err
	}
	return k.judge()
}

// find looks for the topics, makes those that are not there where that is allowed, and notes what it knows of each. The error
// is about the cluster. The turn is ours.
func (k *keeper) find(ctx context.Context, names []string) *bridge.Error {
	there, err := k.look(ctx)
	if err != nil {
		k.shelve(names, err)
		return err
	}
	var missing []string
	for _, name := range names {
		if _, ok := there[name]; !ok {
			missing = append(missing, name)
		}
	}
	wanting := make(map[string]*bridge.Error)
	if len(missing) > 0 {
		if wanting, err = k.supply(ctx, missing, there); err != nil {
			return err
		}
		if there, err = k.appear(ctx, missing, wanting); err != nil {
			return err
		}
	}
	err = k.describe(ctx, names, there)
	for ; err != nil && errors.Is(err, kafkago.UnknownTopicOrPartition) && ctx.Err() == nil; err = k.describe(ctx, names, there) {
		rest(ctx, unheard)
	}
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, name := range names {
		t, ok := there[name]
		if ok {
			k.known[name] = t
			delete(k.wanting, name)
			continue
		}
		delete(k.known, name)
		e := wanting[name]
		if e == nil { // made, and not to be seen yet
			e = &bridge.Error{Kind: bridge.KindUnavailable, Op: opTopics, Err: &missingTopic{name: name, reason: "it is made, and the cluster does not show it yet"}}
		}
		k.wanting[name] = &shortage{err: e, at: time.Now()}
	}
	return nil
}

// shelve lets those who wait in line for these topics have the answer that was had.
func (k *keeper) shelve(names []string, err *bridge.Error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, name := range names {
		if _, there := k.known[name]; !there {
			k.wanting[name] = &shortage{err: err, at: time.Now()}
		}
	}
}

// appear looks until the topics that should be there now are to be seen: the broker that is asked may hear of them last.
func (k *keeper) appear(ctx context.Context, missing []string, wanting map[string]*bridge.Error) (map[string]topic, *bridge.Error) {
	ctx, cancel := context.WithTimeout(ctx, createTimeout)
	defer cancel()
	for {
		there, err := k.look(ctx)
		unseen := func(name string) bool {
			_, seen := there[name]
			return !seen && wanting[name] == nil
		}
		if err != nil || !slices.ContainsFunc(missing, unseen) {
			return there, err
		}
		if rest(ctx, unheard); ctx.Err() != nil {
			return there, nil
		}
	}
}

// look asks what topics there are. It never makes one.
func (k *keeper) look(ctx context.Context) (map[string]topic, *bridge.Error) {
	k.purge()
	cluster, err := k.client.Metadata(ctx, &kafkago.MetadataRequest{})
	if err != nil {
		return nil, fault(opTopics, unanswered(err))
	}
	there := make(map[string]topic, len(cluster.Topics))
	for _, t := range cluster.Topics {
		if len(t.Partitions) > 0 {
			there[t.Name] = topic{partitions: len(t.Partitions), replicas: len(t.Partitions[0].Replicas)}
		}
	}
	return there, nil
}

// missingTopic is a topic that is not there, and why.
type missingTopic struct{ name, reason string }

func (m *missingTopic) Error() string { return fmt.Sprintf("the topic %s: %s", m.name, m.reason) }

// few lists names without filling a page.
func few(names []string) string {
	const most = 5
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
