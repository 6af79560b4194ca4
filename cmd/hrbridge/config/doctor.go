package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"hrbridge/bridge/signature"
	"hrbridge/cmd/hrbridge/doctor"
	"hrbridge/publishers"
	"hrbridge/publishers/embedded"
	"hrbridge/publishers/spool"
)

// Inspect is what looking at the broker needs to know.
func (c Config) Inspect() publishers.InspectOptions {
	i := c.settings().ingress
	return publishers.InspectOptions{Options: c.Publisher(), Tail: c.Tail(), Redelivery: i.AnswerWithin + i.RetryAfter}
}

// Doctor is what looking at this machine needs to know; dev as for serve.
func (c Config) Doctor(dev bool) doctor.Options {
	s := c.settings()
	o := doctor.Options{
		DataDir: c.DataDir, AdminListen: c.AdminListen,
		Limits: doctor.Limits{
			MaxConnections: s.ingress.MaxConns, MaxBody: s.ingress.MaxBody, MaxHeader: s.ingress.MaxHeader, MaxEvent: s.ingress.Events.MaxEvent,
		},
	}
	for _, source := range s.sources {
		o.Sources = append(o.Sources, source.doctor(dev))
	}
	if s.publisher != publishers.Embedded {
		o.Spool = doctor.Spool{Needed: true, On: s.spool.Mode == spool.On, MaxBytes: s.spool.MaxBytes}
	}
	if o.Spool.On {
		o.Store, o.MinFree, o.MinFreeKey = spool.Folder(c.DataDir), s.spool.MinFree, "spool.min_free"
	}
	switch s.publisher {
	case publishers.Embedded:
		o.Store, o.MinFree, o.MinFreeKey = embedded.StoreFolder(c.DataDir), s.embedded.MinFree, "embedded.min_free"
		o.Files = secretFilesOf("embedded.password_file", s.embeddedFiles.password, "embedded.token_file", s.embeddedFiles.token,
			"embedded.tls.key_file", s.embedded.TLS.KeyFile)
	case publishers.NATS:
		o.Files = secretFilesOf("nats.password_file", s.natsFiles.password, "nats.token_file", s.natsFiles.token,
			"nats.nkey_seed_file", s.nats.Auth.NKeySeedFile, "nats.credentials_file", s.nats.Auth.CredentialsFile,
			"nats.tls.key_file", s.nats.TLS.KeyFile)
	case publishers.Kafka:
		o.Files = secretFilesOf("kafka.sasl.password_file", s.kafkaFiles.password, "kafka.tls.key_file", s.kafka.TLS.KeyFile)
	}
	o.Files = append(o.Files, secretFilesOf("hrflow.api_key_file", s.hrflow.keyFile)...)
	return o
}

// HrFlow is how to ask HrFlow for a call of a webhook; who asks adds the address that is to be called.
func (c Config) HrFlow(webhook string) (doctor.HrFlow, error) {
	h := c.settings().hrflow
	o := doctor.HrFlow{API: h.apiURL, UserEmail: h.userEmail, Source: webhook, Admin: "http://" + dialable(c.AdminListen)}
	switch {
	case h.keyFile == "":
		return o, errors.New("hrflow.api_key_file is not set: put HrFlow's API secret key into a file, and name it there")
	case h.userEmail == "":
		return o, errors.New("hrflow.user_email is not set: set it to the address of the user that the API secret key belongs to")
	case !slices.ContainsFunc(c.settings().sources, func(s *source) bool { return s.name == webhook }):
		return o, fmt.Errorf("no source is named %s", quoted(webhook))
	}
	key, err := readUpTo(h.keyFile, maxSecretFile)
	if err != nil {
		return o, fmt.Errorf("hrflow.api_key_file cannot be read: %s", cause(err))
	}
	o.Key = strings.TrimSpace(string(key))
	if o.Key == "" {
		return o, errors.New("the file of hrflow.api_key_file is empty: put the key into it")
	}
	return o, nil
}

// doctor is the source without its secrets.
func (s *source) doctor(dev bool) doctor.Source {
	d := doctor.Source{
		Name: s.name, Dev: dev,
		HeaderOnly: !slices.Contains(s.forms, signature.BodyHex) && !slices.Contains(s.forms, signature.BodyCompactHex),
	}
	for _, secret := range s.secrets {
		d.Lengths = append(d.Lengths, len(secret))
	}
	for _, file := range s.secretFiles {
		d.Files = append(d.Files, doctor.File{Key: sourcesPrefix + s.name + ".secret_files", Path: file})
	}
	return d
}

// secretFilesOf are pairs of a key and the file that it names, without those that name none.
func secretFilesOf(pairs ...string) []doctor.File {
	var files []doctor.File
	for pair := range slices.Chunk(pairs, 2) {
		if pair[1] != "" {
			files = append(files, doctor.File{Key: pair[0], Path: pair[1]})
		}
	}
	return files
}
