package client

import (
	"encoding/json"
	"net/http"
	"time"
)

// Outcome is what became of one delivery: an answer, or an error where none came.
type Outcome struct {
	Answer Answer
	Err    error
	Took   time.Duration
}

// Answer is what a bridge said: a receipt, or a problem (RFC 9457).
type Answer struct {
	Status     int
	RequestID  string
	RetryAfter string
	HasReceipt bool
	Receipt
	Problem
}

// Receipt is how many events of a delivery were taken, and how many of them were published and dead-lettered.
type Receipt struct {
	Events       int `json:"events"`
	Published    int `json:"published"`
	DeadLettered int `json:"dead_lettered"`
}

// Problem is why a delivery was not taken, in the bridge's words.
type Problem struct {
	Title  string `json:"title"`
	Detail string `json:"detail"`
}

// readAnswer makes out what it can; an answer that is not a bridge's still has its status.
func readAnswer(status int, header http.Header, body []byte) Answer {
	a := Answer{Status: status, RequestID: header.Get("X-Request-Id"), RetryAfter: header.Get("Retry-After")}
	if !a.Taken() {
		if json.Unmarshal(body, &a.Problem) != nil {
			a.Problem = Problem{}
		}
		return a
	}
	var r struct {
		Events *int `json:"events"`
		Receipt
	}
	if a.HasReceipt = json.Unmarshal(body, &r) == nil && r.Events != nil; a.HasReceipt {
		a.Receipt = r.Receipt
		a.Events = *r.Events
	}
	return a
}

// Taken tells whether the bridge holds the delivery durably.
func (a Answer) Taken() bool { return a.Status >= 200 && a.Status < 300 }
