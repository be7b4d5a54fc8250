package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"pgchaos/cluster"
	"pgchaos/internal/regular"
)

const recordSchema = "pgchaos.local/1"

// runFile is run.json: what somebody who finds a run's directory needs to know.
type runFile struct {
	Schema     string       `json:"schema"`
	Run        string       `json:"run"`
	Dir        string       `json:"dir"` // where it lies, without symbolic links
	Experiment string       `json:"experiment,omitempty"`
	Results    string       `json:"results,omitempty"` // the result directory
	PID        int          `json:"pid"`               // of pgchaos; for people, the lock tells whether it lives
	Started    time.Time    `json:"started"`
	Kept       bool         `json:"kept"`
	Nodes      []nodeRecord `json:"nodes"`
}

// nodeRecord is one node, written down before anything of it can run.
type nodeRecord struct {
	Name    string          `json:"name"`
	Address cluster.Address `json:"address"`
	Relays  []int           `json:"relays,omitempty"` // the ports of relays to it
	PID     int             `json:"pid,omitempty"`    // of the main process started last
	Start   string          `json:"start,omitempty"`  // which process of that number it is
	Groups  []string        `json:"groups,omitempty"` // the directories of cgroups that it may have
}

// note adds the groups of limits.
func (n *nodeRecord) note(limits []limit) {
	for _, in := range limits {
		if !slices.Contains(n.Groups, in.dir) {
			n.Groups = append(n.Groups, in.dir)
		}
	}
}

// write replaces run.json as a whole. With sync it will be there after a crash of
// the machine too.
func (r runFile) write(dir string, sync bool) (err error) {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", recordFile, err)
	}
	f, err := os.CreateTemp(dir, recordFile+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", recordFile, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("write %s: %w", recordFile, err), os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(append(data, '\n'))
	if err == nil && sync {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(dir, recordFile))
}

// recordLimit bounds run.json, in bytes.
const recordLimit = 1 << 20

// errNotRun is what readRecord says of a directory that is not known to be a run's.
var errNotRun = errors.New("it is not known to be a run's directory, and is left alone")

// readRecord reads run.json of a directory that may be anything. Only a record that we have written for this
// very directory makes it a run's: it belongs to us, nobody else can write it, and it names this run and this place. An
// error that is errNotRun says what is missing.
func readRecord(dir string) (runFile, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return runFile{}, err
	}
	defer func() { _ = root.Close() }()
	not := func(format string, args ...any) (runFile, error) {
		return runFile{}, fmt.Errorf("%s: %s: %w", dir, fmt.Sprintf(format, args...), errNotRun)
	}
	own, err := root.Stat(".")
	if err != nil {
		return runFile{}, err
	}
	info, err := root.Lstat(recordFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return not("there is no %s", recordFile)
	case err != nil:
		return runFile{}, err
	case !ownedBy(own, os.Geteuid()) || !ownedBy(info, os.Geteuid()):
		return not("it or its %s belongs to another user", recordFile)
	case own.Mode().Perm()&0o022 != 0 || info.Mode().Perm()&0o022 != 0:
		return not("others can write it or its %s", recordFile)
	}
	data, err := regular.ReadIn(root, recordFile, recordLimit)
	if err != nil {
		return not("%v", err)
	}
	var r runFile
	switch err := json.Unmarshal(data, &r); {
	case err != nil:
		return not("its %s cannot be read", recordFile)
	case r.Schema != recordSchema || r.Run != filepath.Base(dir):
		return not("its %s is not of this run", recordFile)
	case r.Dir != dir:
		return not("its %s is of a run in another place", recordFile)
	}
	return r, nil
}

// identities are the main processes that a record names. Those it knows by number
// alone are left out: the number may be another's by now.
func (r runFile) identities() (ids []identity) {
	for _, n := range r.Nodes {
		if id, ok := identityOf(n.PID); ok && id.token() == n.Start {
			ids = append(ids, id)
		}
	}
	return ids
}
