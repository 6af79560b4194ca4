// Package kafka puts messages on a Kafka cluster, a topic a type, and reads them back for an operator.
//
// It hides kafka-go, and of that everything above the protocol: kafka.Writer cannot tell a caller that his few messages are
// durable, nor give up in time. It learns the cluster's leaders, creates or checks the topics, gathers what concurrent
// callers publish into one produce request at a time for each leader, and sorts whatever comes back into the domain's kinds
// of error. It acknowledges what all in-sync replicas have; docs/kafka.md says what that survives.
//
// It must not know deliveries, types or signatures: it is handed messages and puts them where they say.
package kafka
