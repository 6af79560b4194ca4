package spool

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hrbridge/bridge"
)

// The tests of the format are internal, because nobody outside is to see records.

func samples() []bridge.Message {
	at := time.Date(2026, 2, 3, 4, 5, 6, 789, time.UTC)
	return []bridge.Message{
		{
			ID: "1", Topic: "profile.parsing.success", Key: "Zoë", Source: "/hrflow/ats", Type: "profile.parsing.success", Time: at,
			Delivery: "d", Index: 3, Headers: []bridge.Header{{Name: "traceparent", Value: "00-x"}}, Value: []byte(`{"name":"Ada Example"}`),
		},
		{ID: "2", Nonce: "n", Topic: "profile.parsing.success", Key: "Zoë", Source: "/hrflow/ats", Type: "hrbridge.deadletter", Time: at},
		{Value: bytes.Repeat([]byte{0, 255}, 1000)},
	}
}

func TestARecordComesBackAsItWas(t *testing.T) {
	t.Parallel()
	want := head{sequence: 7, before: 1 << 40, at: time.Unix(3, 4), count: 3}
	h, msgs, err := decode(encode(nil, want, samples()), nil)
	if err != nil || h != want {
		t.Errorf("got %+v, %v; want %+v", h, err, want)
	}
	for i, m := range samples() {
		if m.Value == nil {
			m.Value = []byte{}
		}
		if m.Time.IsZero() && !msgs[i].Time.IsZero() {
			t.Errorf("message %d has the time %v", i, msgs[i].Time)
		}
		if diff := cmp.Diff(m, msgs[i]); diff != "" {
			t.Errorf("message %d: %s", i, diff)
		}
	}
}

// The files hold records as each version wrote them, for ever: what an earlier hrbridge left has to be drained.
func TestRecordsOfEveryVersionAreRead(t *testing.T) {
	t.Parallel()
	for v := byte(1); v <= version; v++ {
		data, err := os.ReadFile("testdata/version" + string('0'+v) + ".record")
		if err != nil {
			t.Fatal(err)
		}
		h, msgs, err := decode(data, nil)
		if err != nil || h.sequence != 7 || len(msgs) != 3 || msgs[0].Key != "Zoë" || !bytes.Equal(msgs[2].Value, samples()[2].Value) {
			t.Errorf("version %d: %+v, %d messages, %v", v, h, len(msgs), err)
		}
	}
}

func TestEveryDamageIsNoticed(t *testing.T) {
	t.Parallel()
	whole := encode(nil, head{sequence: 1, at: time.Unix(1, 0), count: 3}, samples())
	for i := range whole {
		if i != len(magic) && i != len(magic)+1 { // of the version later
			spoiled := bytes.Clone(whole)
			spoiled[i] ^= 1 << (i % 8)
			if _, _, err := decode(spoiled, nil); !errors.Is(err, errDamaged) {
				t.Fatalf("a bit of byte %d flipped: %v", i, err)
			}
		}
		if _, _, err := decode(whole[:i], nil); !errors.Is(err, errDamaged) {
			t.Fatalf("cut after %d bytes: %v", i, err)
		}
	}
	whole[len(magic)] = version + 1
	if _, _, err := decode(whole, nil); !errors.Is(err, errDamaged) {
		t.Errorf("a version that its inverse does not confirm: %v", err)
	}
	whole[len(magic)+1] = ^whole[len(magic)]
	var future *futureError
	if _, _, err := decode(whole, nil); !errors.As(err, &future) {
		t.Errorf("a later version: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	for n := range samples() {
		f.Add(encode(nil, head{sequence: uint64(n), at: time.Unix(1, 0), count: n}, samples()[:n]))
	}
	f.Add([]byte("hrs\x01\xfe"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) >= headSize && data[len(magic)] == version { // let it past the checksum
			data = bytes.Clone(data)
			binary.LittleEndian.PutUint32(data[prefixSize:], crc32.Checksum(data[prefixSize+4:], castagnoli))
		}
		h, msgs, err := decode(data, nil)
		if err != nil {
			if len(msgs) != 0 {
				t.Errorf("%d messages of a record with the error %v", len(msgs), err)
			}
			return
		}
		if h.count != len(msgs) || len(msgs) > len(data)/minMessage {
			t.Fatalf("%d messages of %d bytes, said to be %d", len(msgs), len(data), h.count)
		}
		again, same, err := decode(encode(nil, h, msgs), nil)
		if diff := cmp.Diff(msgs, same); err != nil || again != h || diff != "" {
			t.Errorf("written and read again: %+v, %v\n%s", again, err, diff)
		}
	})
}

func FuzzMark(f *testing.F) {
	f.Add(mark{place: 1, drained: position{2, 3}, appended: position{4, 5}}.encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		if m, ok := decodeMark(data); ok && !bytes.Equal(m.encode(), data) {
			t.Errorf("%x is read as %+v", data, m)
		}
	})
}
