package kafka

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/metadata"
	"go.uber.org/zap"

	"hrbridge/bridge"
)

const (
	opReach = "reach the Kafka cluster"
	// There is one look in such a time at most, whoever asks for it: it connects anew, and so may all who publish.
	lookEvery = 100 * time.Millisecond
	// The cluster is looked for that often while it is away, and told to be there still while nothing else asks.
	seekEvery  = 500 * time.Millisecond
	renewEvery = 2 * time.Second
)

// leader is where a partition is.
type leader struct {
	broker  int32 // noBroker while there is none
	inSync  int
	problem int16 // what the cluster says is wrong with the partition
}

const noBroker = -1

// layout is which broker leads which partition, as of one look. It is never changed.
type layout struct {
	topics  map[string][]leader
	brokers map[int32]bool
}

// leads is the broker to send to, noBroker where there is none or the partition is not known.
func (l *layout) leads(topic string, partition int) int32 {
	if l == nil || partition < 0 || partition >= len(l.topics[topic]) {
		return noBroker
	}
	return l.topics[topic][partition].broker
}

// partitions is how many the topic has, 0 where it is not known.
func (l *layout) partitions(topic string) int {
	if l == nil {
		return 0
	}
	return len(l.topics[topic])
}

// cluster knows the layout. It looks when somebody says that the layout is wrong, while the cluster is away, and now and then.
//
// kafka-go answers the question for the layout from what it knows, until its connections are dropped. So those that questions
// go over are others than those that messages go over: a leader that moves, or one that is not to be had, costs the
// partitions that are well nothing.
type cluster struct {
	control   *kafkago.Transport // for questions
	transport *kafkago.Transport // for messages
	addr      net.Addr
	timeout   time.Duration // of one look
	log       *zap.Logger
	changed   func(up, again bool) // called when the cluster comes into reach and when it goes
	looked    func()               // called when it was found

	kick   chan struct{} // has room for one
	broken atomic.Bool   // a connection for messages led to nothing

	mu      sync.Mutex
	layout  *layout
	next    chan struct{} // closed by the next look, whatever it finds
	away    *bridge.Error // why the cluster is not in reach; nil while it is
	reached bool          // at any time
}

func newCluster(control, transport *kafkago.Transport, o Options) *cluster {
	return &cluster{
		control: control, transport: transport, addr: kafkago.TCP(o.Brokers...), log: o.Log,
		timeout: time.Duration(len(o.Brokers))*o.DialTimeout + time.Second,
		changed: func(bool, bool) {}, looked: func() {},
		kick: make(chan struct{}, 1), next: make(chan struct{}),
		away: &bridge.Error{Kind: bridge.KindUnavailable, Op: opReach, Err: errors.New("not connected yet")},
	}
}

// ready returns nil, or why the cluster is not in reach.
func (c *cluster) ready() *bridge.Error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.away == nil {
		return nil
	}
	return &bridge.Error{Kind: c.away.Kind, Op: c.away.Op, Err: c.away.Err}
}

// current is the latest layout, nil before the first.
func (c *cluster) current() *layout {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.layout
}

// broke says that a connection led to nothing: others to the same broker may be as stale.
func (c *cluster) broke() { c.broken.Store(true) }

// wrong says that the layout led to nothing, and returns when there was another look, or ctx ended.
func (c *cluster) wrong(ctx context.Context) {
	c.mu.Lock()
	looked := c.next
	c.mu.Unlock()
	c.again()
	select {
	case <-looked:
	case <-ctx.Done():
	}
}

// again asks for a look.
func (c *cluster) again() {
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

// run looks until ctx ends.
func (c *cluster) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var last time.Time
	for {
		anew := true
		select {
		case <-ctx.Done():
			return
		case <-c.kick:
		case <-timer.C:
			anew = c.ready() != nil // what the transport knows is young enough; the keeper asks whether anybody is there
		}
		if !c.rest(ctx, lookEvery-time.Since(last)) {
			return
		}
		if anew {
			c.control.CloseIdleConnections()
			last = time.Now()
			if c.broken.Swap(false) {
				c.transport.CloseIdleConnections()
			}
		}
		found, err := c.look(ctx)
		if ctx.Err() != nil {
			return
		}
		pause := renewEvery
		if c.conclude(found, err) {
			pause = seekEvery
		}
		timer.Reset(pause)
	}
}

func (c *cluster) rest(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// look asks for the layout.
func (c *cluster) look(ctx context.Context) (*layout, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	answer, err := c.control.RoundTrip(ctx, c.addr, new(metadata.Request))
	if err != nil {
		return nil, err
	}
	m, ok := answer.(*metadata.Response)
	if !ok {
		return nil, errors.New("the answer to the question for the layout is not one")
	}
	l := &layout{topics: make(map[string][]leader, len(m.Topics)), brokers: make(map[int32]bool, len(m.Brokers))}
	for _, b := range m.Brokers {
		l.brokers[b.NodeID] = true
	}
	for _, t := range m.Topics {
		partitions := slices.Repeat([]leader{{broker: noBroker}}, len(t.Partitions))
		for _, p := range t.Partitions {
			if int(p.PartitionIndex) >= len(partitions) {
				continue
			}
			at := leader{broker: noBroker, inSync: len(p.IsrNodes), problem: p.ErrorCode}
			if l.brokers[p.LeaderID] {
				at.broker = p.LeaderID
			}
			partitions[p.PartitionIndex] = at
		}
		if len(partitions) > 0 {
			l.topics[t.Name] = partitions
		}
	}
	return l, nil
}

// conclude takes in what a look found, and is true where that is an error.
func (c *cluster) conclude(found *layout, err error) bool {
	c.mu.Lock()
	was, before := c.away == nil, c.reached
	if err != nil {
		c.away = unreachable(err)
		c.broke()
	} else {
		c.layout, c.away, c.reached = found, nil, true
	}
	close(c.next)
	c.next = make(chan struct{})
	is := c.away == nil
	c.mu.Unlock()
	if was != is {
		c.changed(is, before)
	}
	if is {
		c.looked()
	}
	return err != nil
}

// unreachable is the error of a look.
func unreachable(err error) *bridge.Error {
	e := fault(opReach, unanswered(err))
	if e.Kind == bridge.KindTimeout { // nothing was published that could be stored
		e.Kind = bridge.KindUnavailable
		e.Err = fmt.Errorf("%w: no broker answers; look at kafka.brokers and the network", err)
	}
	return e
}

// leaderless is why what is published to these topics now would not be acknowledged, nil where it would; minInSync is how many
// replicas a topic needs in sync, 0 where that is not known.
func (c *cluster) leaderless(topics []string, minInSync func(string) int) *bridge.Error {
	l := c.current()
	if l == nil {
		return nil // ready tells why
	}
	for _, topic := range topics {
		need := minInSync(topic)
		for i, p := range l.topics[topic] {
			var err error
			switch {
			case p.broker == noBroker:
				err = fmt.Errorf("partition %d of %s has no leader: bring its brokers back", i, topic)
			case p.inSync < need:
				err = fmt.Errorf("partition %d of %s has %d replicas in sync and needs %d (min.insync.replicas): bring brokers back", i, topic, p.inSync, need)
			default:
				continue
			}
			return &bridge.Error{Kind: bridge.KindUnavailable, Op: "look at the partitions", Err: err}
		}
	}
	return nil
}
