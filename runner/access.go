package runner

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"pgchaos/cluster"
)

// The files in the result directory that let others into the cluster for as long as
// it is there, also where pgchaos was killed: AccessFile says where its nodes are, and
// Passfile lets psql in (PGPASSFILE). Both are for their owner alone.
const (
	AccessFile = "cluster.json"
	Passfile   = "pgpass"
)

// writeAccess lets whoever may read the result directory's files into the cluster.
func (r *run) writeAccess() error {
	access := r.cluster.Access()
	access.Provider = r.plan.Experiment.Cluster.Provider
	text, err := json.MarshalIndent(access, "", " ")
	if err != nil {
		return fmt.Errorf("write how to get into the cluster: %w", err)
	}
	creds := r.cluster.Nodes()[0].Credentials() // the same on every node
	var b bytes.Buffer
	for _, n := range access.Nodes {
		for _, u := range []cluster.User{creds.Superuser, creds.Load} {
			fmt.Fprintf(&b, "%s:%d:*:%s:%s\n", n.Address.Host, n.Address.Port, u.Name, u.Password)
		}
	}
	for name, text := range map[string][]byte{Passfile: b.Bytes(), AccessFile: append(text, '\n')} {
		if err := writePrivate(filepath.Join(r.Out, name), text); err != nil {
			return fmt.Errorf("write how to get into the cluster: %w", err)
		}
	}
	return nil
}

// writePrivate writes a new file that nobody else can read at any moment.
func writePrivate(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}

// removeAccess removes what leads to a cluster that has been removed.
func (r *run) removeAccess() error {
	var errs []error
	for _, name := range []string{AccessFile, Passfile} {
		if err := os.Remove(filepath.Join(r.Out, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// readAccess reads how to get into the cluster of a run that is not this one's.
func readAccess(dir string) (a cluster.Access, err error) {
	text, err := os.ReadFile(filepath.Join(dir, AccessFile))
	if err == nil {
		err = json.Unmarshal(text, &a)
	}
	if err != nil {
		return a, fmt.Errorf("read how to get into the cluster: %w", err)
	}
	return a, nil
}
