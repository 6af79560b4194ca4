package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	natsserver "github.com/nats-io/nats-server/v2/server"
)

func TestComposeNATSServerSyncsAlwaysAndAsksForTheToken(t *testing.T) {
	project := loadCompose(t, "nats")
	nats := project.Services["nats"]
	c := composeConfig(t, project.Services["hrbridge-nats"])
	dir, bin := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "broker-token"), []byte("1e5aa\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bin, "nats-server"), []byte("#!/bin/sh\nprintf %s \"$BROKER_TOKEN|$*\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	line := append(slices.Clone(nats.Entrypoint[1:]), strings.ReplaceAll(nats.Command[0], secretsDir, dir+"/"))
	cmd := exec.CommandContext(t.Context(), nats.Entrypoint[0], line...)
	cmd.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH")}
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	inherited, args, _ := strings.Cut(string(out), "|")
	if want := "--config " + nats.Volumes[0].Target; args != want {
		t.Errorf("it is started with %q; want %q", args, want)
	}
	t.Setenv("BROKER_TOKEN", inherited)
	o, err := natsserver.ProcessConfigFile(nats.Volumes[0].Source)
	if err != nil {
		t.Fatal(err)
	}
	if !o.SyncAlways || !o.JetStream || o.Authorization != "1e5aa" || o.StoreDir != nats.Volumes[1].Target {
		t.Errorf("sync always %v, JetStream %v in %s, token %q", o.SyncAlways, o.JetStream, o.StoreDir, o.Authorization)
	}
	if want := "nats://" + net.JoinHostPort(nats.Name, fmt.Sprint(o.Port)); c.Publisher().NATS.URL != want {
		t.Errorf("the bridge connects to %s; want %s", c.Publisher().NATS.URL, want)
	}
	if check := nats.HealthCheck.Test; check[len(check)-1] != "http://"+net.JoinHostPort(o.HTTPHost, fmt.Sprint(o.HTTPPort))+"/healthz" {
		t.Errorf("the health check asks %v, and %s:%d answers", check, o.HTTPHost, o.HTTPPort)
	}
	if target := nats.Ports[0].Target; len(nats.Ports) != 1 || int(target) != o.Port {
		t.Errorf("port %d is published, and the server listens on %d", target, o.Port)
	}
	if gives := project.Services["nats-volume"]; gives.Volumes[0].Source != nats.Volumes[1].Source || gives.Entrypoint[1] != nats.User || gives.Entrypoint[2] != o.StoreDir {
		t.Errorf("nats-volume does %v", gives.Entrypoint)
	}
}
