// Package admin is the second listener, for those who run hrbridge: whether the process lives, whether it can keep its
// promises, and its metrics. It is apart from the ingress so that it can stay within the machine, and so that it still
// answers when the ingress is full or closing.
//
// It must not know what is being checked or measured: checks and metrics are handed to it, and it never sees an event.
package admin
