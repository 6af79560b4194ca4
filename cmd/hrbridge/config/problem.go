package config

import (
	"strconv"
	"strings"
)

// Problem is one thing that is wrong, or doubtful, with the configuration. It never holds a secret.
type Problem struct {
	// Key is the setting's dotted name, or what stands where a name of one should.
	Key string
	// Origin is where the value came from: "hrbridge.yaml:12", "HRBRIDGE_LISTEN", "--listen"; "" where nobody gave one.
	Origin string
	// Value is what was given, "***" for a secret, "" where it does not matter.
	Value string
	// Reason is what is wrong with it, as the rest of a sentence about the key.
	Reason string
	// Remedy is what to do, as an order.
	Remedy string
}

// longestShown is how much of a value or a name that came from outside is printed.
const longestShown = 80

// String is the problem in one line.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.Key)
	if p.Value != "" {
		b.WriteString(" = " + clip(strconv.Quote(p.Value)))
	}
	if p.Origin != "" {
		b.WriteString(" (" + p.Origin + ")")
	}
	b.WriteString(" " + p.Reason)
	if p.Remedy != "" {
		b.WriteString("; " + p.Remedy)
	}
	return b.String()
}

func clip(s string) string {
	if len(s) > longestShown {
		return strings.ToValidUTF8(s[:longestShown], "") + "…"
	}
	return s
}

// Error is everything that is wrong with a configuration, found in one go. It is never empty.
type Error []Problem

// Error is a line for each problem.
func (e Error) Error() string {
	lines := make([]string, len(e))
	for i, p := range e {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Warning is something that works, but perhaps not as it was meant to.
type Warning Problem

// String is the warning in one line.
func (w Warning) String() string { return Problem(w).String() }
