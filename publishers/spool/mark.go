package spool

import (
	"encoding/binary"
	"hash/crc32"
)

// position is a place among the records that were acknowledged: the sequence of the last one before it, and how many events
// all of those held.
type position struct{ sequence, events uint64 }

// mark is what the store keeps beside the records, so that a loss at either end of them can be told too.
type mark struct {
	// place is that of the last record in the store that was sent, and drained its position: both are written after the broker's
	// acknowledgement and before the record is removed.
	place   uint64
	drained position
	// appended is the end, as it was at some time lately.
	appended position
}

const (
	markVersion = 1
	markSize    = 1 + 4 + 5*8
)

func (m mark) encode() []byte {
	b := make([]byte, 5, markSize)
	for _, v := range [...]uint64{m.place, m.drained.sequence, m.drained.events, m.appended.sequence, m.appended.events} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	b[0] = markVersion
	binary.LittleEndian.PutUint32(b[1:], crc32.Checksum(b[5:], castagnoli))
	return b
}

// decodeMark is false where b is not a mark.
func decodeMark(b []byte) (mark, bool) {
	if len(b) != markSize || b[0] != markVersion || binary.LittleEndian.Uint32(b[1:]) != crc32.Checksum(b[5:], castagnoli) {
		return mark{}, false
	}
	var v [5]uint64
	for i := range v {
		v[i] = binary.LittleEndian.Uint64(b[5+8*i:])
	}
	return mark{place: v[0], drained: position{v[1], v[2]}, appended: position{v[3], v[4]}}, true
}

// covers tells whether a record at this place was sent before the mark was written. Both have to say so: places start again
// where the store was lost, and sequences repeat where an append was not acknowledged.
func (m mark) covers(place uint64, h head) bool {
	return place <= m.place && h.sequence <= m.drained.sequence
}
