package local

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// tick is the unit of times in /proc. It has been 100 Hz for user space on every
// architecture that PostgreSQL is packaged for.
const tick = time.Second / 100

// kernelThread is the flag of one, in /proc/PID/stat.
const kernelThread = 0x00200000

// processes reads the process table in one pass over /proc, in milliseconds.
// Working directories of other users' processes are left unknown where the kernel
// does not tell; those of the owner's are read with the owner's identity, since
// even root may not read them in a container without CAP_SYS_PTRACE.
func processes(own *owner) (all []process, err error) {
	err = own.do(func() error {
		dir, err := os.Open("/proc")
		if err != nil {
			return err
		}
		defer func() { _ = dir.Close() }()
		names, err := dir.Readdirnames(-1)
		if err != nil {
			return err
		}
		buf := make([]byte, 4096)
		for _, name := range names {
			if name[0] < '0' || name[0] > '9' {
				continue
			}
			p, kernel, ok := readStat("/proc/"+name+"/stat", buf)
			if !ok || kernel {
				continue // ended meanwhile, or nobody's
			}
			if n, err := unix.Readlink("/proc/"+name+"/cwd", buf); err == nil {
				p.dir = string(buf[:n])
			}
			var entry unix.Stat_t
			if err := unix.Stat("/proc/"+name, &entry); err != nil {
				continue
			}
			p.uid = int(entry.Uid)
			if strings.Contains(p.dir, "/"+nodesDir) { // as the directories of all nodes do: the rest need not be read
				p.server, p.node = startedFor("/proc/" + name)
			}
			all = append(all, p)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the process table: %w", err)
	}
	return all, nil
}

// environmentLimit bounds what is read of an environment. What is started for a node has a small one.
const environmentLimit = 256 << 10

// startedFor tells whether a process, by its directory in /proc, runs PostgreSQL's server, and else for which node it was started.
func startedFor(proc string) (server bool, node string) {
	program, err := os.Readlink(proc + "/exe")
	// One that is ending has no program any more, and may yet have memory: it counts until it is gone.
	if err != nil || filepath.Base(strings.TrimSuffix(program, " (deleted)")) == "postgres" {
		return true, ""
	}
	f, err := os.Open(proc + "/environ")
	if err != nil {
		return false, ""
	}
	defer func() { _ = f.Close() }()                           // it was only read
	text, _ := io.ReadAll(io.LimitReader(f, environmentLimit)) // of a process that has ended there is none
	for setting := range strings.SplitSeq(string(text), "\x00") {
		if dir, ok := strings.CutPrefix(setting, nodeVariable+"="); ok {
			return false, dir
		}
	}
	return false, ""
}

// identityOf looks up who has a process number now.
func identityOf(pid int) (identity, bool) {
	if pid <= 0 {
		return identity{}, false
	}
	p, _, ok := readStat("/proc/"+strconv.Itoa(pid)+"/stat", make([]byte, 4096))
	return p.identity, ok
}

// token writes an identity down so that it is still one after a reboot.
func (id identity) token() string {
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id") // without it the time must do
	return strings.TrimSpace(string(boot)) + "/" + strconv.FormatUint(id.start, 10)
}

func readStat(path string, buf []byte) (p process, kernel, ok bool) {
	n, err := readInto(path, buf)
	if err != nil {
		return process{}, false, false
	}
	return parseStat(buf[:n])
}

// parseStat reads a line of proc_pid_stat(5). The name in it, which a process
// gives itself, may hold spaces and parentheses.
func parseStat(line []byte) (p process, kernel, ok bool) {
	open, shut := bytes.IndexByte(line, '('), bytes.LastIndexByte(line, ')')
	if open < 2 || shut < open {
		return process{}, false, false
	}
	f := bytes.Fields(line[shut+1:]) // f[0] is field 3 of the manual page
	if len(f) < 20 || len(f[0]) != 1 {
		return process{}, false, false
	}
	number := func(text []byte) (n uint64) {
		v, err := strconv.ParseInt(string(text), 10, 64)
		if err != nil {
			ok = false
		}
		return uint64(v)
	}
	ok = true
	p.pid = int(number(bytes.TrimSpace(line[:open])))
	p.state = f[0][0]
	p.parent, p.group = int(number(f[1])), int(number(f[2]))
	p.terminal = number(f[4]) != 0
	kernel = number(f[6])&kernelThread != 0
	// Its own time, user and system, and that of the children it has waited for.
	p.cpu = tick * time.Duration(number(f[11])+number(f[12])+number(f[13])+number(f[14]))
	p.start = number(f[19])
	return p, kernel, ok
}

// readInto reads what fits of a file of /proc, in one piece.
func readInto(path string, buf []byte) (int, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer func() { _ = unix.Close(fd) }()
	for {
		n, err := unix.Read(fd, buf)
		if !errors.Is(err, unix.EINTR) {
			return max(n, 0), err
		}
	}
}

// do calls f with the owner's identity towards the file system, which the kernel
// also asks for before it shows the inside of a process. It is this thread's
// alone, and does not take away from root what root may see besides.
func (o *owner) do(f func() error) error {
	if o == nil {
		return f()
	}
	runtime.LockOSThread()
	// Group first: without root's identity it could not be changed.
	if err := unix.Setfsgid(o.gid); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("take the identity of %s: %w", o, err)
	}
	if err := unix.Setfsuid(o.uid); err != nil {
		err = errors.Join(err, unix.Setfsgid(os.Getegid()))
		runtime.UnlockOSThread()
		return fmt.Errorf("take the identity of %s: %w", o, err)
	}
	err := errors.Join(f(), unix.Setfsuid(os.Geteuid()), unix.Setfsgid(os.Getegid()))
	// The kernel reports no failure of these; asking for an identity that cannot be
	// tells which one it is.
	uid, _ := unix.SetfsuidRetUid(-1)
	gid, _ := unix.SetfsgidRetGid(-1)
	if uid != os.Geteuid() || gid != os.Getegid() {
		// Left locked, the thread ends with this goroutine and nothing else runs on it.
		return errors.Join(err, fmt.Errorf("take back the identity of %s: still %d:%d", o, uid, gid))
	}
	runtime.UnlockOSThread()
	return err
}
