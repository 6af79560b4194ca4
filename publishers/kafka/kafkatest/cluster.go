package kafkatest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"golang.org/x/sync/errgroup"
)

// Cluster is a running Kafka. Its brokers are counted from 0, which is also how they call themselves.
type Cluster struct {
	options      Options
	release      release
	brokers      []*broker
	addresses    []string // that clients are told
	certificates *Certificates
}

// Open starts a cluster, ready for clients, for whoever is no test; o.Dir must be set. Close ends it.
func Open(ctx context.Context, o Options) (*Cluster, error) {
	r, err := find(ctx, o.Version)
	if err != nil {
		return nil, err
	}
	return run(ctx, r, o)
}

func run(ctx context.Context, r release, o Options) (*Cluster, error) {
	c := &Cluster{options: o, release: r}
	for i := range max(o.Brokers, 1) {
		b := &broker{index: i, dir: filepath.Join(o.Dir, "broker-"+strconv.Itoa(i)), flags: flags(o)}
		if err := b.listen(o.Port); err != nil {
			return nil, err
		}
		address := b.address
		if o.Advertise != nil {
			address = o.Advertise(i, address)
		}
		c.brokers, c.addresses = append(c.brokers, b), append(c.addresses, address)
	}
	certificates, err := newCertificates(o.Dir)
	if err != nil {
		return nil, err
	}
	c.certificates = certificates
	var all errgroup.Group
	for i, b := range c.brokers {
		all.Go(func() error {
			if err := os.MkdirAll(b.dir, 0o750); err != nil {
				return err
			}
			if err := os.WriteFile(b.settingsFile(), []byte(c.properties(i)), 0o600); err != nil {
				return err
			}
			return b.format(r, scram(o.Users))
		})
	}
	if err := all.Wait(); err != nil {
		return nil, err
	}
	if err := c.start(ctx, c.all()...); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// all are the numbers of all brokers.
func (c *Cluster) all() []int {
	all := make([]int, len(c.brokers))
	for i := range all {
		all[i] = i
	}
	return all
}

// start starts these brokers and waits until each of them knows all that run.
func (c *Cluster) start(ctx context.Context, brokers ...int) error {
	for _, i := range brokers {
		if c.brokers[i].running() {
			return fmt.Errorf("broker %d runs already", i)
		}
		if err := c.brokers[i].start(c.release); err != nil {
			return err
		}
	}
	return c.awaitReady(ctx, brokers)
}

// end ends these brokers, all at once.
func (c *Cluster) end(signal syscall.Signal, brokers ...int) {
	var all errgroup.Group
	for _, i := range brokers {
		all.Go(func() error {
			c.brokers[i].end(signal)
			return nil
		})
	}
	_ = all.Wait()
}

// running are the numbers of the brokers that run.
func (c *Cluster) running() []int {
	return slices.DeleteFunc(c.all(), func(i int) bool { return !c.brokers[i].running() })
}

// Close kills the brokers.
func (c *Cluster) Close() { c.end(syscall.SIGKILL, c.all()...) }

// Command is one of Kafka's own programs, by the name of its class.
func (c *Cluster) Command(ctx context.Context, class string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "java", append([]string{"-cp", c.release.jars, class}, args...)...)
	endWithUs(cmd)
	return cmd
}

// Addresses are where clients find the cluster.
func (c *Cluster) Addresses() []string { return slices.Clone(c.addresses) }

// Brokers are the addresses, too: what kafka.Options calls them.
func (c *Cluster) Brokers() []string { return c.Addresses() }

// Certificates are the files that a client of a cluster with SSL needs.
func (c *Cluster) Certificates() Certificates { return *c.certificates }
