// Package local runs the nodes as processes of this machine: every node is a server
// of its own in a directory of its own, on a loopback port. It needs neither
// Docker nor root.
//
// What a node is made of is found from outside, because PostgreSQL's children
// each call setsid(2): killing the postmaster's process group leaves them. A
// process belongs to a node when it descends from the node's main process, or
// when its working directory lies in the node's directory, which is true of a
// server and all its children, also of those that have lost their postmaster.
package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"pgchaos/cluster"
)

// Options of a run's provider.
type Options struct {
	Base       string         // where runs live; "" is cluster.DefaultBase()
	Run        string         // the run's id, which is the name of its directory
	BinDir     string         // where PostgreSQL's programs are; "" searches for them
	Major      int            // the wanted major version; 0 is the newest that is installed
	Experiment string         // the experiment's name, shown by a later clean
	Results    string         // the run's result directory, shown by a later clean; may be ""
	Links      []cluster.Link // those that get relays
}

// Provider makes nodes on this machine. It is a cluster.Provider, safe for
// concurrent use; New makes one.
type Provider struct {
	install Installation
	owner   *owner // the user that the servers run as; nil: the user of pgchaos
	base    string
	dir     string // the run's directory
	links   []cluster.Link

	mu      sync.Mutex
	lock    *os.File // held while this pgchaos answers for the run; nil after Keep and Remove
	removed bool
	record  runFile
	hosts   []*host
	claims  []io.Closer // of ports
}

var _ cluster.Provider = (*Provider)(nil)

// nameForm is what a run or a node may be called: one path element that no
// program takes for an option.
var nameForm = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)

// New finds PostgreSQL, makes the run's directory and takes its lock. As root the
// servers will run as the system's user postgres, or else nobody, since
// PostgreSQL refuses to run as root. Nothing is left behind by an error.
func New(ctx context.Context, o Options) (*Provider, error) {
	if !nameForm.MatchString(o.Run) {
		return nil, fmt.Errorf("run %q: not a name for a directory", o.Run)
	}
	install, err := FindInstallation(ctx, o.BinDir, o.Major)
	if err != nil {
		return nil, err
	}
	own, err := serverOwner()
	if err != nil {
		return nil, err
	}
	base, unlock, err := lockBase(ctx, o.Base, true)
	if err != nil {
		return nil, err
	}
	defer unlock()
	p := &Provider{
		install: install, owner: own, base: base, dir: filepath.Join(base, o.Run), links: o.Links,
		record: runFile{Schema: recordSchema, Run: o.Run, Dir: filepath.Join(base, o.Run), Experiment: o.Experiment, Results: o.Results, PID: os.Getpid(), Started: time.Now().UTC()},
	}
	if err := makeDir(p.dir, 0o711, nil); err != nil {
		return nil, errors.Join(fmt.Errorf("make the directory of run %s: %w", o.Run, err), removeBase(base))
	}
	if err := p.furnish(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("prepare run %s: %w", o.Run, err), p.release(), os.RemoveAll(p.dir), removeBase(base))
	}
	return p, nil
}

// furnish fills the new run directory, and makes sure that the server's user can
// use it and run PostgreSQL's programs.
func (p *Provider) furnish(ctx context.Context) error {
	// First of all what makes it a run's directory: see readRecord.
	err := p.record.write(p.dir, true)
	if err != nil {
		return err
	}
	if p.lock, err = lockRun(p.dir); err != nil {
		return err
	}
	for _, sub := range []string{nodesDir, logsDir} {
		if err := makeDir(filepath.Join(p.dir, sub), 0o711, nil); err != nil {
			return fmt.Errorf("make %s: %w", sub, err)
		}
	}
	cmd := exec.CommandContext(ctx, filepath.Join(p.install.BinDir, "postgres"), "--version")
	cmd.Dir = filepath.Join(p.dir, nodesDir)
	cmd.Env = p.environment(cmd.Dir)
	cmd.SysProcAttr = p.owner.attributes()
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("run %s in %s as %s (who must be able to enter every directory above both; %s moves the runs, --pg-bin the programs): %w",
			cmd.Path, cmd.Dir, p.owner, cluster.BaseVariable, err)
	}
	return nil
}

// Installation is the PostgreSQL that the nodes run.
func (p *Provider) Installation() Installation { return p.install }

// Host makes the directory of one more node and chooses its port.
func (p *Provider) Host(ctx context.Context, name string) (cluster.Host, error) {
	if !nameForm.MatchString(name) {
		return nil, fmt.Errorf("make node %q: not a name for a directory", name)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.removed {
		return nil, fmt.Errorf("make node %s: run %s has been removed", name, p.record.Run)
	}
	for _, h := range p.hosts {
		if h.name == name {
			return nil, fmt.Errorf("make node %s: there is one of this name", name)
		}
	}
	// The lock keeps two runs from choosing one port: a port stays free for all to
	// see until its server listens.
	_, unlock, err := lockBase(ctx, p.base, false)
	if err != nil {
		return nil, fmt.Errorf("make node %s: %w", name, err)
	}
	defer unlock()
	promised := p.promisedPorts()
	port, err := p.choosePort(promised)
	if err != nil {
		return nil, fmt.Errorf("make node %s: %w", name, err)
	}
	h := &host{
		provider: p, name: name, address: cluster.Address{Host: loopback, Port: port},
		dir: filepath.Join(p.dir, nodesDir, name), log: filepath.Join(p.dir, logsDir, name),
	}
	promised[port] = true
	if h.relays, err = p.openRelays(name, h.address, promised); err != nil {
		return nil, fmt.Errorf("make node %s: %w", name, err)
	}
	if err := makeDir(h.dir, 0o700, p.owner); err != nil {
		return nil, errors.Join(fmt.Errorf("make node %s: %w", name, err), h.relays.close())
	}
	p.record.Nodes = append(p.record.Nodes, nodeRecord{Name: name, Address: h.address, Relays: h.relays.ports()})
	if err := p.record.write(p.dir, true); err != nil {
		p.record.Nodes = p.record.Nodes[:len(p.record.Nodes)-1]
		return nil, errors.Join(fmt.Errorf("make node %s: %w", name, err), os.Remove(h.dir), h.relays.close())
	}
	p.hosts = append(p.hosts, h)
	return h, nil
}

// note writes down which process is a node's main one, for Clean. It is not
// synced to disk: what a crash of the whole machine would lose are processes that
// it ended.
func (p *Provider) note(name string, id identity) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.record.Nodes {
		if n := &p.record.Nodes[i]; n.Name == name {
			n.PID, n.Start = id.pid, id.token()
		}
	}
	return p.record.write(p.dir, false)
}

// Keep leaves the run to Clean: its processes go on when pgchaos ends.
func (p *Provider) Keep() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.removed {
		return fmt.Errorf("keep run %s: it has been removed", p.record.Run)
	}
	p.record.Kept = true
	if err := p.record.write(p.dir, true); err != nil {
		return fmt.Errorf("keep run %s: %w", p.record.Run, err)
	}
	return errors.Join(p.closeRelays(), p.release())
}

// closeRelays ends the relays to all nodes. p.mu is held.
func (p *Provider) closeRelays() error {
	var errs []error
	for _, h := range p.hosts {
		errs = append(errs, h.relays.close())
	}
	return errors.Join(errs...)
}

// release gives up the lock of the run, and its ports.
func (p *Provider) release() error {
	for _, c := range p.claims {
		_ = c.Close() // of a socket that nothing was written to
	}
	p.claims = nil
	if p.lock == nil {
		return nil
	}
	err := p.lock.Close()
	p.lock = nil
	return err
}

// Remove ends every process of the run and deletes its directory, and the base
// directory with it when nothing else is in there. While a process is left the
// files stay, and Remove can be called again.
func (p *Provider) Remove(ctx context.Context) error {
	p.mu.Lock()
	hosts, removed, known, groups := p.hosts, p.removed, p.record.identities(), p.groups()
	p.mu.Unlock()
	if removed {
		return nil
	}
	var errs []error
	for _, h := range hosts {
		errs = append(errs, h.Kill(ctx))
	}
	// Whatever else works in the run's directory: a command of Run that is still going.
	errs = append(errs, end(ctx, p.owner, family{roots: known, dir: p.dir, uid: p.owner.serverUID()}))
	errs = append(errs, dissolveAll(ctx, groups))
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("remove run %s: %s is left: %w", p.record.Run, p.dir, err)
	}

	p.mu.Lock()
	defer p.mu.Unlock()
	if p.removed {
		return nil
	}
	remark := removeRun(p.dir, p.owner)
	if remark != nil {
		remark = fmt.Errorf("remove run %s: %w", p.record.Run, remark)
	}
	if remark != nil && !cluster.IsRemark(remark) {
		return remark
	}
	p.removed = true
	err := cluster.JoinRemovals(remark, p.closeRelays(), p.release())
	_, unlock, lockErr := lockBase(ctx, p.base, false)
	if errors.Is(lockErr, fs.ErrNotExist) {
		return err
	}
	if lockErr != nil {
		return cluster.JoinRemovals(err, fmt.Errorf("remove %s, if nothing is in it: %w", p.base, lockErr))
	}
	defer unlock()
	return cluster.JoinRemovals(err, removeBase(p.base))
}
