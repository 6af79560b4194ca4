package kafkatest

// Options are what a Cluster is. The zero value is one broker of the newest Kafka, open to everybody on loopback.
type Options struct {
	// Brokers is how many, 1 or 3; 0 is 1. Each is a controller, too. Topics that say nothing have as many replicas; of three,
	// two must be in sync.
	Brokers int
	// Version is "" for the newest Kafka of the pom, or the name of a profile there: "3.9".
	Version string
	// Security is the protocol that clients speak: "PLAINTEXT", which "" is, "SSL", "SASL_PLAINTEXT" or "SASL_SSL". The brokers,
	// the controllers and this package speak plainly among themselves, on ports of their own. With SSL, Certificates has what
	// a client needs.
	Security string
	// Users may log in, by name with their password, with PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512.
	Users map[string]string
	// Authorize lets a client do what access control lists allow it, and nothing else; Admin grants.
	Authorize bool
	// Settings are laid over the brokers' own, as server.properties has them.
	Settings map[string]string
	// Advertise returns the address that clients are told instead of a broker's own: of a proxy to it, say.
	Advertise func(broker int, address string) string
	// Lasting brokers are for measurements: they may use the better compiler and more memory, where the others start quickly.
	Lasting bool
	// Dir keeps the data, and what is in it already; "" is a folder that goes with the test.
	Dir string
	// Port is where the first broker listens, the others behind it; 0 is wherever there is room.
	Port int
}
