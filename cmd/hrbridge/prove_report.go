package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"hrbridge/cmd/hrbridge/prove"
)

// How often a run says how far it is where nobody sits at a terminal, and where somebody does.
const (
	proveLines  = 10 * time.Second
	proveRedraw = 200 * time.Millisecond
)

// proveProgress shows how far a proof is: on a line that changes, or now and then on a new one.
type proveProgress struct {
	stderr   io.Writer
	terminal bool
	told     time.Time
	width    int
}

func (a *app) proveProgress() *proveProgress {
	return &proveProgress{stderr: a.stderr, terminal: isTerminal(a.stderr), told: time.Now()}
}

func (p *proveProgress) show(at prove.Progress) {
	every := proveLines
	if p.terminal {
		every = proveRedraw
	}
	if time.Since(p.told) < every {
		return
	}
	p.told = time.Now()
	line := fmt.Sprintf("%s %s: %d events acknowledged, %d of them not seen yet, %d answers refused, %d missing",
		at.Took.Round(time.Second), at.Phase, at.Acknowledged, at.Unseen, at.Refused, at.Unanswered)
	if at.Phase == prove.Auditing {
		line = fmt.Sprintf("%s %s: %d messages read, %d events acknowledged", at.Took.Round(time.Second), at.Phase, at.Read, at.Acknowledged)
	}
	if !p.terminal {
		fmt.Fprintln(p.stderr, line)
		return
	}
	fmt.Fprintf(p.stderr, "\r%-*s", p.width, line)
	p.width = len(line)
}

// end leaves the line that changes.
func (p *proveProgress) end() {
	if p.width > 0 {
		fmt.Fprintf(p.stderr, "\r%*s\r", p.width, "")
	}
}

// printProof prints a report for people or for machines.
func printProof(w io.Writer, r *prove.Report, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	_, err := io.WriteString(w, proofText(r))
	return err
}

func proofText(r *prove.Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "run %s, source %s, publisher %s\n", r.Run, r.Source, r.Publisher)
	if s := r.Sent; s != nil {
		fmt.Fprintf(&b, "sent        %d events; %d acknowledged, in %d deliveries, in %s (%.0f/s)\n",
			r.Events.Sent, r.Events.Acknowledged, s.Deliveries, round(time.Duration(s.Seconds*float64(time.Second))), s.EventsPerSecond)
		fmt.Fprintf(&b, "            %d answers other than 2xx%s, %d missing; %d tried again, %d given up\n",
			s.Refused, byStatus(s.Statuses), s.Unanswered, s.Retried, s.GivenUp)
		fmt.Fprintf(&b, "            %d redeliveries, %d of them taken; %d wrong signatures, %d of them answered 401\n",
			s.Repeats, s.RepeatsTaken, r.Forged.Sent, r.Forged.Refused)
		fmt.Fprintf(&b, "answer      %s\n", timesText(s.Answer))
		fmt.Fprintf(&b, "end to end  %s\n", timesText(s.EndToEnd))
	} else {
		fmt.Fprintf(&b, "sent        %d events were acknowledged, since %s\n", r.Events.Acknowledged, r.Began.Format(time.RFC3339))
	}
	if r.Torn > 0 {
		fmt.Fprintf(&b, "            the last %d bytes of %s were not written to their end\n", r.Torn, r.File)
	}
	e := r.Events
	fmt.Fprintf(&b, "found       %d stored, %d lost, %d doubled, %d altered, %d misrouted, %d out of order, %d forged\n",
		e.Stored, e.Lost, e.Doubled, e.Altered, e.Misrouted, e.OutOfOrder, r.Forged.Found)
	if e.LostAfterSeen > 0 {
		fmt.Fprintf(&b, "            %d of those lost had been there: something deleted them\n", e.LostAfterSeen)
	}
	if e.StoredAgain > 0 {
		fmt.Fprintf(&b, "            %d stored again, as is allowed; %d of them were sent once\n", e.StoredAgain, e.Unasked)
	}
	if e.Unacknowledged > 0 {
		fmt.Fprintf(&b, "            %d stored without an acknowledgement, as is allowed\n", e.Unacknowledged)
	}
	for _, note := range r.Notes {
		fmt.Fprintf(&b, "  - %s\n", printable(note))
	}
	if r.File != "" {
		fmt.Fprintf(&b, "obligations %s\n", printable(r.File))
	}
	switch {
	case !r.Proven:
		b.WriteString("NOT PROVEN\n")
	case r.Interrupted:
		b.WriteString("proven for what was acknowledged before it was interrupted\n")
	default:
		b.WriteString("proven\n")
	}
	return b.String()
}

func byStatus(statuses map[int]int) string {
	var parts []string
	for _, status := range slices.Sorted(maps.Keys(statuses)) {
		parts = append(parts, fmt.Sprintf("%d=%d", status, statuses[status]))
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, " ") + ")"
}

func timesText(t prove.Times) string {
	ms := func(f float64) time.Duration { return round(time.Duration(f * float64(time.Millisecond))) }
	return fmt.Sprintf("p50=%s  p99=%s  p99.9=%s  max=%s", ms(t.P50), ms(t.P99), ms(t.P999), ms(t.Max))
}
