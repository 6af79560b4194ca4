package main_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// proof is the part of a report that the tests look at.
type proof struct {
	Proven      bool `json:"proven"`
	Interrupted bool `json:"interrupted"`
	Events      struct {
		Sent, Acknowledged, Stored, Lost, Doubled, Altered, Misrouted int
		StoredAgain                                                   int `json:"stored_again"`
	} `json:"events"`
	Forged struct{ Sent, Refused, Found int } `json:"forged"`
}

func decodeProof(t *testing.T, out, errs string) proof {
	t.Helper()
	var r proof
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%v in\n%s%s", err, out, errs)
	}
	return r
}

// proving starts prove beside the bridge p, for a test that does something to it meanwhile.
func (p *process) proving(t *testing.T, args ...string) (cmd *exec.Cmd, stdout *bytes.Buffer) {
	t.Helper()
	cmd = exec.CommandContext(t.Context(), p.binary, append([]string{"prove"}, args...)...) //nolint:gosec // our own binary
	stdout = new(bytes.Buffer)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = p.env, p.dataDir, stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, stdout
}

// provable is a bridge on the NATS server at an address, with a source to prove with.
func provable(t *testing.T, addr string) *process {
	t.Helper()
	p := serve(t, checkedBinary(t), map[string]string{
		"HRBRIDGE_PUBLISHER": "nats", "HRBRIDGE_NATS_URL": "nats://" + addr,
		"HRBRIDGE_SOURCES_PROVE_SECRETS": "another-invented-secret", "HRBRIDGE_SOURCES_PROVE_TOPIC_PREFIX": "prove.",
	})
	p.waitReady(t, http.StatusOK)
	return p
}

// provableNATS is one on a NATS server of its own.
func provableNATS(t *testing.T) (*process, jetstream.Stream) {
	t.Helper()
	addr := freeAddr(t)
	natsServer(t, addr, t.TempDir())
	p := provable(t, addr)
	nc := must(natsgo.Connect("nats://" + addr))(t)
	t.Cleanup(nc.Close)
	return p, must(must(jetstream.New(nc))(t).Stream(t.Context(), "HRFLOW"))(t)
}

// awaitObligations waits until a run has kept more of them in the file.
func (p *process) awaitObligations(t *testing.T, file string) {
	t.Helper()
	size := func() int64 {
		info, err := os.Stat(filepath.Join(p.dataDir, file))
		if err != nil {
			return 0
		}
		return info.Size()
	}
	before := size()
	await(t, 60*time.Second, func() bool { return size() > before+4096 }, func() string { return "nothing is acknowledged" })
}

// deleteOne deletes an event behind the bridge's back, as soon as there is one after a place in the stream.
func deleteOne(t *testing.T, stream jetstream.Stream, after uint64) {
	t.Helper()
	await(t, 30*time.Second, func() bool {
		m, err := stream.GetLastMsgForSubject(t.Context(), "prove.profile.parsing.success")
		return err == nil && m.Sequence > after && strings.Contains(string(m.Data), " event ") && stream.DeleteMsg(t.Context(), m.Sequence) == nil
	}, func() string { return "there is no event to delete" })
}

func TestProveFindsNothingWrongWithTheEmbeddedBroker(t *testing.T) {
	t.Parallel()
	p := serve(t, checkedBinary(t), nil, "--dev")
	p.waitReady(t, http.StatusOK)
	code, out, errs := p.verb(t, nil, "prove", "--dev", "--events", "1500", "--json")
	r := decodeProof(t, out, errs)
	if e := r.Events; code != 0 || !r.Proven || e.Sent != 1500 || e.Acknowledged != 1500 || e.Stored != 1500 || e.Lost != 0 || e.Doubled != 0 {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	if r.Forged.Sent == 0 || r.Forged.Refused != r.Forged.Sent || r.Forged.Found != 0 {
		t.Errorf("forged: %+v", r.Forged)
	}
	if left := must(filepath.Glob(filepath.Join(p.dataDir, "*.obligations")))(t); len(left) != 0 {
		t.Errorf("obligations that are met are still there: %v", left)
	}
	if code, out, errs = p.verb(t, nil, "tail", "--from", "start", "--count", "1", "--timeout", "2s", "profile.*"); code == 0 {
		t.Errorf("an invented event is on a topic of real ones: %s%s", out, errs)
	}
}

func TestProveFindsWhatIsDeletedFromTheStream(t *testing.T) {
	t.Parallel()
	p, stream := provableNATS(t)
	code, out, errs := p.verb(t, nil, "prove", "--events", "500", "--state", "kept")
	if code != 0 || !strings.Contains(out, "found       500 stored, 0 lost, 0 doubled") || !strings.HasSuffix(out, "\nproven\n") {
		t.Fatalf("exit code %d: %s%s", code, out, errs)
	}
	deleteOne(t, stream, 0)
	code, out, errs = p.verb(t, nil, "prove", "--resume", "kept", "--json")
	if r := decodeProof(t, out, errs); code != 1 || r.Proven || r.Events.Acknowledged != 500 || r.Events.Lost != 1 || !strings.Contains(errs, "not proven: 1 lost") {
		t.Errorf("after the run: exit code %d: %s%s", code, out, errs)
	}

	before := must(stream.Info(t.Context()))(t).State.LastSeq
	cmd, live := p.proving(t, "--duration", "3s", "--settle", "3s", "--json")
	deleteOne(t, stream, before)
	err := cmd.Wait()
	r := decodeProof(t, live.String(), "")
	if cmd.ProcessState.ExitCode() != 1 || r.Proven || r.Events.Lost != 1 || r.Events.Stored != r.Events.Acknowledged-1 {
		t.Errorf("during the run: %v: %s", err, live)
	}
	if left := must(filepath.Glob(filepath.Join(p.dataDir, "*.obligations")))(t); len(left) != 1 {
		t.Errorf("the obligations that are not met are not kept: %v", left)
	}
}

func TestProveThatWasKilledIsResumed(t *testing.T) {
	t.Parallel()
	p, _ := provableNATS(t)
	cmd, _ := p.proving(t, "--duration", "1h", "--state", "kept")
	p.awaitObligations(t, "kept")
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	p.kill()
	p.start(t)
	p.waitReady(t, http.StatusOK)
	code, out, errs := p.verb(t, nil, "prove", "--resume", "kept", "--json")
	if r := decodeProof(t, out, errs); code != 0 || !r.Proven || r.Events.Acknowledged < 100 || r.Events.Stored != r.Events.Acknowledged {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
}

func TestProveThatIsInterruptedAuditsWhatWasAcknowledged(t *testing.T) {
	t.Parallel()
	p, _ := provableNATS(t)
	cmd, out := p.proving(t, "--duration", "1h", "--state", "kept", "--json")
	p.awaitObligations(t, "kept")
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	if r := decodeProof(t, out.String(), ""); err != nil || !r.Proven || !r.Interrupted || r.Events.Acknowledged == 0 {
		t.Errorf("%v: %s", err, out)
	}
}

func TestProveOutlivesABridgeThatIsKilled(t *testing.T) {
	t.Parallel()
	p, _ := provableNATS(t)
	cmd, out := p.proving(t, "--events", "3000", "--state", "kept", "--json")
	for range 2 {
		p.awaitObligations(t, "kept")
		p.kill()
		p.start(t)
		p.waitReady(t, http.StatusOK)
	}
	err := cmd.Wait()
	if r := decodeProof(t, out.String(), ""); err != nil || !r.Proven || r.Events.Lost != 0 || r.Events.Acknowledged < 2000 {
		t.Errorf("%v: %s", err, out)
	}
}

func TestProveOutlivesABrokerThatGoesAndComes(t *testing.T) {
	t.Parallel()
	addr, store := freeAddr(t), t.TempDir()
	server := natsServer(t, addr, store)
	p := provable(t, addr)
	cmd, out := p.proving(t, "--events", "3000", "--state", "kept", "--json")
	for range 2 {
		p.awaitObligations(t, "kept")
		stopServer(server)
		server = natsServer(t, addr, store)
	}
	err := cmd.Wait()
	if r := decodeProof(t, out.String(), ""); err != nil || !r.Proven || r.Events.Lost != 0 || r.Events.Acknowledged < 2000 {
		t.Errorf("%v: %s", err, out)
	}
}
