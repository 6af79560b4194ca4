package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"hrbridge/schema"
)

// schemaCommand prints what is known of the event types.
func (a *app) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema [TYPE]",
		Short: "List the event types, or print the JSON Schema of one",
		Long: `Without TYPE: lists the catalogue of event types. Those that HrFlow's documentation lists are marked "documented";
they have a JSON Schema. The others are named by later documentation and by the SDKs.

With TYPE: prints the JSON Schema (draft 2020-12) of a documented event type. It stands alone, and it is open: members
that it does not name are allowed.`,
		Example: `  hrbridge schema
  hrbridge schema profile.parsing.success > profile.parsing.success.schema.json`,
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return schema.Documented(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.listTypes()
			}
			return a.printSchema(args[0])
		},
	}
}

func (a *app) listTypes() error {
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TYPE\tDOCUMENTED\tDESCRIPTION")
	for _, e := range schema.Catalogue() {
		documented := "-"
		if e.Documented {
			documented = "documented"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", e.Type, documented, e.Description)
	}
	return table.Flush()
}

func (a *app) printSchema(eventType string) error {
	text, ok := schema.Schema(eventType)
	if !ok {
		return usageError(fmt.Errorf("no schema of the event type %s: only documented types have one; 'hrbridge schema' lists them",
			printable(eventType)))
	}
	_, err := fmt.Fprintf(a.stdout, "%s\n", text)
	return err
}
