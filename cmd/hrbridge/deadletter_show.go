package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"hrbridge/bridge"
)

// deadletterShowCommand shows one dead letter.
func (a *app) deadletterShowCommand() *cobra.Command {
	var configFile string
	var content, raw bool
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show what is known of a dead letter",
		Long: `Shows a dead letter by its id, the ce-id: where and when it was stored, and all of its headers. Its content is personal data
and is shown only on demand: with --content after the rest, printable; with --raw alone, byte for byte.

Where a letter was stored more than once, because its delivery came again, the newest is shown.`,
		Example: `  hrbridge deadletter show 34d5917d7210d9bd311df487e5e7c7bb
  hrbridge deadletter show 34d5917d7210d9bd311df487e5e7c7bb --raw | jq .`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.openLetterbox(cmd.Context(), configFile, func(ctx context.Context, box *letterbox) error {
				var found letter
				var message bridge.Message
				times := 0
				err := box.each(ctx, selection{ids: args}, func(l letter, m bridge.Message) error {
					if times == 0 || !l.Stored.Before(found.Stored) {
						found, message = l, m
					}
					times++
					return nil
				})
				switch {
				case err != nil:
					return err
				case times == 0:
					return fmt.Errorf("there is no dead letter %s: 'hrbridge deadletter list' shows those that there are", printable(args[0]))
				case raw:
					_, err = a.stdout.Write(message.Value)
				default:
					err = a.printLetter(found, message, times, content)
				}
				if err != nil {
					return fmt.Errorf("print the dead letter: %w", err)
				}
				return nil
			})
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&configFile, "config", "", "the configuration file (default hrbridge.yaml where one exists)")
	flags.BoolVar(&content, "content", false, "show the content too, which is personal data")
	flags.BoolVar(&raw, "raw", false, "show nothing but the content, byte for byte")
	cmd.MarkFlagsMutuallyExclusive("content", "raw")
	return cmd
}

// printLetter prints a line for each thing that is known, and the content where it is wanted.
func (a *app) printLetter(l letter, m bridge.Message, times int, content bool) error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	line := func(name, value string) { fmt.Fprintf(w, "%s\t%s\n", printable(name), cmp.Or(printable(value), "-")) }
	for _, c := range columns() {
		line(strings.ToLower(c.name), c.of(l))
	}
	line("received", l.Received.Format(storedLayout))
	line("key", m.Key)
	line("at", l.from(m.Topic))
	if times > 1 {
		line("stored times", fmt.Sprint(times))
	}
	line("first bytes", l.FirstBytes)
	for _, h := range m.Headers {
		if !strings.HasPrefix(h.Name, "hrbridge-") {
			line("header "+h.Name, h.Value)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if !content {
		return nil
	}
	_, err := fmt.Fprintf(a.stdout, "\n%s\n", printable(string(m.Value)))
	return err
}

// from is the letter's place on its topic, as a header says it of the message that was sent again.
func (l letter) from(topic string) string {
	return fmt.Sprintf("%s/%d/%d", topic, l.Partition, l.Sequence)
}
