package prove_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hrbridge/bridge"
	"hrbridge/cmd/hrbridge/prove"
)

func TestWhatABrokenBridgeDoesIsFound(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		fault func([]bridge.Message) []bridge.Message
		world func(*world)
		want  prove.Events
		forge int
		says  string
	}{
		"an event that is lost": {
			fault: func(msgs []bridge.Message) []bridge.Message { return msgs[1:] },
			want:  prove.Events{Stored: 399, Lost: 1}, says: "1 lost",
		},
		"an event that is stored twice": {
			fault: func(msgs []bridge.Message) []bridge.Message {
				twin := msgs[0]
				twin.ID = "another"
				return append(msgs, twin)
			},
			want: prove.Events{Stored: 400, Doubled: 1, Altered: 1}, says: "1 altered, 1 doubled within the broker's window",
		},
		"an event with a byte changed": {
			fault: func(msgs []bridge.Message) []bridge.Message {
				msgs[0].Value = bytes.Replace(msgs[0].Value, []byte(`"origin"`), []byte(`"Origin"`), 1)
				return msgs
			},
			want: prove.Events{Stored: 400, Altered: 1}, says: "1 altered",
		},
		"an event that cannot be recognised": {
			fault: func(msgs []bridge.Message) []bridge.Message {
				msgs[0].Value = []byte("{}")
				return msgs
			},
			want: prove.Events{Stored: 399, Lost: 1, Altered: 1}, says: "1 lost, 1 altered",
		},
		"an event with another key": {
			fault: func(msgs []bridge.Message) []bridge.Message {
				msgs[0].Key = "another"
				return msgs
			},
			want: prove.Events{Stored: 400, Altered: 1}, says: "1 altered",
		},
		"an event with another id": {
			fault: func(msgs []bridge.Message) []bridge.Message {
				msgs[0].ID = "another"
				return msgs
			},
			want: prove.Events{Stored: 400, Altered: 1}, says: "1 altered",
		},
		"an event on the wrong topic": {
			fault: func(msgs []bridge.Message) []bridge.Message {
				msgs[0].Topic = "prove.profile.parsing.other"
				return msgs
			},
			want: prove.Events{Stored: 400, Misrouted: 1}, says: "1 misrouted",
		},
		"an event on the dead-letter topic": {
			fault: func(msgs []bridge.Message) []bridge.Message {
				msgs[0].Topic = "hrbridge.deadletter"
				return msgs
			},
			want: prove.Events{Stored: 400, Misrouted: 1}, says: "1 misrouted",
		},
		"an event that nobody sent": {
			fault: func(msgs []bridge.Message) []bridge.Message {
				msgs[0].Value = bytes.Replace(msgs[0].Value, []byte(" event 0"), []byte(" event 3"), 1)
				return msgs
			},
			want: prove.Events{Stored: 399, Lost: 1, Altered: 1}, says: "1 lost, 1 altered",
		},
		"a forged event": {
			fault: func(msgs []bridge.Message) []bridge.Message {
				forged := msgs[0]
				forged.ID = "forged"
				forged.Value = bytes.Replace(forged.Value, []byte(" event "), []byte(" forge "), 1)
				return append(msgs, forged)
			},
			want: prove.Events{Stored: 400}, forge: 1, says: "1 forged ones found",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.fault = once(row.fault)
			o := w.options(t)
			o.Repeats = 0 // a repeat mends what was lost
			o.Settle = 2 * time.Second
			r, err := prove.Run(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			row.want.Sent, row.want.Acknowledged = 400, 400
			if diff := cmp.Diff(row.want, r.Events); diff != "" || r.Forged.Found != row.forge {
				t.Errorf("%d forged; -want +got:\n%s", r.Forged.Found, diff)
			}
			if r.Proven || r.Err() == nil || r.Err().Error() != "not proven: "+row.says || len(r.Notes) == 0 {
				t.Errorf("says %v, notes %v", r.Err(), r.Notes)
			}
			again, err := prove.Resume(t.Context(), o.File, o.Broker, nil)
			if err != nil || again.Proven {
				t.Errorf("the obligations prove it all the same, or %v", err)
			}
		})
	}
}

func TestEventsOfAKeyThatComeInAnotherOrderAreFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	held := make(map[string]bridge.Message) // by key: one message is held until the next of its key has passed
	done := false
	w.fault = func(msgs []bridge.Message) []bridge.Message {
		if done || !counted(msgs[0]) {
			return msgs
		}
		for i, m := range msgs {
			if early, ok := held[m.Key]; ok {
				done = true
				return append(msgs[:i+1:i+1], append([]bridge.Message{early}, msgs[i+1:]...)...)
			}
		}
		if len(held) == 0 {
			held[msgs[len(msgs)-1].Key] = msgs[len(msgs)-1]
			return msgs[:len(msgs)-1]
		}
		return msgs
	}
	o := w.options(t)
	o.Repeats, o.Connections = 0, 1
	r, err := prove.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	want := prove.Events{Sent: 400, Acknowledged: 400, Stored: 400, OutOfOrder: 1}
	if diff := cmp.Diff(want, r.Events); diff != "" || r.Proven {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestABridgeThatTakesWhatIsNotSignedIsFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.trusting = true
	o := w.options(t)
	o.Forgeries = 1
	r, err := prove.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if r.Proven || r.Forged.Taken == 0 || int64(r.Forged.Found) != r.Forged.Taken || r.Events.Stored != 400 {
		t.Errorf("%+v %+v", r.Forged, r.Events)
	}
}

func TestRepeatsOnABrokerThatKeepsThemAreNoFault(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.forgets = true
	o := w.options(t)
	o.Broker.Window, o.Broker.OneOrder = 0, false
	r, err := prove.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Proven || r.Events.StoredAgain == 0 || r.Events.Unasked != 0 || r.Events.Doubled != 0 {
		t.Errorf("%v %+v", r.Faults, r.Events)
	}
	o = w.options(t)
	if r, err = prove.Run(t.Context(), o); err != nil || r.Proven || r.Events.Doubled == 0 {
		t.Errorf("a broker that should drop them: %v %+v", err, r.Events)
	}
}
