package kafkatest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// stopTime is how long a broker may take to stop by itself. One that has no quorum of controllers left waits for it in vain.
const stopTime = 15 * time.Second

// broker is one Kafka process, or the place where it was and will be.
type broker struct {
	index                         int
	dir                           string
	flags                         []string // for java
	address, internal, controller string   // for clients, for the others and for this package, for the controllers

	process *os.Process   // nil where it does not run
	ended   chan struct{} // closed when it does not run any more
}

// flags are java's. Few brokers of tests live long enough for the better compiler to pay.
func flags(o Options) []string {
	log := []string{"-Dorg.slf4j.simpleLogger.showDateTime=true", "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS"}
	if o.Lasting {
		return append(log, "-Xms1g", "-Xmx1g")
	}
	return append(log, "-Xms128m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-XX:-UsePerfData")
}

// java starts a class of Kafka's with the broker's settings.
func (b *broker) java(r release, class string, args ...string) *exec.Cmd {
	flags := slices.Clone(b.flags)
	if r.classes != "" {
		flags = append(flags, r.classes)
	}
	cmd := exec.CommandContext(context.Background(), "java", slices.Concat(flags, []string{"-cp", r.jars, class}, args)...)
	cmd.Dir = b.dir
	return cmd
}

func (b *broker) settingsFile() string { return filepath.Join(b.dir, "server.properties") }
func (b *broker) logFile() string      { return filepath.Join(b.dir, "server.log") }

// format prepares the folder for the data, unless it is prepared.
func (b *broker) format(r release, args []string) error {
	if _, err := os.Stat(filepath.Join(b.dir, "data", "meta.properties")); err == nil {
		return nil
	}
	cmd := b.java(r, "kafka.tools.StorageTool", append([]string{"format", "-t", clusterID, "-c", b.settingsFile()}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("format the data of broker %d: %w\n%s", b.index, err, bytes.TrimSpace(out))
	}
	return nil
}

// start starts the process; it is not ready yet.
func (b *broker) start(r release) error {
	log, err := os.OpenFile(b.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	cmd := b.java(r, "kafka.Kafka", b.settingsFile())
	cmd.Stdout, cmd.Stderr = log, log
	endWithUs(cmd)
	started, ended := make(chan error), make(chan struct{})
	go func() {
		// The process ends with the thread that started it, so the thread waits for it and does nothing else.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
		_ = log.Close()
		close(ended)
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start broker %d: %w", b.index, err)
	}
	b.process, b.ended = cmd.Process, ended
	return nil
}

// running tells whether the process runs.
func (b *broker) running() bool {
	if b.process == nil {
		return false
	}
	select {
	case <-b.ended:
		return false
	default:
		return true
	}
}

// end sends a signal that ends the process and waits for that. What does not stop by itself in time is killed.
func (b *broker) end(signal syscall.Signal) {
	if b.process == nil {
		return
	}
	_ = b.process.Signal(signal)
	_ = b.process.Signal(syscall.SIGCONT) // one that is paused ends only when it goes on
	select {
	case <-b.ended:
	case <-time.After(stopTime):
		_ = b.process.Kill()
		<-b.ended
	}
	b.process = nil
}

// died is an error that has the end of the log of a broker which ended by itself.
func (b *broker) died() error {
	content, err := os.ReadFile(b.logFile())
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	return errors.Join(fmt.Errorf("broker %d ended:\n%s", b.index, strings.Join(lines[max(len(lines)-20, 0):], "\n")), err)
}
