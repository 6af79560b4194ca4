//go:build !race

package main_test

// raceArgs build the binary under test with the race detector where the tests themselves have it.
func raceArgs() []string { return nil }
