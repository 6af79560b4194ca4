package nats

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// errForeign is an answer that is none of our stream.
var errForeign = errors.New("the acknowledgement is not one of our stream")

// ack is what the server answered of a message.
type ack struct {
	staged bool // taken into a batch that is not committed yet: nothing is stored
	repeat bool // not stored now: the server has the id already
	batch  string
	count  int
	// sequence is the message's in the stream; 0 where nothing is stored.
	sequence uint64
}

// acks reads acknowledgements of one stream.
type acks struct {
	stream string
	stored []byte // what every acknowledgement of a stored message starts with
}

func newAcks(stream string) acks {
	return acks{stream: stream, stored: []byte(`{"stream":"` + stream + `",`)}
}

// batchMark is in the acknowledgement of a batch only.
var batchMark = []byte(`"batch"`)

// repeatMark is in the acknowledgement of an id that the server has already.
var repeatMark = []byte(`"duplicate"`)

// read returns what m acknowledges, or why the message was not stored.
//
// The server writes an acknowledgement with the stream first and an error with the error first, so that the common case is a
// comparison; whatever looks otherwise is decoded. A message that was stored before, under its id, is as good as one that is
// stored now.
func (a acks) read(m *natsgo.Msg) (ack, error) {
	if len(m.Data) == 0 {
		switch status := m.Header.Get("Status"); status {
		case "":
			return ack{staged: true}, nil
		case "503":
			return ack{}, errNoStream
		default:
			return ack{}, fmt.Errorf("the server answered with status %.8q", status)
		}
	}
	if bytes.HasPrefix(m.Data, a.stored) && !bytes.Contains(m.Data, batchMark) {
		return ack{repeat: bytes.Contains(m.Data, repeatMark), sequence: leadingSequence(m.Data[len(a.stored):])}, nil
	}
	return a.decode(m.Data)
}

func (a acks) decode(data []byte) (ack, error) {
	var answer struct {
		Error    *jetstream.APIError `json:"error"`
		Stream   string              `json:"stream"`
		Sequence uint64              `json:"seq"`
		Batch    string              `json:"batch"`
		Count    int                 `json:"count"`
		Repeat   bool                `json:"duplicate"`
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return ack{}, errForeign
	}
	if answer.Error != nil {
		return ack{}, answer.Error
	}
	if answer.Stream != a.stream || answer.Sequence == 0 {
		return ack{}, errForeign
	}
	return ack{batch: answer.Batch, count: answer.Count, repeat: answer.Repeat, sequence: answer.Sequence}, nil
}

// sequenceMark is what the server writes after the stream.
const sequenceMark = `"seq":`

// leadingSequence is the sequence that data starts with, 0 where it does not.
func leadingSequence(data []byte) (sequence uint64) {
	if !bytes.HasPrefix(data, []byte(sequenceMark)) {
		return 0
	}
	for _, c := range data[len(sequenceMark):] {
		if c < '0' || c > '9' {
			break
		}
		sequence = 10*sequence + uint64(c-'0')
	}
	return sequence
}
