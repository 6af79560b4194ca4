// Package nats puts messages on a NATS JetStream stream, and reads them back for an operator.
//
// It hides nats.go: it opens a connection that is never given up, provisions or checks the stream before anything is
// published to it, and sorts whatever comes back into the domain's kinds of error. An acknowledgement is taken at its word
// only when it is about our stream. What an acknowledged message survives is the server's sync_interval to say; docs/nats.md
// has the table.
//
// It must not know deliveries, types or signatures: it is handed messages and puts them where they say.
package nats
