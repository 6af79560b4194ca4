package kafkatest

import (
	"context"
	"os"
	"sync"
	"testing"
)

// shared is the one cluster that the tests of a package have in common.
type shared struct {
	once    sync.Once
	dir     string
	cluster *Cluster
	err     error
}

// common is global because the tests of a process have nothing else in common.
var common shared

// Shared is one broker with the usual settings that all tests of a package use, started for the first that asks. Each test has
// topics of its own, and none stops it. The package's TestMain calls [Main], which ends it.
func Shared(t testing.TB) *Cluster {
	t.Helper()
	common.once.Do(func() {
		//nolint:usetesting // it outlives the test that happens to be the first
		if common.dir, common.err = os.MkdirTemp("", "kafka"); common.err == nil {
			common.cluster, common.err = Open(context.Background(), Options{Dir: common.dir})
		}
	})
	skipWithoutJava(t, common.err)
	return common.cluster
}

// Main runs a package's tests, ends the broker that they shared, and returns the exit code.
func Main(m *testing.M) int {
	defer func() {
		if common.cluster != nil {
			common.cluster.Close()
		}
		if common.dir != "" {
			_ = os.RemoveAll(common.dir)
		}
	}()
	return m.Run()
}
