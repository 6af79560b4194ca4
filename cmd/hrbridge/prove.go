package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"hrbridge/bridge"
	"hrbridge/cmd/hrbridge/config"
	"hrbridge/cmd/hrbridge/prove"
)

// proveFlags is what the command line says about a proof.
type proveFlags struct {
	config, url, source, secretFile string
	dev, yes, json                  bool
	duration                        time.Duration
	events, perDelivery, size       int
	rate, redeliveries, forgeries   float64
	connections                     int
	timeout, giveUp, settle         time.Duration
	state, resume                   string
}

// proveCommand shows what becomes of what a bridge acknowledges.
func (a *app) proveCommand() *cobra.Command {
	var f proveFlags
	cmd := &cobra.Command{
		Use:   "prove",
		Short: "Prove on a running bridge that nothing is lost",
		Long: `Sends signed deliveries of marked, invented events to a running bridge, with redeliveries and wrong signatures mixed in,
reads everything back from the broker with a subscriber of its own, and reports what was acknowledged, stored, lost,
doubled, altered, misrouted, out of order, or forged and found all the same; and how fast. Bridge and broker are those of
the configuration, which is read as serve reads it.

It uses the source prove, where one is configured with a topic_prefix of its own, as 'serve --dev' has one: nobody else
subscribes to its topics. The invented events of any other source reach that source's subscribers, so it asks first.

Every event that is acknowledged is kept as an obligation in a file, which is removed when all are met. After a crash, a
power cut or a broker that was away, --resume FILE audits them. Interrupted (SIGINT), it sends no more and audits what was
acknowledged; a second signal ends it at once.

Exit code 0: proven. 1: something is lost, altered, misrouted, out of order, doubled within the broker's window, or forged and
found; or nothing was acknowledged. 2: the command line or the configuration is wrong. 3: bridge or broker are out of reach.`,
		Example: `  hrbridge prove --dev
  hrbridge prove --duration 10m --connections 32 --json
  hrbridge prove --events 100000 --events-per-delivery 20 --rate 200
  hrbridge prove --source hrflow --yes
  hrbridge prove --resume prove-5a1f0c3b9d27e684.obligations`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.events > 0 && !cmd.Flags().Changed("duration") {
				f.duration = 0
			}
			return a.prove(cmd.Context(), f)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.config, "config", "", "the configuration file (default hrbridge.yaml where one exists)")
	flags.BoolVar(&f.dev, "dev", false, "the bridge is 'serve --dev': use its source prove and the secret that it made")
	flags.StringVar(&f.url, "url", "", "where the bridge is, without /webhooks/… (default http:// and the configuration's listen)")
	flags.StringVar(&f.source, "source", "", "the source to send as (default prove, or the only one)")
	flags.StringVar(&f.secretFile, "secret-file", "", "file that holds the source's secret (default the configuration's)")
	flags.BoolVar(&f.yes, "yes", false, "do not ask whether invented events may reach the source's subscribers")
	flags.DurationVar(&f.duration, "duration", 30*time.Second, "how long to send")
	flags.IntVar(&f.events, "events", 0, "how many events to send; 0: as many as --duration allows")
	flags.Float64Var(&f.rate, "rate", 0, "deliveries per second; 0: as fast as it goes")
	flags.IntVar(&f.connections, "connections", 8, "connections to send on, a delivery at a time on each")
	flags.IntVar(&f.perDelivery, "events-per-delivery", 10, "events in a delivery")
	flags.IntVar(&f.size, "size", 0, "bytes of an event; 0: 1 to 8 KiB, as it comes")
	flags.Float64Var(&f.redeliveries, "redeliveries", 0.05, "the share of deliveries to send once more, the same bytes")
	flags.Float64Var(&f.forgeries, "forgeries", 0.05, "how many deliveries with a wrong signature to send for each good one")
	flags.DurationVar(&f.timeout, "timeout", 10*time.Second, "how long to wait for an answer")
	flags.DurationVar(&f.giveUp, "give-up", time.Minute, "how long to send a delivery again that is not acknowledged")
	flags.DurationVar(&f.settle, "settle", 30*time.Second, "how long to wait until everything acknowledged is seen")
	flags.StringVar(&f.state, "state", "", "where to keep the obligations, and let them stay (default prove-RUN.obligations here, until all are met)")
	flags.StringVar(&f.resume, "resume", "", "send nothing: audit the obligations in this file")
	flags.BoolVar(&f.json, "json", false, "print the report as JSON")
	cmd.MarkFlagsMutuallyExclusive("resume", "state")
	return cmd
}

// prove carries the flags out.
func (a *app) prove(ctx context.Context, f proveFlags) error {
	if err := f.check(); err != nil {
		return usageError(err)
	}
	c, _, err := config.Load(config.LoadOptions{File: f.config, Environ: a.env, Dev: true, Prove: f.dev}) // Dev: it takes no deliveries
	if err != nil {
		return usageError(err)
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // the second signal does what signals do
	show := a.proveProgress()
	if f.resume != "" {
		report, err := prove.Resume(ctx, f.resume, proveBroker(c), show.show)
		show.end()
		return a.proven(f, report, err)
	}
	o, err := a.proveOptions(f, c)
	if err != nil {
		return usageError(err)
	}
	o.Progress = show.show
	defer o.Client.Close()
	report, err := prove.Run(ctx, o)
	show.end()
	if report != nil && report.Proven && err == nil && f.state == "" {
		if os.Remove(report.File) == nil {
			report.File = ""
		}
	}
	return a.proven(f, report, err)
}

// check refuses what cannot be carried out.
func (f proveFlags) check() error {
	switch {
	case f.events < 0 || f.size < 0 || !(f.rate >= 0) || f.duration < 0:
		return errors.New("--events, --size, --rate and --duration cannot be negative")
	case f.events == 0 && f.duration == 0:
		return errors.New("give --duration or --events, or the run has no end")
	case f.connections < 1 || f.perDelivery < 1:
		return errors.New("--connections and --events-per-delivery have to be 1 or more")
	case !(f.redeliveries >= 0 && f.redeliveries <= 1) || !(f.forgeries >= 0 && f.forgeries <= 1):
		return errors.New("--redeliveries and --forgeries are shares from 0 to 1")
	case f.timeout <= 0 || f.giveUp <= 0 || f.settle <= 0:
		return errors.New("--timeout, --give-up and --settle have to be more than 0")
	}
	return nil
}

// proven prints the report and says, as an error, what is not proven.
func (a *app) proven(f proveFlags, report *prove.Report, err error) error {
	if err != nil {
		return proveError(err, report)
	}
	if err := printProof(a.stdout, report, f.json); err != nil {
		return err
	}
	err = report.Err()
	switch e := report.Events; {
	case err == nil:
		return nil
	case e.Lost > 0 && e.LostAfterSeen == 0 && report.File != "":
		return fmt.Errorf("%w; what waits in the bridge's spool is not lost: when its /readyz says that it is empty, run 'hrbridge prove --resume %s'", err, report.File)
	default:
		return err
	}
}

// proveError says what to do, and gives the exit code that tells a bridge or a broker out of reach from a proof that failed.
func proveError(err error, report *prove.Report) error {
	if refusal, ok := errors.AsType[*prove.Refusal](err); ok {
		o := refusal.Outcome
		switch {
		case o.Err != nil:
			return environmentError(fmt.Errorf("the bridge does not answer: %s; is 'hrbridge serve' running where --url or the configuration says?", printable(o.Err.Error())))
		case o.Answer.Status >= 500:
			return environmentError(fmt.Errorf("the bridge answers %d to the first delivery: %s", o.Answer.Status, remedy(o.Answer)))
		default:
			return fmt.Errorf("the bridge answers %d to the first delivery: %s", o.Answer.Status, remedy(o.Answer))
		}
	}
	if report == nil && errors.Is(err, context.Canceled) {
		return errors.New("interrupted before anything was sent that counts")
	}
	if _, ok := errors.AsType[*fs.PathError](err); ok && report == nil {
		return usageError(fmt.Errorf("%w; --state and --resume say where obligations are", err))
	}
	kept := ""
	if report != nil {
		kept = fmt.Sprintf("; the obligations are in %s: audit them with 'hrbridge prove --resume %[1]s'", report.File)
	}
	switch {
	case errors.Is(err, prove.ErrUnseen):
		return environmentError(fmt.Errorf("%w: is it the bridge's, and does the bridge reach it?", err))
	case errors.Is(err, prove.ErrUnreadable):
		return environmentError(fmt.Errorf("%w%s", err, kept))
	case bridge.KindOf(err) == bridge.KindUnavailable:
		return environmentError(fmt.Errorf("%w%s", err, kept))
	default:
		return fmt.Errorf("%w%s", err, kept)
	}
}
