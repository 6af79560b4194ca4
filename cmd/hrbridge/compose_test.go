package main

import (
	"fmt"
	"net"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"

	"hrbridge/cmd/hrbridge/config"
)

// These tests hold docker-compose.yml against what the binary accepts. They need no Docker, and so cannot tell whether an image
// exists and does what its makers say.

const (
	top        = "../.." // of the repository
	secretsDir = "/run/secrets/"
)

// The profiles, and the service that is the bridge in each.
var composeProfiles = map[string]string{"embedded": "hrbridge", "nats": "hrbridge-nats", "kafka": "hrbridge-kafka"}

// loadCompose is docker-compose.yml as docker compose has it with a profile; with "", the one of .env.
func loadCompose(t *testing.T, profile string) *types.Project {
	t.Helper()
	var profiles []string
	if profile != "" {
		profiles = []string{profile}
	}
	o, err := cli.NewProjectOptions([]string{filepath.Join(top, "docker-compose.yml")},
		cli.WithWorkingDirectory(top), cli.WithEnvFiles(), cli.WithDotEnv, cli.WithDefaultProfiles(profiles...))
	if err != nil {
		t.Fatal(err)
	}
	project, err := o.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return project
}

// eachService calls check for every service of every profile.
func eachService(t *testing.T, check func(t *testing.T, s types.ServiceConfig)) {
	t.Helper()
	for profile := range composeProfiles {
		for name, s := range loadCompose(t, profile).Services {
			t.Run(profile+", "+name, func(t *testing.T) { check(t, s) })
		}
	}
}

func isBridge(s types.ServiceConfig) bool { return s.Build != nil }

func TestComposeRunsTheEmbeddedBrokerUnlessToldOtherwise(t *testing.T) {
	t.Parallel()
	if got := loadCompose(t, "").ServiceNames(); !slices.Equal(got, []string{"hrbridge"}) {
		t.Errorf("docker compose up starts %v; want hrbridge alone", got)
	}
}

func TestComposeHasExactlyOneBridgeInEachProfile(t *testing.T) {
	t.Parallel()
	for profile, want := range composeProfiles {
		var bridges []string
		for name, s := range loadCompose(t, profile).Services {
			if isBridge(s) {
				bridges = append(bridges, name)
			}
		}
		if !slices.Equal(bridges, []string{want}) {
			t.Errorf("profile %s has the bridges %v; want %s", profile, bridges, want)
		}
	}
}

func TestComposePublishesOnlyTheIngressBeyondLoopback(t *testing.T) {
	t.Parallel()
	eachService(t, func(t *testing.T, s types.ServiceConfig) {
		for _, p := range s.Ports {
			ingress := isBridge(s) && p.Target == portOf(t, *s.Environment["HRBRIDGE_LISTEN"])
			if loopback := p.HostIP == "127.0.0.1"; loopback == ingress {
				t.Errorf("port %s:%s:%d", p.HostIP, p.Published, p.Target)
			}
			if p.Published != fmt.Sprint(p.Target) {
				t.Errorf("port %d is published as %s", p.Target, p.Published)
			}
		}
	})
}

var pinned = regexp.MustCompile(`^[a-z./]+:(dev|[0-9]+\.[0-9]+\.[0-9]+(-alpine)?)$`)

func TestComposeServicesArePinnedHardenedAndWatched(t *testing.T) {
	t.Parallel()
	eachService(t, func(t *testing.T, s types.ServiceConfig) {
		if !pinned.MatchString(s.Image) {
			t.Errorf("the image %q has no version of its own", s.Image)
		}
		if !s.ReadOnly || s.Privileged || !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") {
			t.Error("it has rights that it does not need")
		}
		if s.Restart != "no" { // what ends by itself has ended well before others start
			checkServes(t, s)
		}
		for name, on := range s.DependsOn {
			if on.Condition != types.ServiceConditionHealthy && on.Condition != types.ServiceConditionCompletedSuccessfully {
				t.Errorf("it does not wait until %s serves", name)
			}
		}
		for _, secret := range s.Secrets {
			if secret.Target != "" && secret.Target != secretsDir+secret.Source && secret.Target != secret.Source {
				t.Errorf("the secret %s is elsewhere: %s", secret.Source, secret.Target)
			}
		}
	})
}

// checkServes is about a service that is to stay.
func checkServes(t *testing.T, s types.ServiceConfig) {
	t.Helper()
	if s.Restart != "unless-stopped" || s.HealthCheck == nil || s.HealthCheck.Disable || len(s.HealthCheck.Test) < 2 {
		t.Error("nobody restarts it, or sees when it fails")
	}
	userOfImage := strings.HasPrefix(s.Image, "apache/kafka:") // which is not root
	if len(s.CapAdd) > 0 || s.User == "0" || strings.HasPrefix(s.User, "0:") || s.User == "" && !userOfImage {
		t.Error("it is root")
	}
}

func TestComposeSecretsAreFilesThatAreNeverCommitted(t *testing.T) {
	t.Parallel()
	ignored, err := os.ReadFile(filepath.Join(top, ".gitignore"))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(strings.Split(string(ignored), "\n"), "/deploy/secrets/") {
		t.Error("deploy/secrets is not ignored")
	}
	for profile := range composeProfiles {
		for name, secret := range loadCompose(t, profile).Secrets {
			if dir := path.Base(path.Dir(secret.File)); dir != "secrets" || path.Base(secret.File) != name {
				t.Errorf("the secret %s comes from %q", name, secret.File)
			}
		}
	}
}

// composeConfig is the configuration of a bridge, which the binary must accept. Secrets are made up, each where the service has
// it mounted.
func composeConfig(t *testing.T, s types.ServiceConfig) config.Config {
	t.Helper()
	dir := t.TempDir()
	for _, secret := range s.Secrets {
		if err := os.WriteFile(filepath.Join(dir, secret.Source), []byte("an-invented-secret-of-32-letters\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var env []string
	for name, value := range s.Environment {
		if value == nil {
			t.Fatalf("%s has no value", name)
		}
		if strings.HasSuffix(name, "_FILE") {
			*value = strings.Replace(*value, secretsDir, dir+"/", 1)
		}
		env = append(env, name+"="+*value)
	}
	c, warnings, err := config.Load(config.LoadOptions{Environ: env})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range warnings {
		t.Error(w)
	}
	return c
}

func TestComposeBridgesAreConfiguredAsTheBinaryAccepts(t *testing.T) {
	t.Parallel()
	for profile, name := range composeProfiles {
		t.Run(profile, func(t *testing.T) {
			t.Parallel()
			project := loadCompose(t, profile)
			s := project.Services[name]
			c := composeConfig(t, s)
			o := c.Publisher()
			if o.Name != profile {
				t.Errorf("the publisher is %s", o.Name)
			}
			var ports, wanted []uint32
			for _, p := range s.Ports {
				ports = append(ports, p.Target)
			}
			wanted = append(wanted, portOf(t, c.Listen), portOf(t, c.AdminListen))
			if profile == "embedded" {
				wanted = append(wanted, portOf(t, o.Embedded.Listen))
			}
			if !slices.Equal(ports, wanted) {
				t.Errorf("it publishes the ports %v; want %v", ports, wanted)
			}
			if len(s.Volumes) != 1 || s.Volumes[0].Type != types.VolumeTypeVolume || s.Volumes[0].Target != c.DataDir {
				t.Errorf("its data is in %s, and the volumes are %v", c.DataDir, s.Volumes)
			}
			if grace := s.StopGracePeriod; grace == nil || time.Duration(*grace) < c.DrainTimeout+closeTimeout {
				t.Error("it is killed before it has finished what is in flight")
			}
			if s.Build.Dockerfile != "deploy/Dockerfile" {
				t.Errorf("it is built from %s", s.Build.Dockerfile)
			}
			isVerb(t, s.HealthCheck.Test[1:])
			isVerb(t, append([]string{imageBinary}, s.Command...))
		})
	}
}

// isVerb fails unless a command line is the binary's in its image, with a verb and flags that it has.
func isVerb(t *testing.T, line []string) {
	t.Helper()
	if line[0] != imageBinary {
		t.Errorf("%q is not in the image", line[0])
	}
	if len(line) == 1 {
		return // the image's own command
	}
	verb, args, err := (&app{}).rootCommand().Find(line[1:])
	if err != nil || verb.Name() != line[1] {
		t.Errorf("%q is no verb", line[1])
		return
	}
	if err := verb.ParseFlags(args); err != nil {
		t.Error(err)
	}
}

func portOf(t *testing.T, address string) uint32 {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(n)
}
