package bridge

import "context"

// Publisher puts messages on a broker.
//
// Publish returns nil only when every message is held durably. Otherwise the error is an [*Error] that says of which kind
// and, where it can be known, which messages; any message may still have been stored. A message whose ID is already stored
// counts as held. Publish keeps no reference to msgs or their bytes after it returns, returns soon after ctx ends, and may
// be called concurrently. Messages of one key keep their order within a call and between calls of which one returned before
// the other began. Publish of no messages returns nil.
//
// Who also needs to know whether a publisher is ready, or to close it, declares that himself.
type Publisher interface {
	Publish(ctx context.Context, msgs []Message) error
}
