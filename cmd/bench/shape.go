package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"

	"hrbridge/schema"
)

const secret = "an-invented-secret-of-32-letters"

// shape is one kind of load.
type shape struct {
	callers int // connections, or callers of the bare loop
	events  int // of a delivery
	size    int // of an event, in bytes
}

func (s shape) String() string {
	return fmt.Sprintf("%d × %d × %d KiB", s.callers, s.events, s.size>>10)
}

func shapes(quick bool) []shape {
	var all []shape
	for _, callers := range []int{64, 1} {
		for _, events := range []int{1, 20, 200} {
			for _, size := range []int{1 << 10, 8 << 10} {
				if !quick || events == 20 {
					all = append(all, shape{callers, events, size})
				}
			}
		}
	}
	return all
}

// eventTypes are those of the load, in turn.
func eventTypes() []string {
	return []string{"profile.parsing.success", "job.parsing.success", "profile.embedding.success", "action.stage.success"}
}

// makeEvents makes a delivery's events: invented people and jobs.
func (s shape) makeEvents(seed uint64) ([][]byte, error) {
	r := rand.New(rand.NewPCG(seed, 1))
	events := make([][]byte, s.events)
	for i := range events {
		types := eventTypes()
		event, err := schema.Sample(types[i%len(types)], r, schema.SampleOptions{Size: s.size, Key: eventKey(seed, i)})
		if err != nil {
			return nil, err
		}
		events[i] = event
	}
	return events, nil
}

// marker stands where each delivery gets a number of its own, so that no two have the same bytes and ids.
const marker = "00000000000000000000000000000000bench000"

// eventKey is the key of a caller's event i, the same in each delivery but for the first one's, which is the delivery's number: a
// broker with partitions sees as many keys as there are events at once.
func eventKey(seed uint64, i int) string {
	if i == 0 {
		return marker
	}
	return fmt.Sprintf("%016x%016xbench%03d", seed, i, i)
}

// keys are those of the caller's delivery n.
func (s shape) keys(seed, n uint64) []string {
	keys := make([]string, s.events)
	for i := range keys {
		keys[i] = eventKey(seed, i)
	}
	keys[0] = fmt.Sprintf("%016x", seed<<32+n) + marker[16:]
	return keys
}

// request is an HTTP request that is numbered, signed and sent again and again.
type request struct {
	bytes     []byte
	number    []byte // where the number stands, in the body
	signature []byte // where the signature stands, in the header
	body      []byte
	next      uint64
}

func (s shape) makeRequest(host string, seed uint64) (*request, error) {
	events, err := s.makeEvents(seed)
	if err != nil {
		return nil, err
	}
	body := append(append([]byte("["), bytes.Join(events, []byte(","))...), ']')
	head := fmt.Sprintf("POST /webhooks/hrflow HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nHTTP-HRFLOW-SIGNATURE: %064d\r\n\r\n",
		host, len(body), 0)
	r := &request{bytes: append([]byte(head), body...), next: seed << 32}
	r.body = r.bytes[len(head):]
	at := bytes.Index(r.body, []byte(marker))
	if at < 0 {
		return nil, fmt.Errorf("the sample has no key to number")
	}
	r.number = r.body[at : at+16]
	r.signature = r.bytes[len(head)-4-64 : len(head)-4]
	return r, nil
}

// renew makes it the next delivery.
func (r *request) renew() {
	r.next++
	copy(r.number, fmt.Appendf(nil, "%016x", r.next))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(r.body)
	hex.Encode(r.signature, mac.Sum(nil))
}
