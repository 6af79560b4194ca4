package doctor

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// tally is what a bridge has counted of one source.
type tally struct {
	known                   bool        // it has the source
	answers                 map[int]int // by status
	failures                map[string]int
	published, deadLettered int
	strays                  int // requests for no source that it has
	spooled                 int // messages of all sources
}

// The metrics that are read, and the label of requests for no source: the ingress's, a contract with whoever scrapes them.
const (
	deliveriesMetric = "hrbridge_deliveries_total"
	failuresMetric   = "hrbridge_verification_failures_total"
	eventsMetric     = "hrbridge_events_total"
	spooledMetric    = "hrbridge_spool_spooled_total"
	strayLabel       = "unknown"

	maxPage  = 16 << 20
	pageTime = 10 * time.Second
)

// readTally reads the metrics page of the bridge whose admin listener is at base.
func readTally(ctx context.Context, base, source string) (tally, error) {
	ctx, cancel := context.WithTimeout(ctx, pageTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/metrics", nil)
	if err != nil {
		return tally{}, err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // no proxy stands before an admin listener
	answer, err := client.Do(request)
	if err != nil {
		return tally{}, cause(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return tally{}, fmt.Errorf("/metrics answers %s", answer.Status)
	}
	return parseTally(io.LimitReader(answer.Body, maxPage), source)
}

var sample = regexp.MustCompile(`^(hrbridge_[a-z_]+)(?:\{([^}]*)\})? ([0-9.e+]+)$`)

var label = regexp.MustCompile(`([a-z_]+)="([^"]*)"`)

// parseTally makes out what a page in Prometheus' text format says of source. All labels of the metrics in question are of
// closed sets without quotes and braces.
func parseTally(page io.Reader, source string) (tally, error) {
	t := tally{answers: make(map[int]int), failures: make(map[string]int)}
	ours := false
	lines := bufio.NewScanner(page)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		m := sample.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		ours = true
		labels := make(map[string]string)
		for _, l := range label.FindAllStringSubmatch(m[2], -1) {
			labels[l[1]] = l[2]
		}
		value, err := strconv.ParseFloat(m[3], 64)
		if err != nil {
			return tally{}, fmt.Errorf("read %s: %w", m[1], err)
		}
		t.take(m[1], labels, int(value), source)
	}
	if err := lines.Err(); err != nil {
		return tally{}, fmt.Errorf("read /metrics: %w", err)
	}
	if !ours {
		return tally{}, errors.New("/metrics is not that of hrbridge")
	}
	return t, nil
}

// take counts one sample in.
func (t *tally) take(metric string, labels map[string]string, value int, source string) {
	if labels["source"] == strayLabel && metric == deliveriesMetric {
		t.strays += value
	}
	if metric == spooledMetric {
		t.spooled += value
	}
	if labels["source"] != source {
		return
	}
	t.known = true
	switch metric {
	case deliveriesMetric:
		if status, err := strconv.Atoi(labels["status"]); err == nil {
			t.answers[status] += value
		}
	case failuresMetric:
		t.failures[labels["reason"]] += value
	case eventsMetric:
		switch labels["outcome"] {
		case "published":
			t.published += value
		case "dead_lettered":
			t.deadLettered += value
		}
	}
}

// since is what was counted after before.
func (t tally) since(before tally) tally {
	less := tally{
		known: t.known, answers: make(map[int]int), failures: make(map[string]int),
		published: t.published - before.published, deadLettered: t.deadLettered - before.deadLettered, strays: t.strays - before.strays,
		spooled: t.spooled - before.spooled,
	}
	for status, n := range t.answers {
		if n -= before.answers[status]; n > 0 {
			less.answers[status] = n
		}
	}
	for reason, n := range t.failures {
		if n -= before.failures[reason]; n > 0 {
			less.failures[reason] = n
		}
	}
	return less
}

func (t tally) arrived() bool { return len(t.answers) > 0 }

// taken is how many deliveries were answered 2xx.
func (t tally) taken() int {
	n := 0
	for status, count := range t.answers {
		if status/100 == 2 {
			n += count
		}
	}
	return n
}

// unavailable tells whether a delivery was verified and could not be published.
func (t tally) unavailable() bool { return t.answers[http.StatusServiceUnavailable] > 0 }

// statuses are the answers, for people.
func (t tally) statuses() string {
	var all []string
	for _, status := range slices.Sorted(maps.Keys(t.answers)) {
		all = append(all, strconv.Itoa(status))
	}
	return strings.Join(all, ", ")
}

// failed is why signatures were not accepted, "" where none was refused.
func (t tally) failed() string { return strings.Join(slices.Sorted(maps.Keys(t.failures)), ", ") }
