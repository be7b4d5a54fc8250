package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pgchaos/internal/spell"
)

// arguments refuses too few arguments, and names what is missing, as in "an experiment"; and
// more than most, unless that is 0.
func arguments(least, most int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return usageOf(cmd, fmt.Errorf("%s needs %s", cmd.CommandPath(), what))
		case most > 0 && len(args) > most:
			return usageOf(cmd, fmt.Errorf("%s takes one argument; this is one too many: %q", cmd.CommandPath(), args[most]))
		}
		return nil
	}
}

// noArguments refuses all arguments. For a command with others below it, they are
// misspelt names of those.
func noArguments(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case cmd.HasSubCommands():
		return usageOf(cmd, fmt.Errorf("unknown command %q%s", args[0], meant(args[0], commandNames(cmd), "%q")))
	}
	return usageOf(cmd, fmt.Errorf("%s takes no arguments; this is one: %q", cmd.CommandPath(), args[0]))
}

// usageOf is a usage error that names the command's help.
func usageOf(cmd *cobra.Command, err error) error {
	return usageError(fmt.Errorf("%w\nSee '%s --help'", err, cmd.CommandPath()))
}

// meant suggests a known word for a misspelt one, in a form such as %q; "" where none is near.
func meant(word string, known []string, form string) string {
	near := spell.Nearest(word, known)
	if near == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean "+form+"?", near)
}

// flagError says what is wrong with a flag. Pflag's own words name Go's functions
// ("strconv.ParseUint: parsing ...").
func flagError(cmd *cobra.Command, err error) error {
	var (
		unknown *pflag.NotExistError
		bare    *pflag.ValueRequiredError
		invalid *pflag.InvalidValueError
	)
	switch {
	case errors.As(err, &unknown):
		// Of -provider, pflag takes each letter for a flag.
		dashes, word := "--", unknown.GetSpecifiedName()
		if letters := unknown.GetSpecifiedShortnames(); letters != "" {
			dashes, word = "-", letters
		}
		word, _, _ = strings.Cut(word, "=")
		return usageOf(cmd, fmt.Errorf("unknown flag %s%s%s", dashes, word, meant(word, flagNames(cmd), "--%s")))
	case errors.As(err, &bare):
		f := bare.GetFlag()
		return usageOf(cmd, fmt.Errorf("--%s needs a value: --%s %s", f.Name, f.Name, valueName(f)))
	case errors.As(err, &invalid):
		f := invalid.GetFlag()
		return usageOf(cmd, fmt.Errorf("--%s %s: %s", f.Name, invalid.GetValue(), wantedValue(f, invalid.Unwrap())))
	}
	return usageOf(cmd, err)
}

// wantedValue says what a flag wants, and cause is what its own parser says of another value.
func wantedValue(f *pflag.Flag, cause error) string {
	switch f.Value.Type() {
	case "bool":
		return "write true or false"
	case "uint64":
		return "write a whole number, 0 or more"
	}
	return cause.Error()
}

func flagNames(cmd *cobra.Command) (names []string) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	return names
}
