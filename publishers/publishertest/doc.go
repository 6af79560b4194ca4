// Package publishertest is the contract of [bridge.Publisher] as one test suite, so that every publisher is held to the
// same promises. A publisher's own test calls [Run] with a [Harness] that opens it, reads back what its broker stored and,
// where it can, stops and starts the broker.
//
// It must not know a broker: what is true of one only is that publisher's own test.
package publishertest
