package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"hrbridge/bridge"
)

// errEnough ends a tail that has shown as many messages as were asked for.
var errEnough = errors.New("as many messages as were asked for")

// storedLayout keeps the columns of a time in line.
const storedLayout = "2006-01-02T15:04:05.000Z07:00"

// follower shows messages one after the other.
type follower struct {
	patterns       topicPatterns
	raw            bool
	partitions     bool // the broker has them
	count          int  // how many to show, 0 for no end
	stdout, stderr io.Writer

	shown int
}

// show prints a message if it is one of the topics asked for, and returns errEnough after the last.
func (f *follower) show(r bridge.Record) error {
	if !f.patterns.match(r.Message.Topic) {
		return nil
	}
	line := []byte(f.metadata(r))
	if f.raw {
		value, ok := jsonLine(r.Message.Value)
		if !ok {
			fmt.Fprintf(f.stderr, "hrbridge: the value is not JSON and is left out: %s", line)
			return nil
		}
		line = value
	}
	if _, err := f.stdout.Write(line); err != nil {
		return fmt.Errorf("print a message: %w", err)
	}
	f.shown++
	if f.shown == f.count {
		return errEnough
	}
	return nil
}

// metadata is a line about a message that says nothing of its content.
func (f *follower) metadata(r bridge.Record) string {
	m := r.Message
	position := fmt.Sprintf("seq=%d", r.Sequence)
	if f.partitions {
		position = fmt.Sprintf("partition=%d  offset=%d", r.Partition, r.Sequence)
	}
	fields := []string{
		r.Stored.UTC().Format(storedLayout),
		m.Topic,
		position,
		"id=" + m.ID,
		fmt.Sprintf("size=%d", len(m.Value)),
	}
	if m.Key != "" {
		fields = append(fields, "key="+m.Key)
	}
	for _, h := range m.Headers {
		switch h.Name {
		case bridge.HeaderReason:
			fields = append(fields, "reason="+h.Value)
		case bridge.HeaderType:
			fields = append(fields, "type="+h.Value)
		}
	}
	return printable(strings.Join(fields, "  ")) + "\n"
}

// jsonLine is a JSON text as one line: byte for byte, unless line breaks stand between its tokens, which are then taken out
// with all white space there. It is not ok where value is not JSON.
func jsonLine(value []byte) (line []byte, ok bool) {
	var compact bytes.Buffer
	if json.Compact(&compact, value) != nil {
		return nil, false
	}
	if bytes.ContainsAny(value, "\r\n") {
		value = compact.Bytes()
	}
	return append(slices.Clip(value), '\n'), true
}
