package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"hrbridge/bridge"
)

// checkTimeout bounds a check, below the second or more that probes wait.
const checkTimeout = time.Second

// maxReason is how many bytes of a reason are shown: enough for a person, whatever an error grows to.
const maxReason = 500

// Check is one part that readiness depends on.
type Check struct {
	// Name is what /readyz calls the part, such as "publisher".
	Name string
	// Ready returns nil, or why the part cannot keep its promises, or what Degraded returns. It may be called at any time, but not again before it
	// returned, and ends soon after ctx does. Its error is shown to whoever can reach the listener.
	Ready func(ctx context.Context) error
}

// Degraded is the answer of a check whose part keeps its promises, though not as it should: nil where the reason is "".
func Degraded(reason string) error {
	if reason == "" {
		return nil
	}
	return &degraded{reason}
}

type degraded struct{ reason string }

func (d *degraded) Error() string { return d.reason }

// status is one word about the whole process.
type status string

const (
	statusReady    status = "ready"
	statusDegraded status = "degraded" // the promises are kept, and somebody has to look
	statusNotReady status = "not ready"
	statusDraining status = "draining" // it still finishes what it took, and takes nothing more
)

// readiness is what /readyz answers.
type readiness struct {
	Status status            `json:"status"`
	Checks map[string]result `json:"checks"`
	Notes  []bridge.Finding  `json:"notes,omitempty"`
}

// result is what became of one check.
type result struct {
	Status string `json:"status"` // "ok", "degraded" or "failing"
	Reason string `json:"reason,omitempty"`
}

func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	now := s.readiness(r.Context())
	code := http.StatusOK
	if now.Status != statusReady && now.Status != statusDegraded {
		code = http.StatusServiceUnavailable
	}
	answer(w, code, now)
}

// readiness runs all checks at once.
func (s *Server) readiness(ctx context.Context) readiness {
	results := make([]result, len(s.checks))
	var wg sync.WaitGroup
	for i, c := range s.checks {
		wg.Go(func() { results[i] = s.check(ctx, c) })
	}
	wg.Wait()
	now := readiness{Status: statusReady, Checks: make(map[string]result, len(results)), Notes: s.notes}
	for i, r := range results {
		now.Checks[s.checks[i].Name] = r
		switch {
		case r.Status == "failing":
			now.Status = statusNotReady
		case r.Status == "degraded" && now.Status == statusReady:
			now.Status = statusDegraded
		}
	}
	if s.draining.Load() {
		now.Status = statusDraining
	}
	return now
}

// check runs c, or joins the run that another probe started: however often probes come and however long c hangs, it runs
// once at a time. The run has a time limit of its own, as it belongs to all who wait for it.
func (s *Server) check(ctx context.Context, c Check) result {
	run := s.running.DoChan(c.Name, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkTimeout)
		defer cancel()
		return nil, c.Ready(ctx)
	})
	wait, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	select {
	case done := <-run:
		if done.Err == nil {
			return result{Status: "ok"}
		}
		if reason, ok := errors.AsType[*degraded](done.Err); ok {
			return because("degraded", reason.Error())
		}
		return failing(done.Err.Error())
	case <-wait.Done():
		return failing(fmt.Sprintf("no answer within %v", checkTimeout))
	}
}

func failing(reason string) result { return because("failing", reason) }

// because is a result with a reason on one line of bounded length.
func because(status, reason string) result {
	reason = strings.Join(strings.Fields(reason), " ")
	if len(reason) > maxReason {
		reason = strings.ToValidUTF8(reason[:maxReason], "") + "…"
	}
	if reason == "" {
		reason = "unknown"
	}
	return result{Status: status, Reason: reason}
}

// answer writes v as JSON. A client that went away is no news.
func answer(w http.ResponseWriter, code int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		code, body = http.StatusInternalServerError, []byte(`{"status":"failed"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_, _ = w.Write(append(body, '\n'))
}
