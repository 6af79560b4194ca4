package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/spf13/cobra"

	"hrbridge/cmd/hrbridge/config"
	"hrbridge/publishers"
)

// serveCommand takes deliveries until it is told to stop.
func (a *app) serveCommand() *cobra.Command {
	var dev bool
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Take deliveries and publish their events",
		Long: `Takes deliveries at POST /webhooks/{source} and publishes every event to the topic of its type. A delivery is answered
2xx only when the broker holds all of its events durably.

The first SIGINT or SIGTERM stops accepting, finishes what is in flight within drain_timeout and ends with exit code 0;
the second ends at once. Configuration comes from a file, HRBRIDGE_ variables and flags, the later over the earlier.

Exit code 0: stopped as told. 1: a part failed while serving, or a stop cut deliveries off. 2: the command line or the
configuration is wrong. 3: the environment is: a port or the data folder is taken, a disk is nearly full.`,
		Example: `  hrbridge serve --dev
  HRBRIDGE_WEBHOOK_SECRET_FILE=/run/secrets/hrflow hrbridge serve --config hrbridge.yaml
  hrbridge serve --publisher nats --nats-url nats://broker:4222`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, warnings, err := config.Load(config.LoadOptions{Environ: a.env, Flags: cmd.Flags(), Dev: dev, Prove: dev})
			if err != nil {
				return usageError(fmt.Errorf("the configuration is wrong:\n%w", err))
			}
			return a.serve(cmd.Context(), cfg, warnings, dev)
		},
	}
	config.AddFlags(cmd.Flags())
	cmd.Flags().BoolVar(&dev, "dev", false, "to try it out: log for people, make a secret where none is configured, and print what to do next")
	return cmd
}

// serve runs a service with the process's signals.
func (a *app) serve(ctx context.Context, cfg config.Config, warnings []config.Warning, dev bool) error {
	s := &service{cfg: cfg}
	if dev {
		if err := a.prepareDev(s); err != nil {
			return environmentError(err)
		}
	}
	log, err := newLogger(a.stderr, s.cfg.Log)
	if err != nil {
		return usageError(err)
	}
	s.log = log
	for _, w := range warnings {
		log.Warn("configuration: " + w.String())
	}
	limitMemory(a.env, s.cfg.Ingress().MaxInFlight)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	return s.run(ctx, signals)
}

// prepareDev makes s serve for somebody who tries it out.
func (a *app) prepareDev(s *service) error {
	s.cfg.Log.Format = config.LogConsole
	shown := slices.DeleteFunc(s.sources(), func(name string) bool { return name == config.ProveSource })
	if len(shown) == 0 {
		shown = s.sources()
	}
	files := make(map[string]string) // where the secrets of sources are that had to be made
	for _, source := range s.cfg.WithoutSecret() {
		secret, made, err := devSecret(s.cfg.DataDir)
		if err != nil {
			return err
		}
		files[source] = made
		s.cfg = s.cfg.WithSecret(source, []byte(secret))
	}
	s.greet = func(at listeners, p publishers.Publisher) {
		fmt.Fprint(a.stdout, guide{
			program: invocation(os.Args[0]), secretFile: files[shown[0]], proveFile: files[config.ProveSource], source: shown[0],
			ingress: at.ingress.Addr().String(), admin: at.admin.Addr().String(), broker: brokerURL(p),
		})
	}
	return nil
}
