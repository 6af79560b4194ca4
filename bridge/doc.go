// Package bridge is the domain of hrbridge: what a delivery, an event and a message are, how a delivery's signed bytes
// are unpacked into events, which topic each event goes to, and what a publisher promises.
//
// It must not know HTTP, a broker or a file: bytes come in, messages go out through [Publisher].
package bridge
