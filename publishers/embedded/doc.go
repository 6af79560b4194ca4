// Package embedded is the broker inside the process: a NATS server with JetStream whose store is a folder, and the publisher
// on it. The server syncs every write, so that an acknowledgement survives a power cut, and concurrent callers share the
// syncs.
//
// What the server leaves to its operator is done here: one process at a time in the folder, a listener that is open to
// others only where they have to say who they are, subscribers that may read and not write, and a disk that is never full.
//
// It must not know deliveries, types or signatures, and nothing of a broker elsewhere.
package embedded
