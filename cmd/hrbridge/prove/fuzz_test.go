package prove_test

import (
	"context"
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"

	"hrbridge/bridge"
	"hrbridge/cmd/hrbridge/prove"
)

// FuzzObligations reads files that may be anything: each is an error, or obligations of which an empty broker has none.
func FuzzObligations(f *testing.F) {
	const head = `{"hrbridge_prove":1,"run":"0123456789abcdef","publisher":"memory","topics":["prove.profile.parsing.success"]}` + "\n"
	frame := func(payload string) string {
		b := binary.BigEndian.AppendUint32(nil, uint32(len(payload)))
		b = binary.BigEndian.AppendUint32(b, crc32.Checksum([]byte(payload), crc32.MakeTable(crc32.Castagnoli)))
		return string(b) + payload
	}
	one := "\x00\x00\x00\x07\x01" + "fingerpr\x00"
	for _, text := range []string{
		"", head, head + frame(one), head + frame(one) + frame(one+"fingerpr\x00"), head + frame(one)[:9], head + frame("\xff\xff\xff\xff\x00fingerpr\x00"),
		head + frame("\x00\x00\x00\x07\x01fingerpr\x09"), head + "\x00\x00\x00\x00\x00\x00\x00\x00\x00",
	} {
		f.Add([]byte(text))
	}
	empty := prove.Broker{Publisher: "memory", Tail: func(context.Context, bridge.Reading, func(bridge.Record) error) error { return nil }}
	f.Fuzz(func(t *testing.T, text []byte) {
		name := filepath.Join(t.TempDir(), "obligations")
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := prove.Resume(t.Context(), name, empty, nil)
		if err == nil && (r.Proven || r.Events.Lost != r.Events.Acknowledged || r.Torn > int64(len(text))) {
			t.Errorf("%+v", r)
		}
	})
}
