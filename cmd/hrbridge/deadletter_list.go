package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"hrbridge/bridge"
)

// deadletterListCommand lists dead letters.
func (a *app) deadletterListCommand() *cobra.Command {
	var f selectFlags
	var limit int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List dead letters, the newest first, without content",
		Long: `Lists dead letters, the newest first: when each was stored, its id, why it is one, its source, the type that it names, the
topic that it should have gone to where there is one, its place in the delivery's array, the delivery's id and its size.
Nothing of the content is shown.`,
		Example: `  hrbridge deadletter list
  hrbridge deadletter list --reason unknown_type,too_many_new_types --since 24h
  hrbridge deadletter list --limit 0 --json | jq -r .type | sort | uniq -c`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := f.selection(nil, time.Now())
			if err == nil && limit < 0 {
				err = errors.New("--limit cannot be negative")
			}
			if err != nil {
				return usageError(err)
			}
			return a.openLetterbox(cmd.Context(), f.config, func(ctx context.Context, box *letterbox) error {
				newest, all, err := box.newest(ctx, s, limit)
				if err != nil {
					return err
				}
				return a.printLetters(newest, all, asJSON)
			})
		},
	}
	f.add(cmd.Flags())
	cmd.Flags().IntVar(&limit, "limit", 100, "show so many at most, the newest; 0: all")
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON lines")
	return cmd
}

// newest returns the newest of the letters that s selects, at most limit where that is not 0, and how many there are in all.
func (b *letterbox) newest(ctx context.Context, s selection, limit int) (newest []letter, all int, err error) {
	err = b.each(ctx, s, func(l letter, _ bridge.Message) error {
		all++
		newest = append(newest, l)
		if limit > 0 && len(newest) >= 2*limit { // partitions come one beside the other
			newest = newestFirst(newest)[:limit]
		}
		return nil
	})
	newest = newestFirst(newest)
	if limit > 0 {
		newest = newest[:min(limit, len(newest))]
	}
	return newest, all, err
}

func newestFirst(letters []letter) []letter {
	slices.SortStableFunc(letters, func(a, b letter) int {
		return cmp.Or(b.Stored.Compare(a.Stored), cmp.Compare(b.Partition, a.Partition), cmp.Compare(b.Sequence, a.Sequence))
	})
	return letters
}

// printLetters prints a table, or lines of JSON.
func (a *app) printLetters(letters []letter, all int, asJSON bool) error {
	if asJSON {
		for _, l := range letters {
			line, err := jsonLetter(l)
			if err != nil {
				return err
			}
			if _, err := a.stdout.Write(line); err != nil {
				return fmt.Errorf("print a dead letter: %w", err)
			}
		}
		return nil
	}
	if all == 0 {
		fmt.Fprintln(a.stderr, "no dead letters")
		return nil
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	var names []string
	for _, c := range columns() {
		names = append(names, c.name)
	}
	fmt.Fprintln(w, strings.Join(names, "\t"))
	for _, l := range letters {
		var cells []string
		for _, c := range columns() {
			cells = append(cells, cmp.Or(printable(c.of(l)), "-"))
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print the dead letters: %w", err)
	}
	if len(letters) < all {
		fmt.Fprintf(a.stderr, "the newest %d of %d; --limit shows more\n", len(letters), all)
	}
	return nil
}
