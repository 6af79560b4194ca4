// Command bench measures hrbridge from end to end and prints the tables of docs/performance.md.
//
// It starts the real binary, sends signed deliveries to it over real sockets, and counts what the broker stored, not what
// was sent. Beside each figure, in the same run, stand (a) the publisher alone: the same messages put on the same broker by
// a bare loop without HTTP, signature or JSON; and (b) the same thing measured against itself, which is the noise.
//
// On Kafka, the bridge stands beside Kafka's own kafka-producer-perf-test and a kafka.Writer at the best setting that it finds, too.
//
// It is a tool of the project's own and no part of the product; nothing imports it.
package main
