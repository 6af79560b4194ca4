package schema_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"hrbridge/schema"
)

func sample(t *testing.T, eventType string, seed uint64, o schema.SampleOptions) []byte {
	t.Helper()
	event, err := schema.Sample(eventType, rand.New(rand.NewPCG(seed, seed)), o)
	if err != nil {
		t.Fatalf("%s: %v", eventType, err)
	}
	return event
}

type sampled struct {
	Type    string
	Profile struct {
		Key  string
		Info struct{ Email, Phone string }
	}
	Job struct{ Key string }
}

func decoded(t *testing.T, event []byte) sampled {
	t.Helper()
	var s sampled
	if err := json.Unmarshal(event, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSample(t *testing.T) {
	t.Parallel()
	t.Run("every type of the catalogue has one, compact and of that type", func(t *testing.T) {
		for _, eventType := range schema.Types() {
			event := sample(t, eventType, 1, schema.SampleOptions{})
			var compact bytes.Buffer
			if err := json.Compact(&compact, event); err != nil || !bytes.Equal(compact.Bytes(), event) {
				t.Errorf("%s: not compact: %v", eventType, err)
			}
			if got := decoded(t, event).Type; got != eventType {
				t.Errorf("type %q, want %q", got, eventType)
			}
		}
	})
	t.Run("the same seed gives the same event, another seed another", func(t *testing.T) {
		for _, eventType := range schema.Documented() {
			first := sample(t, eventType, 7, schema.SampleOptions{})
			if !bytes.Equal(first, sample(t, eventType, 7, schema.SampleOptions{})) {
				t.Errorf("%s: two events of one seed", eventType)
			}
			if bytes.Equal(first, sample(t, eventType, 8, schema.SampleOptions{})) {
				t.Errorf("%s: one event of two seeds", eventType)
			}
		}
	})
	t.Run("a documented event is 1 to 8 KiB by itself", func(t *testing.T) {
		for _, eventType := range schema.Documented() {
			for seed := range uint64(100) {
				if n := len(sample(t, eventType, seed, schema.SampleOptions{})); n < 1<<10 || n > 8<<10 {
					t.Fatalf("%s, seed %d: %d bytes", eventType, seed, n)
				}
			}
		}
	})
}

func TestSampleIsWhatItIsAskedToBe(t *testing.T) {
	t.Parallel()
	t.Run("an event is as large as it is asked to be", func(t *testing.T) {
		for _, eventType := range schema.Types() {
			for _, size := range []int{1 << 10, 1500, 8 << 10, 100_000} {
				for seed := range uint64(2) {
					if n := len(sample(t, eventType, seed, schema.SampleOptions{Size: size})); n != size {
						t.Fatalf("%s, seed %d: %d bytes, want %d", eventType, seed, n, size)
					}
				}
			}
		}
	})
	t.Run("an event that is asked to be too small is a whole one", func(t *testing.T) {
		for _, eventType := range schema.Types() {
			if n := len(sample(t, eventType, 1, schema.SampleOptions{Size: 1})); n > 1000 {
				t.Errorf("%s: %d bytes", eventType, n)
			}
		}
	})
	t.Run("the message is the one asked for, at any size", func(t *testing.T) {
		for _, eventType := range schema.Types() {
			text := sample(t, eventType, 3, schema.SampleOptions{Message: "prove 12", Size: 2000})
			if len(text) != 2000 || !strings.Contains(string(text), `"message":"prove 12`) {
				t.Errorf("%s: %d bytes: %s", eventType, len(text), text)
			}
		}
	})
	t.Run("the key is 40 digits of hex, or the one asked for", func(t *testing.T) {
		key := regexp.MustCompile(`^[0-9a-f]{40}$`)
		if got := decoded(t, sample(t, "profile.parsing.success", 3, schema.SampleOptions{})).Profile.Key; !key.MatchString(got) {
			t.Errorf("profile.key %q", got)
		}
		if got := decoded(t, sample(t, "job.parsing.success", 3, schema.SampleOptions{})).Job.Key; !key.MatchString(got) {
			t.Errorf("job.key %q", got)
		}
		asked := schema.SampleOptions{Key: "k1", Size: 2000}
		action := decoded(t, sample(t, "action.stage.success", 3, asked))
		if action.Profile.Key != "k1" || !key.MatchString(action.Job.Key) {
			t.Errorf("keys of an action: %q, %q", action.Profile.Key, action.Job.Key)
		}
		if got := decoded(t, sample(t, "job.parsing.error", 3, asked)).Job.Key; got != "k1" {
			t.Errorf("job.key %q", got)
		}
	})
}

func TestSampleIsAboutNobody(t *testing.T) {
	t.Parallel()
	t.Run("nobody can be reached", func(t *testing.T) {
		mail, phone := regexp.MustCompile(`^[a-z]+\.\d+@example\.org$`), regexp.MustCompile(`^\+33 1 99 00 \d\d \d\d$`)
		for seed := range uint64(200) {
			info := decoded(t, sample(t, "profile.parsing.success", seed, schema.SampleOptions{})).Profile.Info
			if !mail.MatchString(info.Email) || !phone.MatchString(info.Phone) {
				t.Fatalf("%+v", info)
			}
		}
	})
	t.Run("a type that is not in the catalogue gets its object", func(t *testing.T) {
		if decoded(t, sample(t, "profile.dreaming.success", 1, schema.SampleOptions{})).Profile.Key == "" {
			t.Error("no profile")
		}
	})
	t.Run("an unknown object is refused", func(t *testing.T) {
		if _, err := schema.Sample("planet.parsing.success", rand.New(rand.NewPCG(1, 1)), schema.SampleOptions{}); err == nil {
			t.Error("accepted")
		}
	})
}

func BenchmarkSample(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	for b.Loop() {
		if _, err := schema.Sample("profile.parsing.success", r, schema.SampleOptions{Size: 8 << 10}); err != nil {
			b.Fatal(err)
		}
	}
}
