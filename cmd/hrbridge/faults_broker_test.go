package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"
)

var natsBinary built

// natsProcess is a NATS server as a process of its own, which can be killed and paused without ending the test.
type natsProcess struct {
	binary, conf string
	addr, store  string

	cmd  *exec.Cmd
	log  *lockedBuffer
	done chan struct{}
}

// startNATS starts a server with JetStream on its store, which syncs always unless more says otherwise; more is configuration.
func startNATS(t *testing.T, addr, store, more string) *natsProcess {
	t.Helper()
	n := newNATS(t, addr, store, more)
	n.start(t)
	n.awaitServing(t)
	return n
}

// newNATS is a server that is not started yet.
func newNATS(t *testing.T, addr, store, more string) *natsProcess {
	t.Helper()
	n := &natsProcess{
		binary: must(natsBinary.build(buildDir, "natsserver", "./testdata/natsserver"))(t),
		conf:   filepath.Join(t.TempDir(), "nats.conf"), addr: addr, store: store, log: new(lockedBuffer),
	}
	conf := fmt.Sprintf("listen: %q\njetstream { store_dir: %q, sync_interval: always, max_file_store: 1GB }\n%s\n", addr, store, more)
	if err := os.WriteFile(n.conf, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		n.kill()
		if t.Failed() {
			t.Logf("the end of the log of the NATS server at %s:\n%s", addr, tailOf(n.log.String(), 15))
		}
	})
	return n
}

func (n *natsProcess) url() string { return "nats://" + n.addr }

// start starts it unless it runs.
func (n *natsProcess) start(t *testing.T) {
	t.Helper()
	if n.running() {
		return
	}
	n.cmd = exec.Command(n.binary, n.conf) //nolint:gosec // our own binary
	n.cmd.Stdout, n.cmd.Stderr = n.log, n.log
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	n.done = make(chan struct{})
	go func(cmd *exec.Cmd, done chan struct{}) {
		defer close(done)
		_ = cmd.Wait()
	}(n.cmd, n.done)
}

func (n *natsProcess) running() bool { return n.cmd != nil && !isClosed(n.done) }

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// awaitServing waits until it takes connections and JetStream answers.
func (n *natsProcess) awaitServing(t *testing.T) {
	t.Helper()
	await(t, 30*time.Second, func() bool {
		nc, err := natsgo.Connect(n.url(), natsgo.NoReconnect())
		if err != nil {
			return false
		}
		defer nc.Close()
		_, err = nc.Request("$JS.API.INFO", nil, time.Second)
		return err == nil
	}, func() string { return "the NATS server does not serve:\n" + tailOf(n.log.String(), 15) })
}

// signal does nothing where there is no process.
func (n *natsProcess) signal(s syscall.Signal) {
	if n.running() {
		_ = n.cmd.Process.Signal(s)
	}
}

// kill ends it with SIGKILL.
func (n *natsProcess) kill() {
	if n.running() {
		n.signal(syscall.SIGKILL)
		<-n.done
	}
}

// stop ends it with SIGTERM, also where it is paused.
func (n *natsProcess) stop(t *testing.T) {
	t.Helper()
	if !n.running() {
		return
	}
	n.signal(syscall.SIGTERM)
	n.signal(syscall.SIGCONT)
	select {
	case <-n.done:
	case <-time.After(60 * time.Second):
		t.Fatal("the NATS server is still running 60 s after SIGTERM")
	}
}

// empty takes everything out of its store.
func (n *natsProcess) empty(t *testing.T) {
	t.Helper()
	for _, file := range must(filepath.Glob(filepath.Join(n.store, "*")))(t) {
		if err := os.RemoveAll(file); err != nil && !strings.Contains(err.Error(), "no such file") {
			t.Error(err)
		}
	}
}
