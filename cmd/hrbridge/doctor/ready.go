package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"hrbridge/bridge"
)

// Running asks the bridge whose admin listener is at base, an address such as http://127.0.0.1:8081, how it is.
func Running(ctx context.Context, base string) bridge.Finding {
	f := bridge.Finding{
		Name: "bridge.ready", Status: bridge.VerdictOK,
		Why: "a bridge that is not ready answers deliveries with 503",
	}
	said, err := askReady(ctx, base)
	if err != nil {
		return absent(fmt.Sprintf("no bridge answers at %s: %v", base, err), f.Name)[0]
	}
	f.Found = fmt.Sprintf("the bridge at %s says: %s", base, said.text())
	switch said.Status {
	case "ready":
	case "degraded":
		f.Status, f.Remedy = bridge.VerdictWarning, "see the checks of the broker"
	case "draining":
		f.Status, f.Remedy = bridge.VerdictWarning, "nothing: it was told to stop, and finishes what it took"
	default:
		f.Status, f.Remedy = bridge.VerdictFailure, "see the checks that failed, and the bridge's log"
	}
	return f
}

// readiness is what /readyz says.
type readiness struct {
	Status string `json:"status"`
	Checks map[string]struct {
		Reason string `json:"reason"`
	} `json:"checks"`
}

func (r readiness) text() string {
	all := []string{r.Status}
	for _, name := range slices.Sorted(maps.Keys(r.Checks)) {
		if reason := r.Checks[name].Reason; reason != "" {
			all = append(all, name+": "+reason)
		}
	}
	return strings.Join(all, "; ")
}

func askReady(ctx context.Context, base string) (readiness, error) {
	ctx, cancel := context.WithTimeout(ctx, pageTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/readyz", nil)
	if err != nil {
		return readiness{}, err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // no proxy stands before an admin listener
	answer, err := client.Do(request)
	if err != nil {
		return readiness{}, cause(err)
	}
	defer answer.Body.Close()
	var said readiness
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxPage)).Decode(&said); err != nil || said.Status == "" {
		return readiness{}, fmt.Errorf("/readyz answers %s, and not as hrbridge does", answer.Status)
	}
	return said, nil
}

// cause is err without the address that the text around it has already.
func cause(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}
