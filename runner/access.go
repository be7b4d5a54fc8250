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
	"pgchaos/internal/regular"
)

// The files in the result directory that let others into the cluster for as long as
// it is there, also where pgchaos was killed: AccessFile says where its nodes are, and
// Passfile lets psql in (PGPASSFILE). Both are for their owner alone.
const (
	AccessFile = "cluster.json"
	Passfile   = "pgpass"
)

// maxAccessFile bounds AccessFile, in bytes.
const maxAccessFile = 16 << 20

// writeAccess writes how to connect to the cluster, with the passwords, into the result directory.
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
		if n.DSN != "" {
			continue // the user's own password file lets in
		}
		for _, u := range []cluster.User{creds.Superuser, creds.Load} {
			fmt.Fprintf(&b, "%s:%d:*:%s:%s\n", n.Address.Host, n.Address.Port, u.Name, u.Password)
		}
	}
	// In this order, so that passwords are never there without the name of their run.
	for _, f := range []struct {
		name string
		text []byte
	}{{AccessFile, append(text, '\n')}, {Passfile, b.Bytes()}} {
		if err := writePrivate(filepath.Join(r.Out, f.name), f.text); err != nil {
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

// RemoveAccess removes what leads to the cluster of a run that is removed from its result directory, and from that of the
// run that used the cluster last. A directory that is not there, or is another run's by now, is left as it is.
func RemoveAccess(dir, run string) error {
	user, err := removeAccessTo(dir, run)
	if user != "" {
		_, errUser := removeAccessTo(user, run)
		err = errors.Join(err, errUser)
	}
	if err != nil {
		return fmt.Errorf("remove the passwords of run %s: %w", run, err)
	}
	return nil
}

// removeAccessTo removes it from a directory where it is of that run, and returns the directory of the run that used the
// cluster last; "": there is no other. It opens the directory once: another user may exchange what bears its name between
// the look and the removal.
func removeAccessTo(dir, run string) (user string, err error) {
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("in %s: %w", dir, err)
	}
	defer func() { _ = root.Close() }() // which can say nothing of what was removed
	user = userIn(root, run)
	text, err := regular.ReadIn(root, AccessFile, maxAccessFile)
	var a cluster.Access
	if err == nil {
		err = json.Unmarshal(text, &a)
	}
	switch {
	case user != "" || err == nil && a.Run == run:
		err = removeAccessBy(root.Remove)
	case errors.Is(err, fs.ErrNotExist):
		err = nil
	}
	if err != nil {
		return user, fmt.Errorf("in %s: %w", dir, err)
	}
	return user, nil
}

// removeAccess removes it from a directory of this run.
func removeAccess(dir string) error {
	return removeAccessBy(func(name string) error { return os.Remove(filepath.Join(dir, name)) })
}

// removeAccessBy goes the other way round than writeAccess.
func removeAccessBy(remove func(name string) error) error {
	var errs []error
	for _, name := range []string{Passfile, AccessFile, UserFile} {
		if err := remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// readAccess reads how to get into the cluster of a run that is not this one's.
func readAccess(dir string) (a cluster.Access, err error) {
	text, err := regular.Read(filepath.Join(dir, AccessFile), maxAccessFile)
	if err == nil {
		err = json.Unmarshal(text, &a)
	}
	if err != nil {
		return a, fmt.Errorf("read how to get into the cluster: %w", err)
	}
	return a, nil
}
