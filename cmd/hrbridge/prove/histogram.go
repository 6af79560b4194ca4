package prove

import (
	"math/bits"
	"sync"
	"time"
)

// histogram counts durations in buckets, each at most 1/64 wider than the one before, so that any number of them takes the
// same memory.
type histogram struct {
	mu      sync.Mutex
	buckets [64 * subBuckets]uint64
	count   uint64
	most    time.Duration
}

const (
	subBits    = 6
	subBuckets = 1 << subBits
)

func (h *histogram) add(d time.Duration) {
	d = max(0, d)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.buckets[bucket(uint64(d))]++
	h.count++
	h.most = max(h.most, d)
}

// bucket is the number of the bucket of n: its highest bit, and the subBits bits below it.
func bucket(n uint64) int {
	if n < subBuckets {
		return int(n)
	}
	shift := bits.Len64(n) - 1 - subBits
	return (shift+1)*subBuckets + int(n>>shift) - subBuckets
}

// lowest is the least number of a bucket.
func lowest(bucket int) uint64 {
	if bucket < subBuckets {
		return uint64(bucket)
	}
	shift := bucket/subBuckets - 1
	return uint64(bucket%subBuckets+subBuckets) << shift
}

// quantile is the duration within which that part of all lies, to within a bucket; 0 where there are none.
func (h *histogram) quantile(part float64) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.count == 0 {
		return 0
	}
	rank := min(h.count-1, uint64(part*float64(h.count)))
	var below uint64
	for i, n := range h.buckets {
		if below += n; below > rank {
			return min(h.most, time.Duration(lowest(i)))
		}
	}
	return h.most
}
