package kafkatest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

// ErrNoJava is in the chain of the error on a machine that cannot run Kafka at all, which is no failure of what is tested.
var ErrNoJava = errors.New("no Kafka here")

// resolveTime is how long Maven may take to fetch Kafka, once for a machine.
const resolveTime = 5 * time.Minute

// release is a version of Kafka as java runs it.
type release struct {
	jars string
	// classes is the flag for an archive of loaded classes, which spares a broker a third of the work of starting; "" is none.
	classes string
}

// find is that version of Kafka: "" is the newest of the pom, "3.9" its profile of that name. It is made ready once for a machine
// and a pom, and kept in the user's cache folder; the jars are Maven's own.
func find(ctx context.Context, version string) (release, error) {
	if _, err := exec.LookPath("java"); err != nil {
		return release{}, fmt.Errorf("%w: install a JDK 17", ErrNoJava)
	}
	pom, err := findPOM()
	if err != nil {
		return release{}, err
	}
	content, err := os.ReadFile(pom)
	if err != nil {
		return release{}, err
	}
	kept, err := cacheFile(fmt.Sprintf("kafka-%s-%.8x", cmp.Or(version, "newest"), sha256.Sum256(content)))
	if err != nil {
		return release{}, err
	}
	lock := flock.New(kept + ".lock")
	if err := lock.Lock(); err != nil {
		return release{}, err
	}
	defer func() { _ = lock.Unlock() }()
	jars, err := os.ReadFile(kept + ".classpath")
	if err != nil || !complete(string(jars)) {
		if jars, err = resolve(pom, version, kept+".classpath"); err != nil {
			return release{}, err
		}
	}
	r := release{jars: string(jars)}
	if _, err := os.Stat(kept + ".jsa"); err == nil || archive(ctx, r, kept+".jsa") == nil {
		r.classes = "-XX:SharedArchiveFile=" + kept + ".jsa"
	}
	return r, nil
}

// archive runs a broker once, for the archive of its classes. A java that reads another's archive passes it over.
func archive(ctx context.Context, r release, file string) error {
	dir, err := os.MkdirTemp("", "kafka")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	r.classes = "-XX:ArchiveClassesAtExit=" + file + ".new"
	c, err := run(ctx, r, Options{Dir: dir})
	if err != nil {
		return err
	}
	_ = c.brokers[0].process.Signal(syscall.SIGTERM)
	<-c.brokers[0].ended // it writes the archive before that
	return os.Rename(file+".new", file)
}

// resolve has Maven fetch what the pom names and write the class path to the file kept.
func resolve(pom, version, kept string) ([]byte, error) {
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return nil, fmt.Errorf("%w: install Maven", ErrNoJava)
	}
	ctx, cancel := context.WithTimeout(context.Background(), resolveTime)
	defer cancel()
	args := []string{"-B", "-q", "-f", pom, "dependency:build-classpath", "-Dmdep.outputFile=" + kept}
	if version != "" {
		args = append(args, "-P"+version)
	}
	if out, err := exec.CommandContext(ctx, mvn, args...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("mvn %s: %w\n%s", strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	jars, err := os.ReadFile(kept)
	if err == nil && !complete(string(jars)) {
		err = fmt.Errorf("mvn %s names jars that are not there", strings.Join(args, " "))
	}
	return jars, err
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
