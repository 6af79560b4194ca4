package prove_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hrbridge/bridge"
	"hrbridge/cmd/hrbridge/prove"
)

// proved is a world in which a run was proven, the run's options and its obligations.
func proved(t *testing.T) (*world, prove.Options, []byte) {
	t.Helper()
	w := newWorld(t)
	o := w.options(t)
	o.Events = 70
	if r, err := prove.Run(t.Context(), o); err != nil || !r.Proven {
		t.Fatalf("%v, %v", err, r)
	}
	text, err := os.ReadFile(o.File)
	if err != nil {
		t.Fatal(err)
	}
	return w, o, text
}

func resume(t *testing.T, b prove.Broker, text []byte) (*prove.Report, error) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "obligations")
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return prove.Resume(t.Context(), name, b, nil)
}

func TestATornEndOfTheObligationsIsLeftOut(t *testing.T) {
	t.Parallel()
	_, o, text := proved(t)
	head := bytes.IndexByte(text, '\n') + 1
	complete := 0
	for length := head; length <= len(text); length += 3 {
		r, err := resume(t, o.Broker, text[:length])
		if err != nil {
			t.Fatalf("cut at byte %d: %v", length, err)
		}
		if r.Events.Lost != 0 || r.Torn == 0 && r.Events.Acknowledged < complete {
			t.Fatalf("cut at byte %d: %+v", length, r.Events)
		}
		complete = max(complete, r.Events.Acknowledged)
	}
	if complete < 60 { // the last step may not be the whole
		t.Errorf("%d obligations of 70", complete)
	}
	r, err := resume(t, o.Broker, append(bytes.Clone(text), make([]byte, 4096)...))
	if err != nil || r.Events.Acknowledged != 70 || r.Torn != 4096 {
		t.Errorf("with zeros at the end: %v, %+v", err, r)
	}
}

func TestDamageToTheObligationsIsAnError(t *testing.T) {
	t.Parallel()
	_, o, text := proved(t)
	head := bytes.IndexByte(text, '\n') + 1
	for at := head; at < head+60; at++ { // within the first frame, of ten
		damaged := bytes.Clone(text)
		damaged[at] ^= 0x10
		r, err := resume(t, o.Broker, damaged)
		if err == nil && r.Torn == 0 {
			t.Errorf("a bit of byte %d: no error, %+v", at, r.Events)
		}
	}
	for name, other := range map[string][]byte{
		"nothing":           nil,
		"something else":    []byte("listen: :8080\n"),
		"a head cut off":    text[:head-1],
		"another format":    bytes.Replace(text, []byte(`"hrbridge_prove":1`), []byte(`"hrbridge_prove":2`), 1),
		"another publisher": bytes.Replace(text, []byte(`"memory"`), []byte(`"kafka"`), 1),
	} {
		if _, err := resume(t, o.Broker, other); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestTheObligationsHoldNothingOfTheEvents(t *testing.T) {
	t.Parallel()
	w, _, text := proved(t)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.records {
		if bytes.Contains(text, r.Message.Value[:64]) || bytes.Contains(text, []byte(r.Message.ID)) {
			t.Fatal("a piece of an event is in the file")
		}
	}
	if strings.Contains(string(text), secret) {
		t.Error("the secret is in the file")
	}
}

func TestAnEventThatIsDeletedLaterIsFoundByAResume(t *testing.T) {
	t.Parallel()
	w, o, _ := proved(t)
	o.Broker.Tail = func(ctx context.Context, r bridge.Reading, each func(bridge.Record) error) error {
		deleted := false
		return w.tail(ctx, r, func(rec bridge.Record) error {
			if !deleted && counted(rec.Message) {
				deleted = true
				return nil
			}
			return each(rec)
		})
	}
	r, err := prove.Resume(t.Context(), o.File, o.Broker, nil)
	if err != nil || r.Proven || r.Events.Lost != 1 || r.Events.Stored != 69 {
		t.Errorf("%v, %+v", err, r)
	}
}

func TestARunDoesNotWriteOverObligations(t *testing.T) {
	t.Parallel()
	_, o, text := proved(t)
	if r, err := prove.Run(t.Context(), o); err == nil || r != nil {
		t.Errorf("a second run took the file: %v", r)
	}
	if now, err := os.ReadFile(o.File); err != nil || !bytes.Equal(now, text) {
		t.Errorf("the file was changed, or %v", err)
	}
}
