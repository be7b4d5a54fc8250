package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"pgchaos/cluster"
	"pgchaos/internal/runlock"
)

// Leftover is a run whose directory is there.
type Leftover struct {
	Run        string
	Dir        string
	Experiment string    // "" when run.json does not tell
	Results    string    // its result directory; "" when run.json does not tell
	Started    time.Time // zero when run.json does not tell
	// Doubt is why it may be no run's directory: then nothing of it is touched. "": it is one.
	Doubt     string
	Alive     bool // its pgchaos runs, and nobody else may clean it
	Kept      bool // it was left on purpose
	Processes int  // how many processes of it run
	// Others are processes that work in its directory and are not of it, by number. They
	// are left alone.
	Others []int
	Nodes  []LeftoverNode
}

// LeftoverNode is a node of a run that is still there.
type LeftoverNode struct {
	Name      string
	Address   cluster.Address
	Dir       string
	Processes []int // those that run, by number
	Frozen    bool  // at least one of them stands still (SIGSTOP)
}

// List finds the runs in a base directory ("" is cluster.DefaultBase()). Whatever else is in it is left out. What
// may have been a run's directory, and is not known to be one, has a Doubt. No base directory means no runs.
func List(base string) ([]Leftover, error) {
	dir, unlock, err := lockBase(context.Background(), base, false) // which has its own patience
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list runs: %w", err)
	}
	defer unlock()
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list runs: %w", err)
	}
	own, uid := whoseServers()
	all, err := processes(own)
	if err != nil {
		return nil, fmt.Errorf("list runs: %w", err)
	}
	var runs []Leftover
	var errs []error
	for _, e := range entries {
		if !e.IsDir() || !nameForm.MatchString(e.Name()) {
			continue
		}
		run, ours, err := inspect(filepath.Join(dir, e.Name()), uid, all)
		if err != nil {
			errs = append(errs, fmt.Errorf("list run %s: %w", e.Name(), err))
		}
		if ours {
			runs = append(runs, run)
		}
	}
	return runs, errors.Join(errs...)
}

// whoseServers is the user that the servers run as. Where there is none, what run.json
// names can still be seen and ended, and no process is taken for one by its user.
func whoseServers() (own *owner, uid int) {
	own, err := serverOwner()
	if err != nil {
		return nil, -1
	}
	return own, own.serverUID()
}

// inspect looks at one directory. The caller holds the base directory's lock.
func inspect(dir string, uid int, all []process) (run Leftover, ours bool, err error) {
	rec, err := readRecord(dir)
	if errors.Is(err, errNotRun) && !looksLikeRun(dir) {
		return Leftover{}, false, nil
	}
	if errors.Is(err, errNotRun) {
		return Leftover{Run: filepath.Base(dir), Dir: dir, Doubt: err.Error()}, true, nil
	}
	if err != nil {
		return Leftover{}, false, err
	}
	run = Leftover{
		Run: rec.Run, Dir: dir, Experiment: rec.Experiment, Results: rec.Results, Started: rec.Started, Kept: rec.Kept,
	}
	members := family{roots: rec.identities(), dir: dir, uid: uid}
	run.Processes = len(live(members.of(all)))
	for _, p := range members.others(all) {
		run.Others = append(run.Others, p.pid)
	}
	for _, n := range rec.Nodes {
		run.Nodes = append(run.Nodes, inspectNode(dir, uid, n, all))
	}
	lock, err := lockRun(dir)
	if errors.Is(err, runlock.ErrHeld) {
		run.Alive = true
		return run, true, nil
	}
	if err != nil {
		return run, true, err
	}
	return run, true, lock.Close()
}

// looksLikeRun tells whether a directory without a record of ours may yet be what is left of a run, so that somebody
// should look at it.
func looksLikeRun(dir string) bool {
	for _, name := range []string{recordFile, nodesDir} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

func inspectNode(dir string, uid int, n nodeRecord, all []process) LeftoverNode {
	node := LeftoverNode{Name: n.Name, Address: n.Address, Dir: filepath.Join(dir, nodesDir, n.Name)}
	for _, p := range live(family{dir: node.Dir, uid: uid}.of(all)) {
		node.Processes = append(node.Processes, p.pid)
		node.Frozen = node.Frozen || p.stopped()
	}
	return node
}

// BringBack says in words how a user of this machine gets a node to answer again that
// does not. BinDir is where the server's programs are. A node that is only to be
// read, because there is a primary already, must not accept writes of its own.
func (n LeftoverNode) BringBack(binDir string, onlyToRead bool) string {
	switch {
	case n.Frozen:
		return "its processes stand still, and go on with `kill -CONT " + allNumbers(n.Processes) + "`"
	case len(n.Processes) > 0:
		return "it runs, and does not let anybody in"
	}
	return "it does not run, and starts with `" + n.startCommand(binDir, onlyToRead) + "`"
}

func (n LeftoverNode) startCommand(binDir string, onlyToRead bool) string {
	command := fmt.Sprintf("%s -D %s -l %s", filepath.Join(binDir, "pg_ctl"), filepath.Join(n.Dir, "conf"), filepath.Join(n.Dir, "start.log"))
	if onlyToRead {
		options := "-c default_transaction_read_only=on -c autovacuum=off"
		if _, err := os.Lstat(filepath.Join(n.Dir, "data", "standby.signal")); errors.Is(err, fs.ErrNotExist) {
			options += " -c max_wal_senders=0" // a standby that still follows it must not go its way
		}
		command += ` -o "` + options + `"`
	}
	if own, err := serverOwner(); err == nil && own != nil {
		program := "runuser -u " + own.name + " --"
		if runtime.GOOS != "linux" {
			program = "sudo -u " + own.name
		}
		command = program + " " + command
	}
	return command + " start"
}

// Clean ends all processes of a run whose pgchaos is gone, and removes its
// directory. Processes are known by what run.json says of number and start time, or by
// being the servers' user's, working in the run's directory, and being servers or started for one of its
// nodes, and their descendants with them. Others that work there are left. A run whose
// pgchaos lives is refused, and so is a directory without a record that pgchaos wrote for it; a run that
// is not there is an error that is fs.ErrNotExist.
func Clean(ctx context.Context, base, run string) error {
	if err := clean(ctx, base, run); err != nil {
		return fmt.Errorf("clean run %s: %w", run, err)
	}
	return nil
}

func clean(ctx context.Context, base, run string) error {
	if !nameForm.MatchString(run) {
		return errors.New("not the name of a run")
	}
	dir, rec, lock, err := claim(ctx, base, run)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }()
	own, uid := whoseServers()
	if err := end(ctx, own, family{roots: rec.identities(), dir: dir, uid: uid}); err != nil {
		return fmt.Errorf("%s is left: %w", dir, err)
	}
	for _, n := range rec.Nodes {
		if err := dissolveAll(ctx, groupsOf(rec.Run, n)); err != nil {
			return fmt.Errorf("%s is left: %w", dir, err)
		}
	}
	remark := removeRun(dir, own)
	if remark != nil && !cluster.IsRemark(remark) {
		return remark
	}
	baseDir, unlock, err := lockBase(ctx, base, false)
	if errors.Is(err, fs.ErrNotExist) {
		return remark
	}
	if err != nil {
		return cluster.JoinRemovals(remark, err)
	}
	defer unlock()
	return cluster.JoinRemovals(remark, removeBase(baseDir))
}

// claim takes a run over from a pgchaos that is gone.
func claim(ctx context.Context, base, run string) (dir string, rec runFile, lock *os.File, err error) {
	baseDir, unlock, err := lockBase(ctx, base, false)
	if err != nil {
		return "", runFile{}, nil, err
	}
	defer unlock()
	dir = filepath.Join(baseDir, run)
	info, err := os.Lstat(dir)
	if err != nil {
		return "", runFile{}, nil, err
	}
	if !info.IsDir() {
		return "", runFile{}, nil, fmt.Errorf("%s is not a directory: %w", dir, errNotRun)
	}
	if rec, err = readRecord(dir); err != nil {
		return "", runFile{}, nil, err
	}
	if lock, err = lockRun(dir); err != nil {
		return "", runFile{}, nil, err
	}
	return dir, rec, lock, nil
}
