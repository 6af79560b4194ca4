package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"hrbridge/bridge"
	"hrbridge/cmd/hrbridge/config"
	"hrbridge/cmd/hrbridge/doctor"
	"hrbridge/publishers"
)

// doctorFlags is what the command line says about a visit.
type doctorFlags struct {
	dev  bool
	json bool
}

// doctorCommand looks at what the bridge stands on.
func (a *app) doctorCommand() *cobra.Command {
	var f doctorFlags
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look at the broker, the disk and this machine, online",
		Long: `Looks at everything that the promises stand on, with the configuration that serve would run with: the broker and its stream,
the rights there, sizes, the data folder and its disk, limits, secrets, clocks. Each check is a line with ok, warning, failure
or skipped; below it why it matters and what to do. It changes nothing: no event is published, no stream is made. To measure
the disk it writes a file into data_dir, and removes it.

With the embedded broker it looks through the listener of the bridge that runs, where one does.

Exit code 0: nothing failed. 1: a check failed. 2: the command line or the configuration is wrong. 3: the broker is out of reach.`,
		Example: `  hrbridge doctor
  hrbridge doctor --config hrbridge.yaml --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, warnings, err := config.Load(config.LoadOptions{Environ: a.env, Flags: cmd.Flags(), Dev: f.dev})
			if err != nil {
				return usageError(fmt.Errorf("the configuration is wrong:\n%w", err))
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return a.doctor(ctx, f, cfg, warnings)
		},
	}
	config.AddFlags(cmd.Flags())
	cmd.Flags().BoolVar(&f.dev, "dev", false, "look at what serve --dev runs with")
	cmd.Flags().BoolVar(&f.json, "json", false, "print a report for programs")
	return cmd
}

// doctor makes all checks and reports them.
func (a *app) doctor(ctx context.Context, f doctorFlags, cfg config.Config, warnings []config.Warning) error {
	findings := append([]bridge.Finding{configurationFinding(warnings)}, doctor.Local(cfg.Doctor(f.dev))...)
	atBroker, away := publishers.Inspect(ctx, cfg.Inspect())
	report := doctor.NewReport(append(findings, atBroker...))
	if err := a.printReport(report, f.json); err != nil {
		return err
	}
	switch failures := report.Count(bridge.VerdictFailure); {
	case ctx.Err() != nil:
		return ctx.Err()
	case away != nil:
		return environmentError(fmt.Errorf("look at the broker: %w", away))
	case failures > 0:
		return fmt.Errorf("%d of %d checks failed", failures, len(report.Checks))
	}
	return nil
}

func (a *app) printReport(r doctor.Report, asJSON bool) error {
	if asJSON {
		return r.JSON(a.stdout)
	}
	return r.Text(a.stdout, printable)
}

// configurationFinding is what validate would say.
func configurationFinding(warnings []config.Warning) bridge.Finding {
	f := bridge.Finding{Name: "configuration", Status: bridge.VerdictOK, Found: "valid"}
	if len(warnings) == 0 {
		return f
	}
	var found, remedies []string
	for _, w := range warnings {
		found = append(found, w.Key+" "+w.Reason)
		remedies = append(remedies, w.Remedy)
	}
	f.Status, f.Found, f.Remedy = bridge.VerdictWarning, strings.Join(found, "; "), strings.Join(remedies, "; ")
	f.Why = "it works, and may not be what was meant"
	return f
}

// examine makes the checks that cost nothing at the start of serve, logs what is not as it should be, and returns it.
func (s *service) examine() []bridge.Finding {
	var notes []bridge.Finding
	for _, f := range doctor.Quick(s.cfg.Doctor(false)) {
		level := s.log.Warn
		switch f.Status {
		case bridge.VerdictOK, bridge.VerdictSkipped:
			continue
		case bridge.VerdictFailure:
			level = s.log.Error
		case bridge.VerdictWarning:
		}
		level("doctor: "+f.Found, zap.String("check", f.Name), zap.String("remedy", f.Remedy))
		notes = append(notes, f)
	}
	return notes
}
