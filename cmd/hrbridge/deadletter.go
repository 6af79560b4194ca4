package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"hrbridge/bridge"
	"hrbridge/cmd/hrbridge/config"
	"hrbridge/publishers"
)

// deadletterCommand is for the events that could not go to a topic of their own.
func (a *app) deadletterCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "deadletter",
		Short: "Look at dead letters, and send them again",
		Long: `Works on the events that could not go to a topic of their own: lists them, shows one, sends them to the topic that they
should have had, and exports them.

The broker is that of the configuration, which is read as serve reads it. With the embedded one it works while the bridge
runs, through embedded.listen, and while it is stopped, in data_dir; run it as the user that hrbridge runs as.

A dead letter stays on its topic when it was sent again: topics are logs, and what is on one goes when it is old.

Exit code 0: done. 1: some of it failed. 2: the command line or the configuration is wrong. 3: the broker is out of reach.`,
		Example: `  hrbridge deadletter list --since 24h
  hrbridge deadletter replay --reason unknown_type --dry-run`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return unknownVerb(cmd, args[0])
		},
	}
	cmd.AddCommand(a.deadletterListCommand(), a.deadletterShowCommand(), a.deadletterReplayCommand(), a.deadletterExportCommand())
	return cmd
}

// letterbox is the dead-letter topic of a configuration, and the broker that it is on.
type letterbox struct {
	topic  string
	fanout bridge.FanoutOptions
	broker *publishers.Broker
}

// openLetterbox calls do with the letterbox of the configuration in file, until it returns or the process is told to stop.
func (a *app) openLetterbox(ctx context.Context, file string, do func(context.Context, *letterbox) error) (err error) {
	c, _, err := config.Load(config.LoadOptions{File: file, Environ: a.env, Dev: true}) // Dev: nothing here takes deliveries
	if err != nil {
		return usageError(err)
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	broker, err := publishers.Approach(ctx, c.Publisher(), c.Tail())
	if err != nil {
		return brokerError(err)
	}
	defer func() { err = errors.Join(err, broker.Close()) }()
	box := &letterbox{topic: c.Fanout().DeadLetterTopic, fanout: c.Fanout(), broker: broker}
	if err := do(ctx, box); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return errors.New("stopped before it was done")
	}
	return nil
}

// each reads the dead letters that s selects, oldest first, until there are no more or each returns an error.
func (b *letterbox) each(ctx context.Context, s selection, each func(letter, bridge.Message) error) error {
	reading := bridge.Reading{Topics: []string{b.topic}, From: s.from(), ToEnd: true}
	var failed error
	err := b.broker.Tail(ctx, reading, func(r bridge.Record) error {
		l := newLetter(r)
		if r.Message.Topic == b.topic && s.takes(l) {
			failed = each(l, r.Message)
		}
		return failed
	})
	if failed != nil {
		return failed
	}
	return brokerError(err)
}

// brokerError gives the exit code that tells a broker's trouble from ours, and says what to do. A nil err stays nil.
func brokerError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, publishers.ErrConfiguration):
		return usageError(err)
	}
	switch bridge.KindOf(err) {
	case bridge.KindUnavailable, bridge.KindTimeout:
		return environmentError(fmt.Errorf("%w; is the broker running where the configuration says?", err))
	case bridge.KindRefused, bridge.KindFull:
		return environmentError(err)
	default:
		return err
	}
}
