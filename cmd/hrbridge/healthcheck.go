package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hrbridge/cmd/hrbridge/config"
)

const (
	defaultHealthTimeout = 3 * time.Second
	// maxHealthAnswer is how much of an answer is read: more than the admin listener ever says, and a bound on a stranger.
	maxHealthAnswer = 64 << 10
)

// healthcheckCommand asks a serve on this machine how it is, for supervisors in whose image there is nothing else to ask with.
func (a *app) healthcheckCommand() *cobra.Command {
	var live bool
	timeout := defaultHealthTimeout
	cmd := &cobra.Command{
		Use:   "healthcheck",
		Short: "Ask the serve on this machine whether it is ready",
		Long: `Asks the serve that runs with the same configuration on this machine, at its admin.listen, whether it can keep its
promises (/readyz), and says so in one line. With --live it asks only whether the process answers at all (/healthz).
It is the health check of the container image, which has no shell.

Exit code 0: yes. 1: no, or no answer, or the configuration is wrong. 2: the command line is wrong.`,
		Example: `  hrbridge healthcheck
  hrbridge healthcheck --live --timeout 1s`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, _, err := config.Load(config.LoadOptions{Environ: a.env, Flags: cmd.Flags(), Dev: true})
			if err != nil {
				return errors.New("the configuration is wrong: run 'hrbridge validate' to see what to change")
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			page := "/readyz"
			if live {
				page = "/healthz"
			}
			status, err := askHealth(ctx, "http://"+dialable(cfg.AdminListen)+page)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(a.stdout, status)
			return err
		},
	}
	config.AddFlags(cmd.Flags())
	cmd.Flags().BoolVar(&live, "live", false, "ask whether the process lives, not whether it is ready")
	cmd.Flags().DurationVar(&timeout, "timeout", timeout, "how long to wait for the answer")
	return cmd
}

// healthAnswer is what /healthz and /readyz say, as far as it concerns a supervisor.
type healthAnswer struct {
	Status string `json:"status"`
	Checks map[string]struct {
		Reason string `json:"reason"`
	} `json:"checks"`
}

// askHealth returns the status at url in a word or two, or an error with the reasons why it is not a good one.
func askHealth(ctx context.Context, url string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", fmt.Errorf("ask %s: %w", url, err)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // no proxy stands between a process and itself
	response, err := client.Do(request)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "", fmt.Errorf("%s does not answer in time: the process is overloaded or stopped", url)
	case err != nil:
		return "", fmt.Errorf("no answer: is hrbridge serve running with this admin.listen? %w", err)
	}
	defer response.Body.Close()
	var said healthAnswer
	if err := json.NewDecoder(io.LimitReader(response.Body, maxHealthAnswer)).Decode(&said); err != nil || said.Status == "" {
		return "", fmt.Errorf("%s answers %s, and not as hrbridge does: is it another program's port?", url, response.Status)
	}
	if response.StatusCode == http.StatusOK {
		return said.Status, nil
	}
	why := []string{said.Status}
	for _, name := range slices.Sorted(maps.Keys(said.Checks)) {
		if reason := said.Checks[name].Reason; reason != "" {
			why = append(why, name+": "+reason)
		}
	}
	return "", errors.New(strings.Join(why, "; "))
}
