package main_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// network is what lies between the bridge and its broker.
type network struct {
	proxy *toxiproxy.Proxy
	addr  string // for the bridge
}

// startNetwork leads to addr.
func startNetwork(t *testing.T, addr string) *network {
	t.Helper()
	n := &network{addr: freeAddr(t)}
	n.proxy = toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop()), "broker", n.addr, addr)
	n.mend(t)
	t.Cleanup(n.cut)
	return n
}

// cut ends all connections and lets no new ones in.
func (n *network) cut() { n.proxy.Stop() }

// mend lets connections in.
func (n *network) mend(t *testing.T) {
	t.Helper()
	if err := n.proxy.Start(); err != nil {
		t.Fatal(err)
	}
}

// poison adds a toxic of a name of its own, in the directions given.
func (n *network) poison(t *testing.T, name, toxic, attributes string, directions ...string) {
	t.Helper()
	for _, d := range directions {
		if _, err := n.proxy.Toxics.AddToxicJson(strings.NewReader(fmt.Sprintf(
			`{"name":"%s, %s","type":%q,"stream":%q,"attributes":{%s}}`, name, d, toxic, d, attributes))); err != nil {
			t.Fatal(err)
		}
	}
}

// cure takes it out again.
func (n *network) cure(t *testing.T, name string, directions ...string) {
	t.Helper()
	for _, d := range directions {
		if err := n.proxy.Toxics.RemoveToxic(context.Background(), name+", "+d); err != nil {
			t.Error(err)
		}
	}
}
