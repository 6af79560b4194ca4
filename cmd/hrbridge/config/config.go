package config

import "time"

// The publishers that there are.
const (
	PublisherEmbedded = "embedded"
	PublisherNATS     = "nats"
)

// The formats of log lines.
const (
	LogJSON    = "json"
	LogConsole = "console"
)

// Log is how the program logs.
type Log struct {
	Format string // LogJSON or LogConsole
	Level  string // debug, info, warn or error
}

// Config is a complete configuration. Printing one, in whatever way, shows what `hrbridge config` does, and no secret.
type Config struct {
	// Listen is where webhooks come in, AdminListen where health and metrics are served: host:port.
	Listen, AdminListen string
	// DataDir is the folder for everything that survives a restart.
	DataDir string
	// DrainTimeout is how long a stop waits for what is in flight.
	DrainTimeout time.Duration
	Log          Log

	// settings are behind a pointer, so that nothing that prints a struct around a Config prints what is in them.
	settings *settings
	keys     []Key
	origins  map[string]string
}

func newConfig(l *loader) Config {
	c := Config{
		Listen: l.listen, AdminListen: l.adminListen, DataDir: l.dataDir, DrainTimeout: l.drainTimeout, Log: l.log,
		settings: l.settings, keys: l.keys, origins: make(map[string]string),
	}
	for _, k := range l.keys {
		if from := l.origin(k.Name); from != "" {
			c.origins[k.Name] = from
		}
	}
	return c
}
