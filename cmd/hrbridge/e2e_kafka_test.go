package main_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"hrbridge/bridge"
	"hrbridge/bridge/signature"
	"hrbridge/publishers/kafka/kafkatest"
)

// serveKafka starts a bridge that publishes on a cluster. What these tests are about is the publisher, so nothing is spooled.
func serveKafka(t *testing.T, c *kafkatest.Cluster, settings map[string]string) *process {
	t.Helper()
	all := map[string]string{
		"HRBRIDGE_PUBLISHER": "kafka", "HRBRIDGE_KAFKA_BROKERS": strings.Join(c.Addresses(), ","), "HRBRIDGE_KAFKA_PARTITIONS": "2",
		"HRBRIDGE_SPOOL": "off",
	}
	maps.Copy(all, settings)
	return serve(t, checkedBinary(t), all)
}

func TestEveryAcknowledgedEventIsOnKafkaOnce(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"", "3.9"} {
		t.Run("version "+version, func(t *testing.T) {
			t.Parallel()
			c := kafkatest.Start(t, kafkatest.Options{Version: version})
			p := serveKafka(t, c, nil)
			p.waitReady(t, http.StatusOK)
			o := newOracle()
			stop := o.start(t, p, 32, 8)
			<-time.After(soak(t, 0))
			o.awaitMore(t, 200)
			stop()
			if code := p.stop(t); code != 0 {
				t.Errorf("after SIGTERM: exit code %d", code)
			}
			o.auditKafka(t, c, sendersRepeats)
		})
	}
}

func TestAMessageOnKafkaIsACloudEvent(t *testing.T) {
	t.Parallel()
	c := kafkatest.Shared(t)
	p := serveKafka(t, c, map[string]string{"HRBRIDGE_TOPIC_PREFIX": "prod.", "HRBRIDGE_TOPIC_DEAD_LETTER": "prod.deadletter"})
	p.waitReady(t, http.StatusOK)
	event := `{"type":"profile.parsing.success","profile":{"key":"Zoë 1"}}`
	var last string
	await(t, 60*time.Second, func() bool { // a broker may be slow with the first message on topics that were just made
		status, answer, err := p.answerTo("[" + event + ",{}]")
		last = fmt.Sprint(status, " ", answer, err)
		return status == http.StatusOK
	}, func() string { return "not taken: " + last })

	all := c.ReadAll(t, "prod.profile.parsing.success", "prod.deadletter")
	all = slices.CompactFunc(all, func(a, b bridge.Message) bool { return a.Topic == b.Topic && a.ID == b.ID }) // what was sent again
	if len(all) != 2 || all[0].Topic != "prod.deadletter" || all[1].Topic != "prod.profile.parsing.success" {
		t.Fatalf("%d messages: %v", len(all), all)
	}
	letter, m := all[0], all[1]
	if m.Key != "Zoë 1" || m.Source != "/hrflow/hrflow" || m.Type != "profile.parsing.success" || string(m.Value) != event || m.ID == "" {
		t.Errorf("the message is %+v", m)
	}
	if age := time.Since(m.Time); age > time.Minute || age < 0 {
		t.Errorf("it was received %v ago", age)
	}
	if string(letter.Value) != "{}" || len(letter.Headers) == 0 || letter.Headers[0].Value != "no_type" {
		t.Errorf("the dead letter is %+v", letter)
	}
}

// deliver sends one delivery, signed, and wants it to be answered so.
func (p *process) deliver(t *testing.T, want int, document string) (answer string) {
	t.Helper()
	status, answer, err := p.answerTo(document)
	if err != nil || status != want {
		t.Errorf("the answer is %d %s %v; want %d", status, answer, err, want)
	}
	return answer
}

func (p *process) answerTo(document string) (status int, answer string, err error) {
	client := &http.Client{Timeout: 20 * time.Second}
	defer client.CloseIdleConnections()
	status, body, err := post(client, p.url(), signature.BodyHex, []byte(document))
	return status, string(body), err
}

// waitNotReady waits until /readyz is 503 and says each of these words, in lower case.
func (p *process) waitNotReady(t *testing.T, words ...string) {
	t.Helper()
	var body string
	await(t, 60*time.Second, func() bool {
		status, now, err := get("http://" + p.admin + "/readyz")
		body = now
		return err == nil && status == http.StatusServiceUnavailable && holds(now, words)
	}, func() string { return fmt.Sprintf("/readyz does not say %q: %s", words, body) })
}

// logs waits until one line of the log has all of these words.
func (p *process) logs(t *testing.T, words ...string) {
	t.Helper()
	await(t, 30*time.Second, func() bool {
		for line := range strings.Lines(p.log.String()) {
			if holds(line, words) {
				return true
			}
		}
		return false
	}, func() string {
		return fmt.Sprintf("no line of the log says %q:\n%s", words, tailOf(p.log.String(), 30))
	})
}

func holds(text string, words []string) bool {
	text = strings.ToLower(text)
	for _, word := range words {
		if !strings.Contains(text, strings.ToLower(word)) {
			return false
		}
	}
	return true
}
