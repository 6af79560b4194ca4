// Package ingress is the edge to the outside: it takes HrFlow's webhook calls over HTTP, reads and verifies them, has their
// events published, and answers.
//
// It trusts nothing that comes in. Every request is refused as early as it can be, in one of a closed set of answers that
// never repeat what was sent; everything that a sender can make it hold (connections, headers on their way, bodies) is
// counted and bounded; and only bytes that a signature covers go any further.
//
// It must not know a broker: it hands events to a [Fanout] and turns the receipt, or the error's kind, into an answer.
package ingress
