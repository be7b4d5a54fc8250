package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"pgchaos/experiments"
	"pgchaos/report"
	"pgchaos/report/text"
	"pgchaos/runner"
)

func newReportCommand() *cobra.Command {
	var files resultFlags
	var full bool
	cmd := &cobra.Command{
		Use:   "report [DIR]",
		Short: "Print the report of an earlier run again",
		Example: `  pgchaos report                                         the newest run in results
  pgchaos report results/quorum-kill-20261123-064500     this one
  pgchaos report nightly                                 the newest in this folder of results
  pgchaos report --full                                  everything about it
  pgchaos report results/quorum-kill-20261123-064500 --out-hlog run.hlog --out-csv run.csv`,
		Args:              arguments(0, 1, ""),
		ValidArgsFunction: completeResult,
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := resultDir(args)
			if err != nil {
				return err
			}
			result, err := report.Read(dir)
			if err != nil {
				return usageError(err)
			}
			if err := checkPaths("", files...); err != nil {
				return err
			}
			if err := files.write(result); err != nil {
				return err
			}
			if err := printReport(cmd.OutOrStdout(), result, dir, full); err != nil {
				return err
			}
			if damage := runner.Damage(dir, result); len(damage) > 0 {
				return fmt.Errorf("report %s: %s is intact, but other files of the run are damaged: %s",
					dir, report.FileName, strings.Join(damage, "; "))
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&full, "full", false, "print everything: phases, recovery stages, what readers saw, resources, examples")
	files.register(cmd.Flags())
	return cmd
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
	return fmt.Sprintf("pgchaos %s %s %s/%s", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
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
