package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"pgchaos/cluster"
)

const recordSchema = "pgchaos.local/1"

// record is run.json: what somebody who finds a run's directory needs to know.
type record struct {
	Schema     string       `json:"schema"`
	Run        string       `json:"run"`
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
	PID     int             `json:"pid,omitempty"`   // of the main process started last
	Start   string          `json:"start,omitempty"` // which process of that number it is
}

// write replaces run.json as a whole. With sync it will be there after a crash of
// the machine too.
func (r record) write(dir string, sync bool) (err error) {
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

// readRecord reads run.json. One that is missing or cut short is an error beside
// a zero record: its directory may still be a run's.
func readRecord(dir string) (record, error) {
	data, err := os.ReadFile(filepath.Join(dir, recordFile))
	if err != nil {
		return record{}, err
	}
	var r record
	if err := json.Unmarshal(data, &r); err != nil {
		return record{}, fmt.Errorf("read %s: %w", filepath.Join(dir, recordFile), err)
	}
	return r, nil
}

// identities are the main processes that a record names. Those it knows by number
// alone are left out: the number may be another's by now.
func (r record) identities() (ids []identity) {
	for _, n := range r.Nodes {
		if id, ok := identityOf(n.PID); ok && id.token() == n.Start {
			ids = append(ids, id)
		}
	}
	return ids
}

// isRun tells a run's directory from something that is not ours. An empty one
// is what a pgchaos leaves that was killed at the very beginning.
func isRun(dir string) (bool, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		if e.Name() == recordFile || e.Name() == lockFile {
			return true, nil
		}
	}
	return len(entries) == 0, nil
}
