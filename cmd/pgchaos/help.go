package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The groups of flags in a command's help.
const (
	groupExperiment  = "Experiment"
	groupCluster     = "Cluster"
	groupResult      = "Result"
	groupRunning     = "While it runs"
	groupSearch      = "Search"
	groupFiles       = "Files for other tools"
	groupOther       = "Other"
	groupDevelopment = "Development of pgchaos"
)

// flagGroups is their order. What nobody needs in daily use comes last.
func flagGroups() []string {
	return []string{groupExperiment, groupCluster, groupResult, groupRunning, groupSearch, groupFiles, groupOther, groupDevelopment}
}

// groupAnnotation is the key under which a flag keeps its group; without one it is in groupOther.
const groupAnnotation = "pgchaos_group"

// groupFlags adds flags to a command's, in one group of its help.
func groupFlags(flags *pflag.FlagSet, group string, register func(*pflag.FlagSet)) {
	set := pflag.NewFlagSet(group, pflag.ContinueOnError)
	register(set)
	set.VisitAll(func(f *pflag.Flag) {
		f.Annotations = map[string][]string{groupAnnotation: {group}}
		flags.AddFlag(f)
	})
}

func groupOf(f *pflag.Flag) string {
	if group := f.Annotations[groupAnnotation]; len(group) == 1 {
		return group[0]
	}
	return groupOther
}

// The groups of commands, by cobra's ids.
const (
	commandsRun    = "run"
	commandsAfter  = "after"
	commandsWrite  = "write"
	commandsItself = "itself"
)

func commandGroups() []*cobra.Group {
	return []*cobra.Group{
		{ID: commandsRun, Title: "Run an experiment"},
		{ID: commandsWrite, Title: "Write an experiment"},
		{ID: commandsAfter, Title: "After a run"},
		{ID: commandsItself, Title: "pgchaos itself"},
	}
}

// printHelp puts the examples first: they answer most questions.
func printHelp(cmd *cobra.Command, out io.Writer) {
	var b strings.Builder
	b.WriteString(cmd.Short + "\n")
	if cmd.Example != "" {
		b.WriteString("\n" + cmd.Example + "\n")
	}
	if cmd.Long != "" {
		b.WriteString("\n" + cmd.Long + "\n")
	}
	use := strings.TrimSuffix(cmd.UseLine(), " [flags]")
	if cmd.HasAvailableSubCommands() {
		use = cmd.CommandPath() + " COMMAND"
	}
	if !cmd.HasAvailableSubCommands() && cmd.HasAvailableLocalFlags() {
		use += " [FLAGS]"
	}
	fmt.Fprintf(&b, "\nUsage:\n  %s\n", use)
	writeCommands(&b, cmd)
	writeFlags(&b, cmd.LocalFlags())
	fmt.Fprint(out, b.String())
}

func writeCommands(b *strings.Builder, cmd *cobra.Command) {
	for _, group := range append(cmd.Groups(), &cobra.Group{Title: "Commands"}) {
		title := "\n" + group.Title + ":\n"
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() && sub.GroupID == group.ID {
				fmt.Fprintf(b, "%s  %-11s %s\n", title, sub.Name(), sub.Short)
				title = ""
			}
		}
	}
}

// writeFlags writes the flags by their groups, all in the same two columns.
func writeFlags(b *strings.Builder, flags *pflag.FlagSet) {
	groups, width := map[string][]*pflag.Flag{}, 0
	flags.VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			groups[groupOf(f)] = append(groups[groupOf(f)], f)
			width = max(width, utf8.RuneCountInString(flagText(f)))
		}
	})
	for _, group := range flagGroups() {
		if len(groups[group]) == 0 {
			continue
		}
		title := group + ":"
		if len(groups) == 1 {
			title = "Flags:"
		}
		fmt.Fprintf(b, "\n%s\n", title)
		for _, f := range groups[group] {
			_, usage := pflag.UnquoteUsage(f)
			fmt.Fprintf(b, "  %-*s  %s%s\n", width, flagText(f), usage, defaultText(f))
		}
	}
}

// flagText is a flag as it is written: "-h, --help", "--out DIR".
func flagText(f *pflag.Flag) string {
	text := "    --" + f.Name
	if f.Shorthand != "" {
		text = "-" + f.Shorthand + ", --" + f.Name
	}
	if f.Value.Type() == "bool" {
		return text
	}
	return text + " " + valueName(f)
}

// valueName is the word for a flag's value in the help: DIR.
func valueName(f *pflag.Flag) string {
	name, _ := pflag.UnquoteUsage(f)
	return cmp.Or(name, "VALUE")
}

// defaultText is the default value, where there is one.
func defaultText(f *pflag.Flag) string {
	if f.DefValue == "" || f.DefValue == "false" || f.DefValue == "0" || f.DefValue == "[]" {
		return ""
	}
	return " (default " + f.DefValue + ")"
}

// newHelpCommand replaces cobra's, which exits with 0 after an unknown topic.
func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Show the help of a command",
		Example: `  pgchaos help run
  pgchaos run --help     the same`,
		GroupID:           commandsItself,
		ValidArgsFunction: completeTopic,
		RunE: func(cmd *cobra.Command, args []string) error {
			topic := cmd.Root()
			for _, name := range args {
				next := subcommand(topic, name)
				if next == nil {
					return usageError(fmt.Errorf("unknown help topic %q%s\nSee '%s --help'",
						name, meant(name, commandNames(topic), "%q"), topic.CommandPath()))
				}
				topic = next
			}
			topic.InitDefaultHelpFlag()
			return topic.Help()
		},
	}
}

func completeTopic(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	topic := cmd.Root()
	for _, name := range args {
		if topic = subcommand(topic, name); topic == nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
	}
	return commandNames(topic), cobra.ShellCompDirectiveNoFileComp
}

func subcommand(cmd *cobra.Command, name string) *cobra.Command {
	for _, sub := range cmd.Commands() {
		if sub.Name() == name {
			return sub
		}
	}
	return nil
}

func commandNames(cmd *cobra.Command) (names []string) {
	for _, sub := range cmd.Commands() {
		if !sub.Hidden {
			names = append(names, sub.Name())
		}
	}
	return names
}
