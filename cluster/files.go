package cluster

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
)

// file is one file to write on a host. It can hold a password, so that nobody
// but its owner may read it.
type file struct {
	name string
	text string
}

// put writes files into a directory, which is made if it is missing. Each file
// appears under its name as a whole: a server that reads its configuration at
// that moment sees the old one or the new one.
func (n *Node) put(ctx context.Context, dir string, files ...file) error {
	host, err := n.files()
	if err != nil {
		return err
	}
	if err := n.makeDir(ctx, dir); err != nil {
		return err
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, f := range files {
		header := &tar.Header{Typeflag: tar.TypeReg, Name: f.name + ".new", Mode: 0o600, Size: int64(len(f.text))}
		if err := w.WriteHeader(header); err != nil {
			return fmt.Errorf("%s: write %s: %w", n.Name(), f.name, err)
		}
		if _, err := w.Write([]byte(f.text)); err != nil {
			return fmt.Errorf("%s: write %s: %w", n.Name(), f.name, err)
		}
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("%s: write into %s: %w", n.Name(), dir, err)
	}
	if err := host.Put(ctx, dir, &archive); err != nil {
		return fmt.Errorf("%s: write into %s: %w", n.Name(), dir, err)
	}
	for _, f := range files {
		if err := n.run(ctx, nil, "mv", path.Join(dir, f.name+".new"), path.Join(dir, f.name)); err != nil {
			return err
		}
	}
	return nil
}

// makeDir makes a directory as PostgreSQL wants its own: for its owner alone.
func (n *Node) makeDir(ctx context.Context, dir string) error {
	return n.run(ctx, nil, "mkdir", "-p", "-m", "0700", dir)
}

func (n *Node) remove(ctx context.Context, paths ...string) error {
	return n.run(ctx, nil, append([]string{"rm", "-rf"}, paths...)...)
}

// exists tells whether there is a file or directory of that name.
func (n *Node) exists(ctx context.Context, name string) (bool, error) {
	err := n.run(ctx, nil, "test", "-e", name)
	var exit *ExitError
	if errors.As(err, &exit) {
		return false, nil
	}
	return err == nil, err
}

// run runs a command on the node's host for its effect alone.
func (n *Node) run(ctx context.Context, env []string, argv ...string) error {
	_, err := n.output(ctx, env, argv...)
	return err
}

// output runs a command on the node's host and returns what it wrote.
func (n *Node) output(ctx context.Context, env []string, argv ...string) (string, error) {
	host, err := n.files()
	if err != nil {
		return "", err
	}
	out, err := host.Run(ctx, Command{Argv: argv, Env: append([]string{"LC_ALL=C"}, env...)})
	if err != nil {
		return "", fmt.Errorf("%s: %w", n.Name(), err)
	}
	return out.Stdout, nil
}

// writeConf renders the node's configuration and puts it in place.
func (n *Node) writeConf(ctx context.Context) error {
	conf := renderConf(n.place(), n.currentSettings())
	hba := renderHBA(n.place().listen, n.cluster.creds, n.refuses.Load())
	alone := renderAlone(n.place().listen, n.cluster.creds)
	return n.put(ctx, n.confDir(), file{confFile, conf}, file{hbaFile, hba}, file{aloneFile, alone}, file{identFile, ""})
}

// standbySignal is the file whose presence makes a standby of a starting server.
const standbySignal = "standby.signal"

// markStandby makes the data directory that of a standby.
func (n *Node) markStandby(ctx context.Context) error {
	return n.put(ctx, n.dataDir(), file{standbySignal, ""})
}
