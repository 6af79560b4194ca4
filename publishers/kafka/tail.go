package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"golang.org/x/sync/errgroup"

	"hrbridge/bridge"
)

const (
	// New topics, new partitions and new leaders are noticed within this.
	watchEvery = 2 * time.Second
	// After a failure a Tail pauses, first so long, then twice that, and so on up to the longest.
	firstWait = 50 * time.Millisecond
	lastWait  = 2 * time.Second
	// A cluster that answers and whose partitions get their leaders only now, because its topics were just made or it was just
	// started, is waited for so long at first.
	settleWithin = 30 * time.Second

	opTail = "read from Kafka"
)

// TailOptions are what Tail needs to know.
type TailOptions struct {
	Connection
	bridge.Reading
}

// Tail hands each the records of the topics, one at a time and those of a partition in order, those that are there and those
// that come, until ctx ends, which is no error, the end is reached where o asks for one, or each returns an error, which Tail
// returns. Topics that are made meanwhile are read from their start. It does not wait for a cluster that is out of reach: that
// is a bridge.KindUnavailable at once; for leaders that are being elected it does. A broker that goes away later is waited for, and Tail goes on after the last record.
// It joins no group and makes no topic: nothing of it is left behind.
func Tail(ctx context.Context, o TailOptions, each func(bridge.Record) error) error {
	transport, err := o.transport()
	if err != nil {
		return fmt.Errorf("%s: %w", opTail, err)
	}
	defer transport.CloseIdleConnections()
	t := &tail{
		transport: transport, client: o.client(transport), patience: o.DialTimeout + fetchWait + 5*time.Second,
		reading: o.Reading, each: each, cursors: make(map[place]*cursor),
	}
	if err := t.follow(ctx); err != nil && ctx.Err() == nil && !t.over() {
		return fault(opTail, err)
	}
	return t.err
}

// cursor is how far a partition is read. While it is read, it belongs to the reader of its leader.
type cursor struct {
	place
	next int64 // the offset to read
	end  int64 // where to stop, -1 for never
}

// done tells whether there is nothing left to read.
func (c *cursor) done() bool { return c.end >= 0 && c.next >= c.end }

// tail hands on records until it is over.
type tail struct {
	transport *kafkago.Transport
	client    *kafkago.Client
	patience  time.Duration // for one answer
	reading   bridge.Reading
	begun     bool // the partitions that were there at first have their cursors
	cursors   map[place]*cursor

	mu    sync.Mutex
	each  func(bridge.Record) error
	ended bool
	err   error // of each
}

// errMoved ends a round because the cluster is not as it was when the round began.
var errMoved = errors.New("topics or leaders have changed")

// isMoving tells whether err is about a partition whose leader is not there yet, or not there any more.
func isMoving(err error) bool {
	switch code, _ := errors.AsType[kafkago.Error](err); code {
	case kafkago.LeaderNotAvailable, kafkago.NotLeaderForPartition, kafkago.ReplicaNotAvailable, kafkago.UnknownTopicOrPartition,
		kafkago.FencedLeaderEpoch, kafkago.UnknownLeaderEpoch, kafkago.KafkaStorageError:
		return true
	default:
		return false
	}
}

// errOver ends a round because there is nobody to hand records to.
var errOver = errors.New("the tail is over")

// follow reads in rounds, each as long as the topics and their leaders stay the same, until the tail is over.
func (t *tail) follow(ctx context.Context) error {
	pause := firstWait
	for began := time.Now(); ; {
		started := time.Now()
		err := t.round(ctx)
		switch {
		case err == nil, ctx.Err() != nil, t.over(), kindOf(err) == bridge.KindRefused:
			return err
		case !t.begun && (!isMoving(err) || time.Since(began) > settleWithin):
			return err
		case errors.Is(err, errMoved):
			continue
		}
		t.transport.CloseIdleConnections() // and with them what is known of the leaders
		if time.Since(started) > lastWait {
			pause = firstWait
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, lastWait)
	}
}

// round reads from all leaders at the same time. It returns nil when everything is read, and otherwise why it ended.
func (t *tail) round(ctx context.Context) error {
	leaders, err := t.look(ctx)
	if err != nil {
		return err
	}
	if err := t.settle(ctx, leaders); err != nil {
		return err
	}
	reading, ctx := errgroup.WithContext(ctx)
	for leader, cursors := range t.byLeader(leaders) {
		reading.Go(func() error { return t.read(ctx, leader, cursors) })
	}
	if !t.reading.ToEnd {
		reading.Go(func() error { return t.watch(ctx, leaders) })
	}
	return reading.Wait()
}

// look asks for the partitions that are to be read, and their leaders: -1 is none. It never makes a topic.
func (t *tail) look(ctx context.Context) (map[place]int, error) {
	ctx, cancel := context.WithTimeout(ctx, t.patience)
	defer cancel()
	cluster, err := t.client.Metadata(ctx, &kafkago.MetadataRequest{})
	if err != nil {
		return nil, unanswered(err)
	}
	leaders := make(map[place]int)
	for _, topic := range cluster.Topics {
		if topic.Internal || strings.HasPrefix(topic.Name, "__") || !matchesAny(t.reading.Topics, topic.Name) {
			continue
		}
		for _, p := range topic.Partitions {
			leader := -1
			if p.Leader.Host != "" {
				leader = p.Leader.ID
			}
			leaders[place{topic.Name, p.ID}] = leader
		}
	}
	return leaders, nil
}

// watch returns errMoved when the partitions or their leaders are others than they were.
func (t *tail) watch(ctx context.Context, were map[place]int) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(watchEvery):
		}
		are, err := t.look(ctx)
		if err != nil {
			return err
		}
		if !maps.Equal(were, are) {
			return errMoved
		}
	}
}

// settle gives every partition a cursor, those that are new since the first time one at their start, and takes the cursors of
// partitions that are gone.
func (t *tail) settle(ctx context.Context, leaders map[place]int) error {
	var fresh []place
	for p, leader := range leaders {
		if leader < 0 && t.reading.ToEnd {
			return &bridge.Error{Kind: bridge.KindUnavailable, Op: opTail, Err: fmt.Errorf("partition %d of topic %s: %w", p.index, p.topic, kafkago.LeaderNotAvailable)}
		}
		if t.cursors[p] == nil && leader >= 0 {
			fresh = append(fresh, p)
		}
	}
	if t.begun && t.reading.ToEnd {
		fresh = nil // they came after the end
	}
	maps.DeleteFunc(t.cursors, func(p place, _ *cursor) bool { _, there := leaders[p]; return !there })
	from := t.reading.From
	if t.begun {
		from = bridge.From{Start: true}
	}
	starts, ends, err := t.bounds(ctx, fresh, leaders, from)
	if err != nil {
		return err
	}
	for _, p := range fresh {
		c := &cursor{place: p, next: starts[p], end: -1}
		if t.reading.ToEnd {
			c.end = ends[p]
		}
		t.cursors[p] = c
	}
	t.begun = true
	return nil
}

// byLeader are the cursors that have something to read, for each leader.
func (t *tail) byLeader(leaders map[place]int) map[int][]*cursor {
	by := make(map[int][]*cursor)
	for p, c := range t.cursors {
		if leader := leaders[p]; leader >= 0 && !c.done() {
			by[leader] = append(by[leader], c)
		}
	}
	for _, cursors := range by { // those of a topic side by side
		slices.SortFunc(cursors, func(a, b *cursor) int {
			return cmp.Or(cmp.Compare(a.topic, b.topic), cmp.Compare(a.index, b.index))
		})
	}
	return by
}

func (t *tail) over() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ended
}

// hand hands a record on, and tells whether to go on.
func (t *tail) hand(r bridge.Record) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		return false
	}
	if err := t.each(r); err != nil {
		t.ended, t.err = true, err
	}
	return !t.ended
}

// matchesAny tells whether one of the patterns, in the language of NATS, stands for the topic; none stand for every topic.
func matchesAny(patterns []string, topic string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(pattern string) bool { return matches(pattern, topic) })
}

func matches(pattern, topic string) bool {
	words := strings.Split(topic, ".")
	for i, wanted := range strings.Split(pattern, ".") {
		switch {
		case i == len(words):
			return false
		case wanted == ">":
			return true
		case wanted != "*" && wanted != words[i]:
			return false
		}
	}
	return strings.Count(pattern, ".") == strings.Count(topic, ".")
}
