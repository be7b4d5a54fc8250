// Package attached starts servers of tests that end when the test binary does, also when that is killed.
package attached

import (
	"fmt"
	"io"
	"os/exec"
)

// script starts the server, and waits for the end of its own input: only the test binary can write to it, so it ends
// with the test binary. SIGQUIT is PostgreSQL's immediate shutdown; it handles the signal although a shell starts what
// runs in the background with SIGQUIT ignored.
const script = `dir=$1; shift; "$@" & read -r _; kill -QUIT $!; wait; rm -rf "$dir"`

// Server is a command that runs a server. Closing end, or the end of this process, ends the server and then removes dir.
// The caller sets the rest of the command and starts it; Wait returns after all that.
func Server(dir, program string, args ...string) (cmd *exec.Cmd, end io.Closer, err error) {
	cmd = exec.Command("sh", append([]string{"-c", script, "sh", dir, program}, args...)...)
	if end, err = cmd.StdinPipe(); err != nil {
		return nil, nil, fmt.Errorf("start %s: %w", program, err)
	}
	return cmd, end, nil
}
