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

func TestComposeKafkaIsReachedWhereItListens(t *testing.T) {
	t.Parallel()
	project := loadCompose(t, "kafka")
	kafka := project.Services["kafka"]
	env := func(name string) string {
		if v := kafka.Environment[name]; v != nil {
			return *v
		}
		return ""
	}
	listening, advertised := listenersOf(env("KAFKA_LISTENERS")), listenersOf(env("KAFKA_ADVERTISED_LISTENERS"))
	for name, at := range advertised {
		if portOf(t, listening[name]) != portOf(t, at) {
			t.Errorf("%s listens on %s and says %s", name, listening[name], at)
		}
	}
	brokers := composeConfig(t, project.Services["hrbridge-kafka"]).Publisher().Kafka.Brokers
	if inside := advertised[env("KAFKA_INTER_BROKER_LISTENER_NAME")]; !slices.Equal(brokers, []string{inside}) || !strings.HasPrefix(inside, kafka.Name+":") {
		t.Errorf("the bridge connects to %v, and the broker says %s", brokers, inside)
	}
	if host := advertised["HOST"]; host != fmt.Sprintf("127.0.0.1:%d", kafka.Ports[0].Target) || !slices.Contains(kafka.HealthCheck.Test, host) {
		t.Errorf("the host connects to %s; published is %d; the health check is %v", host, kafka.Ports[0].Target, kafka.HealthCheck.Test)
	}
	if env("KAFKA_LOG_FLUSH_INTERVAL_MESSAGES") != "1" {
		t.Error("a single broker acknowledges what it has not synced")
	}
	if kafka.Volumes[0].Target != env("KAFKA_LOG_DIRS") {
		t.Errorf("the data is in %s, and the volume at %s", env("KAFKA_LOG_DIRS"), kafka.Volumes[0].Target)
	}
	if id := env("CLUSTER_ID"); len(id) != 22 {
		t.Errorf("the cluster's id %q is not 16 bytes", id)
	}
}

// listenersOf is NAME://host:port,… by name.
func listenersOf(s string) map[string]string {
	all := make(map[string]string)
	for l := range strings.SplitSeq(s, ",") {
		name, at, _ := strings.Cut(l, "://")
		all[name] = at
	}
	return all
}
