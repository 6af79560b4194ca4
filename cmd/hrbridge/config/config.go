package config

import (
	"maps"
	"time"
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

	// settings are behind a function, so that nothing that prints a struct around a Config prints what is in them.
	settings func() *settings
	keys     []Key
	origins  map[string]string
}

func newConfig(l *loader) Config {
	s := l.settings
	c := Config{
		Listen: s.listen, AdminListen: s.adminListen, DataDir: s.dataDir, DrainTimeout: s.drainTimeout, Log: s.log,
		settings: func() *settings { return s }, keys: l.keys, origins: make(map[string]string),
	}
	maps.Copy(c.origins, l.read)
	for _, k := range l.keys {
		if from := l.origin(k.Name); from != "" {
			c.origins[k.Name] = from
		}
	}
	return c
}
