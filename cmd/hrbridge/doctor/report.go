package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"hrbridge/bridge"
)

// Report is what a visit came to.
type Report struct {
	// Status is the worst verdict of all: ok, warning or failure.
	Status bridge.Verdict   `json:"status"`
	Checks []bridge.Finding `json:"checks"`
}

// NewReport sums findings up.
func NewReport(findings []bridge.Finding) Report {
	r := Report{Status: bridge.VerdictOK, Checks: findings}
	for _, status := range []bridge.Verdict{bridge.VerdictWarning, bridge.VerdictFailure} {
		if r.Count(status) > 0 {
			r.Status = status
		}
	}
	return r
}

// Count is how many checks came to a verdict.
func (r Report) Count(status bridge.Verdict) int {
	n := 0
	for _, f := range r.Checks {
		if f.Status == status {
			n++
		}
	}
	return n
}

// JSON writes the report for programs.
func (r Report) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// Text writes the report for people: a line a check, and below it, where something is to be done, why and what. What was found
// may hold what a server said: plain makes it harmless for a terminal.
func (r Report) Text(w io.Writer, plain func(string) string) error {
	var b strings.Builder
	for _, f := range r.Checks {
		fmt.Fprintf(&b, "%-8s %-24s %s\n", f.Status, f.Name, plain(f.Found))
		if f.Status == bridge.VerdictOK {
			continue
		}
		for _, more := range []struct{ label, text string }{{"why", f.Why}, {"remedy", f.Remedy}} {
			if more.text != "" {
				fmt.Fprintf(&b, "%-8s   %-7s %s\n", "", more.label, plain(more.text))
			}
		}
	}
	fmt.Fprintf(&b, "of %d checks: ok %d, warning %d, failure %d, skipped %d\n", len(r.Checks), r.Count(bridge.VerdictOK),
		r.Count(bridge.VerdictWarning), r.Count(bridge.VerdictFailure), r.Count(bridge.VerdictSkipped))
	_, err := io.WriteString(w, b.String())
	return err
}
