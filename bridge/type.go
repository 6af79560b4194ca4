package bridge

import (
	"errors"
	"strings"
)

// MaxTypeLength is the longest event type in bytes. It leaves room for a prefix within what brokers allow for a topic name
// (249 bytes on Kafka).
const MaxTypeLength = 200

// errType is the one answer to everything outside the grammar: which rule was broken is of no use to a caller, and the text
// must not repeat what was sent.
var errType = errors.New("not an event type: want three words of [a-z][a-z0-9_]* joined by dots, 200 bytes at most")

// Type is an event type that keeps to the grammar: object.event.status, three words of [a-z][a-z0-9_]* joined by dots. It
// is therefore safe as a part of a topic name on every broker. The zero value means that an event has no such type.
type Type string

// ParseType returns s as a Type, or an error where s is outside the grammar.
func ParseType(s string) (Type, error) {
	if len(s) > MaxTypeLength {
		return "", errType
	}
	words, start := 0, true
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z':
			if start {
				words++
			}
			start = false
		case start:
			return "", errType
		case c == '.':
			start = true
		case c != '_' && (c < '0' || c > '9'):
			return "", errType
		}
	}
	if words != 3 || start {
		return "", errType
	}
	return Type(s), nil
}

// Object is the type's first word, such as "profile".
func (t Type) Object() string {
	object, _, _ := strings.Cut(string(t), ".")
	return object
}

// Objects are the objects whose events have topics of their own. An event of any other object is a dead letter: a topic
// name comes from what was sent, so what may become one is a closed set.
func Objects() []string { return []string{"profile", "job", "action", "agent", "filter"} }
