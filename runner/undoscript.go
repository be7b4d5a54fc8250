package runner

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"pgchaos/chaos"
	"pgchaos/chaos/fault"
	"pgchaos/cluster"
)

// UndoScript is the file in the result directory that takes the commands of a run back by hand.
const UndoScript = "undo.sh"

// undoScript keeps the commands that take others back in a script, for a person without a pgchaos.
type undoScript struct {
	path  string
	of    cluster.Existing
	lines []string // in the order of the changes
}

// intend adds reversals that are commands, and has the script on the disk when it returns.
func (u *undoScript) intend(all []chaos.Reversal) error {
	before := len(u.lines)
	for _, r := range all {
		commands, err := fault.UndoOf(r)
		if err != nil {
			return err
		}
		if len(commands) == 0 {
			continue
		}
		host := r.Node
		for _, n := range u.of.Nodes {
			if n.Name == r.Node {
				host = n.Host
			}
		}
		var words []string
		for _, c := range commands {
			line, err := commandLine(c, u.of.Exec, host)
			if err != nil {
				return err
			}
			words = append(words, line)
		}
		u.lines = append(u.lines, fmt.Sprintf("%s   # %s", strings.Join(words, " && "), r.Node))
	}
	if len(u.lines) == before {
		return nil
	}
	return u.write()
}

func (u *undoScript) write() error {
	var b strings.Builder
	b.WriteString("#!/bin/sh\n# Takes back what the commands of this run have changed, last first. Lines of hooks are safe to repeat; those of exec steps are if you wrote them so.\n")
	for i := len(u.lines) - 1; i >= 0; i-- {
		b.WriteString(u.lines[i] + "\n")
	}
	partial := u.path + ".new"
	f, err := os.OpenFile(partial, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o700)
	if err != nil {
		return err
	}
	_, err = f.WriteString(b.String())
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(partial, u.path)
}

// newUndoScript is nil where the cluster is the run's own.
func (r *run) newUndoScript() (*undoScript, error) {
	if r.plan.Experiment.Cluster.Existing == nil {
		return nil, nil //nolint:nilnil // no script is no error
	}
	of, err := Existing(r.plan.Experiment, false)
	return &undoScript{path: filepath.Join(r.Out, UndoScript), of: of}, err
}
