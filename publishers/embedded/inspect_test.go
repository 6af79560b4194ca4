package embedded_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hrbridge/bridge"
	"hrbridge/publishers/embedded"
	"hrbridge/publishers/nats"
)

// verdicts are the findings' by their names.
func verdicts(findings []bridge.Finding) map[string]bridge.Finding {
	all := make(map[string]bridge.Finding, len(findings))
	for _, f := range findings {
		all[f.Name] = f
	}
	return all
}

func inspectOptions(o embedded.Options, url string) embedded.InspectOptions {
	return embedded.InspectOptions{
		Options: o, Redelivery: 10 * time.Second,
		Subscriber: nats.TailOptions{URL: url, Auth: nats.Auth{User: o.User, Password: o.Password, Token: o.Token}},
	}
}

func TestInspectLooksAtARunningBridgeThroughItsListener(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*embedded.Options){
		"open on loopback": func(*embedded.Options) {},
		"with a password":  func(o *embedded.Options) { o.User, o.Password = "ada", "an invented password" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(t)
			change(&o)
			b := open(t, o)
			found, err := embedded.Inspect(t.Context(), inspectOptions(o, b.ClientURL()))
			if err != nil {
				t.Fatal(err)
			}
			all := verdicts(found)
			for name, f := range all {
				if f.Status != bridge.VerdictOK {
					t.Errorf("%s is %s: %+v", name, f.Status, f)
				}
			}
			if text := all["embedded.store"].Found; !strings.Contains(text, "a bridge runs") {
				t.Errorf("it does not say that a bridge runs: %s", text)
			}
			if err := b.Publish(t.Context(), messages("seen", 1)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestInspectSaysThatTheListenerRefusesUs(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.Token = "an invented token"
	b := open(t, o)
	asked := inspectOptions(o, b.ClientURL())
	asked.Subscriber.Auth.Token = "another"
	found, err := embedded.Inspect(t.Context(), asked)
	if bridge.KindOf(err) != bridge.KindRefused {
		t.Errorf("the error is %v", err)
	}
	if f := verdicts(found)["broker.reach"]; f.Status != bridge.VerdictFailure || !strings.Contains(f.Found, "credentials") {
		t.Errorf("broker.reach: %+v", f)
	}
}

func TestInspectLeavesAFolderThatNobodyUsesAsItIs(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.DataDir = filepath.Join(o.DataDir, "not-there-yet")
	found, err := embedded.Inspect(t.Context(), inspectOptions(o, "nats://127.0.0.1:1"))
	if err != nil {
		t.Fatal(err)
	}
	if f := verdicts(found)["embedded.store"]; f.Status != bridge.VerdictOK || !strings.Contains(f.Found, "no store") {
		t.Errorf("embedded.store: %+v", f)
	}
	if _, err := os.Stat(o.DataDir); !os.IsNotExist(err) {
		t.Errorf("looking made the folder: %v", err)
	}

	b := open(t, o)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	found, err = embedded.Inspect(t.Context(), inspectOptions(o, "nats://127.0.0.1:1"))
	if err != nil {
		t.Fatal(err)
	}
	all := verdicts(found)
	if f := all["embedded.store"]; f.Status != bridge.VerdictOK || !strings.Contains(f.Found, "no bridge runs") {
		t.Errorf("embedded.store: %+v", f)
	}
	if f := all["stream.present"]; f.Status != bridge.VerdictSkipped {
		t.Errorf("stream.present: %+v", f)
	}
	open(t, o) // the lock was given back
}
