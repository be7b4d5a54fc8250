package local

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"runtime"
	"strconv"
	"syscall"
)

// owner is the user that the servers run as, when that is not the user of pgchaos.
type owner struct {
	name     string
	uid, gid int
}

// serverOwner is the user that servers run as: nil for pgchaos's own, or as root
// the user that PostgreSQL's packages make, or else nobody.
func serverOwner() (*owner, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	var errs []error
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		if err := errors.Join(err1, err2); err != nil {
			errs = append(errs, err)
			continue
		}
		if uid != 0 {
			return &owner{name: name, uid: uid, gid: gid}, nil
		}
	}
	return nil, fmt.Errorf("find a user for the servers, since PostgreSQL refuses to run as root: %w", errors.Join(errs...))
}

func (o *owner) String() string {
	if o == nil {
		return "this user"
	}
	return "user " + o.name
}

// attributes are how processes are started: as the owner, and in a session of
// their own. No terminal's Ctrl-C reaches them so, none can ask for a password,
// and a frozen server is not woken by the kernel when pgchaos dies, as a stopped
// process group is that loses the last tie to its session. There is no
// Pdeathsig: a kept run outlives pgchaos. Commands have one: see tie.
func (o *owner) attributes() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true}
	if o != nil {
		attr.Credential = &syscall.Credential{Uid: uint32(o.uid), Gid: uint32(o.gid)}
	}
	return attr
}

// environment is all that processes see of ours: what a user's shell sets for
// PostgreSQL (PGDATA, PGPORT, a language) would bend an experiment. Times in logs
// are UTC.
func (p *Provider) environment(home string) []string {
	path := "/usr/local/bin:/usr/bin:/bin"
	if p.install.BinDir != "" { // an empty part of the path would be the current directory
		path = p.install.BinDir + ":" + path
	}
	env := []string{
		"PATH=" + path,
		"HOME=" + home,
		nodeVariable + "=" + home,
		"TZ=UTC",
		locale(runtime.GOOS),
	}
	if path, ok := os.LookupEnv("LD_LIBRARY_PATH"); ok { // a PostgreSQL of one's own may need it
		env = append(env, "LD_LIBRARY_PATH="+path)
	}
	return env
}

// locale is one with UTF-8 and English messages that the system certainly has.
func locale(goos string) string {
	if goos == "darwin" {
		return "LC_ALL=en_US.UTF-8" // a postmaster without LC_ALL refuses to start there
	}
	return "LANG=C.UTF-8"
}

// ownedBy tells whether a file belongs to a user.
func ownedBy(info os.FileInfo, uid int) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == uid
}

// serverUID is the user that the servers run as.
func (o *owner) serverUID() int {
	if o == nil {
		return os.Geteuid()
	}
	return o.uid
}
