package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"hrbridge/bridge"
)

// exported is a dead letter with its content.
type exported struct {
	letter
	Key         string          `json:"key,omitempty"`
	Value       json.RawMessage `json:"value,omitempty"`
	ValueBase64 []byte          `json:"value_base64,omitempty"` // in the place of Value where the content is not JSON
}

// deadletterExportCommand writes dead letters out.
func (a *app) deadletterExportCommand() *cobra.Command {
	var f selectFlags
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write dead letters as JSON lines, with content",
		Long: `Writes dead letters as JSON lines, the oldest first: what 'list --json' says, the key, and the content as "value", or where it
is not JSON as "value_base64". White space between the content's tokens is left out.

The content is personal data. The letters stay where they are.`,
		Example: `  hrbridge deadletter export --since 24h > letters.jsonl
  hrbridge deadletter export --reason not_an_object | jq .value`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := f.selection(nil, time.Now())
			if err != nil {
				return usageError(err)
			}
			fmt.Fprintln(a.stderr, "hrbridge: warning: this is the content of events, which is personal data: keep it no longer than it is needed")
			return a.openLetterbox(cmd.Context(), f.config, func(ctx context.Context, box *letterbox) error {
				return box.each(ctx, s, func(l letter, m bridge.Message) error {
					line, err := exportLine(l, m)
					if err != nil {
						return err
					}
					if _, err := a.stdout.Write(line); err != nil {
						return fmt.Errorf("write a dead letter: %w", err)
					}
					return nil
				})
			})
		},
	}
	f.add(cmd.Flags())
	return cmd
}

func exportLine(l letter, m bridge.Message) ([]byte, error) {
	e := exported{letter: l, Key: m.Key}
	if utf8.Valid(m.Value) && json.Valid(m.Value) {
		e.Value = m.Value
	} else {
		e.ValueBase64 = m.Value
	}
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false) // the content stays the text that it is
	if err := encoder.Encode(e); err != nil {
		return nil, fmt.Errorf("write a dead letter: %w", err)
	}
	return line.Bytes(), nil
}
