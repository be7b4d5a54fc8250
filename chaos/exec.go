package chaos

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"pgchaos/cluster"
)

// execTimeout bounds a command.
const execTimeout = 60 * time.Second

// KeepOutput keeps all that a command wrote on a node, and returns the file's name; ""
// where there was nothing to keep.
type KeepOutput func(node string, out cluster.Output) (file string, err error)

// Exec runs a line of shell on nodes as the server's user, notes the first line that it
// wrote, and keeps all of it. An exit status other than the expected one is an
// ErrNotSo; a command that could not be run, or not to its end, is another error.
func (s *Scene) Exec(selectors []string, line string, expect int, keep KeepOutput) Action {
	return s.each(selectors, func(ctx context.Context, act *Act, n *cluster.Node) error {
		ctx, cancel := context.WithTimeout(ctx, execTimeout)
		defer cancel()
		out, err := n.Exec(ctx, line)
		file, keepErr := keep(n.Name(), out)
		noteOutput(act, n.Name(), out.Stdout, file)
		if keepErr != nil {
			return fmt.Errorf("keep what the command wrote on %s: %w", n.Name(), keepErr)
		}
		if errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("on %s the command %q had not ended after %s, and was killed", n.Name(), line, execTimeout)
		}
		if err := judgeExit(err, expect); err != nil {
			return fmt.Errorf("on %s: %w", n.Name(), err)
		}
		return nil
	})
}

// noteOutput notes the first line of an output, and the file if that has more.
func noteOutput(act *Act, node, out, file string) {
	first, rest, _ := strings.Cut(strings.TrimSpace(out), "\n")
	switch {
	case first == "":
	case rest != "" && file != "":
		act.Note("%s: %s (all of it: %s)", node, first, file)
	default:
		act.Note("%s: %s", node, first)
	}
}

// The exit statuses that a shell has for itself: a command that it cannot run, one that
// it cannot find, and those that a signal has ended.
const (
	cannotRun   = 126
	cannotFind  = 127
	endedBySign = 128
	lastSignal  = 64
)

// judgeExit holds how a command ended against the expected exit status.
func judgeExit(err error, expect int) error {
	var exit *cluster.ExitError
	code, status, complaint := 0, "exit status 0", ""
	switch {
	case errors.As(err, &exit):
		code, status = exit.Code, exit.Status
		if exit.Stderr != "" {
			complaint = ": " + exit.Stderr
		}
	case err != nil:
		return err
	}
	switch {
	case code == expect:
		return nil
	case code == cannotRun || code == cannotFind:
		return fmt.Errorf("the shell cannot run the command: %s%s", status, complaint)
	case code > endedBySign && code <= endedBySign+lastSignal:
		return fmt.Errorf("a signal ended the command: %s%s", status, complaint)
	}
	return fmt.Errorf("%w: the command ended with %s, expected exit status %d%s", ErrNotSo, status, expect, complaint)
}
