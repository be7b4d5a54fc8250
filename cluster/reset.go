package cluster

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/internal/wait"
	"pgchaos/record"
)

// Snapshot is what a cluster is that has just been built. Reset compares with it.
type Snapshot struct {
	system   string
	timeline uint32
	lines    map[string][]snapshotLine // by node
}

// snapshotLine is something that a run can leave in a cluster outside of its database.
type snapshotLine struct{ name, definition string }

//go:embed snapshot.sql
var snapshotSQL string

// Snapshot is the cluster as it is now, which is to be right after Up.
func (c *Cluster) Snapshot(ctx context.Context) (s Snapshot, err error) {
	h := held{node: c.nodes[0]}
	defer h.drop()
	state, err := h.read(ctx)
	if err != nil {
		return s, fmt.Errorf("note what the cluster is: %w", err)
	}
	s = Snapshot{system: state.SystemID, timeline: state.Timeline, lines: map[string][]snapshotLine{}}
	for _, n := range c.nodes {
		if n.config.Absent {
			continue
		}
		if s.lines[n.Name()], err = n.snapshot(ctx); err != nil {
			return s, fmt.Errorf("note what node %s is: %w", n.Name(), err)
		}
	}
	return s, nil
}

func (n *Node) snapshot(ctx context.Context) ([]snapshotLine, error) {
	conn, err := n.Connect(ctx, "setup")
	if err != nil {
		return nil, err
	}
	defer abandon(conn)
	rows, _ := conn.Query(ctx, snapshotSQL) // CollectRows has its error
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (l snapshotLine, err error) {
		return l, row.Scan(&l.name, &l.definition)
	})
}

// Reset makes a cluster that a run has used what a new one would be under another configuration: its settings and
// its synchronous replication are set, restarting servers where PostgreSQL demands it, and its database is made
// anew, empty. Nobody may be connected to it but pgchaos, and no operation may run.
//
// The error says why the cluster cannot be used again: it has another primary or other nodes than at its
// beginning, a standby does not stream, or something was left in it that Reset does not remove. It must
// then be removed: Reset may have done half of its work.
func (c *Cluster) Reset(ctx context.Context, cfg Config, built Snapshot) error {
	ctx, cancel := context.WithTimeout(ctx, upTimeout)
	defer cancel()
	if err := c.adopt(cfg); err != nil {
		return err
	}
	if err := c.unchanged(ctx, built); err != nil {
		return err
	}
	if err := c.resetSettings(ctx); err != nil {
		return err
	}
	if err := c.resetDatabase(ctx); err != nil {
		return err
	}
	for _, n := range c.present() {
		if err := n.resetRest(ctx, built.lines[n.Name()]); err != nil {
			return err
		}
	}
	return c.synchronise(ctx, c.nodes[0], c.present()[1:])
}

// present are the nodes that a new cluster has, the primary first.
func (c *Cluster) present() (all []*Node) {
	for _, n := range c.nodes {
		if !n.config.Absent {
			all = append(all, n)
		}
	}
	return all
}

// adopt takes over a configuration of the same nodes.
func (c *Cluster) adopt(cfg Config) error {
	same := slices.EqualFunc(c.nodes, cfg.Nodes, func(n *Node, nc NodeConfig) bool {
		return n.config.Name == nc.Name && n.config.Absent == nc.Absent
	})
	if !same {
		return errors.New("it has other nodes")
	}
	c.config.Settings, c.config.Sync, c.config.MaxClients = cfg.Settings, cfg.Sync, cfg.MaxClients
	for i, n := range c.nodes {
		n.config.Settings = cfg.Nodes[i].Settings
	}
	return nil
}

// resetStreamTimeout is how long a standby may take until it streams again, after a run.
const resetStreamTimeout = 10 * time.Second

// unchanged is an error where the nodes are not what they were when the cluster was built.
func (c *Cluster) unchanged(ctx context.Context, built Snapshot) error {
	primary := c.nodes[0]
	for _, n := range c.nodes {
		if err := n.unchanged(primary); err != nil {
			return err
		}
	}
	h := held{node: primary}
	defer h.drop()
	state, err := h.read(ctx)
	switch {
	case err != nil:
		return err
	case state.Role != record.RolePrimary:
		return fmt.Errorf("%s is not the primary any more", primary.Name())
	case state.SystemID != built.system || state.Timeline != built.timeline:
		return fmt.Errorf("%s is on timeline %d of database system %s, and was on timeline %d of %s", primary.Name(), state.Timeline, state.SystemID, built.timeline, built.system)
	}
	return c.awaitStandbys(ctx, resetStreamTimeout)
}

func (c *Cluster) awaitStandbys(ctx context.Context, timeout time.Duration) error {
	for _, n := range c.present()[1:] {
		if err := n.awaitStreaming(ctx, c.nodes[0], timeout); err != nil {
			return err
		}
	}
	return nil
}

// unchanged is an error where it is known without asking the server that the node is not what it was.
func (n *Node) unchanged(primary *Node) error {
	n.mu.Lock()
	upstream := n.upstream
	n.mu.Unlock()
	switch p := n.running(); {
	case n.Absent() != n.config.Absent && n.config.Absent:
		return fmt.Errorf("node %s was added", n.Name())
	case n.Absent() != n.config.Absent:
		return fmt.Errorf("node %s has no data directory any more", n.Name())
	case n.Absent():
		return nil
	case n.Silenced():
		return fmt.Errorf("node %s is paused, or cut off from the network", n.Name())
	case p == nil:
		return fmt.Errorf("the server of %s does not run", n.Name())
	case p.serve != normally:
		return fmt.Errorf("the server of %s was started only to be read", n.Name())
	case n != primary && upstream != primary:
		return fmt.Errorf("%s does not follow %s any more", n.Name(), primary.Name())
	}
	return nil
}

// parallelSettings are the settings of which a standby may have no less than its primary, and their defaults
// (CheckRequiredParameterValues in src/backend/access/transam/xlogrecovery.c).
func parallelSettings() map[string]int {
	return map[string]int{
		"max_connections": 100, "max_worker_processes": 8, "max_wal_senders": 10,
		"max_prepared_transactions": 0, "max_locks_per_transaction": 64,
	}
}

// resetSettings gives every node the settings of the configuration, and PostgreSQL's own for those that a run
// has set beside them. What a standby needs no less of than its primary, it gets before the primary where it
// is more, and after it where it is less.
func (c *Cluster) resetSettings(ctx context.Context) error {
	primary, standbys := c.nodes[0], c.present()[1:]
	for _, n := range standbys {
		if err := n.resetTo(ctx, atLeast(n.settingsNow(), n.currentSettings())); err != nil {
			return err
		}
	}
	if err := primary.resetTo(ctx, primary.settingsNow()); err != nil {
		return err
	}
	if err := c.awaitStandbys(ctx, streamTimeout); err != nil {
		return err
	}
	lsn, err := primary.written(ctx)
	if err != nil {
		return err
	}
	for _, n := range standbys {
		if maps.Equal(n.currentSettings(), withDropped(n.settingsNow(), n.currentSettings())) {
			continue
		}
		if err := n.awaitReplay(ctx, lsn); err != nil { // it must know that the primary has less now
			return err
		}
		if err := n.resetTo(ctx, n.settingsNow()); err != nil {
			return err
		}
	}
	return c.awaitStandbys(ctx, streamTimeout)
}

// settingsNow are those of the configuration, the regime of the primary included.
func (n *Node) settingsNow() map[string]string {
	settings := n.cluster.settingsOf(n.config)
	if sync := n.cluster.config.Sync; sync != nil && n == n.cluster.nodes[0] {
		settings["synchronous_commit"], settings["synchronous_standby_names"] = sync.Commit, sync.Standbys
	}
	return settings
}

// withDropped are the settings, with an empty value for each one that was set before.
func withDropped(settings, before map[string]string) map[string]string {
	next := maps.Clone(settings)
	for name := range before {
		if _, stays := next[name]; !stays {
			next[name] = ""
		}
	}
	return next
}

// atLeast are the settings, and of the parallelSettings no less than before.
func atLeast(settings, before map[string]string) map[string]string {
	next := maps.Clone(settings)
	for name, standard := range parallelSettings() {
		if number(before[name], standard) > number(next[name], standard) {
			next[name] = before[name]
		}
	}
	return next
}

func number(text string, standard int) int {
	if n, err := strconv.Atoi(text); err == nil {
		return n
	}
	return standard
}

// resetTo puts settings in force, where they are not.
func (n *Node) resetTo(ctx context.Context, settings map[string]string) error {
	return n.locked(ctx, "configure", "", func(ctx context.Context) error {
		next := withDropped(settings, n.currentSettings())
		if maps.Equal(next, n.currentSettings()) {
			return nil
		}
		change, err := n.reconfigure(ctx, next)
		if err == nil {
			n.cluster.logf("%s: settings of the next run: %s", n.Name(), change.Detail)
		}
		return err
	})
}

// resetDatabase drops the database, with all that earlier runs have made in it, and makes a new one. It returns when
// every standby has it.
func (c *Cluster) resetDatabase(ctx context.Context) error {
	primary, database := c.nodes[0], pgx.Identifier{c.creds.Database}.Sanitize()
	conn, err := primary.connectBeside(ctx)
	if err != nil {
		return err
	}
	defer abandon(conn)
	for _, statement := range []string{
		"drop database " + database + " with (force)",
		"create database " + database + " template template0",
	} {
		if _, err := conn.Exec(ctx, statement, pgx.QueryExecModeSimpleProtocol); err != nil {
			return fmt.Errorf("make the database anew: %s: %w", statement, err)
		}
	}
	own, err := primary.Connect(ctx, "setup")
	if err != nil {
		return err
	}
	defer abandon(own)
	if err := grantToLoad(ctx, own, c.creds); err != nil {
		return err
	}
	lsn, err := primary.written(ctx)
	if err != nil {
		return err
	}
	for _, n := range c.present()[1:] {
		if err := n.awaitReplay(ctx, lsn); err != nil {
			return err
		}
	}
	return nil
}

// connectBeside opens a session of the superuser's to another database than the runs'.
func (n *Node) connectBeside(ctx context.Context) (*pgx.Conn, error) {
	return n.cluster.dialer.own(ctx, n.Name(), n.connString(n.cluster.creds.Superuser, "setup", "template1"), n.cluster.AppName("setup"))
}

// written is how far the primary has written its WAL.
func (n *Node) written(ctx context.Context) (lsn string, err error) {
	conn, err := n.connectBeside(ctx)
	if err != nil {
		return "", err
	}
	defer abandon(conn)
	if err := conn.QueryRow(ctx, "select pg_catalog.pg_current_wal_insert_lsn()::pg_catalog.text").Scan(&lsn); err != nil {
		return "", fmt.Errorf("ask %s for its position in the WAL: %w", n.Name(), err)
	}
	return lsn, nil
}

// awaitReplay waits until a standby has replayed the WAL up to there.
func (n *Node) awaitReplay(ctx context.Context, lsn string) error {
	ctx, cancel := context.WithTimeout(ctx, streamTimeout)
	defer cancel()
	conn, err := n.connectBeside(ctx)
	if err != nil {
		return err
	}
	defer abandon(conn)
	for {
		var there bool
		err := conn.QueryRow(ctx, "select pg_catalog.pg_last_wal_replay_lsn() >= $1::pg_catalog.text::pg_catalog.pg_lsn", lsn).Scan(&there)
		switch {
		case err != nil:
			return fmt.Errorf("ask %s how far it has replayed the WAL: %w", n.Name(), err)
		case there:
			return nil
		}
		if wait.For(ctx, 10*time.Millisecond) != nil {
			return fmt.Errorf("%s has not replayed the WAL up to %s within %s", n.Name(), lsn, streamTimeout)
		}
	}
}

// resetRest looks for what a run has left outside of the database, and begins the node's log and its incidents anew.
func (n *Node) resetRest(ctx context.Context, built []snapshotLine) error {
	now, err := n.snapshot(ctx)
	if err != nil {
		return err
	}
	if changed := difference(built, now); changed != "" {
		return fmt.Errorf("on %s, %s", n.Name(), changed)
	}
	if err := n.remove(ctx, n.path("backups")); err != nil {
		return err
	}
	n.markLog(ctx)
	n.mu.Lock()
	n.logBegin = n.logSeen
	n.mu.Unlock()
	for {
		select {
		case <-n.incidents:
		default:
			return nil
		}
	}
}

// difference says the first thing that is not as it was; "": all is.
func difference(built, now []snapshotLine) string {
	find := func(in []snapshotLine, l snapshotLine) (named, same bool) {
		for _, o := range in {
			named = named || o.name == l.name
			same = same || o == l
		}
		return named, same
	}
	for _, l := range now {
		switch named, same := find(built, l); {
		case !named:
			return "there is a " + l.name + ", which was not there when the cluster was built"
		case !same:
			return "the " + l.name + " is not as it was when the cluster was built"
		}
	}
	for _, l := range built {
		if named, _ := find(now, l); !named {
			return "the " + l.name + " is gone, which was there when the cluster was built"
		}
	}
	return ""
}
