package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pgchaos/spec"
	"pgchaos/syncmode"
)

func newModesCommand() *cobra.Command {
	var f experimentFlags
	var format string
	cmd := &cobra.Command{
		Use:   "modes [FILE]",
		Short: "Explain the modes of synchronous replication; say which of them differ in an experiment",
		Example: `  pgchaos modes                   what a commit waits for in each mode, and what that survives
  pgchaos modes quorum-kill       which modes differ with the standbys of this experiment
  pgchaos run quorum-kill --sync-mode async,remote_write/any-1,on/any-1`,
		Args:              arguments(0, 1, experimentArgument),
		ValidArgsFunction: completeExperiment,
		RunE: func(cmd *cobra.Command, args []string) error {
			if format != formatText && format != formatJSON {
				return usageOf(cmd, unknownWord("format", format, modesFormats()))
			}
			f.stdin = cmd.InOrStdin()
			modes, about := explained(), ""
			if len(args) > 0 {
				p, err := f.plan(cmd.Context(), args[0], reading{})
				if err != nil {
					return err
				}
				e := p.Plans[0].Experiment
				modes, about = modesOf(e), e.Name
			}
			if format == formatJSON {
				return writeModesJSON(cmd.OutOrStdout(), about, modes)
			}
			text := modesText()
			if about != "" {
				text = modesOfText(about, modes)
			}
			_, err := io.WriteString(cmd.OutOrStdout(), text)
			return err
		},
	}
	f.register(cmd.Flags())
	groupFlags(cmd.Flags(), groupResult, func(flags *pflag.FlagSet) {
		flags.StringVar(&format, "format", formatText, "print `FORMAT`: text or json")
	})
	// The other commands with a --format have other formats.
	_ = cmd.RegisterFlagCompletionFunc("format", fixed(modesFormats()...)) // it fails for a flag that is not there
	return cmd
}

const (
	formatText = "text"
	formatJSON = "json"
)

func modesFormats() []string { return []string{formatText, formatJSON} }

// explainedMode is a mode as --format json prints it. What belongs to an experiment is empty without one.
type explainedMode struct {
	Name     string `json:"name"`
	Commit   string `json:"synchronous_commit"`
	WaitsFor string `json:"waits_for"`
	Survives string `json:"survives"`
	Readers  string `json:"readers_see"`

	Standbys   *string `json:"synchronous_standby_names,omitempty"`
	SameAs     string  `json:"same_as,omitempty"`
	Impossible string  `json:"impossible,omitempty"`

	of []string // the standbys
}

func explain(m syncmode.Mode) explainedMode {
	return explainedMode{Name: m.String(), Commit: m.Commit, WaitsFor: m.CommitWaitsFor(), Survives: m.Survives, Readers: m.ReadersSee()}
}

// explained are all modes, of no experiment.
func explained() (all []explainedMode) {
	for _, m := range syncmode.All() {
		all = append(all, explain(m))
	}
	return all
}

// modesOf are all modes as an experiment would have them.
func modesOf(e *spec.Experiment) (all []explainedMode) {
	for _, of := range e.Modes(syncmode.All()) {
		m := explain(of.Mode)
		m.Standbys, m.SameAs, m.Impossible, m.of = &of.Sets.Standbys, of.SameAs, of.Impossible, of.Of
		all = append(all, m)
	}
	return all
}

func writeModesJSON(out io.Writer, about string, modes []explainedMode) error {
	type alias struct {
		Name       string `json:"name"`
		Mode       string `json:"mode"`
		Difference string `json:"difference"`
	}
	content := struct {
		Schema     string          `json:"schema"`
		Experiment string          `json:"experiment,omitempty"`
		Standbys   []string        `json:"standbys,omitempty"`
		Modes      []explainedMode `json:"modes"`
		Aliases    []alias         `json:"aliases"`
	}{Schema: "pgchaos.modes/1", Experiment: about, Standbys: modes[0].of, Modes: modes}
	for _, a := range syncmode.Aliases() {
		content.Aliases = append(content.Aliases, alias(a))
	}
	in := json.NewEncoder(out)
	in.SetIndent("", "  ")
	in.SetEscapeHTML(false)
	return in.Encode(content)
}

// modesText explains levels, choices of standbys and aliases, each in a table.
func modesText() string {
	var b strings.Builder
	levels := [][]string{{"MODE", "A COMMIT WAITS FOR", "WHAT IT SURVIVES", "READERS OF A STANDBY SEE"}}
	for _, l := range syncmode.Levels() {
		levels = append(levels, []string{l.Name, syncmode.LevelText(l.WaitsFor), syncmode.LevelText(l.Survives), syncmode.LevelText(l.Readers)})
	}
	writeWrapped(&b, []int{12, 28, 32, 24}, levels)
	b.WriteString("\nremote_write, on and remote_apply wait for standbys. After a slash stands for which, as in on/any-1;\na number may be greater. Without it any-1 is meant: on is on/any-1.\n\n")
	choices := [][]string{{"STANDBYS", "A COMMIT WAITS FOR", "ONE IS SLOW", "ONE IS GONE", "TO PROMOTE"}}
	for _, c := range syncmode.Choices() {
		choices = append(choices, []string{c.Name, sentence(c.WaitsFor), c.Slow, c.Fails, c.Promote})
	}
	writeWrapped(&b, []int{8, 20, 20, 24, 18}, choices)
	b.WriteString("\nNames of Oracle Data Guard's protection modes are accepted for the nearest mode:\n\n")
	aliases := [][]string{{"NAME", "IS RUN AS", "DIFFERENCE"}}
	for _, a := range syncmode.Aliases() {
		aliases = append(aliases, []string{a.Name, a.Mode, a.Difference})
	}
	writeWrapped(&b, []int{16, 10, 70}, aliases)
	b.WriteString("\nWhile a commit waits for standbys, its write is on the primary's disk already: readers of a standby can see\nit before it is acknowledged, and it stays if the primary crashes and starts again.\n")
	return b.String()
}

func sentence(words string) string { return strings.ToUpper(words[:1]) + words[1:] + "." }

// modesOfText says of each mode what it would set in an experiment, and whether it differs from those before.
func modesOfText(about string, modes []explainedMode) string {
	var b strings.Builder
	switch of := modes[0].of; len(of) {
	case 0:
		fmt.Fprintf(&b, "%s has no standby.\n\n", about)
	case 1:
		fmt.Fprintf(&b, "%s has 1 standby that commits can wait for: %s.\n\n", about, of[0])
	default:
		fmt.Fprintf(&b, "%s has %d standbys that commits can wait for: %s.\n\n", about, len(of), strings.Join(of, ", "))
	}
	rows := [][]string{{"MODE", "synchronous_commit", "synchronous_standby_names", ""}}
	differ := 0
	for _, m := range modes {
		standbys, note := *m.Standbys, ""
		switch {
		case m.Impossible != "":
			standbys, note = "", "not possible: "+m.Impossible
		case m.SameAs != "":
			note = "the same as " + m.SameAs
		default:
			differ++
		}
		rows = append(rows, []string{m.Name, m.Commit, standbys, note})
	}
	writeColumns(&b, rows)
	fmt.Fprintf(&b, "\nModes that differ: %d. 'pgchaos modes' explains them; --sync-mode of 'pgchaos run' chooses some.\n", differ)
	return b.String()
}

// writeColumns writes rows, each column as wide as its widest cell.
func writeColumns(b *strings.Builder, rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for c, cell := range row {
			widths[c] = max(widths[c], utf8.RuneCountInString(cell))
		}
	}
	writeWrapped(b, widths, rows)
}

// writeWrapped writes rows of cells that are wrapped to the widths of their columns.
func writeWrapped(b *strings.Builder, widths []int, rows [][]string) {
	for _, row := range rows {
		cells, height := make([][]string, len(row)), 0
		for c, text := range row {
			cells[c] = wrapped(text, widths[c])
			height = max(height, len(cells[c]))
		}
		for i := range height {
			line := ""
			for c := range cells {
				part := ""
				if i < len(cells[c]) {
					part = cells[c][i]
				}
				line += fmt.Sprintf("%-*s  ", widths[c], part)
			}
			b.WriteString(strings.TrimRight(line, " ") + "\n")
		}
	}
}

// wrapped are the lines of a text that is not to be wider than a column.
func wrapped(text string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && utf8.RuneCountInString(line+" "+word) > width {
			lines = append(lines, line)
			line = ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return append(lines, line)
}
