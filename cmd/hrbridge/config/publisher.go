package config

import (
	"net"

	"hrbridge/publishers"
	"hrbridge/publishers/kafka"
	"hrbridge/publishers/nats"
)

// Publisher is what the publishers need to know: which one there is, and the options of each.
func (c Config) Publisher() publishers.Options {
	return publishers.Options{Name: c.settings().publisher, NATS: c.nats(), Embedded: c.embedded(), Kafka: c.kafka(), Spool: c.spool()}
}

// Tail is what following the topics of this configuration needs to know, on the broker that its publisher puts them on; who
// follows adds what to read.
func (c Config) Tail() publishers.TailOptions {
	n := c.nats()
	o := publishers.TailOptions{Name: c.settings().publisher, NATS: nats.TailOptions{
		URL: n.URL, Name: n.Name + " tail", Auth: n.Auth, TLS: n.TLS, ConnectTimeout: n.ConnectTimeout, Stream: n.Stream.Name,
	}}
	o.Kafka = kafka.TailOptions{Connection: c.kafka().Connection}
	o.Kafka.ClientID += "-tail"
	if o.Name == publishers.Embedded {
		c.tailEmbedded(&o.NATS)
	}
	return o
}

// tailEmbedded points o at the embedded broker of another process on this machine.
func (c Config) tailEmbedded(o *nats.TailOptions) {
	e := c.settings().embedded
	o.URL = "nats://" + dialable(e.Listen)
	o.Auth = nats.Auth{User: e.User, Password: e.Password, Token: e.Token}
	if e.TLS.CertFile == "" {
		o.TLS = nats.TLS{}
		return
	}
	o.URL = "tls://" + dialable(e.Listen)
	if o.TLS.CAFile == "" {
		o.TLS.CAFile = e.TLS.CertFile // the very certificate that has to be shown
	}
}

// dialable is a listener's address as a client on this machine can dial it.
func dialable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if everyInterface(host) {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
