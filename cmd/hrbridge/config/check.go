package config

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"hrbridge/bridge"
	"hrbridge/publishers"
)

// headerSlop is what Go's HTTP server lets through beyond its limit of a header.
const headerSlop = 4 << 10

// check looks at what single values cannot show: whether they make sense together, and whether the files are there.
func (l *loader) check(secretOptional bool) {
	l.readSecrets()
	l.checkSources(secretOptional)
	l.checkListeners()
	l.checkTopics()
	l.checkLimits()
	l.checkStream()
	l.checkSpool()
	switch l.publisher {
	case publishers.NATS:
		l.checkNATS()
	case publishers.Kafka:
		l.checkKafka()
	default:
		l.checkEmbedded()
	}
	l.readable("hrflow.api_key_file", l.hrflow.keyFile, true)
	l.checkUnused()
	l.checkFileMode()
}

func (l *loader) checkSources(secretOptional bool) {
	for _, s := range l.sources {
		table := s.table()
		secrets, files, headers, rate, burst := table[0], table[1].Name, table[3].Name, table[4].Name, table[5].Name
		switch given := l.given(files) != nil; {
		case len(s.secrets) > 0:
		case given && len(s.secretFiles) == 0:
			l.refuse("is empty", "name the file that holds the secret, or leave the setting out", files)
		case !given && !secretOptional:
			l.refuse("is not set, and nothing can be verified without a secret",
				fmt.Sprintf("set %s, or %s to the file that holds it; to try things out, run 'hrbridge serve --dev'", secrets.Env, table[1].Env),
				secrets.Name)
		}
		key := secrets.Name
		if len(s.secretFiles) > 0 {
			key = files
		}
		if slices.ContainsFunc(s.secrets, func(secret string) bool { return len(secret) < shortSecret }) {
			l.warn(fmt.Sprintf("holds a secret of less than %d bytes", shortSecret),
				"if HrFlow lets you choose, take a longer one", key)
		}
		if twice(s.headers) {
			l.refuse("names a header twice", "leave one of the two; upper and lower case are the same", headers)
		}
		if s.burst > 0 && s.rate == 0 {
			l.refuse("is set without a rate", "set "+rate+" too, or leave the burst out", burst, rate)
		}
	}
}

// twice tells whether two of the names are the same header.
func twice(headers []string) bool {
	seen := make(map[string]bool)
	for _, h := range headers {
		h = strings.ToLower(h)
		if seen[h] {
			return true
		}
		seen[h] = true
	}
	return false
}

func (l *loader) checkListeners() {
	type listener struct{ key, address string }
	all := []listener{{"listen", l.listen}, {"admin.listen", l.adminListen}}
	if l.publisher == publishers.Embedded {
		all = append(all, listener{"embedded.listen", l.embedded.Listen})
	}
	for i, a := range all {
		for _, b := range all[:i] {
			if samePort(a.address, b.address) {
				l.refuse(fmt.Sprintf("wants the port that %s has (%s)", b.key, quoted(b.address)), "give each a port of its own", a.key, b.key)
			}
		}
	}
	if l.dataDir == "" {
		l.refuse("is empty", "name a folder; . is the working directory", "data_dir")
	}
}

func (l *loader) checkTopics() {
	prefix, dead := l.fanout.TopicPrefix, l.fanout.DeadLetterTopic
	if len(dead) > maxTopic {
		l.refuse(fmt.Sprintf("is longer than the %d bytes that brokers allow", maxTopic), "choose a shorter one", "topic.dead_letter")
	}
	if len(prefix) > maxPrefix {
		l.refuse(fmt.Sprintf("is longer than %d bytes, and topics would become longer than brokers allow", maxPrefix),
			"choose a shorter one", "topic.prefix")
		return
	}
	for _, s := range l.sources {
		key := sourcesPrefix + s.name + ".topic_prefix"
		if len(prefix)+len(s.topicPrefix) > maxPrefix {
			l.refuse(fmt.Sprintf("is longer than %d bytes together with topic.prefix, and topics would become longer than brokers allow", maxPrefix),
				"choose a shorter one", key, "topic.prefix")
		}
		name, prefixed := strings.CutPrefix(dead, prefix+s.topicPrefix)
		if words := strings.Split(name, "."); prefixed && len(words) == 3 && slices.Contains(bridge.Objects(), words[0]) {
			l.refuse("looks like the topic of an event type", "choose a topic of another shape, such as hrbridge.deadletter",
				"topic.dead_letter", "topic.prefix", key)
			return
		}
	}
}

func (l *loader) checkLimits() {
	i := l.ingress
	if int64(i.Events.MaxEvent) > i.MaxBody {
		l.refuse(fmt.Sprintf("is more than limits.max_body (%s), so no such event can come in", formatSize(i.MaxBody)),
			"raise limits.max_body or lower limits.max_event", "limits.max_event", "limits.max_body")
	}
	// The ingress holds a compressed body as it came and decompressed, in a buffer that grows, and a header twice.
	if need := 3*i.MaxBody + 2*int64(i.MaxHeader+headerSlop); i.MaxInFlight < need {
		l.refuse("is too little for the largest delivery that limits.max_body and limits.max_header allow",
			"raise it to "+formatSize(need)+" or more, or lower those", "limits.max_in_flight", "limits.max_body", "limits.max_header")
	}
	if l.publisher == publishers.NATS && i.Events.MaxEvent+bridge.HeaderAllowance > bridge.MaxMessage {
		l.warn("is more than a NATS server takes unless it is told otherwise",
			"set max_payload of the server to "+formatSize(int64(i.Events.MaxEvent+bridge.HeaderAllowance))+" or more", "limits.max_event")
	}
	if l.drainTimeout < i.AnswerWithin {
		l.warn(fmt.Sprintf("is less than answer_within (%s): a stop may cut deliveries off", formatDuration(i.AnswerWithin)),
			"raise drain_timeout", "drain_timeout", "answer_within")
	}
}

func (l *loader) checkStream() {
	if s := l.stream; l.publisher != publishers.Kafka && s.MaxAge > 0 && s.DuplicateWindow > s.MaxAge {
		l.refuse(fmt.Sprintf("is more than stream.max_age (%s), and an event that is gone cannot be remembered", formatDuration(s.MaxAge)),
			"raise stream.max_age or lower stream.duplicate_window", "stream.duplicate_window", "stream.max_age")
	}
}

func (l *loader) checkSpool() {
	after, within := l.spool.After, l.ingress.AnswerWithin
	if l.publisher != publishers.Embedded && l.given("spool.after") != nil && after >= within {
		l.refuse(fmt.Sprintf("is not less than answer_within (%s), and nothing could be spooled in time", formatDuration(within)),
			"lower it, or raise answer_within", "spool.after", "answer_within")
	}
	if l.publisher != publishers.Embedded {
		return
	}
	for _, k := range l.keys {
		if strings.HasPrefix(k.Name, spoolSection+".") && l.given(k.Name) != nil {
			l.warn("has no effect, because the publisher is "+l.publisher+", which needs no spool", "leave it out", k.Name, "publisher")
		}
	}
}

func (l *loader) checkEmbedded() {
	e := l.embedded
	l.checkLogin("embedded", e.User, e.Password, l.bad["embedded.password"])
	if e.User != "" && e.Token != "" {
		l.refuse("is set, and a user too", "leave one of the two", "embedded.token", "embedded.user")
	}
	l.checkPair("embedded.tls.cert_file", e.TLS.CertFile, "embedded.tls.key_file", e.TLS.KeyFile)
	if e.TLS.ClientCAFile != "" && e.TLS.CertFile == "" {
		l.refuse("needs a certificate of the listener's own", "set embedded.tls.cert_file and embedded.tls.key_file",
			"embedded.tls.client_ca_file", "embedded.tls.cert_file")
	}
	secured := e.User != "" || e.Token != "" || l.embeddedFiles.token != "" || e.TLS.ClientCAFile != ""
	if e.Listen != "" && !loopback(e.Listen) && !secured {
		l.refuse("is open to the network without asking who is there",
			"set embedded.user and embedded.password_file, embedded.token_file, or embedded.tls.client_ca_file with a certificate; or listen on 127.0.0.1",
			"embedded.listen", "embedded.user", "embedded.token", "embedded.tls.client_ca_file")
	}
	if l.stream.Replicas != 1 {
		l.refuse("asks for copies, and the embedded broker is a single server",
			"leave it at 1, or use a NATS cluster with publisher: nats", "stream.replicas", "publisher")
	}
	l.readable("embedded.tls.cert_file", e.TLS.CertFile, false)
	l.readable("embedded.tls.key_file", e.TLS.KeyFile, true)
	l.readable("embedded.tls.client_ca_file", e.TLS.ClientCAFile, false)
}

func (l *loader) checkNATS() {
	n := l.nats
	l.checkLogin("nats", n.Auth.User, n.Auth.Password, l.bad["nats.password"])
	l.checkPair("nats.tls.cert_file", n.TLS.CertFile, "nats.tls.key_file", n.TLS.KeyFile)
	var ways []string
	for _, way := range []struct {
		key string
		set bool
	}{
		{"nats.url", hasUser(n.URL)},
		{"nats.user", n.Auth.User != ""},
		{"nats.token", n.Auth.Token != ""},
		{"nats.nkey_seed_file", n.Auth.NKeySeedFile != ""},
		{"nats.credentials_file", n.Auth.CredentialsFile != ""},
	} {
		if way.set {
			ways = append(ways, way.key)
		}
	}
	if len(ways) > 1 {
		l.refuse("is one way to log in, and another is set: "+strings.Join(ways[1:], ", "), "leave only one", ways...)
	}
	l.readable("nats.nkey_seed_file", n.Auth.NKeySeedFile, true)
	l.readable("nats.credentials_file", n.Auth.CredentialsFile, true)
	l.readable("nats.tls.ca_file", n.TLS.CAFile, false)
	l.readable("nats.tls.cert_file", n.TLS.CertFile, false)
	l.readable("nats.tls.key_file", n.TLS.KeyFile, true)
}

// checkLogin holds a user and the password together.
func (l *loader) checkLogin(section, user, password string, badPassword bool) {
	userKey, passwordKey := section+".user", section+".password"
	fileGiven := l.given(passwordKey+"_file") != nil
	if user != "" && password == "" && !badPassword && !fileGiven {
		l.refuse("has no password", "set "+passwordKey+"_file or "+passwordKey, userKey)
	}
	if user == "" && password != "" {
		key := passwordKey
		if fileGiven {
			key += "_file"
		}
		l.refuse("is set without a user", "set "+userKey, key, userKey)
	}
}

func (l *loader) checkPair(certKey, cert, keyKey, key string) {
	switch {
	case cert != "" && key == "":
		l.refuse("has no key", "set "+keyKey, certKey, keyKey)
	case cert == "" && key != "":
		l.refuse("has no certificate", "set "+certKey, keyKey, certKey)
	}
}

// checkUnused warns about settings of the publisher that is not used: one may have meant to use it.
func (l *loader) checkUnused() {
	for _, k := range l.keys {
		users := usersOf(k.Name)
		if users != nil && !slices.Contains(users, l.publisher) && l.given(k.Name) != nil {
			l.warn("has no effect, because the publisher is "+l.publisher, "set publisher: "+strings.Join(users, " or ")+", or leave it out",
				k.Name, "publisher")
		}
	}
}

// checkFileMode warns about a configuration file that holds a secret and that everybody can read.
func (l *loader) checkFileMode() {
	for _, k := range l.keys {
		s := l.given(k.Name)
		if s == nil || !k.Secret || l.file == "" || !strings.HasPrefix(s.Origin, l.file+":") {
			continue
		}
		if info, err := os.Stat(l.file); err == nil && info.Mode().Perm()&0o004 != 0 {
			l.warn(fmt.Sprintf("is a secret in %s, which everybody on this machine can read", quoted(l.file)), "run: chmod o-r "+l.file, k.Name)
			return
		}
	}
}

// usersOf are the publishers that a key is for, nil where it is for all. Of nats, the stream's name and how tail connects are
// for the embedded broker too.
func usersOf(name string) []string {
	section, _, _ := strings.Cut(name, ".")
	switch {
	case section == "stream", name == "nats.stream", strings.HasPrefix(name, "nats.tls."):
		return []string{publishers.Embedded, publishers.NATS}
	case section == publishers.Embedded, section == publishers.NATS, section == publishers.Kafka:
		return []string{section}
	}
	return nil
}
