package kafka

// murmur2 is the hash that Kafka's Java client spreads keys with (org.apache.kafka.common.utils.Utils): murmur2 with a seed
// of its own.
func murmur2(key string) int32 {
	const (
		seed       = 0x9747b28c
		multiplier = 0x5bd1e995
		shift      = 24
	)
	h := uint32(seed) ^ uint32(len(key))
	for ; len(key) >= 4; key = key[4:] {
		k := uint32(key[0]) | uint32(key[1])<<8 | uint32(key[2])<<16 | uint32(key[3])<<24
		k *= multiplier
		k ^= k >> shift
		k *= multiplier
		h *= multiplier
		h ^= k
	}
	switch len(key) {
	case 3:
		h ^= uint32(key[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(key[1]) << 8
		fallthrough
	case 1:
		h ^= uint32(key[0])
		h *= multiplier
	}
	h ^= h >> 13
	h *= multiplier
	h ^= h >> 15
	return int32(h)
}

// partitionOf is which of n partitions the Java client puts key on.
func partitionOf(key string, n int) int {
	return int(murmur2(key)&0x7fffffff) % n
}
