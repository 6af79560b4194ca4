package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hrbridge/bridge"
)

// replayFlags is what the command line says about dead letters to send again.
type replayFlags struct {
	selectFlags
	all, dryRun, yes bool
	to               string
}

// deadletterReplayCommand sends dead letters to topics.
func (a *app) deadletterReplayCommand() *cobra.Command {
	var f replayFlags
	cmd := &cobra.Command{
		Use:   "replay [ID...]",
		Short: "Send dead letters to the topic that they should have had",
		Long: `Sends dead letters, the oldest first, to the topic that each should have gone to: those whose ids are given, or those that
the filters select, or --all. Do it after the cause is gone: what would be a dead letter again is skipped, and so is what has
no topic, unless --to names one.

A message that is sent has its letter's ce-id, content and time, and a header hrbridge-replayed-from that says where the letter
is. The broker stores it although it knows the id; so consumers that have done that id already will skip it, and to send a letter
twice is as good as once to them. Of letters of one id only the oldest is sent.

Exit code 1: some could not be sent, or one that was named is not there or was skipped.`,
		Example: `  hrbridge deadletter replay --reason unknown_type --dry-run
  hrbridge deadletter replay --reason unknown_type --yes
  hrbridge deadletter replay 34d5917d7210d9bd311df487e5e7c7bb --to profile.parsing.success`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(args); err != nil {
				return usageError(err)
			}
			s, err := f.selection(args, time.Now())
			if err != nil {
				return usageError(err)
			}
			return a.openLetterbox(cmd.Context(), f.config, func(ctx context.Context, box *letterbox) error {
				return a.replay(ctx, box, s, f)
			})
		},
	}
	f.add(cmd.Flags())
	flags := cmd.Flags()
	flags.BoolVar(&f.all, "all", false, "every dead letter")
	flags.StringVar(&f.to, "to", "", "send them all to this topic, a full name, topic.prefix included")
	flags.BoolVar(&f.dryRun, "dry-run", false, "say what would be done, and do nothing")
	flags.BoolVar(&f.yes, "yes", false, "do not ask before more than one is sent")
	return cmd
}

// check refuses what cannot be meant.
func (f *replayFlags) check(ids []string) error {
	ways := 0
	for _, given := range []bool{len(ids) > 0, f.given(), f.all} {
		if given {
			ways++
		}
	}
	if ways != 1 {
		return errors.New("say which dead letters: their ids, or filters such as --reason, or --all: one of these")
	}
	if f.to == "" {
		return nil
	}
	if p, err := parseTopicPattern(f.to); err != nil || p.more || slices.Contains(p.words, anyWord) {
		return fmt.Errorf("--to %s is no topic: want words of [a-zA-Z0-9_-] joined by dots, such as profile.parsing.success", printable(f.to))
	}
	return nil
}

// replay finds the letters first, so that it can say how many there are, and reads them again to send them.
func (a *app) replay(ctx context.Context, box *letterbox, s selection, f replayFlags) error {
	if f.to == box.topic {
		return usageError(fmt.Errorf("--to %s is the dead-letter topic itself: name another", f.to))
	}
	p, err := a.planReplay(ctx, box, s, f)
	if err != nil {
		return err
	}
	absent := missing(s.ids, p.goes)
	if f.dryRun {
		fmt.Fprintf(a.stderr, "%d would be sent, %d skipped; nothing was done\n", len(p.to), p.skipped)
		return absent
	}
	if len(p.to) > 1 && !f.yes && !a.agreed(len(p.to)) {
		return usageError(fmt.Errorf("nothing was sent: %d dead letters are meant; answer y, or give --yes", len(p.to)))
	}
	r := &replayer{box: box, to: p.to, nonce: rand.Text(), mayMake: f.to == "", stdout: a.stdout}
	if len(p.to) > 0 {
		err = r.run(ctx, s)
	}
	fmt.Fprintf(a.stderr, "%d sent, %d skipped, %d failed\n", r.sent, p.skipped, len(p.to)-r.sent)
	switch {
	case err != nil:
		return err
	case r.sent < len(p.to):
		return errors.New("some dead letters could not be sent: they stay where they are")
	case len(s.ids) > 0 && p.skipped > 0:
		return errors.Join(absent, errors.New("some of the dead letters that were named were not sent"))
	}
	return absent
}

// replayPlan is which letters go where.
type replayPlan struct {
	to      map[place]string
	goes    map[string]bool // by id; no for one that is skipped
	skipped int
}

// planReplay decides about each letter, and says so of those that are skipped, and of the others in a dry run.
func (a *app) planReplay(ctx context.Context, box *letterbox, s selection, f replayFlags) (replayPlan, error) {
	p := replayPlan{to: make(map[place]string), goes: make(map[string]bool)}
	err := box.each(ctx, s, func(l letter, _ bridge.Message) error {
		if p.goes[l.ID] {
			return nil // the same event, delivered again
		}
		topic, why := box.destination(l, f.to)
		p.goes[l.ID] = why == ""
		var err error
		switch {
		case why != "":
			p.skipped++
			_, err = fmt.Fprintf(a.stdout, "skipped   %s  %s\n", printable(l.ID), printable(why))
		case f.dryRun:
			_, err = fmt.Fprintf(a.stdout, "would go  %s  to %s\n", printable(l.ID), printable(topic))
		}
		if why == "" {
			p.to[l.place()] = topic
		}
		return err
	})
	return p, err
}

// destination is the topic that l goes to, or why it goes nowhere.
func (b *letterbox) destination(l letter, to string) (topic, why string) {
	switch {
	case l.Reason == "":
		return "", "it is no dead letter of hrbridge's: it has no header " + bridge.HeaderReason
	case to != "":
		return to, ""
	case l.Topic == "":
		return "", l.Reason + ": it has no topic; name one with --to"
	case l.Reason == string(bridge.ReasonUnknownType) && b.fanout.UnknownTypes != bridge.PublishUnknown && !slices.Contains(b.fanout.Known, l.Type):
		return "", fmt.Sprintf("%s: unknown_types is still %s; set it to %s, or name a topic with --to", l.Reason, b.fanout.UnknownTypes, bridge.PublishUnknown)
	}
	return l.Topic, ""
}

// missing is an error about ids of which there is no letter.
func missing(ids []string, goes map[string]bool) error {
	var none []string
	for _, id := range ids {
		if _, found := goes[id]; !found {
			none = append(none, printable(id))
		}
	}
	if len(none) == 0 {
		return nil
	}
	return fmt.Errorf("there is no dead letter %s", strings.Join(none, ", "))
}

// agreed asks.
func (a *app) agreed(count int) bool {
	if a.stdin == nil {
		return false
	}
	fmt.Fprintf(a.stderr, "send %d dead letters? [y/N] ", count)
	answer, err := bufio.NewReader(io.LimitReader(a.stdin, 64)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return false
	}
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes"
}
