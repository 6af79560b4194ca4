// Package spool keeps messages on local disk that a broker out of reach could not take yet: a publisher around a publisher.
//
// While the broker takes what it is given and nothing is spooled, a call goes straight through. When the broker fails, or is
// slow, the call's messages become a durable record in the store, many calls sharing one, and the caller has its answer. From
// then on every call queues behind them, and the drainer hands the records to the broker in their order, until the spool is
// empty and calls go straight through again. docs/spool.md says why no message of a key overtakes another.
//
// It must not know a broker, nor deliveries, types or signatures.
package spool
