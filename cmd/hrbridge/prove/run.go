package prove

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"hrbridge/cmd/hrbridge/client"
)

// Refusal is the error of a run that could not begin: the bridge did not take its first delivery.
type Refusal struct {
	Outcome client.Outcome
}

func (r *Refusal) Error() string {
	if r.Outcome.Err != nil {
		return "the bridge does not answer: " + r.Outcome.Err.Error()
	}
	return fmt.Sprintf("the bridge answers %d", r.Outcome.Answer.Status)
}

// ErrUnseen is the error of a run that could not begin: what the bridge takes is not to be seen.
var ErrUnseen = errors.New("what the bridge takes does not appear on the broker that the configuration names")

// ErrUnreadable is in the chain of an error about a broker that cannot be read, so that nothing can be said.
var ErrUnreadable = errors.New("the broker cannot be read")

// run is one run.
type run struct {
	Options
	id     string
	began  time.Time
	ledger *ledger
	watch  *watch
	file   *file
	counts counts
	pace   *rate.Limiter
	left   atomic.Int64 // events to send, where there is an end
	fail   context.CancelCauseFunc
}

// Run sends, reads back and reports. When ctx ends it sends no more, and audits what was acknowledged. The report of a run
// that began is never nil, and its obligations are in Options.File.
func Run(ctx context.Context, o Options) (*Report, error) {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails
	r := &run{Options: o, id: hex.EncodeToString(id[:]), began: time.Now(), ledger: newLedger(), pace: rate.NewLimiter(rate.Inf, 1)}
	r.counts.statuses = make(map[int]int)
	if o.Rate > 0 {
		r.pace.SetLimit(rate.Limit(o.Rate))
	}
	r.left.Store(int64(maxEvents - o.PerDelivery))
	if o.Events > 0 {
		r.left.Store(int64(o.Events))
	}
	templates, err := newTemplates(r.id, o.Types, o.Size, mathrand.New(mathrand.NewPCG(uint64(r.began.UnixNano()), 1))) //nolint:gosec // it makes up people
	if err != nil {
		return nil, err
	}
	r.watch = newWatch(o.Broker, r.id, r.ledger)
	watching, unwatch := context.WithCancel(context.WithoutCancel(ctx))
	defer func() { unwatch(); <-r.watch.done }()
	go r.watch.follow(watching)

	h := head{Format: fileFormat, Run: r.id, Source: o.Source, Publisher: o.Broker.Publisher, Began: r.began}
	for _, t := range o.Types {
		h.Topics = append(h.Topics, o.Topic(t))
	}
	if h.Stored, err = r.hello(ctx, r.maker(helloKeys, templates)); err != nil {
		return nil, err
	}
	if r.File == "" {
		r.File = "prove-" + r.id + ".obligations"
	}
	if r.file, err = createFile(r.File, h); err != nil {
		return nil, fmt.Errorf("keep the obligations: %w", err)
	}
	took, err := r.send(ctx, templates)
	if err = errors.Join(err, r.file.close()); err == nil {
		r.settle()
	}
	unwatch()
	<-r.watch.done
	report := r.report(took, ctx.Err() != nil)
	return report, errors.Join(err, r.audit(context.WithoutCancel(ctx), report, h))
}

func (r *run) maker(keys int, templates []template) maker {
	return maker{
		run: r.id, source: r.Source, secret: r.Secret, forms: r.Forms, templates: templates, keys: keys, turn: keys,
		rand: mathrand.New(mathrand.NewPCG(uint64(r.began.UnixNano()), uint64(keys)+2)), //nolint:gosec // it takes turns, and makes no secret
	}
}

// readable is how long a broker may take to be read at first: one that is new to its topics may not know their leaders yet.
const readable = 10 * time.Second

// hello sends deliveries that do not count until one is seen: then both the bridge and the broker are those that are meant.
// It returns when the broker stored that one.
func (r *run) hello(ctx context.Context, m maker) (time.Time, error) {
	began := time.Now()
	for wait := firstWait; ; wait = min(2*wait, longestWait) {
		d, err := m.delivery(kindHello, 0, 1)
		if err != nil {
			return time.Time{}, err
		}
		o := r.Client.Post(ctx, d.posted)
		if err := ctx.Err(); err != nil {
			return time.Time{}, err
		}
		if o.Err != nil || !o.Answer.Taken() && !worthAnotherTry(o) {
			return time.Time{}, &Refusal{o}
		}
		select {
		case stored := <-r.watch.hello:
			return stored, nil
		case <-ctx.Done():
			return time.Time{}, ctx.Err()
		case <-time.After(wait):
		}
		switch broken, waited := r.watch.broken(), time.Since(began); {
		case broken != nil && waited >= min(readable, r.Settle):
			return time.Time{}, fmt.Errorf("%w: %w", ErrUnreadable, broken)
		case waited < r.Settle:
		case !o.Answer.Taken():
			return time.Time{}, &Refusal{o}
		default:
			return time.Time{}, ErrUnseen
		}
	}
}

// send sends on every connection until there is enough, and returns how long it took.
func (r *run) send(ctx context.Context, templates []template) (time.Duration, error) {
	ctx, r.fail = context.WithCancelCause(ctx)
	defer r.fail(nil)
	began := time.Now()
	if r.Duration > 0 {
		end := time.AfterFunc(r.Duration, func() { r.fail(nil) })
		defer end.Stop()
	}
	told := r.tell(Sending)
	defer told()
	failures := make([]error, r.Connections)
	var workers sync.WaitGroup
	for i := range r.Connections {
		workers.Go(func() {
			w := &worker{run: r, maker: r.maker(i, templates)}
			if failures[i] = w.work(ctx); failures[i] != nil {
				r.fail(failures[i])
			}
		})
	}
	workers.Wait()
	return time.Since(began), errors.Join(failures...)
}

// quota is how many events the next delivery has; 0 is none.
func (r *run) quota() int {
	left := r.left.Add(int64(-r.PerDelivery))
	return int(min(int64(r.PerDelivery), max(0, left+int64(r.PerDelivery))))
}

// acknowledge makes a delivery's events obligations.
func (r *run) acknowledge(p promise) error {
	r.ledger.acknowledge(p)
	return r.file.append(p)
}

// settle waits until everything that was acknowledged is seen, for as long as Settle.
func (r *run) settle() {
	told := r.tell(Settling)
	defer told()
	patience := time.NewTimer(r.Settle)
	defer patience.Stop()
	for {
		if _, open := r.ledger.tally(); open == 0 {
			return
		}
		select {
		case <-r.ledger.idle:
		case <-patience.C:
			return
		case <-r.watch.done:
			return
		}
	}
}

// audit reads the broker from the run's beginning to its end, and completes the report.
func (r *run) audit(ctx context.Context, report *Report, h head) error {
	a := newAudit(r.Broker, h, r.ledger, true)
	return a.complete(ctx, report, func(read int) {
		if r.Progress != nil {
			p := r.progress(Auditing)
			p.Read = read
			r.Progress(p)
		}
	})
}

// tell calls Progress now and then, until the returned function is called.
func (r *run) tell(phase Phase) (stop func()) {
	if r.Progress == nil {
		return func() {}
	}
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(progressEvery)
		defer tick.Stop()
		for {
			select {
			case <-over:
				return
			case <-tick.C:
				r.Progress(r.progress(phase))
			}
		}
	}()
	return func() { close(over); <-ended }
}

func (r *run) progress(phase Phase) Progress {
	owed, open := r.ledger.tally()
	return Progress{
		Phase: phase, Took: time.Since(r.began), Acknowledged: owed, Unseen: open,
		Refused: int(r.counts.refused.Load()), Unanswered: int(r.counts.unanswered.Load()),
	}
}

// report is what is known before the audit.
func (r *run) report(took time.Duration, interrupted bool) *Report {
	c := &r.counts
	owed, _ := r.ledger.tally()
	return &Report{
		Run: r.id, Source: r.Source, Publisher: r.Broker.Publisher, File: r.File, Began: r.began, Interrupted: interrupted,
		Sent: &Sent{
			Seconds: took.Seconds(), EventsPerSecond: float64(owed) / took.Seconds(), Deliveries: c.acknowledged.Load(),
			Refused: c.refused.Load(), Statuses: c.statuses, Unanswered: c.unanswered.Load(), Retried: c.retried.Load(),
			GivenUp: c.givenUp.Load(), Repeats: c.repeats.Load(), RepeatsTaken: c.repeatsTaken.Load(),
			WrongReceipts: c.wrongReceipts.Load(), Answer: timesOf(&c.took), EndToEnd: timesOf(&r.watch.took),
		},
		Forged: Forged{Sent: c.forged.Load(), Refused: c.forgedRefused.Load(), Taken: c.forgedTaken.Load()},
	}
}
