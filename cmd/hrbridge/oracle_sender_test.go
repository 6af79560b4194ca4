package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"hrbridge/bridge/signature"
)

// sender sends the deliveries of keys that are its own.
type sender struct {
	oracle *oracle
	load   load
	client *http.Client
	id     int64
	number int
	rand   *rand.Rand
}

func (s *sender) deliver(ctx context.Context, form signature.Form) {
	events := make([]string, 1+s.rand.IntN(s.load.events))
	obligations := make([]*obligation, len(events))
	for i := range events {
		events[i], obligations[i] = s.event()
	}
	s.oracle.mu.Lock()
	for i, e := range events {
		s.oracle.sent[e] = obligations[i]
	}
	s.oracle.mu.Unlock()

	document := []byte("[" + strings.Join(events, ",") + "]")
	if form == signature.BodyCompactHex {
		document = []byte("[ " + strings.Join(events, ",\n ") + " ]")
	}
	if s.load.forgers && s.rand.IntN(8) == 0 {
		s.forge(form, events[0])
	}
	for ctx.Err() == nil {
		taken := s.post(form, document, len(events))
		s.oracle.mu.Lock()
		for _, ob := range obligations {
			ob.sendings++
			ob.acknowledged, ob.at = taken, time.Now()
		}
		s.oracle.mu.Unlock()
		if taken {
			s.oracle.acknowledged.Add(1)
			return
		}
		select { // nobody hammers a bridge that says no
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// event makes the next event of one of the sender's keys: a person who does not exist.
func (s *sender) event() (string, *obligation) {
	types := []string{
		"profile.parsing.success", "profile.parsing.error", "profile.embedding.success", "job.parsing.success",
		"job.embedding.error", "action.stage.success", "profile.parsing.update", "agent.training.success",
	}
	eventType := types[s.rand.IntN(len(types))]
	key := fmt.Sprintf("%016x%024x", s.id, s.rand.IntN(3))
	s.number++
	object := "profile"
	if strings.HasPrefix(eventType, "job.") {
		object = "job"
	}
	event := fmt.Sprintf(`{"type":"%s","origin":"api","number":%d,"%s":{"key":"%s","info":{"full_name":"Ada Example","email":"ada@example.org","summary":"%s"}}}`,
		eventType, s.number, object, key, strings.Repeat("é \\u0041 ", s.rand.IntN(60)))
	return event, &obligation{topic: eventType, key: object + key, number: s.number}
}

// forge sends an event that is nobody's obligation: found in the stream, it is one that nobody sent.
func (s *sender) forge(form signature.Form, event string) {
	forged := "[" + strings.Replace(event, "Ada Example", "Not Ada", 1) + "]"
	switch status, _, err := postSigned(s.client, s.load.url, form, "a-secret-that-HrFlow-does-not-have", []byte(forged)); {
	case err != nil || status == http.StatusServiceUnavailable:
	case status == http.StatusUnauthorized:
		s.oracle.forged.Add(1)
	default:
		s.oracle.wrong.Store(fmt.Sprint(status, " to a forged delivery"), true)
	}
}

// post sends a delivery and tells whether it was taken, by every bridge that it goes to.
func (s *sender) post(form signature.Form, document []byte, events int) bool {
	if s.load.also == "" {
		return s.postTo(s.load.url, form, document, events)
	}
	var one, other bool
	var both sync.WaitGroup
	both.Go(func() { one = s.postTo(s.load.url, form, document, events) })
	both.Go(func() { other = s.postTo(s.load.also, form, document, events) })
	both.Wait()
	return one && other
}

func (s *sender) postTo(url string, form signature.Form, document []byte, events int) bool {
	status, body, err := post(s.client, url, form, document)
	switch {
	case err != nil:
		s.oracle.unanswered.Add(1)
		return false
	case status == http.StatusOK:
		var r receipt
		if json.Unmarshal(body, &r) != nil || r != (receipt{Events: events, Published: events}) {
			s.oracle.wrong.Store(fmt.Sprintf("200 with %s for %d events", body, events), true)
		}
		return true
	case status != http.StatusServiceUnavailable:
		s.oracle.wrong.Store(fmt.Sprint(status, " ", string(body)), true)
	}
	s.oracle.refused.Add(1)
	return false
}

// post sends one signed delivery.
func post(client *http.Client, url string, form signature.Form, document []byte) (status int, answer []byte, err error) {
	return postSigned(client, url, form, testSecret, document)
}

func postSigned(client *http.Client, url string, form signature.Form, secret string, document []byte) (status int, answer []byte, err error) {
	value, err := signature.Sign(form, []byte(secret), document)
	if err != nil {
		return 0, nil, err
	}
	body := document
	if form != signature.BodyHex && form != signature.BodyCompactHex {
		body = nil
	}
	request, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body)) //nolint:noctx // the client has a timeout
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("HTTP-HRFLOW-SIGNATURE", value)
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(response.Body)
	if status := response.StatusCode; status == http.StatusServiceUnavailable && response.Header.Get("Retry-After") == "" {
		return status, answer, fmt.Errorf("503 without Retry-After")
	}
	return response.StatusCode, answer, err
}
