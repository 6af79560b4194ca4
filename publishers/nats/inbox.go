package nats

import (
	"strconv"
	"strings"
	"sync"

	natsgo "github.com/nats-io/nats.go"

	"hrbridge/bridge"
)

// inbox is the one subscription that all acknowledgements of this process come to. A message's reply subject says which
// flight and which of its messages it is, so that a flight costs a counter and not a future for each message.
type inbox struct {
	prefix string
	acks   acks
	// astray is told when an answer says that the stream is not there or not what it has to be.
	astray func()
	// stored is told the sequence of whatever the stream has.
	stored func(sequence uint64)

	mu      sync.Mutex
	last    uint64
	flights map[uint64]*flight
}

func newInbox(stream string, astray func(), stored func(sequence uint64)) *inbox {
	return &inbox{prefix: natsgo.NewInbox() + ".", acks: newAcks(stream), astray: astray, stored: stored, flights: make(map[uint64]*flight)}
}

// subscribe makes the inbox hear of nc.
func (in *inbox) subscribe(nc *natsgo.Conn) error {
	sub, err := nc.Subscribe(in.prefix+"*.*", in.receive)
	if err != nil {
		return err
	}
	// What waits here is bounded by what is on its way. An acknowledgement that is dropped as a slow consumer's would be a
	// message stored and reported as lost.
	return sub.SetPendingLimits(-1, -1)
}

// depart registers f, whose messages' reply subjects it returns.
func (in *inbox) depart(f *flight) (id uint64, subjects []string) {
	in.mu.Lock()
	in.last++
	id = in.last
	in.flights[id] = f
	in.mu.Unlock()
	return id, replies(in.prefix, id, len(f.msgs))
}

// forget lets go of a flight: answers that come later are ignored.
func (in *inbox) forget(id uint64) {
	in.mu.Lock()
	defer in.mu.Unlock()
	delete(in.flights, id)
}

func (in *inbox) receive(m *natsgo.Msg) {
	id, index, ok := strings.Cut(m.Subject[min(len(in.prefix), len(m.Subject)):], ".")
	if !ok {
		return
	}
	number, err := strconv.ParseUint(id, 36, 64)
	if err != nil {
		return
	}
	i, err := strconv.ParseUint(index, 36, 31)
	if err != nil {
		return
	}
	in.mu.Lock()
	f := in.flights[number]
	in.mu.Unlock()
	a, err := in.acks.read(m)
	if err != nil && isAstray(err) {
		in.astray()
	}
	if a.sequence > 0 {
		in.stored(a.sequence)
	}
	if f != nil {
		f.answer(int(i), a, err)
	}
}

// fail ends every flight: nothing can be known of them any more.
func (in *inbox) fail(cause error) {
	for _, f := range in.all() {
		f.fail(fault(f.op, cause))
	}
}

// refuse fails what is on its way to subject, which the server does not let us publish to.
func (in *inbox) refuse(subject string, cause error) {
	for _, f := range in.all() {
		f.refuse(subject, &bridge.Error{Kind: bridge.KindRefused, Op: f.op, Err: cause})
	}
}

func (in *inbox) all() []*flight {
	in.mu.Lock()
	defer in.mu.Unlock()
	all := make([]*flight, 0, len(in.flights))
	for _, f := range in.flights {
		all = append(all, f)
	}
	return all
}
