package main_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The clock of one process cannot be set, and that of the machine is not a test's to set. So this binary is the bridge with a
// time package of its own: the wall clock goes an hour ahead at SIGUSR1 and an hour back at SIGUSR2, in the middle of whatever
// is going on, and the monotonic clock does not, as it is when somebody sets the clock of a machine.
const (
	readsClock = "\tsec, nsec, mono := runtimeNow()\n"
	stepsClock = readsClock + "\tsec += Stepped.Load()\n"

	clock = `package time

import "sync/atomic"

// Stepped is by how many seconds the wall clock was set.
var Stepped atomic.Int64
`
	setsClock = `package main

import (
	"os"
	"os/signal"
	"syscall"
	"time"
)

func init() {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGUSR1, syscall.SIGUSR2)
	go func() {
		for s := range signals {
			if s == syscall.SIGUSR1 {
				time.Stepped.Add(3600)
			} else {
				time.Stepped.Add(-3600)
			}
		}
	}()
}
`
)

const ahead, back = syscall.SIGUSR1, syscall.SIGUSR2

// steppableBinary builds it, which compiles nearly all of Go anew.
func steppableBinary(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	root := strings.TrimSpace(string(must(exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output())(t)))
	original := filepath.Join(root, "src", "time", "time.go")
	source := string(must(os.ReadFile(original))(t))
	if strings.Count(source, readsClock) != 1 {
		t.Fatalf("%s does not read the clock where this test knows of", original)
	}
	here := must(os.Getwd())(t)
	overlay := must(json.Marshal(map[string]map[string]string{"Replace": {
		original: write("time.go", strings.Replace(source, readsClock, stepsClock, 1)),
		filepath.Join(root, "src", "time", "stepped.go"): write("stepped.go", clock),
		filepath.Join(here, "stepped.go"):                write("main.go", setsClock),
	}}))(t)
	binary := filepath.Join(dir, "hrbridge-steppable")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-overlay", write("overlay.json", string(overlay)), "-o", binary, ".").CombinedOutput() //nolint:gosec // our own arguments
	if err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return binary
}

// step sets the bridge's clock. It goes on with deliveries on both sides of it.
func (w *world) step(t *testing.T, by syscall.Signal) {
	t.Helper()
	w.oracle.awaitMore(t, 40)
	if err := w.bridge.cmd.Process.Signal(by); err != nil {
		t.Fatal(err)
	}
	w.oracle.awaitMore(t, 40)
}

func TestFaultTheClockIsStepped(t *testing.T) {
	t.Parallel()
	if !planFaults(t).long {
		t.Skip("to build the binary takes minutes of a slow machine: make faults does")
	}
	binary := steppableBinary(t)
	t.Run("while events are published, spooled and drained", func(t *testing.T) {
		w := &world{whole: t, plan: planFaults(t), oracle: newOracle(), broker: startNATS(t, freeAddr(t), t.TempDir(), "")}
		settings := settingsOfWorlds(w.broker.url(), "batch")
		settings["HRBRIDGE_ANSWER_WITHIN"], settings["HRBRIDGE_SPOOL_AFTER"] = "10s", "200ms"
		w.bridge = serve(t, binary, settings)
		w.begin(t)
		for _, by := range []syscall.Signal{ahead, back, back, ahead} {
			w.step(t, by)
			w.settle(t)
		}
		w.broker.kill()
		w.awaitTrouble(t)
		for _, by := range []syscall.Signal{back, ahead, ahead} {
			w.step(t, by)
		}
		w.lasts(t)
		if w.spooled(t) == 0 {
			t.Error("nothing is in the spool")
		}
		w.broker.start(t)
		w.step(t, back)
		w.settle(t)
		w.end(t)
	})
	// The embedded broker's clock is the bridge's, and with it the time for which it remembers ids: set ahead by more than that,
	// it may store again what was sent again.
	t.Run("with the broker inside", func(t *testing.T) {
		w := &world{whole: t, plan: planFaults(t), oracle: newOracle()}
		w.bridge = serve(t, binary, map[string]string{"HRBRIDGE_EMBEDDED_MIN_FREE": "0", "HRBRIDGE_STREAM_DUPLICATE_WINDOW": "24h"})
		w.begin(t)
		for _, by := range []syscall.Signal{ahead, back, back, ahead, ahead} {
			w.step(t, by)
			w.settle(t)
		}
		w.bridge.kill()
		w.bridge.start(t) // an hour before it was killed
		w.settle(t)
		w.end(t)
	})
}
