package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"hrbridge/bridge"
)

// letter is what is known of a dead letter without its content.
type letter struct {
	Stored     time.Time   `json:"stored"`
	ID         string      `json:"id"`
	Reason     string      `json:"reason"` // "" where something else than hrbridge put it there
	Source     string      `json:"source,omitempty"`
	Type       string      `json:"type,omitempty"`  // what it says that it is
	Topic      string      `json:"topic,omitempty"` // where it should have gone
	Index      json.Number `json:"index,omitempty"`
	Delivery   string      `json:"delivery,omitempty"`
	FirstBytes string      `json:"first_bytes,omitempty"`
	Received   time.Time   `json:"received,omitzero"`
	Size       int         `json:"size"`
	Partition  int         `json:"partition"`
	Sequence   uint64      `json:"sequence"`
}

func newLetter(r bridge.Record) letter {
	m := &r.Message
	index := m.Header(bridge.HeaderIndex)
	if _, err := strconv.Atoi(index); err != nil {
		index = ""
	}
	return letter{
		Stored:     r.Stored.UTC(),
		ID:         m.ID,
		Reason:     m.Header(bridge.HeaderReason),
		Source:     m.Header(bridge.HeaderSource),
		Type:       m.Header(bridge.HeaderType),
		Topic:      m.Header(bridge.HeaderTopic),
		Index:      json.Number(index),
		Delivery:   m.Header(bridge.HeaderDelivery),
		FirstBytes: m.Header(bridge.HeaderFirstBytes),
		Received:   m.Time.UTC(),
		Size:       len(m.Value),
		Partition:  r.Partition,
		Sequence:   r.Sequence,
	}
}

// place is where on the dead-letter topic the letter is: no other is there.
type place struct {
	partition int
	sequence  uint64
}

func (l letter) place() place { return place{l.Partition, l.Sequence} }

// column is one of a list's.
type column struct {
	name string
	of   func(letter) string
}

// columns are what a list shows of a letter.
func columns() []column {
	return []column{
		{"STORED", func(l letter) string { return l.Stored.Format(storedLayout) }},
		{"ID", func(l letter) string { return l.ID }},
		{"REASON", func(l letter) string { return l.Reason }},
		{"SOURCE", func(l letter) string { return l.Source }},
		{"TYPE", func(l letter) string { return l.Type }},
		{"TOPIC", func(l letter) string { return l.Topic }},
		{"INDEX", func(l letter) string { return l.Index.String() }},
		{"DELIVERY", func(l letter) string { return l.Delivery }},
		{"SIZE", func(l letter) string { return fmt.Sprint(l.Size) }},
	}
}

// jsonLetter is the letter as a line of JSON. What is not UTF-8 is replaced.
func jsonLetter(v any) ([]byte, error) {
	line, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("print a dead letter: %w", err)
	}
	return append(line, '\n'), nil
}
