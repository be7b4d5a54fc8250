package runner

import (
	"errors"
	"path/filepath"

	"pgchaos/cluster"
)

// execDir is where in the result directory the output of exec steps is kept.
const execDir = "exec"

// keepExec writes what a command of a step wrote on a node into the result directory:
// STEP.NODE.out, and STEP.NODE.err where it wrote to its standard error. A stream that
// is longer than cluster.ExecKeeps is cut there, and says so.
func (r *run) keepExec(step, node string, out cluster.Output) (file string, err error) {
	var errs []error
	for _, stream := range []struct{ text, ending string }{{out.Stderr, ".err"}, {out.Stdout, ".out"}} {
		if stream.text == "" {
			continue
		}
		if len(stream.text) >= cluster.ExecKeeps {
			stream.text += "\n... cut here: no more than 1 MiB is kept\n"
		}
		file = filepath.Join(execDir, step+"."+node+stream.ending)
		errs = append(errs, keepFile(r.Out, file, []byte(r.result.Secrets.Text(stream.text))))
	}
	return file, errors.Join(errs...)
}
