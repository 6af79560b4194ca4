// Package signature tells whether a delivery was signed by somebody who has the webhook's secret, and which bytes the
// signature covers. HrFlow's documentation and SDKs disagree on what is signed and how it is written down, so there are
// five forms; a header's value alone tells which of them it can be.
//
// The functions here are pure: bytes and secrets come in, the bytes that were signed come out, and nothing that was handed
// in is changed. The package must not know HTTP, the names of headers, what limits their size, what an event is, or whether
// the signed bytes are JSON at all; of JSON it knows only where white space carries no meaning. Its errors never contain a
// value, a payload, a mac or a secret.
package signature
