package main

import (
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const formatMarkdown = "md"

func listingFormats() []string { return []string{formatText, formatMarkdown, formatJSON} }

// listing is what makes a command of things that have names: it lists all of them, or explains one.
type listing[T any] struct {
	all      func() []T
	name     func(T) string
	find     func(name string) (T, error)
	text     func([]T) string
	explain  func(T) string
	markdown func([]T) string
	json     func(io.Writer, []T) error
}

// command completes a command that has its words.
func (l listing[T]) command(cmd *cobra.Command) *cobra.Command {
	var format string
	cmd.Args = arguments(0, 1, "")
	cmd.ValidArgsFunction = func(_ *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var names []string
		for _, thing := range l.all() {
			names = append(names, l.name(thing))
		}
		return fixed(names...)(nil, nil, prefix)
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		things, one := l.all(), len(args) > 0
		if one {
			thing, err := l.find(args[0])
			if err != nil {
				return usageOf(cmd, err)
			}
			things = []T{thing}
		}
		var text string
		switch {
		case format == formatJSON:
			return l.json(cmd.OutOrStdout(), things)
		case format == formatMarkdown:
			text = l.markdown(things)
		case format != formatText:
			return usageOf(cmd, unknownWord("format", format, listingFormats()))
		case one:
			text = l.explain(things[0])
		default:
			text = l.text(things)
		}
		_, err := io.WriteString(cmd.OutOrStdout(), text)
		return err
	}
	groupFlags(cmd.Flags(), groupResult, func(flags *pflag.FlagSet) {
		flags.StringVar(&format, "format", formatText, "print `FORMAT`: text, md or json")
	})
	// The other commands with a --format have other formats.
	_ = cmd.RegisterFlagCompletionFunc("format", fixed(listingFormats()...)) // it fails for a flag that is not there
	return cmd
}
