package prove

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"hrbridge/bridge"
)

const (
	// stalled is how long a reading may bring nothing before it is given up.
	stalled = time.Minute
	// maxNotes is how many of the things that are wrong are told one by one.
	maxNotes = 10
	// beforeFirst is how far before the run's first event the audit begins to read: the clocks of brokers differ a little.
	beforeFirst = 10 * time.Second
)

// errStalled ends a reading that brings nothing.
var errStalled = errors.New("the broker sends nothing any more")

// audit holds everything that the broker has of a run against the run's obligations.
type audit struct {
	broker Broker
	head   head
	before string
	ledger *ledger
	// whole tells that every event of the run has a number in the ledger. In a file's ledger only those that were
	// acknowledged have.
	whole bool
	last  map[string]uint32 // the highest number of each key, and topic where topics have no common order

	findings
	notes []string
}

// findings are what an audit counts.
type findings struct {
	doubled, again, unasked, altered, misrouted, forged int
}

func newAudit(b Broker, h head, l *ledger, whole bool) *audit {
	return &audit{broker: b, head: h, before: before(h.Run), ledger: l, whole: whole, last: make(map[string]uint32)}
}

// run reads all that there is. A reading that fails before it brought anything is tried again for a while.
func (a *audit) run(ctx context.Context, progress func(read int)) error {
	for began := time.Now(); ; {
		all, err := a.readAll(ctx, progress)
		if err == nil || all > 0 || !bridge.KindOf(err).Retryable() || time.Since(began) > readable || !sleep(ctx, readAgain) {
			return err
		}
	}
}

// readAll reads once, and returns how many records that brought.
func (a *audit) readAll(ctx context.Context, progress func(read int)) (all int, err error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	quiet := time.AfterFunc(stalled, func() { stop(errStalled) })
	defer quiet.Stop()
	reading := bridge.Reading{Topics: a.broker.Topics, From: bridge.From{Since: a.head.Stored.Add(-beforeFirst)}, ToEnd: true}
	err = a.broker.Tail(ctx, reading, func(r bridge.Record) error {
		quiet.Reset(stalled)
		a.record(r)
		if all++; all%1000 == 0 {
			progress(all)
		}
		return nil
	})
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return all, err
}

// record holds one record against what was promised.
func (a *audit) record(r bridge.Record) {
	m, ok := findMark(r.Message.Value, a.before)
	if !ok {
		if strings.HasPrefix(r.Message.Key, a.head.Run) {
			a.altered++
			a.note("altered beyond recognition: " + describe(r))
		}
		return
	}
	switch m.kind {
	case kindHello:
	case kindForge:
		a.forged++
		a.note("forged: " + describe(r))
	case kindEvent:
		a.event(m.number, r)
	}
}

func (a *audit) event(number uint32, r bridge.Record) {
	l := a.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	if number >= l.count {
		if a.whole {
			a.altered++
			a.note(fmt.Sprintf("number %d, which was never sent: %s", number, describe(r)))
		}
		return
	}
	e := l.at(number)
	if e.print != 0 {
		a.compare(e, number, r)
	}
	stored := sinceStart(r.Stored, a.head.Stored)
	if e.marks&found != 0 {
		a.repeat(e, stored, number, r)
		return
	}
	e.marks |= found
	e.stored = stored
	key := r.Message.Key
	if !a.broker.OneOrder {
		key += " " + r.Message.Topic
	}
	if last, there := a.last[key]; there && last > number {
		e.marks |= late
	} else {
		a.last[key] = number
	}
}

// compare holds a record against its entry.
func (a *audit) compare(e *entry, number uint32, r bridge.Record) {
	if want := a.head.Topics[e.topic]; r.Message.Topic != want {
		a.misrouted++
		a.note(fmt.Sprintf("number %d belongs on %s: %s", number, want, describe(r)))
	}
	if fingerprintOf(r.Message.ID, r.Message.Key, r.Message.Value) != e.print {
		a.altered++
		a.note(fmt.Sprintf("number %d is not as it was signed: %s", number, describe(r)))
	}
}

// repeat counts an event that is there once more: as a fault where the broker should have known it.
func (a *audit) repeat(e *entry, stored uint32, number uint32, r bridge.Record) {
	gap := time.Duration(stored) - time.Duration(e.stored)
	if gap *= time.Millisecond; a.broker.Window == 0 || max(gap, -gap) > a.broker.Window {
		a.again++
		if e.marks&(acknowledged|repeated) == acknowledged {
			a.unasked++
		}
		return
	}
	a.doubled++
	a.note(fmt.Sprintf("number %d is there once more, %s later: %s", number, gap, describe(r)))
}

func (a *audit) note(text string) {
	if len(a.notes) < maxNotes {
		a.notes = append(a.notes, text)
	}
}

// describe is where a record is, without content.
func describe(r bridge.Record) string {
	return fmt.Sprintf("%s, partition %d, sequence %d, id %s", r.Message.Topic, r.Partition, r.Sequence, r.Message.ID)
}

// outcome goes through the ledger when everything was read.
func (a *audit) outcome() Events {
	l := a.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	o := Events{
		Acknowledged: l.owed, Doubled: a.doubled, StoredAgain: a.again, Unasked: a.unasked, Altered: a.altered, Misrouted: a.misrouted,
	}
	if a.whole {
		o.Sent = int(l.count)
	}
	for p, page := range l.pages {
		for i := range page {
			a.settle(&o, p*pageSize+i, &page[i])
		}
	}
	return o
}

// settle counts one entry.
func (a *audit) settle(o *Events, number int, e *entry) {
	switch owed, there := e.marks&acknowledged != 0, e.marks&found != 0; {
	case owed && there:
		o.Stored++
		if e.marks&late != 0 {
			o.OutOfOrder++
			a.note(fmt.Sprintf("number %d, on %s, comes after a later one of its key", number, a.head.Topics[e.topic]))
		}
	case owed:
		o.Lost++
		if e.marks&seen != 0 {
			o.LostAfterSeen++
		}
		a.note(fmt.Sprintf("number %d, of %s, is lost", number, a.head.Topics[e.topic]))
	case there:
		o.Unacknowledged++
	}
}

// complete audits and puts what it finds into a report.
func (a *audit) complete(ctx context.Context, report *Report, progress func(read int)) error {
	if err := a.run(ctx, progress); err != nil {
		return fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	report.Events = a.outcome()
	report.Forged.Found, report.Notes, report.Ended = a.forged, a.notes, time.Now()
	report.judge()
	return nil
}

// Resume audits the obligations of a file, of a run that was cut off or that is to be looked at again.
func Resume(ctx context.Context, file string, b Broker, progress func(Progress)) (*Report, error) {
	kept, err := readBook(file)
	if err != nil {
		return nil, fmt.Errorf("read the obligations: %w", err)
	}
	h := kept.head
	if h.Publisher != b.Publisher {
		return nil, fmt.Errorf("the obligations are of a bridge that publishes on %s, and the configuration says %s", h.Publisher, b.Publisher)
	}
	report := &Report{Run: h.Run, Source: h.Source, Publisher: h.Publisher, File: file, Began: h.Began, Torn: kept.torn}
	owed, _ := kept.ledger.tally()
	err = newAudit(b, h, kept.ledger, false).complete(ctx, report, func(read int) {
		if progress != nil {
			progress(Progress{Phase: Auditing, Took: time.Since(h.Began), Acknowledged: owed, Read: read})
		}
	})
	return report, err
}
