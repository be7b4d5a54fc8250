package existing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sys/unix"

	"pgchaos/cluster"
	"pgchaos/internal/regular"
	"pgchaos/internal/runlock"
)

const recordSchema = "pgchaos.existing/1"

// record is what a later pgchaos needs to know of a run on a cluster that was there before. It holds no passwords.
type record struct {
	Schema     string       `json:"schema"`
	Run        string       `json:"run"`
	Experiment string       `json:"experiment,omitempty"`
	Results    string       `json:"results,omitempty"` // the result directory
	PID        int          `json:"pid"`               // of pgchaos; the lock tells whether it lives, and not only another process of its number
	Started    time.Time    `json:"started"`
	Kept       bool         `json:"kept,omitempty"`
	Exec       string       `json:"exec,omitempty"`
	Nodes      []nodeRecord `json:"nodes"`
}

type nodeRecord struct {
	Name    string `json:"name"`
	Host    string `json:"host"`
	Standby string `json:"standby,omitempty"`
	DSN     string `json:"dsn"` // without a password
}

// recordFile is a record on the disk, locked as long as its pgchaos lives.
type recordFile struct {
	record record
	path   string
	lock   *os.File
}

// recordDir is the directory of the records.
func recordDir() string {
	return cluster.DefaultBase() + "-existing"
}

// maxRecord bounds a record, in bytes.
const maxRecord = 1 << 20

const recordEnd = ".json"

func writeRecord(o cluster.OpenOptions) (*recordFile, error) {
	dir := recordDir()
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("note the run's use of the cluster: %w", err)
	}
	if err := checkDir(dir); err != nil {
		return nil, err
	}
	f := &recordFile{path: filepath.Join(dir, o.Run+recordEnd), record: record{
		Schema: recordSchema, Run: o.Run, Experiment: o.Experiment, Results: o.Results, PID: os.Getpid(), Started: time.Now().UTC(), Exec: o.Existing.Exec,
	}}
	for _, n := range o.Existing.Nodes {
		f.record.Nodes = append(f.record.Nodes, nodeRecord{Name: n.Name, Host: n.Host, Standby: n.Standby, DSN: n.DSN.Public()})
	}
	var err error
	if f.lock, err = os.OpenFile(f.path, os.O_CREATE|os.O_EXCL|os.O_RDWR|unix.O_NOFOLLOW, 0o600); err != nil {
		return nil, fmt.Errorf("note the run's use of the cluster: %w", err)
	}
	err = runlock.Take(f.lock)
	if err = errors.Join(err, f.write()); err != nil {
		return nil, errors.Join(fmt.Errorf("note the run's use of the cluster: %w", err), f.remove())
	}
	return f, nil
}

// write writes the record into its file, which keeps its lock.
func (f *recordFile) write() error {
	text, err := json.MarshalIndent(f.record, "", "  ")
	if err != nil {
		return err
	}
	if err := f.lock.Truncate(0); err != nil {
		return err
	}
	if _, err := f.lock.WriteAt(append(text, '\n'), 0); err != nil {
		return err
	}
	return f.lock.Sync()
}

func (f *recordFile) keep() error {
	f.record.Kept = true
	err := errors.Join(f.write(), f.lock.Close())
	if err != nil {
		return fmt.Errorf("note that the run is kept: %w", err)
	}
	return nil
}

func (f *recordFile) remove() error {
	err := os.Remove(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err = errors.Join(err, f.lock.Close()); err != nil {
		return fmt.Errorf("forget the run: %w", err)
	}
	removeIfEmpty(filepath.Dir(f.path))
	return nil
}

// removeIfEmpty removes the directory of the records with the last one. One that is not empty stays.
func removeIfEmpty(dir string) { _ = unix.Rmdir(dir) }

// checkDir refuses a directory that another user could write to: the records name commands.
func checkDir(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || int(stat.Uid) != os.Geteuid() || info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s is not a directory that only this user can write to; set %s to another place", dir, cluster.BaseVariable)
	}
	return nil
}

// leftovers finds the runs whose record is still there.
func leftovers(context.Context) (found []cluster.Leftover, where string, err error) {
	dir := recordDir()
	where = "records of runs on existing clusters in " + dir
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, where, nil
	}
	if err == nil {
		err = checkDir(dir)
	}
	if err != nil {
		return nil, where, fmt.Errorf("look for runs on existing clusters: %w", err)
	}
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), recordEnd) {
			found = append(found, leftover(filepath.Join(dir, entry.Name())))
		}
	}
	return found, where, nil
}

func leftover(path string) cluster.Leftover {
	run := strings.TrimSuffix(filepath.Base(path), recordEnd)
	l := cluster.Leftover{Run: run, Borrowed: true, What: "its schema " + cluster.RunSchema(run)}
	r, nodes, err := readRecord(path)
	if err != nil {
		l.Doubt = fmt.Sprintf("%s: %v", path, err)
		return l
	}
	l.Kept, l.Results, l.Alive = r.Kept, r.Results, r.alive(path)
	l.What += " on " + strings.Join(names(nodes), ", ")
	l.Nodes = func(ctx context.Context) (cluster.LeftNodes, error) {
		if other := atWorkBeside(ctx, r.Run, nodes); other != "" {
			return nil, fmt.Errorf("what it has changed is not taken back while another run is at work on the cluster, %s, which would not know of it: clean it when that has ended", other)
		}
		exec, err := parseExec(r.Exec)
		return leftNodes{r.Run, nodes, exec}, err
	}
	l.Claim = func() (func(), error) { return claim(path) }
	l.Remove = func(ctx context.Context) error {
		err := cluster.DropSchema(ctx, r.Run, nodes)
		switch {
		case cluster.IsWrongPassword(err):
			return cluster.WhyNoPassword(err)
		case err != nil:
			return fmt.Errorf("%w; clean tries it again", err)
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("forget the run: %w", err)
		}
		removeIfEmpty(filepath.Dir(path))
		return nil
	}
	l.BringBack = func(node, _ string, _ bool) string {
		if !slices.Contains(names(nodes), node) {
			return ""
		}
		return "start it as you do otherwise; pgchaos does not know how"
	}
	return l
}

func names(nodes []cluster.ExistingNode) (all []string) {
	for _, n := range nodes {
		all = append(all, n.Name)
	}
	return all
}

func readRecord(path string) (r record, nodes []cluster.ExistingNode, err error) {
	text, err := regular.Read(path, maxRecord)
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err == nil && (r.Schema != recordSchema || r.Run+recordEnd != filepath.Base(path)) {
		err = errors.New("it is not the record of this run")
	}
	if err != nil {
		return r, nil, err
	}
	for _, n := range r.Nodes {
		dsn, err := cluster.ParseDSN(n.DSN)
		if err != nil {
			return r, nil, fmt.Errorf("node %s: %w", n.Name, err)
		}
		nodes = append(nodes, cluster.ExistingNode{Name: n.Name, Host: n.Host, Standby: n.Standby, DSN: dsn})
	}
	return r, nodes, nil
}

// alive tells whether the run's own pgchaos lives. Another one that cleans the run holds the lock, too.
func (r record) alive(path string) bool {
	if !locked(path) {
		return false
	}
	err := unix.Kill(r.PID, 0)
	return err == nil || !errors.Is(err, unix.ESRCH)
}

// locked tells whether a pgchaos is at work on the run of a record.
func locked(path string) bool {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }() // which gives a lock back, too
	return errors.Is(runlock.Take(f), runlock.ErrHeld)
}

// claim takes the lock of a record until release, as the run's own pgchaos had it.
func claim(path string) (release func(), err error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, cluster.ErrClaimed
	}
	if err != nil {
		return nil, err
	}
	if err = runlock.Take(f); err == nil {
		return func() { _ = f.Close() }, nil // which gives the lock back
	}
	if errors.Is(err, runlock.ErrHeld) {
		err = cluster.ErrClaimed
	}
	return nil, errors.Join(err, f.Close())
}

// leftNodes are the nodes of a run whose pgchaos is gone.
type leftNodes struct {
	run   string
	nodes []cluster.ExistingNode
	exec  *cluster.ExecTemplate
}

// Host is a leftNode.
func (l leftNodes) Host(node string) any {
	for _, n := range l.nodes {
		if n.Name == node {
			return leftNode{machine{n.Name, n.Host, l.exec}, l}
		}
	}
	return nil
}

// leftNode runs commands on a node's machine, and opens sessions on the nodes.
type leftNode struct {
	machine
	all leftNodes
}

// ConnectTo opens a session on a node of the run, by its connection string.
func (l leftNode) ConnectTo(ctx context.Context, node string) (*pgx.Conn, error) {
	for _, n := range l.all.nodes {
		if n.Name == node {
			return cluster.ConnectToClean(ctx, l.all.run, n)
		}
	}
	return nil, fmt.Errorf("the record of the run names no node %s", node)
}

// Close has nothing to end.
func (l leftNodes) Close() error { return nil }
