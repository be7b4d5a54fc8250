// Command pgchaos breaks a replicated PostgreSQL cluster on a timeline, under
// load, and says what was lost, for how long, and what it cost.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"pgchaos/internal/redact"
	"pgchaos/verdict"
)

// Exit codes, as README.md lists them.
const (
	exitPass         = verdict.ExitPass
	exitFailed       = 1 // pgchaos itself failed
	exitUsage        = 2 // the command line or the experiment file is wrong; nothing was started
	exitFail         = verdict.ExitFail
	exitInconclusive = verdict.ExitInconclusive
	exitLeftBehind   = 5 // something of a run still exists
	exitInterrupted  = 130
)

func main() {
	ctx, stop := handleSignals(context.Background())
	ctx = context.WithValue(ctx, environmentKey{}, forgetLibpq())
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// environmentKey is the context's key of the variables that forgetLibpq took away.
type environmentKey struct{}

// forgetLibpq takes libpq's variables (PGHOST, PGSERVICE, ...) out of the
// environment: they are meant for another cluster than the ones built here. It returns
// them, since an experiment may ask for one by its name, as in ${PGPASSWORD}.
func forgetLibpq() map[string]string {
	taken := map[string]string{}
	for _, setting := range os.Environ() {
		name, value, _ := strings.Cut(setting, "=")
		if strings.HasPrefix(name, "PG") && !strings.HasPrefix(name, "PGCHAOS") && name != "PGSERVICEFILE" { // which only tells where to look
			taken[name] = value
			_ = os.Unsetenv(name) // it fails for names that cannot be in an environment
		}
	}
	return taken
}

// usePasswords gives libpq's passwords back to the environment, for connection strings to clusters that were there before.
// Where to connect, and as whom, only those strings say.
func usePasswords(ctx context.Context) {
	taken, _ := ctx.Value(environmentKey{}).(map[string]string)
	for _, name := range []string{"PGPASSWORD", "PGPASSFILE"} {
		if value, ok := taken[name]; ok {
			_ = os.Setenv(name, value) // it was in an environment before
		}
	}
}

// lookupEnv looks a variable up in the environment that pgchaos was started with.
func lookupEnv(ctx context.Context, name string) (string, bool) {
	taken, _ := ctx.Value(environmentKey{}).(map[string]string)
	if value, ok := taken[name]; ok {
		return value, true
	}
	return os.LookupEnv(name)
}

// exitError is an error that knows the exit code it deserves.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// verdictError ends a command whose output has said everything already.
type verdictError int

func (e verdictError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

func usageError(err error) error { return &exitError{exitUsage, err} }

// run is main without the process: it returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	out := &output{to: stdout}
	root.SetOut(out)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	code := exitCode(err)
	var (
		said verdictError
		exit *exitError
	)
	switch {
	case code == exitPass || errors.As(err, &said):
	case errors.As(err, &exit):
		fmt.Fprintln(stderr, redact.Printable(err.Error()))
	default:
		fmt.Fprintln(stderr, "pgchaos:", redact.Printable(err.Error()))
	}
	if code != exitPass && !errors.As(err, &said) {
		_ = annotate(out, errorAnnotations(args, err)) // the error itself is on standard error
	}
	if lost := out.failed(); lost != nil && !errors.Is(err, lost) {
		fmt.Fprintln(stderr, "pgchaos:", lost)
		if code == exitPass { // it hides no verdict
			code = exitFailed
		}
	}
	return code
}

// exitCode is what a command that ended with err exits with.
func exitCode(err error) int {
	var (
		said verdictError
		exit *exitError
	)
	switch {
	case onlyClosed(err):
		return exitPass
	case errors.As(err, &said):
		return int(said)
	case errors.As(err, &exit):
		return exit.code
	}
	return exitFailed
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "pgchaos",
		Short: "What does my PostgreSQL cluster really do when it breaks?",
		Example: `  pgchaos run quorum-kill      build a cluster, put load on it, break it, audit it
  pgchaos init                 write a first experiment of your own, my.yaml
  pgchaos plan my.yaml         show what would happen; nothing is started
  pgchaos clean                remove what a killed run left behind`,
		Long: `pgchaos builds a replicated PostgreSQL cluster, puts load on it, breaks it on a
timeline, and answers with evidence: how fast was it, how long was it down, which
acknowledged writes were lost, and is that what you expected?

Exit codes: 0 pass, 1 pgchaos itself failed, 2 wrong command line or experiment file,
3 fail, 4 inconclusive, 5 something was left behind, 130 interrupted (and cleaned).`,
		Version:       versionText(),
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, args []string) error {
			return cmd.Help()
		},
		Args: noArguments,
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.Flags().Bool("version", false, "print pgchaos's version")
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { printHelp(cmd, cmd.OutOrStdout()) })
	root.SetFlagErrorFunc(flagError)
	help := newHelpCommand()
	root.SetHelpCommand(help)
	root.AddGroup(commandGroups()...)
	for _, group := range []struct {
		id       string
		commands []*cobra.Command
	}{
		{commandsRun, []*cobra.Command{newRunCommand(), newNightlyCommand(), newListCommand(), newPlanCommand(), newDoctorCommand(), newMarkCommand(), newModesCommand(), newProvidersCommand()}},
		{commandsWrite, []*cobra.Command{newInitCommand(), newShowCommand(), newValidateCommand(), newFaultsCommand(), newMetricsCommand(), newSchemaCommand()}},
		{commandsAfter, []*cobra.Command{newReportCommand(), newCompareCommand(), newAuditCommand(), newExportCommand(), newHistoryCommand(), newServeCommand(), newCleanCommand()}},
		{commandsItself, []*cobra.Command{newSelftestCommand(), newCompletionCommand(), newVersionCommand()}},
	} {
		for _, cmd := range group.commands {
			cmd.GroupID = group.id
			root.AddCommand(cmd)
		}
	}
	for _, cmd := range append(root.Commands(), root, help) {
		cmd.InitDefaultHelpFlag()
		cmd.Flags().Lookup("help").Usage = "show this help"
		completeFlags(cmd)
	}
	return root
}
