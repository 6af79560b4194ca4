package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"hrbridge/bridge"
	"hrbridge/cmd/hrbridge/config"
	"hrbridge/cmd/hrbridge/doctor"
	"hrbridge/publishers"
)

// doctorFlags is what the command line says about a visit.
type doctorFlags struct {
	dev     bool
	json    bool
	monitor string

	hrflow bool
	url    string
	source string
	event  string
	wait   time.Duration
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

With --hrflow it asks HrFlow to call the webhook at --url, with the key in hrflow.api_key_file, and watches the delivery arrive
at the bridge that runs, be verified and be published: the whole way through DNS, TLS and proxies. The events of that delivery
are published like all others.

Exit code 0: nothing failed. 1: a check failed. 2: the command line or the configuration is wrong. 3: the broker is out of reach.`,
		Example: `  hrbridge doctor
  hrbridge doctor --config hrbridge.yaml --json
  hrbridge doctor --publisher nats --nats-url nats://broker:4222 --nats-monitor http://broker:8222
  hrbridge doctor --hrflow --url https://hooks.example.org/webhooks/hrflow`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, warnings, err := config.Load(config.LoadOptions{Environ: a.env, Flags: cmd.Flags(), Dev: f.dev})
			if err != nil {
				return usageError(fmt.Errorf("the configuration is wrong:\n%w", err))
			}
			if f.monitor != "" && cfg.Publisher().Name != publishers.NATS {
				return usageError(errors.New("--nats-monitor is about a NATS server of yours, and the publisher is " + cfg.Publisher().Name))
			}
			if f.hrflow != (f.url != "") {
				return usageError(errors.New("--hrflow and --url go together: --url is the public address of the webhook; see 'hrbridge doctor --help'"))
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return a.doctor(ctx, f, cfg, warnings)
		},
	}
	config.AddFlags(cmd.Flags())
	cmd.Flags().BoolVar(&f.dev, "dev", false, "look at what serve --dev runs with")
	cmd.Flags().BoolVar(&f.json, "json", false, "print a report for programs")
	cmd.Flags().StringVar(&f.monitor, "nats-monitor", "", "the NATS server's monitoring port, such as http://broker:8222, to read its sync policy from")
	cmd.Flags().BoolVar(&f.hrflow, "hrflow", false, "ask HrFlow to call the webhook, and follow the delivery")
	cmd.Flags().StringVar(&f.url, "url", "", "the webhook's public address, which HrFlow is to call")
	cmd.Flags().StringVar(&f.source, "source", config.DefaultSource, "the source that the address is of")
	cmd.Flags().StringVar(&f.event, "type", "profile.parsing.success", "the event type to ask HrFlow for")
	cmd.Flags().DurationVar(&f.wait, "wait", 30*time.Second, "how long HrFlow's delivery may take to arrive")
	return cmd
}

// doctor makes all checks and reports them.
func (a *app) doctor(ctx context.Context, f doctorFlags, cfg config.Config, warnings []config.Warning) error {
	var way doctor.HrFlow
	if f.hrflow {
		var err error
		if way, err = cfg.HrFlow(f.source); err != nil {
			return usageError(err)
		}
		way.URL, way.Type, way.Wait = f.url, f.event, f.wait
	}
	findings := append([]bridge.Finding{configurationFinding(warnings)}, doctor.Local(cfg.Doctor(f.dev))...)
	findings = append(findings, doctor.Running(ctx, "http://"+dialable(cfg.AdminListen)))
	atBroker, away := publishers.Inspect(ctx, cfg.Inspect())
	for i := range atBroker {
		if f.monitor != "" && atBroker[i].Name == doctor.CheckBrokerSync {
			atBroker[i] = doctor.SyncPolicy(ctx, f.monitor, cfg.Publisher().NATS.Stream.Replicas)
		}
	}
	findings = append(findings, atBroker...)
	if f.hrflow {
		findings = append(findings, doctor.Follow(ctx, way)...)
	}
	report := doctor.NewReport(findings)
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

// examine makes the checks that cost nothing at the start of serve, and returns what is not as it should be.
func (s *service) examine() []bridge.Finding {
	return slices.DeleteFunc(doctor.Quick(s.cfg.Doctor(false)), func(f bridge.Finding) bool {
		return f.Status == bridge.VerdictOK || f.Status == bridge.VerdictSkipped
	})
}

// logNotes logs what was found, once the parts are open: a part that cannot be opened for the same reason says so itself.
func (s *service) logNotes(notes []bridge.Finding) {
	for _, f := range notes {
		level := zap.WarnLevel
		if f.Status == bridge.VerdictFailure {
			level = zap.ErrorLevel
		}
		s.log.Log(level, "doctor: "+f.Found, zap.String("check", f.Name), zap.String("remedy", f.Remedy))
	}
}
