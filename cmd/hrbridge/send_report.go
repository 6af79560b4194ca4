package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"hrbridge/cmd/hrbridge/client"
)

const (
	// maxLines is the most deliveries that get a line each.
	maxLines = 20
	// progressEvery is how often a long run says how far it is.
	progressEvery = 5 * time.Second
)

// sendReport tells people, and by the error that it ends with scripts, what became of the deliveries.
type sendReport struct {
	count           int
	stdout, stderr  io.Writer
	began, told     time.Time
	statuses        map[int]int
	first           map[int]client.Answer // of each status
	unanswered      int
	lost            error // why the last of these got no answer
	events          int
	published, dead int
	took            []time.Duration
}

func newSendReport(count int, stdout, stderr io.Writer) *sendReport {
	now := time.Now()
	return &sendReport{
		count: count, stdout: stdout, stderr: stderr, began: now, told: now,
		statuses: make(map[int]int), first: make(map[int]client.Answer),
	}
}

// add takes one outcome in.
func (r *sendReport) add(o client.Outcome) {
	r.took = append(r.took, o.Took)
	if o.Err != nil {
		r.unanswered++
		r.lost = o.Err
	} else {
		r.statuses[o.Answer.Status]++
		if _, seen := r.first[o.Answer.Status]; !seen {
			r.first[o.Answer.Status] = o.Answer
		}
		if o.Answer.HasReceipt {
			r.events += o.Answer.Events
			r.published += o.Answer.Published
			r.dead += o.Answer.DeadLettered
		}
	}
	if r.count <= maxLines {
		fmt.Fprintln(r.stdout, outcomeLine(o))
	} else if now := time.Now(); now.Sub(r.told) >= progressEvery {
		r.told = now
		fmt.Fprintf(r.stderr, "%d of %d deliveries, %s\n", len(r.took), r.count, r.tally())
	}
}

// finish sums up and says whether all went well. interrupted is why sending ended early, if it did.
func (r *sendReport) finish(interrupted error) error {
	if r.count > maxLines {
		r.summary()
	}
	if refused := r.refusals(); refused != "" {
		return errors.New(refused)
	}
	if r.unanswered > 0 {
		return environmentError(fmt.Errorf("%d of %d deliveries got no answer, the last because: %s; is 'hrbridge serve' running at --url?",
			r.unanswered, r.count, printable(r.lost.Error())))
	}
	if interrupted != nil {
		return fmt.Errorf("interrupted after %d of %d deliveries", len(r.took), r.count)
	}
	return nil
}

// refusals is what the bridge did not take and what to do about it, "" where it took all that it answered.
func (r *sendReport) refusals() string {
	var reasons []string
	refused := 0
	for _, status := range slices.Sorted(maps.Keys(r.statuses)) {
		if first := r.first[status]; !first.Taken() {
			refused += r.statuses[status]
			reasons = append(reasons, fmt.Sprintf("%d: %s", status, remedy(first)))
		}
	}
	if refused == 0 {
		return ""
	}
	if r.count == 1 {
		return "the delivery was refused; " + reasons[0]
	}
	return fmt.Sprintf("%d of %d deliveries were refused; %s", refused, r.count, strings.Join(reasons, "; "))
}

// summary is a line about the whole run.
func (r *sendReport) summary() {
	elapsed := time.Since(r.began)
	slices.Sort(r.took)
	fmt.Fprintf(r.stdout, "%d deliveries in %s (%.0f/s): %s\n", len(r.took), round(elapsed), float64(len(r.took))/elapsed.Seconds(), r.tally())
	fmt.Fprintf(r.stdout, "%d events (%.0f/s): published=%d  dead_lettered=%d\n", r.events, float64(r.events)/elapsed.Seconds(), r.published, r.dead)
	fmt.Fprintf(r.stdout, "answer time: p50=%s  p99=%s  max=%s\n", r.quantile(0.50), r.quantile(0.99), r.quantile(1))
}

// tally is how often each answer came.
func (r *sendReport) tally() string {
	var parts []string
	for _, status := range slices.Sorted(maps.Keys(r.statuses)) {
		parts = append(parts, fmt.Sprintf("%d=%d", status, r.statuses[status]))
	}
	if r.unanswered > 0 {
		parts = append(parts, fmt.Sprintf("unanswered=%d", r.unanswered))
	}
	return strings.Join(parts, "  ")
}

// quantile is the time within which that part of the deliveries was answered. The times are sorted.
func (r *sendReport) quantile(part float64) time.Duration {
	if len(r.took) == 0 {
		return 0
	}
	return round(r.took[min(len(r.took)-1, int(part*float64(len(r.took))))])
}
