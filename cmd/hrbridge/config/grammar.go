package config

import (
	"errors"
	"net"
	"net/url"
	"regexp"
	"strings"

	"hrbridge/bridge"
)

// The names that end up on brokers. Words of these letters are safe as NATS subjects and as Kafka topics alike.
var (
	topicPattern  = regexp.MustCompile(`^[a-zA-Z0-9_-]+(\.[a-zA-Z0-9_-]+)*$`)
	streamPattern = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,128}$`)
	sourcePattern = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)
	headerPattern = regexp.MustCompile("^[a-zA-Z0-9!#$%&'*+.^_`|~-]{1,128}$")
)

const (
	prefixWants = `words of [a-zA-Z0-9_-], each with a dot after it ("prod."), or nothing`
	topicWants  = "words of [a-zA-Z0-9_-] joined by dots, such as hrbridge.deadletter"
	streamWants = "a name of [a-zA-Z0-9_-], 128 bytes at most"
	sourceWants = "a name of [a-z0-9-] that starts with a letter, 32 bytes at most"

	// maxTopic is the longest topic name that every broker takes.
	maxTopic = 249
	// maxPrefix is the longest that can stand before every event type.
	maxPrefix = maxTopic - bridge.MaxTypeLength
)

func checkPrefix(s string) error {
	words, dot := strings.CutSuffix(s, ".")
	switch {
	case s == "":
		return nil
	case !topicPattern.MatchString(words):
		return errors.New("is not a prefix that every broker takes")
	case !dot:
		return errors.New("does not end with a dot")
	}
	return nil
}

func checkTopic(s string) error {
	if !topicPattern.MatchString(s) {
		return errors.New("is not a topic that every broker takes")
	}
	return nil
}

func checkStreamName(s string) error {
	if !streamPattern.MatchString(s) {
		return errors.New("is not the name of a stream")
	}
	return nil
}

// servers are the addresses of NATS servers. Their user part is a secret.
func servers(p *string) value {
	v := list(new([]string), "addresses such as nats://127.0.0.1:4222 or tls://nats.example.org, separated by commas", nil)
	v.set = func(items []string) error {
		if len(items) == 0 {
			return errEmpty
		}
		for _, item := range items {
			if err := checkServer(item); err != nil {
				return err
			}
		}
		*p = strings.Join(items, ",")
		return nil
	}
	v.get = func() []string { return splitList(*p) }
	v.show = hideUser
	return v
}

func checkServer(s string) error {
	if !strings.Contains(s, "://") {
		if hasUser(s) { // also the rest of a password with a comma in it
			return errors.New("has a user but no scheme; a comma in a password is written %2C")
		}
		s = "nats://" + s
	}
	u, err := url.Parse(s) // its error would repeat the address, and with it a password
	if err != nil || u.Hostname() == "" {
		return errors.New("is not the address of a server")
	}
	switch u.Scheme {
	case "nats", "tls", "ws", "wss":
		return nil
	}
	return errors.New("has a scheme other than nats, tls, ws, wss")
}

const apiWants = "an address such as https://api.hrflow.ai/v1/"

// checkAPI refuses an address that a key must not be sent to.
func checkAPI(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "":
		return errors.New("is not the address of an API")
	case u.Scheme == "http" && !loopback(net.JoinHostPort(u.Hostname(), "0")), u.Scheme != "http" && u.Scheme != "https":
		return errors.New("would send the key in clear text")
	}
	return nil
}

// hideUser is the address without the user and password or the token in it. It works on what is no address too.
func hideUser(s string) string {
	at := strings.LastIndex(s, "@")
	if at < 0 {
		return s
	}
	scheme := ""
	if i := strings.Index(s[:at], "://"); i >= 0 {
		scheme = s[:i+len("://")]
	}
	return scheme + masked + s[at:]
}

// hasUser tells whether one of the servers' addresses carries a user or a token.
func hasUser(urls string) bool { return strings.Contains(urls, "@") }

// splitList splits what the environment and flags say of a list.
func splitList(s string) []string {
	if strings.TrimSpace(s) == "" {
		return nil
	}
	items := strings.Split(s, ",")
	for i := range items {
		items[i] = strings.TrimSpace(items[i])
	}
	return items
}

// samePort tells whether two listeners cannot have both addresses: the same port of the same interface or of all.
func samePort(a, b string) bool {
	hostA, portA, errA := net.SplitHostPort(a)
	hostB, portB, errB := net.SplitHostPort(b)
	if errA != nil || errB != nil || portA != portB || strings.Trim(portA, "0") == "" {
		return false
	}
	return hostA == hostB || everyInterface(hostA) || everyInterface(hostB)
}

func everyInterface(host string) bool {
	ip := net.ParseIP(host)
	return host == "" || ip != nil && ip.IsUnspecified()
}

// loopback tells whether only this machine reaches the address.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}

// checkHeader refuses what cannot be the name of a header.
func checkHeader(name string) error {
	if !headerPattern.MatchString(name) {
		return errors.New("holds what is not the name of a header")
	}
	return nil
}
