package nats

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// The keys that others look for among the differences.
const (
	maxPayloadKey = "the server's max_payload"
	maxSizeKey    = "max_msg_size"
	windowKey     = "duplicate_window"
	replicasKey   = "num_replicas"
)

// difference is one setting of a stream that is not as configured.
type difference struct {
	key, want, have string
	// grave says that the promises cannot be kept with it: an acknowledged event could be lost, or none be stored at all.
	grave bool
	// fix makes the setting as configured; nil where that is not possible, or would drop what the stream holds.
	fix func(*jetstream.StreamConfig)
}

func (d difference) String() string {
	return fmt.Sprintf("%s: want %s, have %s", d.key, d.want, d.have)
}

func describe(differences []difference) string {
	lines := make([]string, len(differences))
	for i, d := range differences {
		lines[i] = d.String()
	}
	return strings.Join(lines, "; ")
}

// configuration is what a stream that does not exist is created with.
func (s Stream) configuration(batch bool) jetstream.StreamConfig {
	c := jetstream.StreamConfig{
		Name:               s.Name,
		Description:        "events of HrFlow webhooks, put here by hrbridge",
		Subjects:           s.Subjects,
		Retention:          jetstream.LimitsPolicy,
		Storage:            jetstream.FileStorage,
		Replicas:           s.Replicas,
		Duplicates:         s.DuplicateWindow,
		MaxAge:             s.MaxAge,
		MaxBytes:           limit(s.MaxBytes),
		MaxMsgs:            limit(s.MaxMessages),
		MaxMsgsPerSubject:  -1,
		MaxMsgSize:         -1,
		MaxConsumers:       -1,
		Discard:            jetstream.DiscardNew,
		AllowDirect:        true,
		AllowAtomicPublish: batch,
	}
	if s.Compress {
		c.Compression = jetstream.S2Compression
	}
	return c
}

// compare returns where have differs from what s asks for. What is stricter than configured is widened; what is wider stays
// as it is, because narrowing it drops events: an operator who raised a limit by hand keeps it.
func (s Stream) compare(batch bool, have jetstream.StreamConfig) []difference {
	return slices.Concat(s.compareNature(have), s.compareIntake(batch, have), s.compareLimits(have))
}

// compareNature is about what a stream is. None of it can be changed, or not without a decision that is not ours.
func (s Stream) compareNature(have jetstream.StreamConfig) []difference {
	var found []difference
	grave := func(different bool, key string, want, have any) {
		if different {
			found = append(found, difference{key: key, want: fmt.Sprint(want), have: fmt.Sprint(have), grave: true})
		}
	}
	grave(have.Storage != jetstream.FileStorage, "storage", jetstream.FileStorage, have.Storage)
	grave(have.Retention != jetstream.LimitsPolicy, "retention", jetstream.LimitsPolicy, have.Retention)
	grave(have.PersistMode == jetstream.AsyncPersistMode, "persist_mode", jetstream.DefaultPersistMode, have.PersistMode)
	grave(have.Sealed, "sealed", false, true)
	grave(have.Mirror != nil, "mirror", "none", "a mirror")
	grave(have.SubjectTransform != nil, "subject_transform", "none", "a transform")
	grave(have.AllowMsgCounter, "allow_msg_counter", false, true)
	return found
}

// compareIntake is about what a stream takes, acknowledges and keeps.
func (s Stream) compareIntake(batch bool, have jetstream.StreamConfig) []difference {
	var found []difference
	grave := func(different bool, key string, want, have any, fix func(*jetstream.StreamConfig)) {
		if different {
			found = append(found, difference{fmt.Sprint(key), fmt.Sprint(want), fmt.Sprint(have), true, fix})
		}
	}
	missing := slices.DeleteFunc(slices.Clone(s.Subjects), func(subject string) bool {
		return slices.ContainsFunc(have.Subjects, func(other string) bool { return covers(other, subject) })
	})
	grave(len(missing) > 0, "subjects", strings.Join(s.Subjects, ","), strings.Join(have.Subjects, ","), func(c *jetstream.StreamConfig) {
		c.Subjects = slices.DeleteFunc(slices.Clone(c.Subjects), func(old string) bool {
			return slices.ContainsFunc(missing, func(subject string) bool { return covers(subject, old) }) // the server refuses an overlap
		})
		c.Subjects = append(c.Subjects, missing...)
	})
	grave(have.NoAck, "no_ack", false, true, func(c *jetstream.StreamConfig) { c.NoAck = false })
	grave(have.MaxMsgsPerSubject > 0 && !have.DiscardNewPerSubject, "max_msgs_per_subject", "no limit", have.MaxMsgsPerSubject,
		func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = -1 })
	grave(have.MaxMsgSize > 0 && int(have.MaxMsgSize) < s.MinMessage, maxSizeKey, fmt.Sprint("at least ", s.MinMessage), have.MaxMsgSize,
		func(c *jetstream.StreamConfig) { c.MaxMsgSize = int32(s.MinMessage) })
	grave(batch && !have.AllowAtomicPublish, "allow_atomic", true, false,
		func(c *jetstream.StreamConfig) { c.AllowAtomicPublish = true })
	if have.Discard != jetstream.DiscardNew {
		found = append(found, difference{
			key: "discard", want: jetstream.DiscardNew.String(), have: have.Discard.String(),
			grave: have.MaxBytes > 0 || have.MaxMsgs > 0, // then it drops the oldest events, read or not
			fix:   func(c *jetstream.StreamConfig) { c.Discard = jetstream.DiscardNew },
		})
	}
	return found
}

// comparePayload is about the largest message that the server takes at all.
func (s Stream) comparePayload(most int64) []difference {
	if int(most) >= s.MinMessage {
		return nil
	}
	return []difference{{key: maxPayloadKey, want: fmt.Sprint("at least ", s.MinMessage), have: fmt.Sprint(most), grave: true}}
}

// compareLimits is about how much and how long. 0 and less are no limit.
func (s Stream) compareLimits(have jetstream.StreamConfig) []difference {
	var found []difference
	bound := func(key string, want, have int64, show func(int64) string, fix func(*jetstream.StreamConfig)) {
		if limit(want) == limit(have) {
			return
		}
		if want > 0 && (have <= 0 || have > want) {
			fix = nil
		}
		found = append(found, difference{key: key, want: show(want), have: show(have), fix: fix})
	}
	count := func(n int64) string {
		if n <= 0 {
			return "no limit"
		}
		return strconv.FormatInt(n, 10)
	}
	span := func(n int64) string {
		if n <= 0 {
			return "no limit"
		}
		return time.Duration(n).String()
	}
	bound("max_age", int64(s.MaxAge), int64(have.MaxAge), span, func(c *jetstream.StreamConfig) { c.MaxAge = s.MaxAge })
	bound("max_bytes", s.MaxBytes, have.MaxBytes, count, func(c *jetstream.StreamConfig) { c.MaxBytes = limit(s.MaxBytes) })
	bound("max_msgs", s.MaxMessages, have.MaxMsgs, count, func(c *jetstream.StreamConfig) { c.MaxMsgs = limit(s.MaxMessages) })

	if s.DuplicateWindow != have.Duplicates {
		d := difference{key: windowKey, want: s.DuplicateWindow.String(), have: have.Duplicates.String()}
		if s.DuplicateWindow > have.Duplicates {
			d.fix = func(c *jetstream.StreamConfig) { c.Duplicates = s.DuplicateWindow }
		}
		found = append(found, d)
	}
	if s.Replicas != have.Replicas {
		d := difference{key: replicasKey, want: strconv.Itoa(s.Replicas), have: strconv.Itoa(have.Replicas)}
		if s.Replicas > have.Replicas {
			d.fix = func(c *jetstream.StreamConfig) { c.Replicas = s.Replicas }
		}
		found = append(found, d)
	}
	if s.Compress && have.Compression == jetstream.NoCompression {
		found = append(found, difference{
			key: "compression", want: jetstream.S2Compression.String(), have: have.Compression.String(),
			fix: func(c *jetstream.StreamConfig) { c.Compression = jetstream.S2Compression },
		})
	}
	return found
}

// limit is n as the server has it: -1 is none.
func limit(n int64) int64 {
	if n <= 0 {
		return -1
	}
	return n
}

// covers tells whether everything that subject matches, pattern matches too.
func covers(pattern, subject string) bool {
	p, s := strings.Split(pattern, "."), strings.Split(subject, ".")
	for i, word := range p {
		switch {
		case word == ">":
			return i < len(s)
		case i >= len(s):
			return false
		case word == "*" && s[i] != ">":
		case word != s[i]:
			return false
		}
	}
	return len(p) == len(s)
}
