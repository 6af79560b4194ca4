package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"hrbridge/bridge"
	"hrbridge/cmd/hrbridge/config"
	"hrbridge/publishers"
)

// tailFlags is what the command line says about topics to follow.
type tailFlags struct {
	config  string
	url     string
	from    string
	raw     bool
	count   int
	timeout time.Duration
}

// tailCommand shows what is published.
func (a *app) tailCommand() *cobra.Command {
	var f tailFlags
	var metadata bool
	cmd := &cobra.Command{
		Use:   "tail [TOPIC...]",
		Short: "Follow topics",
		Long: `Shows the messages of topics as they are stored: of those that are named, or of all that the broker has. A TOPIC is a full
name, topic.prefix included, or a pattern: * as the last word stands for one word or more, as an earlier word for exactly
one. Put patterns in quotes: the shell has a use of its own for *.

The broker is that of the configuration, which is read as serve reads it. tail leaves no trace there: other subscribers do
not notice it.

By default a line a message, without content: when it was stored, topic, sequence (on Kafka partition and offset), id, size,
key, and of a dead letter the reason. On Kafka the messages of a partition come in order, those of several as they come. With --raw the values, which are personal data, as JSON lines: byte for byte, but that a value with line breaks
between its tokens is printed without white space there, so that it stays one line.

Exit code 0: shown, or stopped. 1: fewer than --count messages came within --timeout. 2: the command line or the
configuration is wrong. 3: the broker is out of reach.`,
		Example: `  hrbridge tail
  hrbridge tail 'profile.*' job.parsing.success
  hrbridge tail --from 10m hrbridge.deadletter
  hrbridge tail --from start --raw 'profile.parsing.*' | jq .profile.key`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if metadata && f.raw {
				return usageError(errors.New("--metadata leaves the content out and --raw is the content: give one of them"))
			}
			return a.tail(cmd.Context(), f, args)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.config, "config", "", "the configuration file (default hrbridge.yaml where one exists)")
	flags.StringVar(&f.url, "url", "", "the NATS server, or the Kafka brokers as host:port,host:port, to follow (default the configuration's)")
	flags.StringVar(&f.from, "from", "now", "where to begin: now, start, a time such as 2026-01-31T08:00:00Z, or how long ago, such as 10m")
	flags.BoolVar(&metadata, "metadata", false, "show no content (the default)")
	flags.BoolVar(&f.raw, "raw", false, "show the values, as JSON lines")
	flags.IntVar(&f.count, "count", 0, "stop after so many messages; 0: never")
	flags.DurationVar(&f.timeout, "timeout", 0, "stop after so long; 0: never")
	return cmd
}

// tail carries the flags out.
func (a *app) tail(ctx context.Context, f tailFlags, topics []string) error {
	if f.count < 0 || f.timeout < 0 {
		return usageError(errors.New("--count and --timeout cannot be negative"))
	}
	show := &follower{raw: f.raw, count: f.count, stdout: a.stdout, stderr: a.stderr}
	for _, topic := range topics {
		p, err := parseTopicPattern(topic)
		if err != nil {
			return usageError(fmt.Errorf("the topic %s: %w", printable(topic), err))
		}
		show.patterns = append(show.patterns, p)
	}
	from, err := parseFrom(f.from, time.Now())
	if err != nil {
		return usageError(err)
	}
	options, err := a.tailOptions(f)
	if err != nil {
		return usageError(err)
	}
	options.Topics, options.From = show.patterns.subjects(), from
	show.partitions = options.Name == publishers.Kafka

	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	if f.timeout > 0 {
		ctx, stop = context.WithTimeout(ctx, f.timeout)
		defer stop()
	}
	err = publishers.Tail(ctx, options, show.show)
	switch {
	case errors.Is(err, errEnough):
		return nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded) && show.shown < f.count:
		return fmt.Errorf("%d of %d messages came within %s", show.shown, f.count, f.timeout)
	case err == nil || ctx.Err() != nil:
		return nil
	}
	return tailError(err)
}

// tailOptions says where the broker is.
func (a *app) tailOptions(f tailFlags) (publishers.TailOptions, error) {
	c, _, err := config.Load(config.LoadOptions{File: f.config, Environ: a.env, Dev: true}) // Dev: tail takes no deliveries
	if err != nil {
		return publishers.TailOptions{}, err
	}
	o := c.Tail()
	switch {
	case f.url == "":
	case o.Name == publishers.Kafka:
		o.Kafka.Brokers = strings.Split(f.url, ",")
		for _, broker := range o.Kafka.Brokers {
			if host, port, err := net.SplitHostPort(broker); err != nil || host == "" || port == "" {
				return o, fmt.Errorf("--url %s: want the addresses of Kafka brokers, such as 127.0.0.1:9092,127.0.0.1:9093, because the publisher is kafka", printable(f.url))
			}
		}
	default:
		o.NATS.URL = f.url
	}
	return o, nil
}

// tailError says what to do, and gives the exit code that tells a broker's trouble from ours.
func tailError(err error) error {
	err = fmt.Errorf("follow topics: %w", err)
	switch bridge.KindOf(err) {
	case bridge.KindUnavailable, bridge.KindTimeout:
		return environmentError(fmt.Errorf("%w; is the broker, or 'hrbridge serve' with the embedded one, running where the configuration or --url says?", err))
	case bridge.KindRefused:
		return environmentError(err)
	default:
		return err
	}
}

// parseFrom reads where to begin. The zero value is now.
func parseFrom(s string, now time.Time) (bridge.From, error) {
	switch s {
	case "now":
		return bridge.From{}, nil
	case "start":
		return bridge.From{Start: true}, nil
	}
	since, err := parseMoment("--from", s, now)
	if err != nil {
		return bridge.From{}, fmt.Errorf("%w; or now, or start", err)
	}
	return bridge.From{Since: since}, nil
}
