package main

import (
	_ "embed"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"pgchaos/experiments"
)

// firstExperiment is what `pgchaos init` writes.
//
//go:embed first.yaml
var firstExperiment []byte

func newInitCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "init [FILE]",
		Short: "Write a first experiment, with comments, to change as you like",
		Example: `  pgchaos init                 writes my.yaml
  pgchaos init failover.yaml
  pgchaos run my.yaml`,
		Args: arguments(0, 1, ""),
		RunE: func(cmd *cobra.Command, args []string) error {
			file := "my.yaml"
			if len(args) > 0 {
				file = args[0]
			}
			if err := writeNew(file, firstExperiment); err != nil {
				return usageError(err)
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s is written. Change it as you like; 'pgchaos plan %s' shows what it does, and 'pgchaos run %s' runs it.\n",
				file, file, file)
			return err
		},
	}
}

// writeNew writes a file that is not there yet.
func writeNew(file string, text []byte) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s is there already, and is not overwritten; name another file", file)
	}
	if err != nil {
		return fmt.Errorf("write an experiment: %w", err)
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(fmt.Errorf("write an experiment: %w", err), os.Remove(file))
	}
	return nil
}

func newShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show NAME",
		Short: "Print an experiment that comes with pgchaos",
		Example: `  pgchaos show quorum-kill
  pgchaos show quorum-kill > mine.yaml     to start your own from`,
		Args:              arguments(1, 1, "the name of a shipped experiment; 'pgchaos list' has them"),
		ValidArgsFunction: completeShipped,
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := experiments.Open(args[0])
			if err != nil {
				known, err := shippedNames()
				if err != nil {
					return err
				}
				return usageError(fmt.Errorf("no shipped experiment has the name %q%s", args[0], instead(args[0], known)))
			}
			_, err = cmd.OutOrStdout().Write(text)
			return err
		},
	}
}
