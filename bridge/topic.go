package bridge

import (
	"fmt"
	"slices"
	"sync"
)

// UnknownTypes is what becomes of an event whose type is not in the catalogue although its object is known.
type UnknownTypes string

// The policies.
const (
	PublishUnknown    UnknownTypes = "publish"    // to the topic of its own name, as long as there are few of them
	DeadLetterUnknown UnknownTypes = "deadletter" // to the dead-letter topic
	RejectUnknown     UnknownTypes = "reject"     // the delivery is refused
)

// StreamSubjects are the subjects that a stream has to listen on to take every topic there can be.
func StreamSubjects(prefix, deadLetterTopic string) []string {
	var subjects []string
	for _, object := range Objects() {
		subjects = append(subjects, prefix+object+".*.*")
	}
	return append(subjects, deadLetterTopic)
}

// router decides which topic an event goes to.
type router struct {
	prefix     string
	deadLetter string
	policy     UnknownTypes
	objects    []string
	known      map[Type]bool

	mu       sync.Mutex
	newTypes map[Type]bool // admitted so far, for as long as the process lives
	maxNew   int
}

// route returns e's topic. It sets e.Reason where that is the dead-letter topic, and returns an error where the policy
// refuses e.
func (r *router) route(e *Event) (string, error) {
	if e.Reason == "" && !r.known[e.Type] {
		switch {
		case !slices.Contains(r.objects, e.Type.Object()):
			e.Reason = ReasonUnknownObject
		case r.policy == RejectUnknown:
			return "", &Error{Kind: KindInvalid, Op: "route", Indexes: []int{e.Index},
				Err: fmt.Errorf("the event type is not in the catalogue, and unknown_types is %s", r.policy)}
		case r.policy == DeadLetterUnknown:
			e.Reason = ReasonUnknownType
		case !r.admit(e.Type):
			e.Reason = ReasonTooManyTypes
		}
	}
	if e.Reason != "" {
		return r.deadLetter, nil
	}
	return r.prefix + string(e.Type), nil
}

// admit tells whether t is one of the first maxNew types outside the catalogue: what is sent must not make topics without
// bound.
func (r *router) admit(t Type) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.newTypes[t] && len(r.newTypes) < r.maxNew {
		r.newTypes[t] = true
	}
	return r.newTypes[t]
}
