package embedded

import "context"

// OpenWithDisk is Open with a disk that a test fills.
func OpenWithDisk(ctx context.Context, o Options, free func(string) (int64, error)) (*Broker, error) {
	return open(ctx, o, free)
}

// BreakStore does to the store what the server does when a write fails.
func (b *Broker) BreakStore() error { return b.engine.server().ShutdownJetStream() }

// StopEngine and StartEngine take the server away from the publisher and give it back.
func (b *Broker) StopEngine() { b.engine.stop() }

// StartEngine starts the server again.
func (b *Broker) StartEngine() error { return b.engine.start() }

// BreakStore does to the store what the server does when a write fails.
func (s *Store) BreakStore() error { return s.engine.server().ShutdownJetStream() }

// StopEngine takes the server away from the store.
func (s *Store) StopEngine() { s.engine.stop() }
