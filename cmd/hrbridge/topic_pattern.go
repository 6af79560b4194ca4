package main

import (
	"errors"
	"slices"
	"strings"
)

// topicPattern says which topics to follow: words joined by dots, where "*" as an earlier word stands for exactly one word and
// as the last one for one word or more.
type topicPattern struct {
	words []string // the last word left out where it is "*"
	more  bool     // the last word is "*"
}

const anyWord = "*"

var errTopicPattern = errors.New(`want words of [a-zA-Z0-9_-] joined by dots, such as profile.parsing.success; a whole word may be *, ` +
	`which as the last one stands for all that follows: profile.*`)

func parseTopicPattern(s string) (topicPattern, error) {
	words := strings.Split(s, ".")
	for _, word := range words {
		if word != anyWord && (word == "" || strings.ContainsFunc(word, notInTopic)) {
			return topicPattern{}, errTopicPattern
		}
	}
	last := len(words) - 1
	if words[last] == anyWord {
		return topicPattern{words: words[:last], more: true}, nil
	}
	return topicPattern{words: words}, nil
}

func notInTopic(c rune) bool {
	return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-'
}

// subject is the pattern in the language of NATS.
func (p topicPattern) subject() string {
	words := p.words
	if p.more {
		words = append(slices.Clip(words), ">")
	}
	return strings.Join(words, ".")
}

// matches tells whether the pattern stands for the topic.
func (p topicPattern) matches(topic string) bool {
	return p.overlaps(topicPattern{words: strings.Split(topic, ".")})
}

// overlaps tells whether there can be a topic that both stand for.
func (p topicPattern) overlaps(q topicPattern) bool {
	for i := range min(len(p.words), len(q.words)) {
		if a, b := p.words[i], q.words[i]; a != b && a != anyWord && b != anyWord {
			return false
		}
	}
	switch {
	case p.more && q.more:
		return true
	case p.more:
		return len(q.words) > len(p.words)
	case q.more:
		return len(p.words) > len(q.words)
	}
	return len(p.words) == len(q.words)
}

// topicPatterns are several, any of which may match; none at all match everything.
type topicPatterns []topicPattern

func (ps topicPatterns) match(topic string) bool {
	return len(ps) == 0 || slices.ContainsFunc(ps, func(p topicPattern) bool { return p.matches(topic) })
}

// subjects are what to ask the broker for: none, so all that it has, where there are no patterns or two of them overlap, which a
// NATS server refuses. What the broker sends is to be matched in any case.
func (ps topicPatterns) subjects() []string {
	var subjects []string
	for i, p := range ps {
		if len(p.words) == 0 || slices.ContainsFunc(ps[:i], p.overlaps) {
			return nil
		}
		subjects = append(subjects, p.subject())
	}
	return subjects
}
