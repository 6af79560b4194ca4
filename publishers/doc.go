// Package publishers chooses a publisher by the configuration's name for it. A new broker is a folder below this one and a
// line in [Open].
//
// It must not know where options come from, nor what is published.
package publishers
