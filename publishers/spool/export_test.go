package spool

import (
	"context"
	"time"
)

// Straight tells whether calls go straight through.
func (p *Publisher) Straight() bool { return p.mode.isStraight() }

// OpenWithHope is Open with less patience for messages that nobody takes.
func OpenWithHope(ctx context.Context, inner Inner, o Options, hope time.Duration) (*Publisher, error) {
	return open(ctx, inner, o, hope)
}
