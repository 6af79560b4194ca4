package embedded_test

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"hrbridge/bridge"
	"hrbridge/publishers/embedded"
	"hrbridge/publishers/nats"
)

// asOperator are the operator's credentials for the broker in the folder.
func asOperator(t *testing.T, folder string) natsgo.Option {
	t.Helper()
	user, password, err := embedded.Operator(folder)
	if err != nil {
		t.Fatal(err)
	}
	return natsgo.UserInfo(user, password)
}

func TestTheOperatorPublishesToTopicsAndChangesNothingElse(t *testing.T) {
	t.Parallel()
	o := options(t)
	b := open(t, o)
	publish(t, b, messages("a", 3))
	complaints := make(chan error, 16)
	nc := connect(t, b, asOperator(t, o.DataDir), natsgo.ErrorHandler(func(_ *natsgo.Conn, _ *natsgo.Subscription, err error) { complaints <- err }))
	if _, err := jetStream(t, nc).Publish(t.Context(), deadLetters, []byte("{}")); err != nil {
		t.Errorf("publish to a topic: %v", err)
	}
	for _, subject := range []string{
		"anything.else", "$JS.API.STREAM.DELETE.HRFLOW", "$JS.API.STREAM.PURGE.HRFLOW", "$JS.API.STREAM.UPDATE.HRFLOW",
		"$JS.API.STREAM.CREATE.OTHER", "$JS.API.STREAM.MSG.DELETE.HRFLOW",
	} {
		if err := nc.PublishRequest(subject, nc.NewInbox(), []byte("{}")); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-complaints:
			if !errors.Is(err, natsgo.ErrPermissionViolation) {
				t.Errorf("%s: %v", subject, err)
			}
		case <-time.After(30 * time.Second):
			t.Errorf("%s: nobody minded", subject)
		}
	}
	stream, err := jetStream(t, nc).Stream(t.Context(), "HRFLOW")
	if err != nil {
		t.Fatal(err)
	}
	if got := stream.CachedInfo().State.Msgs; got != 4 {
		t.Errorf("%d messages; want 4", got)
	}
}

func TestTheOperatorsPasswordIsForWhoMayReadTheFolderAndForThisStartOnly(t *testing.T) {
	t.Parallel()
	o := options(t)
	if _, _, err := embedded.Operator(o.DataDir); err == nil {
		t.Error("a password although nothing runs")
	}
	file := filepath.Join(o.DataDir, "operator")
	if err := os.MkdirAll(o.DataDir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file+".new", []byte("of a process that was killed"), 0o644); err != nil { //nolint:gosec // that is the point
		t.Fatal(err)
	}
	b := open(t, o)
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %o; want 600", info.Mode().Perm())
	}
	before := asOperator(t, o.DataDir)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the password outlives the broker: %v", err)
	}
	b = open(t, o)
	user, _, err := embedded.Operator(o.DataDir)
	if err != nil {
		t.Fatal(err)
	}
	for name, wrong := range map[string]natsgo.Option{"an earlier password": before, "no password": natsgo.UserInfo(user, "")} {
		nc := connect(t, b, wrong) // as a subscriber, which anybody is on loopback
		if _, err := jetStream(t, nc).Publish(t.Context(), deadLetters, []byte("{}")); err == nil {
			t.Errorf("published with %s", name)
		}
	}
}

func TestABrokerWithoutAListenerLeavesNoPassword(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.Listen = ""
	open(t, o)
	if _, _, err := embedded.Operator(o.DataDir); err == nil || !strings.Contains(err.Error(), "embedded.listen") {
		t.Errorf("%v", err)
	}
}

func TestTheOperatorsPasswordIsTakenOverLoopbackOrTLSOnly(t *testing.T) {
	t.Parallel()
	host := elsewhere(t)
	certificate, key := certify(t)
	for name, row := range map[string]struct {
		tls     embedded.ListenerTLS
		options []natsgo.Option
		may     bool
	}{
		"in clear text": {embedded.ListenerTLS{}, nil, false},
		"over TLS": {
			embedded.ListenerTLS{CertFile: certificate, KeyFile: key},
			[]natsgo.Option{natsgo.Secure(unverified())}, true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := options(t)
			o.Listen, o.Token, o.TLS = "0.0.0.0:0", "a token", row.tls
			b := open(t, o)
			_, port, err := net.SplitHostPort(strings.TrimPrefix(strings.TrimPrefix(b.ClientURL(), "nats://"), "tls://"))
			if err != nil {
				t.Fatal(err)
			}
			nc, err := natsgo.Connect("nats://"+net.JoinHostPort(host, port), append(row.options, asOperator(t, o.DataDir), natsgo.Timeout(30*time.Second))...)
			if err == nil {
				nc.Close()
			}
			if (err == nil) != row.may {
				t.Errorf("from %s: %v", host, err)
			}
		})
	}
}

// unverified takes any certificate: the test's is for loopback.
func unverified() *tls.Config { return &tls.Config{InsecureSkipVerify: true} } //nolint:gosec // see above

// elsewhere is an address of this machine that is not loopback.
func elsewhere(t *testing.T) string {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.To4() != nil && !ip.IP.IsLoopback() {
			return ip.IP.String()
		}
	}
	t.Skip("this machine has no address but loopback")
	return ""
}

func TestAVisitorReadsAndPublishesWhereTheBridgeIsStopped(t *testing.T) {
	t.Parallel()
	o := options(t)
	if _, _, err := embedded.Visit(t.Context(), o); !errors.Is(err, embedded.ErrNoStore) {
		t.Errorf("no store: %v", err)
	}
	b := open(t, o)
	publish(t, b, messages("a", 2))
	if _, _, err := embedded.Visit(t.Context(), o); !errors.Is(err, embedded.ErrInUse) {
		t.Errorf("while the bridge runs: %v", err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}

	visited, reading, err := embedded.Visit(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	publish(t, visited, messages("b", 1))
	reading.Reading = bridge.Reading{From: bridge.From{Start: true}, ToEnd: true}
	read := 0
	if err := nats.Tail(t.Context(), reading, func(bridge.Record) error { read++; return nil }); err != nil || read != 3 {
		t.Errorf("read %d, %v; want 3", read, err)
	}
	if nc, err := natsgo.Connect(visited.ClientURL()); err == nil {
		nc.Close()
		t.Error("anybody may read meanwhile")
	}
	if err := visited.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, o) // the bridge has its folder again
}
