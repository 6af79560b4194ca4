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

// Topic is the topic of a source's events of a type.
func (o FanoutOptions) Topic(source string, t Type) string {
	return o.TopicPrefix + o.SourcePrefixes[source] + string(t)
}

// Topics are those of the catalogue for every source, and the dead-letter topic: what a broker without patterns has to have.
func (o FanoutOptions) Topics() []string { return o.topics(o.Known, "") }

// StreamSubjects are the subjects that a stream has to listen on to take every topic there can be.
func (o FanoutOptions) StreamSubjects() []string { return o.topics(Objects(), ".*.*") }

// topics are the names, each with what stands before it for any source and after it, and the dead-letter topic.
func (o FanoutOptions) topics(names []string, after string) []string {
	var all []string
	for _, prefix := range o.prefixes() {
		for _, name := range names {
			all = append(all, prefix+name+after)
		}
	}
	return append(all, o.DeadLetterTopic)
}

// prefixes are what can stand before an event type, each once.
func (o FanoutOptions) prefixes() []string {
	if len(o.SourcePrefixes) == 0 {
		return []string{o.TopicPrefix}
	}
	var all []string
	for _, prefix := range o.SourcePrefixes {
		all = append(all, o.TopicPrefix+prefix)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// router decides which topic an event goes to.
type router struct {
	topic      func(source string, t Type) string
	deadLetter string
	policy     UnknownTypes
	objects    []string
	known      map[Type]bool

	mu       sync.Mutex
	newTypes map[Type]bool // admitted so far, for as long as the process lives
	maxNew   int
}

// route returns the topic that the type of e, an event of the source, asks for, "" where there is none. It sets e.Reason where
// e is a dead letter all the same, and returns an error where the policy refuses e.
func (r *router) route(source string, e *Event) (string, error) {
	hasTopic := slices.Contains(r.objects, e.Type.Object())
	if e.Reason == "" && !r.known[e.Type] {
		switch {
		case !hasTopic:
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
	if e.Reason != "" && !hasTopic {
		return "", nil
	}
	return r.topic(source, e.Type), nil
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
