package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"pgchaos/experiments"
	"pgchaos/report"
	"pgchaos/report/html"
	"pgchaos/report/text"
	"pgchaos/runner"
)

// reportFlags are the flags of `pgchaos report`.
type reportFlags struct {
	files  resultFlags
	full   bool
	format string
	outDir string
	output string
}

func newReportCommand() *cobra.Command {
	var f reportFlags
	cmd := &cobra.Command{
		Use:   "report [DIR]",
		Short: "Print the report of an earlier run again, or write it in other formats",
		Long: `Print the report of an earlier run again, or write it in other formats, from its result alone. DIR
can be the directory of a series, too.

One format goes to standard output, or to the file of --output. Several are written as files
beside the result, or in the directory of --out-dir:

` + formatsHelp(),
		Example: `  pgchaos report                                         the newest run in results
  pgchaos report results/quorum-kill-20261123-064500     this one
  pgchaos report nightly                                 the newest in this folder of results
  pgchaos report --full                                  everything about it
  pgchaos report --format md                             as Markdown, on standard output
  pgchaos report --format md,junit --out-dir public      report.md and junit.xml in this directory
  pgchaos report results/quorum-kill-20261123-064500 --out-hlog run.hlog --out-csv run.csv`,
		Args:              arguments(0, 1, ""),
		ValidArgsFunction: completeResult,
		RunE:              f.execute,
	}
	cmd.Flags().BoolVar(&f.full, "full", false, "print everything: phases, recovery stages, what readers saw, resources, examples")
	groupFlags(cmd.Flags(), groupResult, func(flags *pflag.FlagSet) {
		flags.StringVar(&f.format, "format", "", "write in `FORMATS`, such as md or md,junit")
		flags.StringVar(&f.outDir, "out-dir", "", "write the formats as files in `DIR`")
		flags.StringVarP(&f.output, "output", "o", "", "write the only format to `FILE`")
	})
	f.files.register(cmd.Flags())
	_ = cmd.RegisterFlagCompletionFunc("format", fixed(formatNames()...)) // it fails for a flag that is not there
	_ = cmd.MarkFlagDirname("out-dir")                                    // the same
	return cmd
}

// formatsHelp lists the formats, with the names of their files.
func formatsHelp() string {
	var b strings.Builder
	for _, f := range reportFormats() {
		fmt.Fprintf(&b, "  %-6s %-12s %s\n", f.name, f.file, f.about)
	}
	return strings.TrimRight(b.String(), "\n")
}

func (f *reportFlags) execute(cmd *cobra.Command, args []string) error {
	var formats []reportFormat
	var err error
	if f.format != "" {
		if formats, err = chosenFormats(f.format); err != nil {
			return usageOf(cmd, err)
		}
	}
	if err := f.check(len(formats)); err != nil {
		return usageOf(cmd, err)
	}
	of, err := f.read(args, len(formats) > 0)
	if err != nil {
		return err
	}
	if err := checkPaths("", append(slices.Clone(f.files), f.output)...); err != nil {
		return err
	}
	if of.result != nil {
		if err := f.files.write(of.result); err != nil {
			return err
		}
	}
	if err := f.write(cmd, of, formats); err != nil {
		return err
	}
	if of.result == nil {
		return nil
	}
	if damage := runner.Damage(of.dir, of.result); len(damage) > 0 {
		return fmt.Errorf("report %s: %s is intact, but other files of the run are damaged: %s",
			of.dir, report.FileName, strings.Join(damage, "; "))
	}
	return nil
}

// check refuses flags that do not go together.
func (f *reportFlags) check(formats int) error {
	switch {
	case formats == 0 && f.outDir != "":
		return fmt.Errorf("--out-dir %s: say what to write there, such as --format %s", f.outDir, strings.Join(formatNames(), ","))
	case formats == 0 && f.output != "":
		return fmt.Errorf("--output %s: say in which format, such as --format md", f.output)
	case formats > 1 && f.output != "":
		return errors.New("--output is for one format; write --out-dir DIR for several")
	case f.outDir != "" && f.output != "":
		return errors.New("--output and --out-dir do not go together; leave one of them out")
	case formats > 0 && f.full:
		return errors.New("--full is for the report on a terminal; write --format text for all of it")
	}
	return nil
}

// read reads the run that the arguments mean; or the series, which only the formats can show.
func (f *reportFlags) read(args []string, formats bool) (*reported, error) {
	if formats {
		s, err := seriesMeant(args)
		switch {
		case err != nil:
			return nil, usageError(err)
		case s == nil:
		case slices.ContainsFunc(f.files, func(path string) bool { return path != "" }):
			return nil, usageError(fmt.Errorf("%s is a series of several runs, and --out-hlog, --out-csv, --out-aggregate and --out-summary are for one", s.Dir()))
		default:
			return &reported{dir: s.Dir(), series: s}, nil
		}
	}
	dir, err := resultDir(args)
	if err != nil {
		return nil, err
	}
	result, err := report.Read(dir)
	if err != nil {
		return nil, usageError(err)
	}
	return &reported{dir: dir, result: result}, nil
}

// write writes the formats to where they are wanted; without formats it prints the report.
func (f *reportFlags) write(cmd *cobra.Command, of *reported, formats []reportFormat) error {
	stdout := cmd.OutOrStdout()
	switch {
	case len(formats) == 0:
		return printReport(stdout, of.result, of.dir, f.full)
	case f.output != "":
		return of.saveAs(cmd.Context(), f.output, formats[0])
	case len(formats) == 1 && f.outDir == "":
		return of.write(cmd.Context(), stdout, formats[0])
	}
	dir := cmp.Or(f.outDir, of.dir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the directory of the reports: %w", err)
	}
	if err := of.save(cmd.Context(), dir, formats); err != nil {
		return err
	}
	for _, made := range formats {
		fmt.Fprintln(stdout, filepath.Join(dir, made.file))
	}
	return nil
}

func newListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the experiments that come with pgchaos",
		Example: `  pgchaos list
  pgchaos run quorum-kill`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			shipped, err := experiments.List()
			if err != nil {
				return err
			}
			tw := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			for _, e := range shipped {
				fmt.Fprintf(tw, "%s\t%s\n", e.Name, e.Description)
			}
			return tw.Flush()
		},
	}
}

func newVersionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print pgchaos's version",
		Example: `  pgchaos version`,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), versionText())
			return err
		},
	}
}

// buildVersion is set by the linker (see the Makefile).
var buildVersion string

// version is the linker's word, or else what the build knows of itself.
func version() string {
	if buildVersion != "" {
		return buildVersion
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}

// versionText is what `pgchaos version` and `pgchaos --version` print.
func versionText() string {
	charts := "with interactive charts"
	if !html.Charts() {
		charts = "without interactive charts (report.html has static pictures)"
	}
	return fmt.Sprintf("pgchaos %s %s %s/%s, %s", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH, charts)
}

// textOptions suit the report of a directory to where it goes.
func textOptions(w io.Writer, dir string) text.Options {
	if o, ok := w.(*output); ok {
		w = o.to
	}
	o := text.Options{Dir: dir}
	f, ok := w.(*os.File)
	o.Color = ok && term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == ""
	if columns, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && columns > 0 {
		o.Width = columns
	} else if ok && term.IsTerminal(int(f.Fd())) {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil {
			o.Width = width
		}
	}
	return o
}
