package main_test

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"hrbridge/publishers/kafka/kafkatest"
)

// checkup is what doctor --json prints, as a script reads it.
type checkup struct {
	Status string `json:"status"`
	Checks []struct {
		Name   string `json:"name"`
		Status string `json:"status"`
		Found  string `json:"found"`
		Why    string `json:"why"`
		Remedy string `json:"remedy"`
	} `json:"checks"`
}

func (p *process) doctor(t *testing.T, args ...string) (checkup, int) {
	t.Helper()
	code, out, errs := p.verb(t, nil, append([]string{"doctor", "--json"}, args...)...)
	var c checkup
	if err := json.Unmarshal([]byte(out), &c); err != nil {
		t.Fatalf("exit code %d, and no report: %v\n%s%s", code, err, out, errs)
	}
	return c, code
}

func TestDoctorLooksAtARunningBridgeAndLeavesItAsItIs(t *testing.T) {
	t.Parallel()
	p := serve(t, checkedBinary(t), nil)
	p.waitReady(t, http.StatusOK)
	nc := must(natsgo.Connect("nats://" + p.broker))(t)
	defer nc.Close()
	js := must(jetstream.New(nc))(t)
	state := func() (state []any) {
		list := js.ListStreams(t.Context())
		for s := range list.Info() {
			state = append(state, s.Config, s.State)
		}
		if err := list.Err(); err != nil {
			t.Fatal(err)
		}
		return state
	}
	before := state()
	found, code := p.doctor(t)
	if code != 0 || found.Status == "failure" {
		t.Errorf("exit code %d: %+v", code, found)
	}
	var names []string
	for _, c := range found.Checks {
		names = append(names, c.Name)
		if c.Name == "bridge.ready" && (c.Status != "ok" || !strings.Contains(c.Found, "says: ready")) {
			t.Errorf("%+v", c)
		}
		if c.Name == "stream.present" && (c.Status != "ok" || !strings.Contains(c.Found, "HRFLOW")) {
			t.Errorf("%+v", c)
		}
	}
	want := strings.Fields(`configuration secrets admin.listen limits.sizes limits.files clock
		data_dir data_dir.filesystem data_dir.room spool data_dir.sync bridge.ready embedded.store
		broker.reach broker.version broker.sync stream.present stream.settings stream.replicas stream.room stream.duplicate_window
		broker.max_message rights.publish rights.provision clock.broker`)
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(before, state()); diff != "" {
		t.Errorf("the broker is not as it was:\n%s", diff)
	}
	files, err := os.ReadDir(p.dataDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if strings.Contains(f.Name(), "doctor") {
			t.Errorf("it left %s behind", f.Name())
		}
	}

	p.stop(t)
	if found, code := p.doctor(t); code != 0 || found.Status == "failure" {
		t.Errorf("without a bridge that runs: exit code %d: %+v", code, found)
	}
	p.start(t) // looking did not take the folder
	p.waitReady(t, http.StatusOK)
}

func TestDoctorMakesNothingOnABrokerOfTheOperators(t *testing.T) {
	t.Parallel()
	addr := freeAddr(t)
	natsServer(t, addr, t.TempDir())
	p := serve(t, checkedBinary(t), map[string]string{"HRBRIDGE_PUBLISHER": "nats", "HRBRIDGE_NATS_URL": "nats://" + addr, "HRBRIDGE_NATS_PROVISION": "false", "HRBRIDGE_SPOOL": "off"})
	p.waitReady(t, http.StatusServiceUnavailable)
	found, code := p.doctor(t)
	if code != 1 || found.Status != "failure" {
		t.Errorf("exit code %d: %+v", code, found)
	}
	if code := p.stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if found, code = p.doctor(t, "--nats-provision=true"); code != 0 || found.Status != "warning" {
		t.Errorf("exit code %d: %+v", code, found)
	}
	nc := must(natsgo.Connect("nats://" + addr))(t)
	defer nc.Close()
	js := must(jetstream.New(nc))(t)
	names := js.StreamNames(t.Context())
	for name := range names.Name() {
		t.Errorf("there is a stream %s", name)
	}
	if err := names.Err(); err != nil {
		t.Error(err)
	}
}

func TestDoctorMakesNoTopicOnARealKafka(t *testing.T) {
	t.Parallel()
	c := kafkatest.Shared(t)
	p := serveKafka(t, c, map[string]string{"HRBRIDGE_TOPIC_PREFIX": "doctor.", "HRBRIDGE_TOPIC_DEAD_LETTER": "doctor.deadletter", "HRBRIDGE_KAFKA_PROVISION": "false"})
	p.waitReady(t, http.StatusServiceUnavailable)
	ours := func() (names []string) {
		all := must(c.Admin(t).ListTopics(t.Context()))(t)
		for _, name := range all.Names() {
			if strings.HasPrefix(name, "doctor.") {
				names = append(names, name)
			}
		}
		return names
	}
	said := func(found checkup, name string) string {
		for _, c := range found.Checks {
			if c.Name == name {
				return c.Status
			}
		}
		return ""
	}
	found, code := p.doctor(t)
	if code != 1 || said(found, "topics.present") != "failure" || said(found, "bridge.ready") != "failure" {
		t.Errorf("exit code %d: %+v", code, found)
	}
	if found, _ = p.doctor(t, "--kafka-provision=true"); said(found, "topics.present") != "warning" || said(found, "rights.provision") != "ok" {
		t.Errorf("%+v", found)
	}
	if names := ours(); names != nil {
		t.Errorf("it made %v", names)
	}
}
