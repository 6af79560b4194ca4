package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Exit codes, a part of the contract with scripts and supervisors.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2 // the command line or the configuration has to change
	exitEnvironment = 3 // the broker is out of reach, a port is taken, a disk is full
)

// app is what every verb is given of the world, so that a test can run the whole program in its own process.
type app struct {
	env    []string // NAME=value
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
}

// run is the program: it carries out args and returns the exit code. It reads and writes nothing of the process but what it
// is given, files that args and env name, and, while serving, the signals.
func run(ctx context.Context, args, env []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{env: env, stdin: stdin, stdout: stdout, stderr: stderr}
	root := a.rootCommand()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	fmt.Fprintln(stderr, "hrbridge: "+oneLine(err.Error()))
	if e, ok := errors.AsType[*exitError](err); ok {
		return e.code
	}
	return exitFailed
}

// exitError is an error that ends the program with a code of its own.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }

func (e *exitError) Unwrap() error { return e.err }

// usageError marks err as one that only another command line or configuration cures: exit code 2. A nil err stays nil.
func usageError(err error) error { return withCode(exitUsage, err) }

// environmentError marks err as one that the machine or the broker has to cure: exit code 3. A nil err stays nil.
func environmentError(err error) error { return withCode(exitEnvironment, err) }

func withCode(code int, err error) error {
	if err == nil {
		return nil
	}
	return &exitError{code: code, err: err}
}

// oneLine keeps an error on one line, so that a log collector or a grep shows all of it. Errors about several keys of the
// configuration are lists, and stay lists.
func oneLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "\n  ")
}
