package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// rootCommand is the tree of verbs.
func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "hrbridge",
		Short: "Takes HrFlow webhooks in and puts every event on a message queue, by type",
		Long: `hrbridge takes HrFlow webhooks in over HTTP, verifies their signature and puts every event, byte for byte, on a
message queue, on a topic named after the event's type. It answers 2xx only when the broker holds every event
durably.`,
		Example: `  hrbridge serve --dev
  hrbridge serve --config hrbridge.yaml`,
		SilenceUsage:               true,
		SilenceErrors:              true,
		SuggestionsMinimumDistance: 2,                                                // letters
		CompletionOptions:          cobra.CompletionOptions{DisableDefaultCmd: true}, // ours refuses what it does not know
		Args:                       cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return unknownVerb(cmd, args[0])
		},
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError(fmt.Errorf("%w; see '%s --help'", err, cmd.CommandPath()))
	})
	root.AddCommand(
		a.serveCommand(),
		a.sendCommand(),
		a.tailCommand(),
		a.deadletterCommand(),
		a.healthcheckCommand(),
		a.validateCommand(),
		a.doctorCommand(),
		a.proveCommand(),
		a.configCommand(),
		a.schemaCommand(),
		a.versionCommand(),
		a.completionCommand(),
	)
	refuseAsUsage(root.Commands())
	return root
}

// refuseAsUsage makes refusals of the arguments and flags of verbs, and of the verbs below them, errors of usage.
func refuseAsUsage(verbs []*cobra.Command) {
	for _, verb := range verbs {
		verb.Args = usageArgs(verb.Args)
		verb.PreRunE = usageFlags
		refuseAsUsage(verb.Commands())
	}
}

// unknownVerb says which verbs come close to what was typed.
func unknownVerb(cmd *cobra.Command, verb string) error {
	text := fmt.Sprintf("unknown verb %q", verb)
	if near := cmd.SuggestionsFor(verb); len(near) > 0 {
		text += fmt.Sprintf(", did you mean %q?", near[0])
	}
	return usageError(fmt.Errorf("%s; see '%s --help'", text, cmd.CommandPath()))
}

// usageFlags makes a refusal of flags that do not go together an error of usage: cobra checks it after this, with an error
// that cannot be told from a verb's own.
func usageFlags(cmd *cobra.Command, _ []string) error {
	if err := errors.Join(cmd.ValidateRequiredFlags(), cmd.ValidateFlagGroups()); err != nil {
		return usageError(fmt.Errorf("%w; see '%s --help'", err, cmd.CommandPath()))
	}
	return nil
}

// usageArgs makes a refusal of a verb's arguments an error of usage. A verb that does not say takes none.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	if check == nil {
		check = cobra.NoArgs
	}
	return func(cmd *cobra.Command, args []string) error {
		switch err := check(cmd, args); {
		case err == nil:
			return nil
		case len(args) == 0:
			return usageError(fmt.Errorf("%w; see '%s --help'", err, cmd.CommandPath()))
		default: // what cobra says here is about commands
			return usageError(fmt.Errorf("'%s' does not take %q; see '%[1]s --help'", cmd.CommandPath(), strings.Join(args, " ")))
		}
	}
}
