package cluster

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/internal/wait"
)

// initialise makes the first primary: its data directory, configuration and roles.
func (n *Node) initialise(ctx context.Context) error {
	unlock, err := n.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if err := n.initdb(ctx); err != nil {
		return fmt.Errorf("initialise %s: %w", n.Name(), err)
	}
	if err := n.start(ctx, normally); err != nil {
		return fmt.Errorf("start %s: %w", n.Name(), err)
	}
	if err := n.createRoles(ctx); err != nil {
		return fmt.Errorf("create the roles on %s: %w", n.Name(), err)
	}
	return nil
}

func (n *Node) initdb(ctx context.Context) error {
	const passwordFile = "superuser.password"
	creds := n.cluster.creds
	if err := n.put(ctx, n.confDir(), file{passwordFile, creds.Superuser.Password + "\n"}); err != nil {
		return err
	}
	err := n.run(ctx, nil, n.program("initdb"), "-D", n.dataDir(), "-U", creds.Superuser.Name, "-k",
		"-E", "UTF8", "--no-locale", "--auth=scram-sha-256", "--pwfile="+n.confDir()+"/"+passwordFile, "--no-sync")
	if err := errors.Join(err, n.remove(ctx, n.confDir()+"/"+passwordFile)); err != nil {
		return err
	}
	n.built.Store(true)
	return n.writeConf(ctx)
}

// createRoles makes the roles that replication and the load use. The statements
// hold passwords, so that no setting of the user's may have them logged.
func (n *Node) createRoles(ctx context.Context) error {
	conn, err := n.Connect(ctx, "setup")
	if err != nil {
		return err
	}
	defer abandon(conn)
	load, replicator := n.cluster.creds.Load, n.cluster.creds.Replication
	name := pgx.Identifier{load.Name}.Sanitize()
	for _, statement := range []string{
		"set log_statement = none; set log_min_duration_statement = -1; set log_min_error_statement = panic",
		fmt.Sprintf("create role %s login replication password '%s'", pgx.Identifier{replicator.Name}.Sanitize(), replicator.Password),
		fmt.Sprintf("create role %s login password '%s'", name, load.Password),
	} {
		if _, err := conn.Exec(ctx, statement, pgx.QueryExecModeSimpleProtocol); err != nil {
			return err
		}
	}
	version := conn.PgConn().ParameterStatus("server_version")
	n.cluster.version.Store(&version)
	return grantToLoad(ctx, conn, n.cluster.creds)
}

// grantToLoad lets the load make its tables in a new database.
func grantToLoad(ctx context.Context, conn *pgx.Conn, creds Credentials) error {
	name := pgx.Identifier{creds.Load.Name}.Sanitize()
	for _, statement := range []string{
		fmt.Sprintf("grant create on database %s to %s", pgx.Identifier{creds.Database}.Sanitize(), name),
		fmt.Sprintf("grant create on schema public to %s", name), // not everybody's from PostgreSQL 15 on
	} {
		if _, err := conn.Exec(ctx, statement, pgx.QueryExecModeSimpleProtocol); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// backupsAtOnce is how many base backups of the node can be made at once: each takes two WAL senders.
func (n *Node) backupsAtOnce(ctx context.Context) (most int, err error) {
	conn, err := n.Connect(ctx, "setup")
	if err != nil {
		return 0, err
	}
	defer abandon(conn)
	var senders int
	err = conn.QueryRow(ctx, "select pg_catalog.current_setting('max_wal_senders')::int").Scan(&senders)
	return senders / 2, err
}

// keepWAL makes the node keep all WAL from now on until release. A base backup needs it: pg_basebackup makes its own slot
// only when the backup has begun, and the first checkpoint of another backup can remove that WAL before (PostgreSQL,
// BaseBackup in pg_basebackup.c); and a standby needs it from the end of its backup until it streams. It takes one
// temporary replication slot, which goes with its session, also after a SIGKILL of pgchaos.
func (n *Node) keepWAL(ctx context.Context) (release func(), err error) {
	conn, err := n.Connect(ctx, "clone")
	if err != nil {
		return nil, err
	}
	var name string
	err = conn.QueryRow(ctx, "select slot_name from pg_catalog.pg_create_physical_replication_slot("+
		"'pgchaos_clone_' operator(pg_catalog.||) pg_catalog.pg_backend_pid(), true, true)").Scan(&name)
	if err != nil {
		abandon(conn)
		return nil, fmt.Errorf("make a replication slot on %s that keeps the WAL for a base backup: %w", n.Name(), err)
	}
	return func() {
		// The end of the session drops the slot, too, but a moment later.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_, _ = conn.Exec(ctx, "select pg_catalog.pg_drop_replication_slot($1)", name)
		abandon(conn)
	}, nil
}

var backupName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$`)

// Backup makes a base backup of the node, and keeps it on the node's own host
// under the name, for Clone.
func (n *Node) Backup(ctx context.Context, name string) error {
	return n.locked(ctx, "back up", "", func(ctx context.Context) error {
		if !backupName.MatchString(name) {
			return fmt.Errorf("%q: a backup's name is letters, digits, dots, dashes and underscores", name)
		}
		if there, err := n.exists(ctx, n.backupDir(name)); err != nil {
			return err
		} else if there {
			return fmt.Errorf("there is a backup %s already; give this one another name", name)
		}
		release, err := n.keepWAL(ctx)
		if err != nil {
			return err
		}
		defer release()
		if err := n.makeDir(ctx, n.backupDir(name)); err != nil {
			return err
		}
		if err := n.baseBackup(ctx, n, n.backupDir(name)); err != nil {
			return errors.Join(err, n.remove(context.WithoutCancel(ctx), n.backupDir(name)))
		}
		return nil
	})
}

// baseBackup runs pg_basebackup on this node's host against upstream, which keepWAL makes keep its WAL. It takes
// two of upstream's WAL senders while it runs. Where nothing comes from upstream for a while, it fails (SilentError).
func (n *Node) baseBackup(ctx context.Context, upstream *Node, dir string) error {
	if err := upstream.awaitSenders(ctx, 2); err != nil {
		return err
	}
	user := n.cluster.creds.Replication
	source := n.conninfo(upstream, map[string]string{"user": user.Name})
	return briefly(n.copying(ctx, upstream, dir, []string{"PGPASSWORD=" + user.Password, toolOptions},
		n.program("pg_basebackup"), "-d", source, "-w", "-D", dir, "-c", "fast", "--no-sync", "--wal-method=stream", "--no-slot"))
}

// briefly has the error of one of PostgreSQL's programs say its name and what it complained about, in one line. The node and the directory
// of the program are left out.
func briefly(err error) error {
	exit := (*ExitError)(nil)
	if !errors.As(err, &exit) {
		return err
	}
	short := *exit
	name := path.Base(exit.Argv[0])
	short.Argv = []string{name}
	var lines []string
	for line := range strings.Lines(exit.Stderr) {
		line = strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(line), name+": "), "error: ")
		if line != "" {
			lines = append(lines, line)
		}
	}
	short.Stderr = strings.Join(lines, "; ")
	return &short
}

// awaitSenders waits until so many WAL senders are free: those of a connection
// that has just ended are taken for a moment longer.
func (n *Node) awaitSenders(ctx context.Context, want int) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := n.Connect(ctx, "clone")
	if err != nil {
		return err
	}
	defer abandon(conn)
	for {
		var limit, used int
		if err := conn.QueryRow(ctx, "select pg_catalog.current_setting('max_wal_senders')::int, pg_catalog.count(*) from pg_catalog.pg_stat_replication").Scan(&limit, &used); err != nil {
			return fmt.Errorf("count the WAL senders of %s: %w", n.Name(), err)
		}
		if limit-used >= want {
			return nil
		}
		if wait.For(ctx, 20*time.Millisecond) != nil {
			return fmt.Errorf("a base backup takes %d WAL senders of %s, and %d of its %d are in use; raise max_wal_senders", want, n.Name(), used, limit)
		}
	}
}

// Clone builds the node anew as a standby of upstream, and returns when it
// streams. What the node had is stopped and wiped. With an empty backup it is a
// fresh base backup of upstream; else the backup of that name that from keeps on
// its host, for which upstream must still have the WAL since then. What the node had
// alone is gone afterwards: examine, which may be nil, can read it before. An upstream that gives the node no answer is a SilentError.
func (n *Node) Clone(ctx context.Context, upstream, from *Node, backup string, examine Examine) error {
	return n.locked(ctx, "clone", "", func(ctx context.Context) error {
		if upstream == n {
			return errors.New("a node cannot follow itself")
		}
		if err := n.canCopy(ctx, upstream); err != nil {
			return err
		}
		n.examineAll(ctx, upstream, examine)
		if backup == "" {
			return n.copyAnew(ctx, upstream)
		}
		if err := n.wipe(ctx); err != nil {
			return err
		}
		if err := n.restore(ctx, upstream, from, backup); err != nil {
			return err
		}
		return n.startStandby(ctx, upstream)
	})
}

// wipe ends the server and deletes its data.
func (n *Node) wipe(ctx context.Context) error {
	if err := n.kill(ctx); err != nil && !errors.Is(err, ErrNotRunning) {
		return err
	}
	n.built.Store(false)
	return n.remove(ctx, n.dataDir())
}

// copyAnew makes the node a standby of upstream on a fresh base backup, and returns when it streams. What it had is stopped
// and wiped.
func (n *Node) copyAnew(ctx context.Context, upstream *Node) error {
	release, err := upstream.keepWAL(ctx)
	if err != nil {
		return err
	}
	defer release()
	if err := n.wipe(ctx); err != nil {
		return err
	}
	if err := n.copyFrom(ctx, upstream); err != nil {
		return err
	}
	return n.startStandby(ctx, upstream)
}

// copyFrom fills the empty node with a fresh base backup of upstream.
func (n *Node) copyFrom(ctx context.Context, upstream *Node) error {
	if err := n.makeDir(ctx, n.dataDir()); err != nil {
		return err
	}
	if err := n.baseBackup(ctx, upstream, n.dataDir()); err != nil {
		return fmt.Errorf("copy %s to %s: %w", upstream.Name(), n.Name(), err)
	}
	return n.becomeStandby(ctx, upstream)
}

// restore fills the empty node with a backup that was made earlier.
func (n *Node) restore(ctx context.Context, upstream, from *Node, backup string) error {
	if from == nil {
		return fmt.Errorf("backup %s: nobody says which node keeps it", backup)
	}
	source, err := from.files()
	if err != nil {
		return err
	}
	host, err := n.files()
	if err != nil {
		return err
	}
	if !backupName.MatchString(backup) {
		return fmt.Errorf("%q is no name of a backup", backup)
	}
	if there, err := from.exists(ctx, from.backupDir(backup)); err != nil {
		return err
	} else if !there {
		return fmt.Errorf("%s keeps no backup %s; a backup step makes one", from.Name(), backup)
	}
	if err := n.makeDir(ctx, n.dataDir()); err != nil {
		return err
	}
	archive, err := source.Get(ctx, from.backupDir(backup))
	if err != nil {
		return fmt.Errorf("read backup %s of %s: %w", backup, from.Name(), err)
	}
	if err := host.Put(ctx, n.dataDir(), archive); err != nil {
		return errors.Join(fmt.Errorf("unpack backup %s of %s: %w", backup, from.Name(), err), archive.Close())
	}
	if err := drain(archive); err != nil {
		return fmt.Errorf("read backup %s of %s: %w", backup, from.Name(), err)
	}
	return n.becomeStandby(ctx, upstream)
}

// becomeStandby writes everything by which a server that starts on the data
// directory is a standby of upstream.
func (n *Node) becomeStandby(ctx context.Context, upstream *Node) error {
	n.setUpstream(upstream)
	if err := n.markStandby(ctx); err != nil {
		return err
	}
	n.built.Store(true)
	return n.writeConf(ctx)
}

func (n *Node) setUpstream(upstream *Node) (before *Node) {
	n.mu.Lock()
	defer n.mu.Unlock()
	before, n.upstream = n.upstream, upstream
	return before
}

// startStandby starts the node and returns when it streams from upstream.
func (n *Node) startStandby(ctx context.Context, upstream *Node) error {
	if err := n.start(ctx, normally); err != nil {
		return fmt.Errorf("start %s: %w", n.Name(), err)
	}
	return n.awaitStreaming(ctx, upstream, streamTimeout)
}
