package config

import (
	"fmt"
	"io/fs"
	"os"
	"strings"

	"hrbridge/publishers"
)

const (
	// maxSecretFile is more than any secret needs, and far less than what somebody names by mistake.
	maxSecretFile = 64 << 10
	// shortSecret is what a secret of HMAC-SHA256 should have at least, in bytes.
	shortSecret = 16
)

// readSecrets replaces the files that hold secrets by what is in them.
func (l *loader) readSecrets() {
	for _, s := range l.sources {
		l.readSourceSecrets(s)
	}
	switch l.publisher {
	case publishers.Kafka:
		l.readSecret("kafka.sasl.password", &l.kafka.SASL.Password, l.kafkaFiles.password)
	case publishers.NATS:
		l.readSecret("nats.password", &l.nats.Auth.Password, l.natsFiles.password)
		l.readSecret("nats.token", &l.nats.Auth.Token, l.natsFiles.token)
	default:
		l.readSecret("embedded.password", &l.embedded.Password, l.embeddedFiles.password)
		l.readSecret("embedded.token", &l.embedded.Token, l.embeddedFiles.token)
	}
}

func (l *loader) readSourceSecrets(s *source) {
	key := sourcesPrefix + s.name + ".secrets"
	files := sourcesPrefix + s.name + ".secret_files"
	if len(s.secrets) > 0 && len(s.secretFiles) > 0 {
		l.both(key, files)
		return
	}
	for _, file := range s.secretFiles {
		secret, ok := l.secretFile(files, file)
		if ok {
			s.secrets = append(s.secrets, secret)
			l.read[key] = "read from secret_files"
		}
	}
}

// readSecret sets the secret of a broker from its file, where it is in one.
func (l *loader) readSecret(key string, secret *string, file string) {
	switch {
	case file == "":
	case *secret != "":
		l.both(key, key+"_file")
	default:
		*secret, _ = l.secretFile(key+"_file", file)
		l.read[key] = "read from " + lastWord(key) + "_file"
	}
}

func (l *loader) both(key, files string) {
	l.refuse(fmt.Sprintf("is given, and %s (%s) too", files, l.origin(files)), "leave one of the two", key, files)
}

// secretFile reads a secret that has a file of its own; the line break that editors put at the end is not a part of it.
func (l *loader) secretFile(key, name string) (string, bool) {
	data, err := readUpTo(name, maxSecretFile)
	if err != nil {
		l.refuse(fmt.Sprintf("names %s, which cannot be read: %s", quoted(name), cause(err)),
			"name a file that exists, and is yours to read", key)
		return "", false
	}
	l.checkMode(key, name)
	secret := strings.TrimRight(string(data), "\r\n")
	if secret == "" {
		l.refuse(fmt.Sprintf("names %s, which is empty", quoted(name)), "put the secret into the file", key)
		return "", false
	}
	return secret, true
}

// readable checks a file that another part will read.
func (l *loader) readable(key, name string, private bool) {
	if name == "" {
		return
	}
	f, err := os.Open(name) //nolint:gosec // the operator names the file
	if err != nil {
		l.refuse("cannot be read: "+cause(err), "name a file that exists, and is yours to read", key)
		return
	}
	f.Close() //nolint:errcheck // nothing was written
	if private {
		l.checkMode(key, name)
	}
}

// checkMode warns about a secret that everybody on the machine can read.
func (l *loader) checkMode(key, name string) {
	info, err := os.Stat(name)
	if err != nil || info.Mode().Type()&^fs.ModeSymlink != 0 || info.Mode().Perm()&0o004 == 0 {
		return
	}
	l.warn(fmt.Sprintf("names %s, which everybody on this machine can read", quoted(name)), "run: chmod o-r "+name, key)
}
