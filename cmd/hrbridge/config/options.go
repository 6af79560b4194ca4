package config

import (
	"slices"

	"hrbridge/bridge"
	"hrbridge/bridge/ingress"
	"hrbridge/publishers/embedded"
	"hrbridge/publishers/nats"
	"hrbridge/publishers/spool"
	"hrbridge/schema"
)

// Ingress is what the ingress needs to know.
func (c Config) Ingress() ingress.Options {
	o := c.settings().ingress
	o.KnownTypes = schema.Types()
	for _, s := range c.settings().sources {
		o.Sources = append(o.Sources, s.options())
	}
	return o
}

// Fanout is what the fan-out needs to know.
func (c Config) Fanout() bridge.FanoutOptions { return c.settings().fanoutOptions() }

func (s *settings) fanoutOptions() bridge.FanoutOptions {
	o := s.fanout
	o.Known = schema.Types()
	o.SourcePrefixes = make(map[string]string)
	for _, s := range s.sources {
		o.SourcePrefixes[s.name] = s.topicPrefix
	}
	return o
}

// nats is what the publisher on an outside server needs to know.
func (c Config) nats() nats.Options {
	o := c.settings().nats
	o.Stream = c.stream()
	return o
}

// embedded is what the embedded broker needs to know.
func (c Config) embedded() embedded.Options {
	o := c.settings().embedded
	o.DataDir = c.DataDir
	o.Stream = c.stream()
	return o
}

// spool is what the spool needs to know.
func (c Config) spool() spool.Options {
	o := c.settings().spool
	o.DataDir = c.DataDir
	o.MaxMessage = c.settings().ingress.Events.MaxEvent + bridge.HeaderAllowance
	o.DeadLetterTopic = c.settings().fanout.DeadLetterTopic
	return o
}

// stream is the stream that takes everything there can be.
func (c Config) stream() nats.Stream {
	s := c.settings().stream
	s.Subjects = c.Fanout().StreamSubjects()
	s.MinMessage = c.settings().ingress.Events.MaxEvent + bridge.HeaderAllowance
	return s
}

// WithoutSecret are the sources that have no secret, which only a configuration loaded with Dev can have.
func (c Config) WithoutSecret() []string {
	var names []string
	for _, s := range c.settings().sources {
		if len(s.secrets) == 0 {
			names = append(names, s.name)
		}
	}
	return names
}

// WithSecret is the configuration with one more secret for a source.
func (c Config) WithSecret(sourceName string, secret []byte) Config {
	changed := *c.settings()
	changed.sources = slices.Clone(changed.sources)
	for i, s := range changed.sources {
		if s.name == sourceName {
			with := *s
			with.secrets = append(slices.Clone(s.secrets), string(secret))
			changed.sources[i] = &with
		}
	}
	c.settings, c.keys = func() *settings { return &changed }, changed.allKeys()
	return c
}
