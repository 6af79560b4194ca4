// Package prove shows, from outside, what becomes of what a bridge acknowledges: it sends signed deliveries of marked,
// invented events, keeps every event that was acknowledged as an obligation on disk, reads the broker with a subscriber of
// its own, and counts what is lost, doubled, altered, misrouted, out of order or forged.
//
// It must not know how a bridge works inside, nor which broker there is: it is handed a client of the one and a way to read
// the other.
package prove
