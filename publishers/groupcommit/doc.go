// Package groupcommit makes durable and fast the same thing. Callers hand in their messages and wait; while one commit is
// under way the next gathers, and whatever has gathered when it ends goes as one commit. There is no timer and no linger: a
// lone caller pays one round trip, a thousand callers share it.
//
// It must not know a broker: how a commit is made is a [Committer]'s business. A [Lane] makes one commit at a time, so a
// publisher that can make several side by side, such as one for each leader of a cluster, has several lanes. An idle lane
// holds no goroutine.
package groupcommit
