package main_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"hrbridge/publishers/kafka/kafkatest"
)

func TestAKafkaClusterThatLosesBrokersLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	c := kafkatest.Start(t, kafkatest.Options{Brokers: 3})
	p := serveKafka(t, c, map[string]string{"HRBRIDGE_KAFKA_REPLICAS": "3", "HRBRIDGE_KAFKA_MIN_INSYNC_REPLICAS": "2"})
	p.waitReady(t, http.StatusOK)
	const busy = "profile.parsing.success"
	if _, err := c.Admin(t).CreateTopic(t.Context(), 1, 3, nil, "probe"); err != nil {
		t.Fatal(err)
	}
	o := newOracle()
	stop := o.start(t, p, 16, 8)
	o.awaitMore(t, 100)

	leader := c.Leader(t, busy, 0)
	c.Kill(t, leader)
	o.awaitMore(t, 100) // two of three are enough
	c.StartBroker(t, leader)
	o.awaitMore(t, 100)

	two := []int{leader, (leader + 1) % 3}
	refused := o.refused.Load()
	c.StopBroker(t, two...)
	await(t, 60*time.Second, func() bool { return o.refused.Load() > refused+20 }, func() string { return "with one broker of three, nothing is refused" })
	p.waitReady(t, http.StatusServiceUnavailable)
	acknowledged := o.acknowledged.Load()
	p.deliver(t, http.StatusServiceUnavailable, o.one())
	if more := o.acknowledged.Load() - acknowledged; more > 0 {
		t.Errorf("%d deliveries were acknowledged while one of two replicas could not have them", more)
	}

	cluster, service := o.recoveries(t, c, func() { c.StartBroker(t, two...) })
	t.Logf("the bridge serves again %v after the cluster does for another producer", service.Sub(cluster))
	o.awaitMore(t, 100)
	p.waitReady(t, http.StatusOK)
	stop()
	o.auditKafka(t, c, sendersRepeats)
}

// recoveries are when the cluster, whose topic "probe" cannot be written to, takes a message of another producer again, and when
// the bridge takes a delivery again.
func (o *oracle) recoveries(t *testing.T, c *kafkatest.Cluster, bringBack func()) (cluster, service time.Time) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	other := c.Client(t)
	var both sync.WaitGroup
	both.Go(func() {
		if err := other.ProduceSync(ctx, &kgo.Record{Topic: "probe", Value: []byte("{}")}).FirstErr(); err != nil {
			t.Errorf("the cluster does not recover: %v", err)
		}
		cluster = time.Now()
	})
	before := o.acknowledged.Load()
	both.Go(func() {
		for o.acknowledged.Load() == before && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		service = time.Now()
	})
	bringBack()
	both.Wait()
	return cluster, service
}

func TestAKafkaBrokerThatGoesAndComesLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	var proxy *kafkatest.Proxy
	c := kafkatest.Start(t, kafkatest.Options{Advertise: func(_ int, address string) string {
		proxy = kafkatest.StartProxy(t, address)
		return proxy.Address()
	}})
	// Absent at the start: it stays up, says so and takes nothing.
	c.Stop(t)
	p := serveKafka(t, c, nil)
	p.waitNotReady(t, "kafka")
	o := newOracle()
	p.deliver(t, http.StatusServiceUnavailable, o.one())
	c.Start(t)
	p.waitReady(t, http.StatusOK)

	stop := o.start(t, p, 16, 8)
	for _, trouble := range []struct {
		name         string
		begins, ends func()
	}{
		{"restarted", func() { c.Stop(t) }, func() { c.Start(t) }},
		{"a black hole", func() { proxy.Swallow(true) }, func() { proxy.Swallow(false) }},
		{"hanging", func() { c.Pause(t, 0) }, func() { c.Resume(t, 0) }},
	} {
		o.awaitMore(t, 50)
		refused := o.refused.Load()
		trouble.begins()
		p.waitReady(t, http.StatusServiceUnavailable)
		await(t, 60*time.Second, func() bool { return o.refused.Load() > refused }, func() string { return trouble.name + ": nothing is refused" })
		trouble.ends()
		begun := time.Now()
		o.awaitMore(t, 1)
		t.Logf("%s: served again %v after it ended", trouble.name, time.Since(begun))
		p.waitReady(t, http.StatusOK)
	}
	o.awaitMore(t, 50)
	stop()
	o.auditKafka(t, c, sendersRepeats)
}

func TestAKafkaBrokerThatIsAwayIsNoticedByNobodyWhoSends(t *testing.T) {
	t.Parallel()
	c := kafkatest.Start(t, kafkatest.Options{})
	p := serveKafka(t, c, map[string]string{"HRBRIDGE_SPOOL": "on", "HRBRIDGE_SPOOL_MIN_FREE": "0"})
	p.waitStatus(t, "ready")
	o := newOracle()
	stop := o.start(t, p, 4, 8)
	o.awaitMore(t, 50)
	c.Kill(t, 0)
	p.waitStatus(t, "degraded")
	o.awaitMore(t, 50)
	c.StartBroker(t, 0)
	p.waitStatus(t, "ready") // with the load going on
	o.awaitMore(t, 50)
	stop()
	p.waitStatus(t, "ready")
	o.auditKafka(t, c, anyRepeats)
	if n := o.refused.Load() + o.unanswered.Load(); n > 0 {
		t.Errorf("%d deliveries were not answered 200", n)
	}
}

func TestWhatKafkaRefusesIsSaidAndAnswered(t *testing.T) {
	t.Parallel()
	c := kafkatest.Start(t, kafkatest.Options{
		Security: "SASL_PLAINTEXT", Users: map[string]string{"ada": "a password", "zoe": "another"}, Authorize: true,
		Settings: map[string]string{"message.max.bytes": "20000"},
	})
	everything := kadm.NewACLs().Allow("User:ada").AllowHosts("*").Topics("*").Clusters().Operations(kadm.OpAll)
	some := kadm.NewACLs().Allow("User:zoe").AllowHosts("*").Topics("profile.parsing.success").Operations(kadm.OpWrite, kadm.OpDescribe)
	for _, rights := range []*kadm.ACLBuilder{everything, some} {
		if _, err := c.Admin(t).CreateACLs(t.Context(), rights); err != nil {
			t.Fatal(err)
		}
	}
	login := func(user, password string) map[string]string {
		return map[string]string{
			"HRBRIDGE_KAFKA_SASL_MECHANISM": "scram-sha-256", "HRBRIDGE_KAFKA_SASL_USER": user, "HRBRIDGE_KAFKA_SASL_PASSWORD": password,
			"HRBRIDGE_KAFKA_SASL_ALLOW_PLAINTEXT": "true",
		}
	}
	const small = `[{"type":"profile.parsing.success","profile":{"key":"k"}}]`
	t.Run("a wrong password", func(t *testing.T) {
		p := serveKafka(t, c, login("ada", "a wrong one"))
		p.waitNotReady(t, "password")
		p.logs(t, "password")
		p.deliver(t, http.StatusServiceUnavailable, small)
	})
	t.Run("a topic that is missing, without the right to create it", func(t *testing.T) {
		p := serveKafka(t, c, login("zoe", "another"))
		p.waitNotReady(t, "create")
		p.logs(t, "create")
		p.deliver(t, http.StatusServiceUnavailable, small)
	})
	t.Run("topics that take less than an event", func(t *testing.T) {
		p := serveKafka(t, c, login("ada", "a password"))
		p.waitNotReady(t, "max.message.bytes")
		p.logs(t, "max.message.bytes")
		await(t, 30*time.Second, func() bool { // though it is not ready, because of what it could not take
			status, _, err := p.answerTo(small)
			return err == nil && status == http.StatusOK
		}, func() string { return "an event that fits is not taken" })
		large := make([]byte, 60000)
		for i := range large {
			large[i] = "0123456789abcdefghijklmnopqrstuvwxyz"[(i*i+i/7)%36]
		}
		answer := p.deliver(t, http.StatusRequestEntityTooLarge,
			`[{"type":"profile.parsing.success","profile":{"key":"k"}},{"type":"profile.parsing.success","profile":{"key":"k","text":"`+string(large)+`"}}]`)
		if !holds(answer, []string{`"index":1`}) {
			t.Errorf("the answer does not name the event: %s", answer)
		}
	})
}
