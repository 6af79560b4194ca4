package main_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// cluster is three NATS servers that keep three copies.
type cluster map[string]*natsProcess // by the server's name

func startCluster(t *testing.T) cluster {
	t.Helper()
	routes := []string{freeAddr(t), freeAddr(t), freeAddr(t)}
	c := make(cluster)
	for i, route := range routes {
		name := fmt.Sprint("n", i+1)
		c[name] = newNATS(t, freeAddr(t), t.TempDir(), fmt.Sprintf(
			"server_name: %s\ncluster { name: faults, listen: %q, routes: [\"nats://%s\"] }", name, route, strings.Join(routes, `", "nats://`)))
	}
	for _, n := range c {
		n.start(t)
	}
	for _, n := range c {
		n.awaitServing(t)
	}
	return c
}

func (c cluster) urls() string {
	var all []string
	for _, n := range c {
		all = append(all, n.url())
	}
	return strings.Join(all, ",")
}

// awaitLeader waits until the stream has a leader and two copies that are as far as it is, and returns the leader's name.
func (c cluster) awaitLeader(t *testing.T) (leader string) {
	t.Helper()
	await(t, 60*time.Second, func() bool {
		nc, err := natsgo.Connect(c.urls())
		if err != nil {
			return false
		}
		defer nc.Close()
		js := must(jetstream.New(nc))(t)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		s, err := js.Stream(ctx, "HRFLOW")
		if err != nil || s.CachedInfo().Cluster == nil {
			return false
		}
		current := 0
		for _, r := range s.CachedInfo().Cluster.Replicas {
			if r.Current && !r.Offline {
				current++
			}
		}
		leader = s.CachedInfo().Cluster.Leader
		return c[leader] != nil && current == 2
	}, func() string { return "the stream has no leader and two copies" })
	return leader
}

func TestFaultTheLeaderOfAClusterIsKilled(t *testing.T) {
	t.Parallel()
	plan, c := planFaults(t), startCluster(t)
	settings := settingsOfWorlds(c.urls(), "pipeline")
	settings["HRBRIDGE_STREAM_REPLICAS"] = "3"
	settings["HRBRIDGE_ANSWER_WITHIN"] = "5s"
	p := serve(t, checkedBinary(t), settings)
	p.waitReady(t, http.StatusOK)
	o := newOracle()
	l := worldLoad(p)
	l.patience = 8 * time.Second
	stop := o.startLoad(t, l)
	for range plan.rounds {
		o.awaitMore(t, 40)
		leader := c.awaitLeader(t)
		c[leader].kill()
		o.awaitMore(t, 40) // two are enough
		c[leader].start(t)
		c.awaitLeader(t)
	}
	o.awaitMore(t, 40)
	stop()
	p.awaitDrained(t)
	o.audit(t, c.urls(), "HRFLOW")
}
