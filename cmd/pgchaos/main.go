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
)

// Exit codes, as README.md lists them.
const (
	exitPass         = 0
	exitFailed       = 1 // pgchaos itself failed
	exitUsage        = 2 // the command line or the experiment file is wrong; nothing was started
	exitFail         = 3 // the verdict
	exitInconclusive = 4 // the verdict
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
		if strings.HasPrefix(name, "PG") && !strings.HasPrefix(name, "PGCHAOS") {
			taken[name] = value
			_ = os.Unsetenv(name) // it fails for names that cannot be in an environment
		}
	}
	return taken
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
		verdict verdictError
		exit    *exitError
	)
	switch {
	case code == exitPass || errors.As(err, &verdict):
	case errors.As(err, &exit):
		fmt.Fprintln(stderr, redact.Printable(err.Error()))
	default:
		fmt.Fprintln(stderr, "pgchaos:", redact.Printable(err.Error()))
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
		verdict verdictError
		exit    *exitError
	)
	switch {
	case onlyClosed(err):
		return exitPass
	case errors.As(err, &verdict):
		return int(verdict)
	case errors.As(err, &exit):
		return exit.code
	}
	return exitFailed
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "pgchaos",
		Short: "What does my PostgreSQL cluster really do when it breaks?",
		Example: `  pgchaos run quorum-kill             build a cluster, load it, break it, audit it
  pgchaos plan my.yaml                what would happen; nothing is started
  pgchaos list                        the experiments that come with pgchaos
  pgchaos clean                       remove what a killed run left behind`,
		Long: `pgchaos builds a replicated PostgreSQL cluster, puts load on it, breaks it on a
timeline, and answers with evidence: how fast was it, how long was it down, what
was lost of what had been acknowledged, and does that meet what was expected.

Exit codes: 0 pass, 1 pgchaos itself failed, 2 usage or experiment file, 3 fail,
4 inconclusive, 5 something was left behind, 130 interrupted (and cleaned).`,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, args []string) error {
			return cmd.Help()
		},
		Args: cobra.NoArgs,
	}
	root.SetHelpTemplate(helpTemplate)
	root.SetUsageTemplate(helpTemplate)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError(fmt.Errorf("%w\nSee '%s --help'", err, cmd.CommandPath()))
	})
	root.AddCommand(
		newRunCommand(), newPlanCommand(), newValidateCommand(), newReportCommand(),
		newAuditCommand(), newHistoryCommand(), newCleanCommand(), newListCommand(), newSchemaCommand(), newSelftestCommand(), newVersionCommand(),
	)
	for _, cmd := range root.Commands() {
		cmd.Args = usageArgs(cmd.Args)
	}
	root.Args = usageArgs(root.Args)
	return root
}

// usageArgs makes a usage error of wrong arguments, and names the help.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if check == nil {
			return nil
		}
		if err := check(cmd, args); err != nil {
			return usageError(fmt.Errorf("%s: %w\nSee '%s --help'", cmd.CommandPath(), err, cmd.CommandPath()))
		}
		return nil
	}
}
