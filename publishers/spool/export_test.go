package spool

// Straight tells whether calls go straight through.
func (p *Publisher) Straight() bool { return p.mode.isStraight() }
