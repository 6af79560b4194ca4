package kafka

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestKeysHashAsInTheJavaClient holds murmur2 to the vectors of Kafka's own UtilsTest.
func TestKeysHashAsInTheJavaClient(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]int32{
		"21":                         -973932308,
		"foobar":                     -790332482,
		"a-little-bit-long-string":   -985981536,
		"a-little-bit-longer-string": -1486304829,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
		"abc": 479470107,
	} {
		if got := murmur2(key); got != want {
			t.Errorf("murmur2(%q) is %d; want %d", key, got, want)
		}
	}
}

// TestKeysGoWhereOtherClientsPutThem compares with franz-go, which partitions as the Java client does, too.
func TestKeysGoWhereOtherClientsPutThem(t *testing.T) {
	t.Parallel()
	theirs := kgo.StickyKeyPartitioner(nil).ForTopic("any")
	for _, n := range []int{1, 2, 3, 6, 7, 64, 1000} {
		for i := range 200 {
			key := fmt.Sprintf("%x", i*i*7919)
			if got, want := partitionOf(key, n), theirs.Partition(&kgo.Record{Key: []byte(key)}, n); got != want {
				t.Errorf("key %q of %d partitions is on %d; want %d", key, n, got, want)
			}
		}
	}
}
