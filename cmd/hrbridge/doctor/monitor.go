package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"hrbridge/bridge"
)

// CheckBrokerSync is the name of the check that SyncPolicy is about.
const CheckBrokerSync = "broker.sync"

// SyncPolicy reads at a NATS server's monitoring port, an address such as http://127.0.0.1:8222, when it syncs its disk, which no
// client is told. copies is how many the stream has.
func SyncPolicy(ctx context.Context, monitor string, copies int) bridge.Finding {
	f := bridge.Finding{
		Name: CheckBrokerSync, Status: bridge.VerdictOK,
		Why: "what the server acknowledged and did not sync is lost in a power cut: of this server where the stream has one copy, of all at once where it has three",
	}
	const remedy = "set jetstream { sync_interval: always } in the server's configuration, and nats.commit to batch here"
	server, config, err := readSync(ctx, monitor)
	switch {
	case err != nil:
		f.Status, f.Found = bridge.VerdictWarning, fmt.Sprintf("cannot be told: %s: %v", monitor, err)
		f.Remedy = "correct --nats-monitor, or see that the server's configuration has jetstream { sync_interval: always }"
	case config == nil:
		f.Status, f.Found = bridge.VerdictWarning, "the server "+server+" has no JetStream"
		f.Remedy = "give --nats-monitor the port of a server that has"
	case config.Always:
		f.Found = "the server " + server + " syncs what it acknowledges"
	case copies > 1:
		f.Status, f.Remedy = bridge.VerdictWarning, remedy
		f.Found = fmt.Sprintf("the server %s syncs every %v, and the stream has %d copies: a power cut of all loses what was acknowledged since", server, config.Interval, copies)
	default:
		f.Status, f.Remedy = bridge.VerdictFailure, remedy
		f.Found = fmt.Sprintf("the server %s syncs every %v, and the stream has one copy: a power cut loses what was acknowledged since", server, config.Interval)
	}
	return f
}

// syncConfig is what a server says of its store.
type syncConfig struct {
	Always   bool          `json:"sync_always"`
	Interval time.Duration `json:"sync_interval"`
}

// readSync returns a nil config where the server has no JetStream.
func readSync(ctx context.Context, monitor string) (server string, config *syncConfig, err error) {
	ctx, cancel := context.WithTimeout(ctx, pageTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(monitor, "/")+"/jsz", nil)
	if err != nil {
		return "", nil, err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(request)
	if err != nil {
		return "", nil, cause(err)
	}
	defer answer.Body.Close()
	var page struct {
		ID       string      `json:"server_id"`
		Disabled bool        `json:"disabled"`
		Config   *syncConfig `json:"config"`
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxPage)).Decode(&page); err != nil || answer.StatusCode != http.StatusOK || page.ID == "" {
		return "", nil, fmt.Errorf("/jsz answers %s, and not as a NATS server does", answer.Status)
	}
	if page.Disabled {
		return page.ID, nil, nil
	}
	return page.ID, page.Config, nil
}
