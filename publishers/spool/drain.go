package spool

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"hrbridge/bridge"
	"hrbridge/publishers/embedded"
)

const (
	// What the drainer reads, and hands to the broker, at once.
	readRecords = 1024
	readBytes   = 8 << 20
	// sendTime bounds one try to send.
	sendTime = 30 * time.Second
	// The pause after a failure, and the longest after many. A broker that says that it is back ends a pause.
	firstPause = 100 * time.Millisecond
	lastPause  = 2 * time.Second
	lookEvery  = 100 * time.Millisecond
	// nearEnd is how little is left when new calls wait for the drainer to finish, where the latest batch took no longer than gateTime.
	nearEnd  = 4 << 20
	gateTime = mostGatePatience / 2
)

// drainer sends what is spooled, in order, and removes it when the broker has acknowledged it.
type drainer struct {
	*Publisher
	woken   chan struct{}
	batch   *batch    // the one that is being sent, or was and is not removed; nil for none
	from    uint64    // the place to read from
	fails   int       // in a row
	failing time.Time // since when
	unsure  uint64    // the sequence up to which records were sent without an answer
	started time.Time
	failed  atomic.Pointer[error]
	letters map[bridge.Reason]int // of the batch that is being sent
	pace    atomic.Int64          // bytes a second, of late; 0 where that is not known
}

// batch is records that are sent together.
type batch struct {
	msgs  []bridge.Message
	place uint64 // of the last record
	end   position
	last  time.Time // when the last record was written
	bytes int
	sent  bool
	// lost and damaged are what is missing between the records, and how many records could not be read.
	lost    position
	damaged int
	unknown error // why it ends before a record: that is of a later version
	repeats int   // events that were sent before, without an answer
}

func newDrainer(p *Publisher) *drainer {
	return &drainer{Publisher: p, woken: make(chan struct{}, 1), letters: make(map[bridge.Reason]int)}
}

// wake makes the drainer look again. It never waits.
func (d *drainer) wake() {
	select {
	case d.woken <- struct{}{}:
	default:
	}
}

// failure is why nothing is drained, nil where nothing is known to be wrong.
func (d *drainer) failure() error {
	if err := d.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// errIdle says that there is nothing to send.
var errIdle = errors.New("the spool is empty")

// run drains until ctx ends.
func (d *drainer) run(ctx context.Context) {
	defer d.mode.open()
	d.returnAside(ctx)
	for ctx.Err() == nil {
		switch err := d.step(ctx); {
		case err == nil:
			d.fails = 0
			d.failed.Store(nil)
		case errors.Is(err, errIdle):
			select {
			case <-d.woken:
			case <-ctx.Done():
			}
		case ctx.Err() == nil:
			d.rest(ctx, err)
		}
	}
}

// step sends and removes a batch.
func (d *drainer) step(ctx context.Context) error {
	if d.batch == nil {
		_, end := d.account.ends()
		if err := d.read(ctx); err != nil {
			return err
		}
		if d.batch == nil {
			return d.finish(ctx, end)
		}
	}
	if err := d.send(ctx, d.batch); err != nil {
		if !d.batch.sent {
			d.batch = nil // the next try is with a single record
		}
		return err
	}
	if err := d.remove(ctx, d.batch); err != nil {
		return err
	}
	d.batch = nil
	return nil
}

// rest waits after a failure, longer after each, until the pause is over or the broker says that it is back.
func (d *drainer) rest(ctx context.Context, err error) {
	d.mode.open()
	d.flow.stop()
	d.failed.Store(&err)
	d.pace.Store(0)
	_ = d.account.mark(ctx, d.store) // while there is nothing else to do
	pauseFor := min(lastPause, firstPause<<min(d.fails, 10))
	if d.fails == 0 {
		d.failing = time.Now()
	}
	d.fails++
	away := d.inner.Ready(ctx) != nil
	for end := time.Now().Add(pauseFor/2 + rand.N(pauseFor/2)); time.Now().Before(end); { //nolint:gosec // not a secret
		if !pause(ctx, min(lookEvery, max(time.Until(end), time.Millisecond))) || away && d.inner.Ready(ctx) == nil {
			return
		}
	}
}

// read makes the next batch, where there is something to send.
func (d *drainer) read(ctx context.Context) error {
	count := readRecords
	if d.fails > 0 {
		count = 1
	}
	records, err := d.store.Main.Read(ctx, d.from, count, readBytes)
	if err != nil || len(records) == 0 {
		return err
	}
	drained, _ := d.account.ends()
	b := &batch{end: drained}
	d.started = time.Now()
	for _, r := range records {
		if b.unknown = b.add(r, d.account.recovered, d.unsure); b.unknown != nil {
			break
		}
	}
	if b.place == 0 {
		return b.unknown
	}
	d.batch = b // without the record that cannot be known: the next one begins with it
	return nil
}

// add takes a record into the batch. An error is about a record that this program cannot know.
func (b *batch) add(r embedded.Record, recovered mark, unsure uint64) error {
	before := len(b.msgs)
	h, msgs, err := decode(r.Data, b.msgs)
	if future, ok := errors.AsType[*futureError](err); ok {
		return future
	}
	b.place = r.Sequence
	b.bytes += len(r.Data)
	if errors.Is(err, errDamaged) {
		b.damaged++ // its events show in the gap before the next record
		return nil
	}
	if b.msgs = msgs; recovered.covers(r.Sequence, h) {
		clear(b.msgs[before:])
		b.msgs = b.msgs[:before]
		return nil
	}
	b.pass(position{h.sequence - 1, h.before})
	if after := h.after(); after.sequence > b.end.sequence {
		b.end = after
	}
	if h.sequence <= unsure {
		b.repeats += h.count
	}
	b.last = h.at
	return nil
}

// pass notes what is missing before a position.
func (b *batch) pass(to position) {
	if to.sequence > b.end.sequence {
		b.lost.sequence += to.sequence - b.end.sequence
		b.lost.events += to.events - b.end.events
		b.end = to
	}
}

// send hands the batch to the broker.
func (d *drainer) send(ctx context.Context, b *batch) error {
	if b.sent {
		return nil
	}
	clear(d.letters)
	sending, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	if err := d.deliver(sending, b.msgs); err != nil {
		if bridge.KindOf(err) == bridge.KindTimeout {
			d.unsure = max(d.unsure, b.end.sequence)
		}
		return err
	}
	b.sent = true
	d.sayLetters()
	d.metrics.drained.Add(float64(len(b.msgs)))
	d.metrics.repeats.Add(float64(b.repeats))
	return nil
}

// remove takes the batch out of the store. The mark comes first: what it covers is not sent again, should the removal not have
// reached the disk.
func (d *drainer) remove(ctx context.Context, b *batch) error {
	if err := d.account.markThrough(ctx, d.store, b.end, b.place); err != nil {
		return err
	}
	if err := d.store.Main.Remove(ctx, b.place); err != nil {
		return err
	}
	state, err := d.store.Main.State(ctx)
	if err != nil {
		return err
	}
	d.sayLost(b)
	d.account.remove(b.end, b.place, int64(state.Bytes), b.last)
	d.from = b.place + 1
	took := time.Since(d.started)
	d.pace.Store(int64(float64(b.bytes) / max(took.Seconds(), 0.001)))
	if depth := d.account.depth(); depth.bytes <= nearEnd && took <= gateTime {
		d.mode.close(took)
		d.flow.stop() // whoever is inside has to get out, or the drainer never finishes
	} else {
		d.flow.out(b.bytes)
	}
	return nil
}

// sayLost says what is missing, once.
func (d *drainer) sayLost(b *batch) {
	if b.lost.sequence == 0 && b.damaged == 0 {
		return
	}
	d.metrics.lost.Add(float64(b.lost.events))
	d.log.Error("the spool's files are damaged: events that were acknowledged cannot be read any more",
		zap.Uint64("lost_events", b.lost.events), zap.Uint64("lost_records", b.lost.sequence), zap.Int("damaged_records", b.damaged),
		zap.Uint64("before_record", b.end.sequence))
}

// finish is called when nothing can be read. It opens the straight way where nothing is left, and says what should have been there:
// everything up to end was acknowledged before the store was asked.
func (d *drainer) finish(ctx context.Context, end position) error {
	if drained, _ := d.account.ends(); end.sequence > drained.sequence {
		state, err := d.store.Main.State(ctx)
		if err != nil {
			return err
		}
		// What comes meanwhile must not be removed with what is unreadable: it is read.
		if records, err := d.store.Main.Read(ctx, d.from, 1, 1); err != nil || len(records) > 0 {
			return err
		}
		b := &batch{end: drained, place: state.Last, last: time.Now(), sent: true}
		b.pass(end)
		d.batch = b
		return nil
	}
	changed := d.mode.finish(d.account.empty)
	if d.mode.isStraight() {
		d.mode.open()
		d.flow.stop()
	}
	if changed && d.said.Allow() {
		d.log.Info("the spool is empty: events go straight to the broker again")
	}
	return errIdle
}

// roomIn is when there may be room in a spool that is full.
func (d *drainer) roomIn() time.Duration {
	const (
		unknown = 30 * time.Second // the broker is away, and nobody knows for how long
		longest = 5 * time.Minute
	)
	pace := d.pace.Load()
	if pace <= 0 {
		return unknown
	}
	room := max(int64(maxRecord), d.o.MaxBytes/64)
	return min(longest, max(time.Second, time.Duration(float64(room)/float64(pace)*float64(time.Second))))
}
