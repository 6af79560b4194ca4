package config

import (
	"time"

	"hrbridge/bridge"
	"hrbridge/bridge/ingress"
	"hrbridge/publishers"
	"hrbridge/publishers/embedded"
	"hrbridge/publishers/kafka"
	"hrbridge/publishers/nats"
	"hrbridge/publishers/spool"
)

// settings is everything that the keys set: the parts' own options, and the few settings that are the program's.
type settings struct {
	listen, adminListen string
	dataDir             string
	publisher           string
	drainTimeout        time.Duration
	log                 Log

	ingress  ingress.Options
	fanout   bridge.FanoutOptions
	nats     nats.Options
	embedded embedded.Options
	kafka    kafka.Options
	spool    spool.Options
	// stream is what the streams of NATS and of the embedded broker have in common.
	stream nats.Stream
	// The files that the brokers' secrets are in, where they are not given themselves.
	natsFiles, embeddedFiles, kafkaFiles secretFiles
	hrflow                               hrflow
	sources                              []*source
}

// hrflow is how to ask HrFlow for a call.
type hrflow struct{ apiURL, keyFile, userEmail string }

// secretFiles are where a broker's secrets are kept.
type secretFiles struct{ password, token string }

// defaults are the settings when nobody says anything, each from the part that it belongs to.
func defaults() *settings {
	s := &settings{
		listen:       ":8080",
		adminListen:  "127.0.0.1:8081",
		publisher:    publishers.Embedded,
		drainTimeout: 15 * time.Second,
		log:          Log{Format: LogJSON, Level: "info"},
		ingress:      ingress.Defaults(),
		fanout:       bridge.DefaultFanoutOptions(),
		nats:         nats.Defaults(),
		embedded:     embedded.Defaults(),
		kafka:        kafka.Defaults(),
		spool:        spool.Defaults(),
		stream:       nats.Defaults().Stream,
		hrflow:       hrflow{apiURL: "https://api.hrflow.ai/v1/"},
	}
	s.dataDir = s.embedded.DataDir
	return s
}
