package main_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"hrbridge/bridge/signature"
)

// spooling serves on a NATS server that is at addr, or will be.
func spooling(t *testing.T, binary, addr string, settings ...string) *process {
	t.Helper()
	all := map[string]string{"HRBRIDGE_PUBLISHER": "nats", "HRBRIDGE_NATS_URL": "nats://" + addr, "HRBRIDGE_SPOOL_MIN_FREE": "0"}
	for _, s := range settings {
		name, value, _ := strings.Cut(s, "=")
		all[name] = value
	}
	return serve(t, binary, all)
}

// waitStatus waits until /readyz is 200 with a status of this name.
func (p *process) waitStatus(t *testing.T, status string) {
	t.Helper()
	var last string
	await(t, 90*time.Second, func() bool {
		code, body, err := get("http://" + p.admin + "/readyz")
		last = fmt.Sprint(code, " ", body, err)
		return err == nil && code == http.StatusOK && strings.HasPrefix(body, `{"status":"`+status+`"`)
	}, func() string { return fmt.Sprintf("/readyz does not say %s, but %s", status, last) })
}

func TestABrokerThatGoesAndComesIsNoticedByNobodyWhoSends(t *testing.T) {
	t.Parallel()
	for _, commit := range []string{"pipeline", "batch"} {
		t.Run(commit, func(t *testing.T) {
			t.Parallel()
			addr, store := freeAddr(t), t.TempDir()
			p := spooling(t, checkedBinary(t), addr, "HRBRIDGE_NATS_COMMIT="+commit)
			p.waitStatus(t, "degraded") // absent at the start
			o := newOracle()
			stop := o.start(t, p, 16, 8)
			o.awaitMore(t, 100)
			server := natsServer(t, addr, store)
			p.waitStatus(t, "ready") // with the load going on
			for range 2 {
				o.awaitMore(t, 100)
				stopServer(server)
				p.waitStatus(t, "degraded")
				o.awaitMore(t, 100)
				server = natsServer(t, addr, store)
				p.waitStatus(t, "ready")
			}
			o.awaitMore(t, 100)
			stop()
			p.waitStatus(t, "ready")
			o.audit(t, "nats://"+addr, "HRFLOW")
			if n := o.refused.Load() + o.unanswered.Load(); n > 0 {
				t.Errorf("%d deliveries were not answered 200", n)
			}
		})
	}
}

func TestKillingItInAnOutageAndInTheDrainLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	kills := 2
	if os.Getenv("HRBRIDGE_SOAK") != "" {
		kills = 5
	}
	addr, store := freeAddr(t), t.TempDir()
	server := natsServer(t, addr, store)
	p := spooling(t, checkedBinary(t), addr)
	p.waitStatus(t, "ready")
	o := newOracle()
	stop := o.start(t, p, 16, 8)
	o.awaitMore(t, 100)
	stopServer(server)
	for range kills {
		p.waitStatus(t, "degraded")
		o.awaitMore(t, 100)
		p.kill()
		p.start(t)
	}
	p.waitStatus(t, "degraded")
	o.awaitMore(t, 100)
	natsServer(t, addr, store)
	await(t, 60*time.Second, func() bool { return p.metric(t, "hrbridge_spool_drained_total") > 0 }, func() string { return "nothing is drained" })
	p.kill()
	p.start(t)
	p.waitStatus(t, "ready")
	o.awaitMore(t, 100)
	stop()
	p.waitStatus(t, "ready")
	o.audit(t, "nats://"+addr, "HRFLOW")
	if o.refused.Load() > 0 {
		t.Errorf("%d deliveries were refused", o.refused.Load())
	}
}

func TestAFullSpoolSaysWhenToComeBackAndServesAgain(t *testing.T) {
	t.Parallel()
	addr, store := freeAddr(t), t.TempDir()
	p := spooling(t, shippedBinary(t), addr, "HRBRIDGE_SPOOL_MAX_BYTES=2MiB")
	p.waitStatus(t, "degraded")
	o := newOracle()
	stop := o.start(t, p, 16, 8)
	await(t, 60*time.Second, func() bool { return o.refused.Load() > 50 }, func() string { return "the spool takes more than its bound" })
	p.waitReady(t, http.StatusServiceUnavailable)
	before, _ := p.rss(t)
	refused := o.refused.Load()
	await(t, 60*time.Second, func() bool { return o.refused.Load() > refused+500 }, func() string { return "no deliveries are answered" })
	if after, _ := p.rss(t); after > before+(32<<20) {
		t.Errorf("memory grew from %d to %d MiB while the spool was full", before>>20, after>>20)
	}
	natsServer(t, addr, store)
	p.waitStatus(t, "ready")
	o.awaitMore(t, 100)
	stop()
	p.waitStatus(t, "ready")
	o.audit(t, "nats://"+addr, "HRFLOW")
}

func TestASpoolIsDrainedAfterItWasSwitchedOff(t *testing.T) {
	t.Parallel()
	addr := freeAddr(t)
	p := spooling(t, checkedBinary(t), addr)
	p.waitStatus(t, "degraded")
	client := &http.Client{Timeout: 30 * time.Second}
	defer client.CloseIdleConnections()
	o := newOracle()
	s := &sender{oracle: o, load: load{url: p.url(), events: 8}, client: client, rand: rand.New(rand.NewPCG(1, 7))}
	for range 20 {
		s.deliver(t.Context(), signature.BodyHex)
	}
	p.stop(t)
	natsServer(t, addr, t.TempDir())
	p.env = append(p.env, "HRBRIDGE_SPOOL=off")
	p.start(t)
	p.waitStatus(t, "ready")
	o.audit(t, "nats://"+addr, "HRFLOW")
}
