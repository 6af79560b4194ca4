package main_test

import (
	"net/http"
	"os"
	"testing"
	"time"

	"hrbridge/bridge/signature"
)

func TestKillingItLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	kills := 3
	if os.Getenv("HRBRIDGE_SOAK") != "" {
		kills = 10
	}
	p := serve(t, checkedBinary(t), nil)
	p.waitReady(t, http.StatusOK)
	o := newOracle()
	stop := o.start(t, p, 16, 8)
	for range kills {
		o.awaitMore(t, 100)
		p.kill()
		p.start(t)
		p.waitReady(t, http.StatusOK)
	}
	o.awaitMore(t, 100)
	stop()
	o.audit(t, "nats://"+p.broker, "HRFLOW")
}

func TestABrokerThatGoesAndComesLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	for _, commit := range []string{"pipeline", "batch"} {
		t.Run(commit, func(t *testing.T) {
			t.Parallel()
			addr, store := freeAddr(t), t.TempDir()
			p := serve(t, checkedBinary(t), map[string]string{
				"HRBRIDGE_PUBLISHER": "nats", "HRBRIDGE_NATS_URL": "nats://" + addr, "HRBRIDGE_NATS_COMMIT": commit,
				"HRBRIDGE_SPOOL": "off",
			})
			// Absent at the start: it stays up, says so and takes nothing.
			p.waitReady(t, http.StatusServiceUnavailable)
			client := &http.Client{Timeout: 10 * time.Second}
			defer client.CloseIdleConnections()
			status, answer, err := post(client, p.url(), signature.BodyHex, []byte(`[{"type":"profile.parsing.success"}]`))
			if status != http.StatusServiceUnavailable || err != nil {
				t.Errorf("with no broker: %d %s %v; want 503 with Retry-After", status, answer, err)
			}

			server := natsServer(t, addr, store)
			p.waitReady(t, http.StatusOK)
			o := newOracle()
			stop := o.start(t, p, 16, 8)
			for range 3 {
				o.awaitMore(t, 100)
				stopServer(server)
				p.waitReady(t, http.StatusServiceUnavailable)
				server = natsServer(t, addr, store)
				p.waitReady(t, http.StatusOK)
			}
			o.awaitMore(t, 100)
			stop()
			o.audit(t, "nats://"+addr, "HRFLOW")
			if o.refused.Load() == 0 {
				t.Error("no delivery was refused while the broker was away")
			}
		})
	}
}

func TestStoppingItFinishesWhatIsInFlight(t *testing.T) {
	t.Parallel()
	p := serve(t, checkedBinary(t), nil)
	p.waitReady(t, http.StatusOK)
	o := newOracle()
	stop := o.start(t, p, 16, 8)
	o.awaitMore(t, 100)
	if code := p.stop(t); code != 0 {
		t.Errorf("exit code %d; want 0", code)
	}
	stop()
	p.start(t)
	p.waitReady(t, http.StatusOK)
	o.audit(t, "nats://"+p.broker, "HRFLOW")
}
