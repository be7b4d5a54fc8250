package local

import (
	"os/exec"
	"syscall"
)

// tie has the kernel kill a command when pgchaos ends, in whatever way. It takes the thread that starts the command for pgchaos: the
// caller locks it until the command has ended.
func tie(cmd *exec.Cmd) { cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL }
