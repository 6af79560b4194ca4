package bridge

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// EventIDs are the ids of one delivery's events: a hash over the source, the signed bytes and the index, each with its length,
// so that no two different inputs run together.
type EventIDs struct {
	// seed is the hash of the source and the signed bytes, which may be large, followed by room for an index.
	seed [sha256.Size + 8]byte
}

// NewEventIDs are the ids of d's events.
func NewEventIDs(d Delivery) *EventIDs {
	h := sha256.New()
	var length [8]byte
	for _, part := range [][]byte{[]byte(d.Source), d.Signed} {
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		h.Write(length[:])
		h.Write(part)
	}
	s := new(EventIDs)
	h.Sum(s.seed[:0])
	return s
}

// Delivery is the id of the delivery itself.
func (s *EventIDs) Delivery() string { return hex.EncodeToString(s.seed[:16]) }

// Of is the id of the event with this index: 128 bits in hex, short because a broker keeps many of them in memory.
func (s *EventIDs) Of(index int) string {
	binary.BigEndian.PutUint64(s.seed[sha256.Size:], uint64(index))
	sum := sha256.Sum256(s.seed[:])
	return hex.EncodeToString(sum[:16])
}
