package ingress

import "sync/atomic"

// budget counts the bytes that are held for the requests of all connections together.
type budget struct {
	max  int64
	held atomic.Int64
}

// take holds n bytes more, or nothing where they are too many.
func (b *budget) take(n int64) bool {
	for {
		held := b.held.Load()
		if held+n > b.max {
			return false
		}
		if b.held.CompareAndSwap(held, held+n) {
			return true
		}
	}
}

func (b *budget) give(n int64) { b.held.Add(-n) }
