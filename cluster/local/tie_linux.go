package local

import (
	"os/exec"
	"syscall"
)

// tie has the kernel kill a command when pgchaos ends, in whatever way. The kernel kills the command when the thread that started it ends.
// So the caller locks that thread until the command has ended.
func tie(cmd *exec.Cmd) { cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL }
