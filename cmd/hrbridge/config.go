package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"hrbridge/cmd/hrbridge/config"
)

// configCommand prints what the configuration comes to, for finding out why a setting is what it is.
func (a *app) configCommand() *cobra.Command {
	var asDefaults, asKeys bool
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Print the configuration, secrets masked",
		Long: `Prints the configuration that serve would run with, as YAML: each value that somebody set with where it came from, and
each secret as ***. The file is the weakest, then the environment, then the flags.`,
		Example: `  hrbridge config
  hrbridge config --config hrbridge.yaml --publisher nats
  hrbridge config --defaults > hrbridge.yaml
  hrbridge config --keys`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case asDefaults:
				_, err := fmt.Fprint(a.stdout, config.DefaultYAML())
				return err
			case asKeys:
				return a.printKeys()
			}
			c, warnings, err := config.Load(config.LoadOptions{Environ: a.env, Flags: cmd.Flags(), Dev: true})
			a.printWarnings(warnings)
			if err != nil {
				return usageError(err)
			}
			_, err = fmt.Fprint(a.stdout, c)
			return err
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&asDefaults, "defaults", false, "print a file to start from: every key with its default, commented out")
	flags.BoolVar(&asKeys, "keys", false, "list every key with its environment variable, flag and default")
	cmd.MarkFlagsMutuallyExclusive("defaults", "keys")
	config.AddFlags(flags)
	return cmd
}

// printKeys lists every key in columns.
func (a *app) printKeys() error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "KEY\tENVIRONMENT\tFLAG\tDEFAULT")
	for _, k := range config.Keys() {
		flag := "-"
		if k.Flag != "" {
			flag = "--" + k.Flag
		}
		fmt.Fprintln(w, strings.Join([]string{k.Name, k.Env, flag, k.Default}, "\t"))
	}
	return w.Flush()
}

// printWarnings tells what works but was perhaps not meant.
func (a *app) printWarnings(warnings []config.Warning) {
	for _, w := range warnings {
		fmt.Fprintln(a.stderr, "hrbridge: warning:", w)
	}
}
