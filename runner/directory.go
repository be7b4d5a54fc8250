package runner

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"pgchaos/cluster"
	"pgchaos/report"
)

// resultsDir is where results are, unless the user names a directory.
const resultsDir = "results"

// directory is the result directory of one run, which holds the claim on it.
type directory struct {
	path   string
	theirs bool // it was there before
}

// claimDirectory makes the result directory out, or where out is "", a new one for the experiment
// below results/. One that holds a result is refused: nothing is ever overwritten.
func claimDirectory(out, experiment string, begun time.Time) (*directory, error) {
	d := &directory{path: out}
	if out == "" {
		var err error
		if d.path, err = NewDirectory(experiment, begun); err != nil {
			return nil, usageError(fmt.Errorf("make the result directory: %w (--out DIR names another)", err))
		}
	} else {
		info, err := os.Stat(out)
		d.theirs = err == nil && info.IsDir()
		if err := os.MkdirAll(out, 0o755); err != nil {
			return nil, usageError(fmt.Errorf("make the result directory: %w", err))
		}
	}
	err := claim(d.path)
	if errors.Is(err, os.ErrExist) {
		err = fmt.Errorf("--out %s: it holds a result already; name another directory", d.path)
	}
	if err != nil {
		return nil, usageError(err)
	}
	return d, nil
}

// NewDirectory makes a directory for the results of an experiment, below results/, that was not there.
func NewDirectory(experiment string, begun time.Time) (string, error) {
	if err := os.MkdirAll(resultsDir, 0o755); err != nil {
		return "", err
	}
	base := filepath.Join(resultsDir, experiment+"-"+begun.Format("20060102-150405"))
	for n := 1; ; n++ {
		dir := base
		if n > 1 {
			dir = fmt.Sprintf("%s-%d", base, n)
		}
		if err := os.Mkdir(dir, 0o755); !errors.Is(err, os.ErrExist) {
			return dir, err
		}
	}
}

// claim makes an empty result file, which the run then replaces: of two runs that
// are given one directory, the second must not write over the first.
func claim(dir string) error {
	f, err := os.OpenFile(filepath.Join(dir, report.FileName), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("make the result file: %w", err)
	}
	return f.Close()
}

// release takes back what claimDirectory made, where nothing came of the run. A directory
// that was there before stays.
func (d *directory) release() error {
	err := os.Remove(filepath.Join(d.path, report.FileName))
	if d.theirs {
		return err
	}
	return errors.Join(err, os.Remove(d.path))
}

// NewSeed is a random seed, as a run takes one where none is given.
func NewSeed() (uint64, error) {
	n, err := rand.Int(rand.Reader, big.NewInt(1<<53-1)) // exact in JSON's numbers
	if err != nil {
		return 0, fmt.Errorf("make a seed: %w", err)
	}
	return n.Uint64() + 1, nil
}

// NewRunID names a run: readable, and different from every other's.
func NewRunID(experiment string, begun time.Time) (string, error) {
	var b [2]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", fmt.Errorf("make the run's id: %w", err)
	}
	return fmt.Sprintf("%s-%s-%s", experiment, begun.Format("20060102-150405"), hex.EncodeToString(b[:])), nil
}

// UsageError is an error of Run that the user can mend with another experiment, another flag or
// another directory. Nothing was started, and nothing is left.
type UsageError = cluster.UsageError

func usageError(err error) error { return &UsageError{Err: err} }
