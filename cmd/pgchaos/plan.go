package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pgchaos/series"
	"pgchaos/spec"
)

func newPlanCommand() *cobra.Command {
	var f experimentFlags
	var yaml bool
	cmd := &cobra.Command{
		Use:   "plan FILE",
		Short: "Show what an experiment would do; nothing is started",
		Example: `  pgchaos plan quorum-kill
  pgchaos plan my.yaml --set load.writes.rate=2000/s
  pgchaos plan quorum-kill --yaml > mine.yaml       the experiment with all its values, to start your own from`,
		Args:              arguments(1, 1, experimentArgument),
		ValidArgsFunction: completeExperiment,
		RunE: func(cmd *cobra.Command, args []string) error {
			f.stdin = cmd.InOrStdin()
			p, err := f.plan(cmd.Context(), args[0], reading{})
			if err != nil {
				return err
			}
			if yaml {
				return writeExperiments(cmd.OutOrStdout(), p)
			}
			return p.Write(cmd.OutOrStdout())
		},
	}
	f.register(cmd.Flags())
	cmd.Flags().BoolVar(&yaml, "yaml", false, "print the resolved experiment file instead")
	return cmd
}

// writeExperiments writes the resolved experiment of every variant, one after the other.
func writeExperiments(out io.Writer, p *series.Plan) error {
	for i := range p.Variants {
		v := &p.Variants[i]
		head := ""
		if len(p.Variants) > 1 {
			head = "---\n# " + v.String() + "\n"
		}
		if _, err := fmt.Fprintf(out, "%s%s", head, v.Text); err != nil {
			return err
		}
	}
	return nil
}

func newValidateCommand() *cobra.Command {
	var f experimentFlags
	var pgBin string
	cmd := &cobra.Command{
		Use:   "validate FILE...",
		Short: "Check experiment files: all mistakes at once, each with its position",
		Example: `  pgchaos validate experiments/*.yaml
  pgchaos validate my.yaml --set load.writes.clients=64`,
		Args:              arguments(1, 0, experimentArgument),
		ValidArgsFunction: completeExperiment,
		RunE: func(cmd *cobra.Command, args []string) error {
			f.stdin = cmd.InOrStdin()
			if err := checkPrograms(cmd.Context(), pgBin); err != nil {
				return err
			}
			var errs []error
			for _, name := range args {
				p, err := f.plan(cmd.Context(), name, reading{check: oncePerSettings(func(e *spec.Experiment) []spec.Finding {
					return checkBefore(cmd.Context(), pgBin, e, func(err error) {
						fmt.Fprintf(cmd.ErrOrStderr(), "%s: the settings were not checked: %v\n", name, err)
					})
				})})
				if err != nil {
					errs = append(errs, err)
					continue
				}
				for _, warning := range p.Warnings() {
					fmt.Fprintf(cmd.OutOrStdout(), "%s: warning: %s\n", name, warning)
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s: ok%s\n", name, scheduled(p))
			}
			if err := errors.Join(errs...); err != nil {
				return usageError(err)
			}
			return nil
		},
	}
	f.register(cmd.Flags())
	groupFlags(cmd.Flags(), groupCluster, func(flags *pflag.FlagSet) { registerPrograms(flags, &pgBin) })
	return cmd
}

// scheduled is what the file's random came to; "" where it has none.
func scheduled(p *series.Plan) string {
	if s := p.Variants[0].Schedule; s != nil {
		return ", " + s.String()
	}
	return ""
}

func newSchemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of the experiment file, for editors",
		Example: `  pgchaos schema > pgchaos.schema.json
  # and as the first line of an experiment, for editors with a YAML language server:
  # yaml-language-server: $schema=pgchaos.schema.json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := spec.Schema(descriptions())
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", text)
			return err
		},
	}
}
