package kafkatest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// errNoJava is that this machine cannot run Kafka at all, which is no failure of what is tested.
var errNoJava = errors.New("no Kafka here")

// resolveTime is how long Maven may take to fetch Kafka, once for a machine.
const resolveTime = 5 * time.Minute

// classpath is what java needs to run that version of Kafka: "" is the newest of the pom, "3.9" its profile of that name. It is
// resolved once for a machine and a pom, and kept in the user's cache folder; the jars are Maven's own.
func classpath(version string) (string, error) {
	if _, err := exec.LookPath("java"); err != nil {
		return "", fmt.Errorf("%w: install a JDK 17", errNoJava)
	}
	pom, err := findPOM()
	if err != nil {
		return "", err
	}
	content, err := os.ReadFile(pom)
	if err != nil {
		return "", err
	}
	kept, err := cacheFile(fmt.Sprintf("kafka-%s-%x.classpath", version, sha256.Sum256(content)))
	if err != nil {
		return "", err
	}
	lock := flock.New(kept + ".lock")
	if err := lock.Lock(); err != nil {
		return "", err
	}
	defer func() { _ = lock.Unlock() }()
	if jars, err := os.ReadFile(kept); err == nil && complete(string(jars)) {
		return string(jars), nil
	}
	return resolve(pom, version, kept)
}

// resolve has Maven fetch what the pom names and write the class path to the file kept.
func resolve(pom, version, kept string) (string, error) {
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return "", fmt.Errorf("%w: install Maven", errNoJava)
	}
	ctx, cancel := context.WithTimeout(context.Background(), resolveTime)
	defer cancel()
	args := []string{"-B", "-q", "-f", pom, "dependency:build-classpath", "-Dmdep.outputFile=" + kept}
	if version != "" {
		args = append(args, "-P"+version)
	}
	if out, err := exec.CommandContext(ctx, mvn, args...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("mvn %s: %w\n%s", strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	jars, err := os.ReadFile(kept)
	if err == nil && !complete(string(jars)) {
		err = fmt.Errorf("mvn %s names jars that are not there", strings.Join(args, " "))
	}
	return string(jars), err
}

// complete tells whether every jar of a class path is there.
func complete(jars string) bool {
	return jars != "" && !slices.ContainsFunc(filepath.SplitList(jars), func(jar string) bool {
		_, err := os.Stat(jar)
		return err != nil
	})
}

// findPOM is deploy/kafka/pom.xml of the module that the working folder is in.
func findPOM() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, "deploy", "kafka", "pom.xml"), nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("run it inside hrbridge's source tree, which has deploy/kafka/pom.xml")
		}
		dir = up
	}
}

func cacheFile(name string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil { // no home folder
		cache = os.TempDir()
	}
	dir := filepath.Join(cache, "hrbridge")
	return filepath.Join(dir, name), os.MkdirAll(dir, 0o750)
}
