package main

import (
	"runtime/debug"
	"slices"
	"strings"
)

// workingMemory is what the process takes beside the bytes in flight: the broker's client or the embedded broker, and what
// was let go and not yet collected.
const workingMemory = 160 << 20

// limitMemory makes the garbage collector work harder as memory nears what the limits on bytes in flight promise: without
// it, what is waiting to be collected would be as much again. An operator's GOMEMLIMIT has the last word. It is a soft
// limit: nothing fails past it.
func limitMemory(env []string, inFlight int64) {
	if slices.ContainsFunc(env, func(kv string) bool { return strings.HasPrefix(kv, "GOMEMLIMIT=") }) {
		return
	}
	debug.SetMemoryLimit(inFlight + workingMemory)
}
