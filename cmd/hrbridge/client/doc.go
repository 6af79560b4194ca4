// Package client is a sender's side of a bridge: it signs a document as HrFlow does, posts it, and makes out what the bridge
// answered. Verbs that send share it.
//
// It must not know what the documents are about, nor which configuration the bridge has.
package client
