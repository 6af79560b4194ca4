package bridge

import "time"

// Record is a message as a broker holds it, which is what following topics and looking at dead letters read.
type Record struct {
	Message Message
	// Partition is the Kafka partition, 0 on NATS.
	Partition int
	// Sequence is the place in the stream on NATS, in the partition on Kafka.
	Sequence uint64
	// Stored is when the broker stored it, by its own clock.
	Stored time.Time
}

// From is where to begin to read: with what comes from now on, unless it says otherwise.
type From struct {
	Start bool      // with the oldest message that the broker holds
	Since time.Time // with the first that was stored at or after this time
}

// Reading is what of a broker to read. The zero value is every topic, from now on, without an end.
type Reading struct {
	// Topics are names, or patterns in the language of NATS: "*" stands for one word, ">" as the last one for one or more.
	// None is every topic.
	Topics []string
	From   From
	// ToEnd ends the reading, without an error, after the last message that was stored when it began.
	ToEnd bool
}
