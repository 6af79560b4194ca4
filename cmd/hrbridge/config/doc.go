// Package config is the one place that reads the configuration: it lays file, environment and flags over the defaults of the
// parts, checks the whole, and hands each part its own options.
//
// One table of keys drives everything: what a file may say, the names in the environment, the flags, the checks of single
// values and the documentation. The defaults are those of the parts' own Defaults functions; the table only points at them.
//
// The package must not open a broker, a listener or a store, and starts nothing: what can be known only online is the
// business of the part that it concerns. A secret leaves it only through the options of the part that needs it, never in an
// error, a warning or a printed configuration.
package config
