package prove_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"hrbridge/bridge"
	"hrbridge/cmd/hrbridge/prove"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestABridgeThatKeepsItsPromisesIsProven(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.options(t)
	r, err := prove.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	want := prove.Events{Sent: 400, Acknowledged: 400, Stored: 400}
	if diff := cmp.Diff(want, r.Events); diff != "" || !r.Proven || r.Err() != nil {
		t.Errorf("%v: -want +got:\n%s", r.Faults, diff)
	}
	if r.Sent.Repeats == 0 || r.Sent.RepeatsTaken != r.Sent.Repeats || r.Forged.Sent == 0 || r.Forged.Refused != r.Forged.Sent {
		t.Errorf("repeats or forgeries are missing: %+v %+v", r.Sent, r.Forged)
	}
	if a, e := r.Sent.Answer, r.Sent.EndToEnd; a.P50 <= 0 || a.P50 > a.P99 || a.P99 > a.Max || e.P50 <= 0 || e.Max < e.P50 {
		t.Errorf("times %+v %+v", a, e)
	}
	again, err := prove.Resume(t.Context(), o.File, o.Broker, nil)
	if err != nil {
		t.Fatal(err)
	}
	want.Sent = 0
	if diff := cmp.Diff(want, again.Events); diff != "" || !again.Proven || again.Run != r.Run {
		t.Errorf("the obligations say something else: -want +got:\n%s", diff)
	}
}

func TestEveryDeliveryThatIsToBeSentAgainIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.options(t)
	o.Events, o.PerDelivery, o.Repeats = 20, 1, 1
	r, err := prove.Run(t.Context(), o)
	if err != nil || !r.Proven || r.Sent.Deliveries != 20 || r.Sent.RepeatsTaken != 20 {
		t.Errorf("%v: %+v", err, r)
	}
}

func TestOnlyWhatIsAcknowledgedIsAnObligation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var calls atomic.Int64
	w.answer = func() int { // after the hello, most answers are no
		if n := calls.Add(1); n > 1 && n%3 != 0 {
			return http.StatusServiceUnavailable
		}
		return 0
	}
	o := w.options(t)
	o.Events, o.Forgeries, o.Repeats = 50, 0, 0
	r, err := prove.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Proven || r.Events.Acknowledged != 50 || r.Sent.Refused == 0 || r.Sent.Retried != r.Sent.Refused || r.Sent.Statuses[503] == 0 {
		t.Errorf("%v %+v %+v", r.Faults, r.Events, r.Sent)
	}
	w.answer = func() int {
		if calls.Add(1); calls.Load() > 1 {
			return http.StatusServiceUnavailable
		}
		return 0
	}
	calls.Store(0)
	o = w.options(t)
	o.Events, o.GiveUp = 100, time.Millisecond
	if r, err = prove.Run(t.Context(), o); err != nil || r.Proven || r.Events.Acknowledged != 0 || r.Sent.GivenUp == 0 {
		t.Errorf("a bridge that takes nothing: %v %+v %+v", err, r.Events, r.Sent)
	}
}

func TestARunThatIsInterruptedAuditsWhatWasAcknowledged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var calls atomic.Int64
	w.answer = func() int {
		if calls.Add(1) == 50 {
			cancel()
		}
		return 0
	}
	o := w.options(t)
	o.Events, o.Duration = 0, time.Hour
	r, err := prove.Run(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Proven || !r.Interrupted || r.Events.Acknowledged == 0 || r.Events.Stored != r.Events.Acknowledged {
		t.Errorf("%v %+v", r.Faults, r.Events)
	}
}

func TestARunDoesNotBeginWithoutABridgeAndItsBroker(t *testing.T) {
	t.Parallel()
	gone := errors.New("gone")
	for name, row := range map[string]struct {
		change func(*world, *prove.Options)
		is     func(error) bool
	}{
		"a bridge that is not there": {
			func(w *world, _ *prove.Options) { w.Close() },
			func(err error) bool {
				r, ok := errors.AsType[*prove.Refusal](err)
				return ok && r.Outcome.Err != nil
			},
		},
		"a secret that is another": {
			func(_ *world, o *prove.Options) { o.Secret = []byte("another") },
			func(err error) bool {
				r, ok := errors.AsType[*prove.Refusal](err)
				return ok && r.Outcome.Answer.Status == http.StatusUnauthorized
			},
		},
		"a bridge that takes nothing": {
			func(w *world, _ *prove.Options) { w.answer = func() int { return http.StatusServiceUnavailable } },
			func(err error) bool {
				r, ok := errors.AsType[*prove.Refusal](err)
				return ok && r.Outcome.Answer.Status == http.StatusServiceUnavailable
			},
		},
		"a broker that is another": {
			func(_ *world, o *prove.Options) {
				o.Broker.Tail = func(ctx context.Context, _ bridge.Reading, _ func(bridge.Record) error) error {
					<-ctx.Done()
					return nil
				}
			},
			func(err error) bool { return errors.Is(err, prove.ErrUnseen) },
		},
		"a broker that is not there": {
			func(_ *world, o *prove.Options) {
				o.Broker.Tail = func(context.Context, bridge.Reading, func(bridge.Record) error) error { return gone }
			},
			func(err error) bool { return errors.Is(err, prove.ErrUnreadable) && errors.Is(err, gone) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			o := w.options(t)
			o.Settle = time.Second
			row.change(w, &o)
			if r, err := prove.Run(t.Context(), o); r != nil || !row.is(err) {
				t.Errorf("report %v, error %v", r, err)
			}
		})
	}
}

func TestAReadingThatBreaksGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.options(t)
	var once sync.Once
	o.Broker.Tail = func(ctx context.Context, r bridge.Reading, each func(bridge.Record) error) error {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		err := w.tail(ctx, r, func(rec bridge.Record) error {
			if counted(rec.Message) && !r.ToEnd {
				once.Do(func() { cancel(errors.New("broken")) })
			}
			return each(rec)
		})
		if cause := context.Cause(ctx); err == nil && cause != nil && strings.Contains(cause.Error(), "broken") {
			return cause
		}
		return err
	}
	r, err := prove.Run(t.Context(), o)
	if err != nil || !r.Proven || r.Events.Stored != 400 {
		t.Errorf("%v, %v", err, r)
	}
}
