package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"hrbridge/bridge"
)

// Records are one sequence of records in a Store: a stream.
type Records struct {
	store  *Store
	stream string
}

func (r *Records) subject() string { return subjects + r.stream }

// Record is one that a Store holds.
type Record struct {
	// Sequence is its place; those of later records are higher, and not always by one.
	Sequence uint64
	Data     []byte
}

// State is what Records hold.
type State struct {
	Records, Bytes uint64
	// First and Last are the places of the records at the ends; there may be none between them.
	First, Last uint64
}

// What the server says when a stream has no room, and when it has no answer.
const (
	codeStoreFailed     jetstream.ErrorCode = 10077
	codeStreamBytes     jetstream.ErrorCode = 10122
	codeStorageExceeded jetstream.ErrorCode = 10047
	codeInsufficient    jetstream.ErrorCode = 10023

	statusNotFound = "404"
	statusEnd      = "204"
)

// Append stores a record and returns its place. An error says nothing of whether it is stored: it may be appended again, and
// only an answer counts. A record is not taken for stored because the stream has grown: a server whose disk failed counts
// records that it never wrote.
func (r *Records) Append(ctx context.Context, data []byte) (uint64, error) {
	s := r.store
	if s.closed.Load() {
		return 0, s.closedError("append to")
	}
	if err := s.disk.room(); err != nil {
		return 0, err
	}
	return s.store(ctx, r.subject(), data)
}

// Mark replaces what Marked returns.
func (s *Store) Mark(ctx context.Context, data []byte) error {
	if s.closed.Load() {
		return s.closedError("mark")
	}
	_, err := s.store(ctx, subjects+s.markStream(), data)
	return err
}

// store publishes and waits for the acknowledgement.
func (s *Store) store(ctx context.Context, subject string, data []byte) (uint64, error) {
	asking, done := s.asking(ctx)
	defer done()
	start := time.Now()
	ack, err := s.js.PublishMsg(asking, &natsgo.Msg{Subject: subject, Data: data}, jetstream.WithRetryAttempts(0))
	if err == nil {
		s.mute.Store(false)
		return ack.Sequence, nil
	}
	e := s.fault(ctx, "append to", err)
	if e.Kind == bridge.KindTimeout && time.Since(start) >= silence {
		s.mute.Store(true)
	}
	return 0, e
}

// fault makes err the domain's. It holds no content.
func (s *Store) fault(ctx context.Context, op string, err error) *bridge.Error {
	e := &bridge.Error{Kind: bridge.KindUnavailable, Op: op + " " + s.name, Err: err}
	if ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) {
		e.Kind = bridge.KindTimeout
	}
	if api, ok := errors.AsType[jetstream.JetStreamError](err); ok && api.APIError() != nil {
		switch api.APIError().ErrorCode {
		case codeStoreFailed, codeStreamBytes, codeStorageExceeded, codeInsufficient:
			e.Kind = bridge.KindFull
		}
	}
	if errors.Is(err, natsgo.ErrMaxPayload) {
		e.Kind = bridge.KindTooLarge
	}
	return e
}

// Marked is what Mark stored last, nil where that is nothing or cannot be read.
func (s *Store) Marked(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	asking, done := s.asking(ctx)
	defer done()
	stream, err := s.js.Stream(asking, s.markStream())
	if err != nil {
		return nil, s.fault(ctx, "read the mark of", err)
	}
	m, err := stream.GetLastMsgForSubject(asking, subjects+s.markStream())
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return nil, nil
	case err != nil:
		return nil, s.fault(ctx, "read the mark of", err)
	}
	return m.Data, nil
}

// State is what the store holds now.
func (r *Records) State(ctx context.Context) (State, error) {
	s := r.store
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	asking, done := s.asking(ctx)
	defer done()
	stream, err := s.js.Stream(asking, r.stream)
	if err != nil {
		return State{}, s.fault(ctx, "look at", err)
	}
	state := stream.CachedInfo().State
	return State{Records: state.Msgs, Bytes: state.Bytes, First: state.FirstSeq, Last: state.LastSeq}, nil
}

// Remove removes every record up to the place through.
func (r *Records) Remove(ctx context.Context, through uint64) error {
	s := r.store
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	asking, done := s.asking(ctx)
	defer done()
	stream, err := s.js.Stream(asking, r.stream)
	if err == nil {
		err = stream.Purge(asking, jetstream.WithPurgeSequence(through+1))
	}
	if err != nil {
		return s.fault(ctx, "remove from", err)
	}
	return nil
}

// Read returns the records from the place from on, in order, as far as they fit into count and size; the first in any case.
// None means that there is none. Records that cannot be read are left out.
func (r *Records) Read(ctx context.Context, from uint64, count, size int) ([]Record, error) {
	s := r.store
	if s.closed.Load() {
		return nil, s.closedError("read")
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	records, err := r.readBatch(ctx, max(from, 1), count, size)
	if err != nil || len(records) > 0 {
		return records, err
	}
	state, err := r.State(ctx)
	if err != nil || state.Records == 0 {
		return nil, err
	}
	// The server ends where it cannot read a record. There may be others behind it.
	return r.readSingle(ctx, max(from, state.First), state.Last)
}

// readBatch asks for several records at once. The server's answers end where a record cannot be read, too.
func (r *Records) readBatch(ctx context.Context, from uint64, count, size int) ([]Record, error) {
	s := r.store
	asking, done := s.asking(ctx)
	defer done()
	inbox, err := s.conn.SubscribeSync(s.conn.NewRespInbox())
	if err != nil {
		return nil, s.fault(ctx, "read", err)
	}
	defer inbox.Unsubscribe() //nolint:errcheck // of a connection that is gone there is nothing left to end
	request, err := json.Marshal(struct {
		Sequence uint64 `json:"seq"`
		Subject  string `json:"next_by_subj"`
		Count    int    `json:"batch"`
		Size     int    `json:"max_bytes"`
	}{from, r.subject(), count, size})
	if err == nil {
		err = s.conn.PublishRequest("$JS.API.DIRECT.GET."+r.stream, inbox.Subject, request)
	}
	if err != nil {
		return nil, s.fault(ctx, "read", err)
	}
	var records []Record
	for {
		m, err := inbox.NextMsgWithContext(asking)
		if err != nil {
			return nil, s.fault(ctx, "read", err)
		}
		switch status := m.Header.Get("Status"); status {
		case "":
		case statusEnd, statusNotFound:
			return records, nil
		default:
			return nil, s.fault(ctx, "read", fmt.Errorf("the server answered with status %.8q", status))
		}
		sequence, err := strconv.ParseUint(m.Header.Get(jetstream.SequenceHeader), 10, 64)
		if err != nil {
			return nil, s.fault(ctx, "read", errors.New("the server's answer has no sequence"))
		}
		records = append(records, Record{Sequence: sequence, Data: m.Data})
	}
}

// readSingle returns the first record that can be read of those at the places from to last.
func (r *Records) readSingle(ctx context.Context, from, last uint64) ([]Record, error) {
	s := r.store
	asking, done := s.asking(ctx)
	defer done()
	stream, err := s.js.Stream(asking, r.stream)
	if err != nil {
		return nil, s.fault(ctx, "read", err)
	}
	for ; from <= last; from++ {
		m, err := stream.GetMsg(asking, from)
		switch {
		case err == nil:
			return []Record{{Sequence: from, Data: m.Data}}, nil
		case !errors.Is(err, jetstream.ErrMsgNotFound):
			return nil, s.fault(ctx, "read", err)
		}
	}
	return nil, nil
}
