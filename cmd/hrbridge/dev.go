package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// devSecretFile is where serve --dev keeps the secret that it made, in the data folder.
const devSecretFile = "dev-secret"

// devSecret is the secret that serve --dev made for the data folder dir, made now if there is none, and the absolute name of
// the file that keeps it, which nobody else on the machine can read.
func devSecret(dir string) (secret, file string, err error) {
	file, err = filepath.Abs(filepath.Join(dir, devSecretFile))
	if err != nil {
		return "", "", fmt.Errorf("find the secret of --dev: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", "", fmt.Errorf("make the data folder: %w", err)
	}
	if err := makeDevSecret(file); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", "", fmt.Errorf("make a secret for --dev: %w", err)
	}
	text, err := os.ReadFile(file) //nolint:gosec // the operator names the data folder
	if err != nil {
		return "", "", fmt.Errorf("read the secret of --dev: %w", err)
	}
	if text = bytes.TrimSpace(text); len(text) == 0 {
		return "", "", fmt.Errorf("%s is empty; remove it, and the next start makes a new secret", file)
	}
	return string(text), file, nil
}

// makeDevSecret writes a new secret, unless the file exists: fs.ErrExist.
func makeDevSecret(file string) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator names the data folder
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, rand.Text())
	return errors.Join(err, f.Close())
}

// guide is what serve --dev tells a person to try.
type guide struct {
	program    string // as the shell finds it
	secretFile string // "" where the configuration has the secrets
	ingress    string // addresses that are listened on
	admin      string
	broker     string // the URL for subscribers, "" where the configuration says it
	source     string
	proveFile  string // of the source to prove with; "" where the configuration has its secret
}

// String is text for a terminal.
func (g guide) String() string {
	send := []string{g.program, "send", "--url", "http://" + dialable(g.ingress) + "/webhooks/" + g.source}
	if g.secretFile != "" {
		send = append(send, "--secret-file", g.secretFile)
	}
	tail := []string{g.program, "tail"}
	if g.broker != "" {
		tail = append(tail, "--url", g.broker)
	}
	prove := []string{g.program, "prove", "--dev", "--url", "http://" + dialable(g.ingress)}
	if g.proveFile != "" {
		prove = append(prove, "--secret-file", g.proveFile)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\nhrbridge takes deliveries at http://%s/webhooks/%s; to try it, in other terminals:\n\n", dialable(g.ingress), g.source)
	fmt.Fprintf(&b, "  follow the events   %s\n", shellLine(tail))
	fmt.Fprintf(&b, "  send some           %s\n", shellLine(append(send, "--events", "5")))
	fmt.Fprintf(&b, "  lose nothing        %s\n", shellLine(append(prove, "--duration", "10s")))
	fmt.Fprintf(&b, "  see how it is       curl http://%s/readyz\n\n", dialable(g.admin))
	if g.secretFile == "" {
		b.WriteString("send needs the secret of the configuration: add --secret-file, or set " + secretEnv + ".\n\n")
	}
	return b.String()
}

// brokerURL is where subscribers reach a broker that p brings along, "" where it brings none.
func brokerURL(p any) string {
	if b, ok := p.(interface{ ClientURL() string }); ok {
		return b.ClientURL()
	}
	return ""
}

// dialable is a listener's address as a client on this machine can dial it.
func dialable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// invocation is how to call this program again from any folder: by its bare name if that is how it was called, as the shell
// will find it again, and otherwise by its full path.
func invocation(arg0 string) string {
	if !strings.ContainsRune(arg0, filepath.Separator) {
		return arg0
	}
	if abs, err := filepath.Abs(arg0); err == nil {
		return abs
	}
	return arg0
}

// shellLine is words as a shell reads them back.
func shellLine(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = w
		if strings.ContainsFunc(w, func(r rune) bool { return !strings.ContainsRune(plainInShell, r) }) {
			quoted[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}

const plainInShell = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=@,+"
