package config

import (
	"slices"
	"time"

	"hrbridge/bridge"
	"hrbridge/publishers"
	"hrbridge/publishers/nats"
	"hrbridge/publishers/spool"
)

// Bounds that keep a slip of the pen from passing as a setting; what sense the values make together is checked later.
const (
	mib, gib, tib = 1 << 20, 1 << 30, 1 << 40

	// maxMessage is the largest payload that a NATS server can be configured to take.
	maxMessage = 64 * mib
	longest    = time.Hour
	forEver    = 3650 * day
)

// table is all keys but those of the sources, bound to s, in the order of the documentation.
func (s *settings) table() []Key {
	return slices.Concat(s.programKeys(), s.topicKeys(), s.limitKeys(), s.embeddedKeys(), s.natsKeys(), s.streamKeys(), s.kafkaKeys(), s.spoolKeys(), s.hrflowKeys())
}

// allKeys is the table with the keys of the sources that there are.
func (s *settings) allKeys() []Key {
	keys := s.table()
	for _, source := range s.sources {
		keys = append(keys, source.table()...)
	}
	return keys
}

func (s *settings) programKeys() []Key {
	i, f := &s.ingress, &s.fanout
	return []Key{
		key("listen", address(&s.listen, false), "Where webhooks come in, at POST /webhooks/{source}."),
		key("admin.listen", address(&s.adminListen, false), "Where /healthz, /readyz and /metrics are served; keep it private."),
		key("data_dir", path(&s.dataDir, "a folder"), "Where everything that has to survive a restart is kept."),
		key("publisher", oneOf(&s.publisher, publishers.Embedded, publishers.NATS, publishers.Kafka),
			"What the events are published on: the broker inside hrbridge, a NATS server elsewhere, or a Kafka cluster."),
		key("answer_within", duration(&i.AnswerWithin, 100*time.Millisecond, longest),
			"The time from a whole body to its answer."),
		key("retry_after", duration(&i.RetryAfter, time.Second, longest),
			"What a 503 tells the sender to wait."),
		key("drain_timeout", duration(&s.drainTimeout, 100*time.Millisecond, longest),
			"How long a stop waits for what is in flight."),
		key("unknown_types", oneOf(&f.UnknownTypes, bridge.PublishUnknown, bridge.DeadLetterUnknown, bridge.RejectUnknown),
			"What becomes of an event whose type is well formed but not in the catalogue."),
		key("max_new_types", integer(&f.MaxNewTypes, 0, 10_000),
			"How many types outside the catalogue get topics of their own; more are dead letters."),
		key("log.format", oneOf(&s.log.Format, LogJSON, LogConsole), "How log lines look: for machines or for people."),
		key("log.level", oneOf(&s.log.Level, "debug", "info", "warn", "error"), "The least important log lines that are written."),
	}
}

func (s *settings) topicKeys() []Key {
	f := &s.fanout
	return []Key{
		key("topic.prefix", checked(&f.TopicPrefix, "prefix", prefixWants, checkPrefix),
			"What stands before the event type in every topic, its closing dot included."),
		key("topic.dead_letter", checked(&f.DeadLetterTopic, "topic", topicWants, checkTopic),
			"The topic of events that cannot go to one of their own; the prefix is not put before it."),
	}
}

func (s *settings) limitKeys() []Key {
	i := &s.ingress
	return []Key{
		key("limits.max_body", size(&i.MaxBody, 1024, 4*gib), "The largest body, as it came and decompressed."),
		key("limits.max_header", size(&i.MaxHeader, 4096, 64*mib),
			"The largest request header; raise it where signatures carry the payload and deliveries are large."),
		key("limits.max_in_flight", size(&i.MaxInFlight, 1024, tib),
			"Bytes of all bodies and headers held at one time; past it the answer is 503."),
		key("limits.max_connections", integer(&i.MaxConns, 1, 1_000_000), "Connections at one time."),
		key("limits.max_event", size(&i.Events.MaxEvent, 1024, maxMessage-bridge.HeaderAllowance),
			"The largest single event; the broker must take it together with 4KiB of headers."),
		key("limits.max_events", integer(&i.Events.MaxEvents, 1, 1_000_000), "The most events of one delivery."),
		key("limits.header_timeout", duration(&i.HeaderTimeout, 100*time.Millisecond, longest),
			"How long a request's header may take to come."),
		key("limits.body_timeout", duration(&i.BodyTimeout, 100*time.Millisecond, longest),
			"How long a body may take to come; past it the answer is 408."),
		key("limits.idle_timeout", duration(&i.IdleTimeout, 100*time.Millisecond, 24*longest),
			"How long a connection without a request stays open."),
	}
}

func (s *settings) embeddedKeys() []Key {
	e, files := &s.embedded, &s.embeddedFiles
	return []Key{
		key("embedded.listen", address(&e.Listen, true), "Where subscribers reach the embedded broker."),
		key("embedded.user", text(&e.User, "a name"), "The user that subscribers log in as."),
		secretKey("embedded.password", text(&e.Password, "a password"), "That user's password."),
		key("embedded.password_file", path(&files.password, "a file"), "The file that holds the password."),
		secretKey("embedded.token", text(&e.Token, "a token"), "The token that subscribers show, instead of a user."),
		key("embedded.token_file", path(&files.token, "a file"), "The file that holds the token."),
		key("embedded.tls.cert_file", path(&e.TLS.CertFile, "a PEM file"), "The listener's certificate."),
		key("embedded.tls.key_file", path(&e.TLS.KeyFile, "a PEM file"), "The certificate's key."),
		key("embedded.tls.client_ca_file", path(&e.TLS.ClientCAFile, "a PEM file"),
			"The authority whose certificates subscribers must show."),
		key("embedded.max_store", zeroMeans(size(&e.MaxStore, 0, 1024*tib), "what the disk has free less min_free"),
			"The most bytes that the store may take."),
		key("embedded.min_free", size(&e.MinFree, 0, 1024*tib),
			"What stays free on the disk: with less, nothing is taken, because a store that meets a full disk breaks."),
	}
}

func (s *settings) natsKeys() []Key {
	n, files := &s.nats, &s.natsFiles
	return []Key{
		key("nats.url", servers(&n.URL), "The servers, separated by commas."),
		key("nats.stream", checked(&s.stream.Name, "name", streamWants, checkStreamName),
			"The name of the JetStream stream that holds the events, on the embedded broker too."),
		key("nats.provision", boolean(&n.Provision),
			"Whether hrbridge creates the stream and changes what may be changed of it, or only checks it."),
		key("nats.commit", oneOf(&n.Commit, nats.CommitPipeline, nats.CommitBatch),
			"How messages are made durable: pipeline, or batch for a server that syncs every write."),
		key("nats.window", integer(&n.Window, 1, 1_000_000), "Messages on their way at one time, with commit pipeline."),
		key("nats.ack_timeout", duration(&n.AckTimeout, 100*time.Millisecond, longest), "How long an acknowledgement may take."),
		key("nats.connect_timeout", duration(&n.ConnectTimeout, 100*time.Millisecond, longest),
			"How long one attempt to connect may take."),
		key("nats.user", text(&n.Auth.User, "a name"), "The user to log in as."),
		secretKey("nats.password", text(&n.Auth.Password, "a password"), "That user's password."),
		key("nats.password_file", path(&files.password, "a file"), "The file that holds the password."),
		secretKey("nats.token", text(&n.Auth.Token, "a token"), "The token to log in with, instead of a user."),
		key("nats.token_file", path(&files.token, "a file"), "The file that holds the token."),
		key("nats.nkey_seed_file", path(&n.Auth.NKeySeedFile, "a file"), "The file that holds the seed of an NKey to log in with."),
		key("nats.credentials_file", path(&n.Auth.CredentialsFile, "a file"), "The credentials file (JWT and seed) to log in with."),
		key("nats.tls.ca_file", path(&n.TLS.CAFile, "a PEM file"), "The only authorities that are trusted, instead of the system's."),
		key("nats.tls.cert_file", path(&n.TLS.CertFile, "a PEM file"), "The certificate to show to the server."),
		key("nats.tls.key_file", path(&n.TLS.KeyFile, "a PEM file"), "The certificate's key."),
	}
}

func (s *settings) spoolKeys() []Key {
	sp := &s.spool
	return []Key{
		named(spoolSection, key("spool.mode", bare(oneOf(&sp.Mode, spool.On, spool.Off)),
			"Whether events are kept on this machine while the broker cannot take them; the embedded broker needs no spool.")),
		key("spool.after", duration(&sp.After, time.Millisecond, longest), "How long the broker may take before a delivery's events are spooled."),
		key("spool.max_bytes", size(&sp.MaxBytes, mib, 1024*tib), "The most bytes that the spool may take; a full one is a 503."),
		key("spool.min_free", size(&sp.MinFree, 0, 1024*tib), "What stays free on the disk: with less, nothing is spooled."),
	}
}

func (s *settings) streamKeys() []Key {
	st := &s.stream
	return []Key{
		key("stream.replicas", integer(&st.Replicas, 1, 5), "Copies of the stream in a cluster; the embedded broker has one."),
		key("stream.duplicate_window", duration(&st.DuplicateWindow, 100*time.Millisecond, forEver),
			"How long the broker remembers an event: a redelivery within it is stored once."),
		key("stream.max_age", zeroMeans(duration(&st.MaxAge, 0, forEver), "no limit"), "How long an event is kept."),
		key("stream.max_bytes", zeroMeans(size(&st.MaxBytes, 0, 1024*tib), "no limit"),
			"The most bytes kept; a full stream takes nothing new, so that nothing unread is dropped."),
		key("stream.max_messages", zeroMeans(integer(&st.MaxMessages, 0, 1<<53), "no limit"), "The most events kept; as above."),
		key("stream.compress", boolean(&st.Compress), "Whether the stream is compressed on disk (S2): smaller, a little slower."),
	}
}

func (s *settings) hrflowKeys() []Key {
	h := &s.hrflow
	return []Key{
		key("hrflow.api_key_file", path(&h.keyFile, "a file"),
			"The file that holds the API secret key, with which hrbridge doctor asks HrFlow to call; receiving needs none."),
		key("hrflow.user_email", text(&h.userEmail, "an address"), "The user that the key belongs to."),
		key("hrflow.api_url", checked(&h.apiURL, "address", apiWants, checkAPI), "HrFlow's API."),
	}
}
