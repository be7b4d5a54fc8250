package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"pgchaos/cluster"
)

// Leftover is a run whose directory is there.
type Leftover struct {
	Run        string
	Dir        string
	Experiment string    // "" when run.json does not tell
	Started    time.Time // zero when run.json does not tell
	Alive      bool      // its pgchaos runs, and nobody else may clean it
	Kept       bool      // it was left on purpose
	Processes  int       // how many processes of it run
	Nodes      []LeftoverNode
}

// LeftoverNode is a node of a run that is still there.
type LeftoverNode struct {
	Name    string
	Address cluster.Address
}

// List finds the runs in a base directory ("" is DefaultBase()). Whatever else is
// in it is left out. A run.json that is missing or damaged costs what it would
// have told, no more. No base directory means no runs.
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
	own, err := serverOwner()
	if err != nil {
		own = nil // without a server's user there is still much to see
	}
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
		run, ours, err := inspect(filepath.Join(dir, e.Name()), all)
		if err != nil {
			errs = append(errs, fmt.Errorf("list run %s: %w", e.Name(), err))
		}
		if ours {
			runs = append(runs, run)
		}
	}
	return runs, errors.Join(errs...)
}

// inspect looks at one directory. The caller holds the base directory's lock.
func inspect(dir string, all []process) (run Leftover, ours bool, err error) {
	if ours, err = isRun(dir); err != nil || !ours {
		return Leftover{}, false, err
	}
	rec, _ := readRecord(dir) // zero when it cannot be read, as List says
	run = Leftover{
		Run: filepath.Base(dir), Dir: dir, Experiment: rec.Experiment, Started: rec.Started, Kept: rec.Kept,
		Processes: len(live(family{roots: rec.identities(), dir: dir}.of(all))),
	}
	for _, n := range rec.Nodes {
		run.Nodes = append(run.Nodes, LeftoverNode{Name: n.Name, Address: n.Address})
	}
	lock, err := lockRun(dir)
	if errors.Is(err, errInUse) {
		run.Alive = true
		return run, true, nil
	}
	if err != nil {
		return run, true, err
	}
	return run, true, lock.Close()
}

// Clean ends all processes of a run whose pgchaos is gone, and removes its
// directory. Processes are known by their working directory in the run's, or by
// what run.json says of number and start time, never by a name. A run whose
// pgchaos lives is refused, and so is what is not a run's directory; a run that
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
	dir, lock, err := claim(ctx, base, run)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }()
	own, err := serverOwner()
	if err != nil {
		own = nil // what that user owned can still be ended by its number
	}
	rec, _ := readRecord(dir) // the working directories tell without it
	if err := end(ctx, own, family{roots: rec.identities(), dir: dir}); err != nil {
		return fmt.Errorf("%s is left: %w", dir, err)
	}
	if err := removeRun(dir); err != nil {
		return err
	}
	baseDir, unlock, err := lockBase(ctx, base, false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unlock()
	return removeBase(baseDir)
}

// claim takes a run over from a pgchaos that is gone.
func claim(ctx context.Context, base, run string) (dir string, lock *os.File, err error) {
	baseDir, unlock, err := lockBase(ctx, base, false)
	if err != nil {
		return "", nil, err
	}
	defer unlock()
	dir = filepath.Join(baseDir, run)
	info, err := os.Lstat(dir)
	if err != nil {
		return "", nil, err
	}
	ours := info.IsDir()
	if ours {
		if ours, err = isRun(dir); err != nil {
			return "", nil, err
		}
	}
	if !ours {
		return "", nil, fmt.Errorf("%s is not a run's directory", dir)
	}
	if lock, err = lockRun(dir); err != nil {
		return "", nil, err
	}
	return dir, lock, nil
}
