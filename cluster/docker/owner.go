package docker

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// owner is the pgchaos that answers for a run. An engine knows nothing of the
// processes that use it, so that labels say which one it is: the machine and its
// present boot, the process's number and when it started.
type owner struct {
	host, process string
	now           time.Time
}

// life is what can be known of a run's pgchaos.
type life int

const (
	lifeUnknown life = iota // it runs, or ran, on another machine
	lifeAlive
	lifeGone
)

// lifeOf tells whether the pgchaos that the labels name still runs. A machine that
// has been started anew is another one by its boot's id: its processes are gone.
func lifeOf(labels map[string]string, us owner) life {
	host, boot, _ := strings.Cut(labels[labelHost], "/")
	ourHost, ourBoot, _ := strings.Cut(us.host, "/")
	if host != ourHost {
		return lifeUnknown
	}
	if boot != ourBoot {
		return lifeGone
	}
	number, _, _ := strings.Cut(labels[labelProcess], ":")
	pid, err := strconv.Atoi(number)
	if err != nil {
		return lifeUnknown
	}
	if identify(pid) == labels[labelProcess] {
		return lifeAlive
	}
	return lifeGone
}

// identify is a process's number and when it began, by which it cannot be
// mistaken for a later one; only the number if it does not run. One that has ended does not run, though it
// stays in the list of processes (as a zombie) until its parent has taken note.
func identify(pid int) string {
	number := strconv.Itoa(pid)
	if data, err := os.ReadFile("/proc/" + number + "/stat"); err == nil {
		// The name, in parentheses, can hold anything; after it the 20th field is the
		// start in ticks since boot (proc_pid_stat(5)).
		text := string(data)
		if fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:]); len(fields) > 19 {
			if ended(fields[0]) {
				return number + ":"
			}
			return number + ":" + fields[19]
		}
	}
	out, err := exec.Command("ps", "-o", "stat=", "-o", "lstart=", "-p", number).Output()
	if fields := strings.Fields(string(out)); err == nil && len(fields) > 1 && !ended(fields[0]) {
		return number + ":" + strings.Join(fields[1:], "-")
	}
	return number + ":"
}

// ended tells of the state of a process, as /proc and ps show it, whether it is over.
func ended(state string) bool { return strings.HasPrefix(state, "Z") || strings.HasPrefix(state, "X") }

// bootID is the kernel's name for the time since the machine was started; empty
// where the system has none.
func bootID() string {
	data, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}
