package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"hrbridge/cmd/hrbridge/config"
)

// validateCommand checks the configuration without starting or reaching anything.
func (a *app) validateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Check the configuration, offline",
		Long: `Checks the configuration that serve would run with, and names everything that is wrong with it at once: the key, where it
came from, what is wrong and what to do. It reads the files that the configuration names and reaches nothing else.

Exit code 0: serve would take it. 2: it would not.`,
		Example: `  hrbridge validate
  hrbridge validate --config hrbridge.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, warnings, err := config.Load(config.LoadOptions{Environ: a.env, Flags: cmd.Flags()})
			a.printWarnings(warnings)
			if err != nil {
				return usageError(err)
			}
			_, err = fmt.Fprintln(a.stdout, "configuration is valid")
			return err
		},
	}
	config.AddFlags(cmd.Flags())
	return cmd
}
