package rowscan_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/cluster"
	"pgchaos/cluster/probe"
	"pgchaos/record"
)

// settings has roles and databases with settings of their own, and holds what is read
// of the node against what a new session of the load shows.
func settings(t *testing.T, a *cluster.Node) {
	admin := connect(t, a)
	for _, sql := range []string{
		"select 'nothing is set'",
		"alter database postgres set synchronous_commit = remote_write",
		"alter role pgchaos set synchronous_commit = 'FALSE'",
		"alter role pgchaos in database postgres set synchronous_commit = remote_apply",
		"alter role pgchaos in database template1 set synchronous_commit = local",
		"alter role postgres set synchronous_commit = local; alter role postgres set default_transaction_read_only = on",
		"alter role all set default_transaction_read_only = yes",
		"alter role pgchaos set default_transaction_read_only = 0",
		"alter role pgchaos in database postgres reset all",
		"alter role pgchaos reset all",
		"alter database postgres reset all",
		"alter role all reset all",
		"alter system set synchronous_commit = remote_write",
		"alter role postgres reset all",
		"alter system set default_transaction_read_only = on",
		"alter system reset all",
		"alter database postgres set synchronous_commit = off",
		"alter database postgres reset all",
	} {
		p := proberOf(a)
		p.Read(t.Context()) // its session has what counted before
		alter(t, admin, sql)
		commit, ofRole, readOnly := shown(t, a)
		var hidden bool // our own role's setting hides the server's, and the load has none: then nothing is certain
		if err := admin.QueryRow(t.Context(), "select coalesce(rolconfig::text, '') like '%read_only%' from pg_roles where rolname = 'postgres'").Scan(&hidden); err != nil {
			t.Fatal(err)
		}
		for how, s := range map[string]record.NodeState{"in full": p.Read(t.Context()), "by a new session": a.State(t.Context())} {
			if s.SyncCommit != commit || s.CommitOfRole != ofRole || s.Writable == readOnly && !hidden || s.Writable && readOnly {
				t.Errorf("%s, read %s: %q, writable %v, %s; a session of the load has %q, read-only %v", sql, how, s.SyncCommit, s.Writable, s.Error, commit, readOnly)
			}
		}
		if s := p.Glance(t.Context()); s.SyncCommit != commit {
			t.Errorf("%s, at a glance: %q, %s; a session of the load has %q", sql, s.SyncCommit, s.Error, commit)
		}
		p.Close()
	}
	glances(t, a, admin)
}

func proberOf(a *cluster.Node) *probe.Prober {
	return probe.NewProber(func(ctx context.Context) (*pgx.Conn, error) { return a.Connect(ctx, "probe") }, "a", a.Credentials().Load.Name)
}

// glances: what a full reading showed is no longer so at the next glance.
func glances(t *testing.T, a *cluster.Node, admin *pgx.Conn) {
	p := proberOf(a)
	defer p.Close()
	p.Read(t.Context())
	for _, sql := range []string{
		"alter role pgchaos set synchronous_commit = local; alter role pgchaos set default_transaction_read_only = on",
		"alter role pgchaos reset all",
		"alter system set synchronous_commit = off; alter system set default_transaction_read_only = on",
		"alter system reset all",
	} {
		alter(t, admin, sql)
		commit, ofRole, readOnly := shown(t, a)
		if s := p.Glance(t.Context()); s.SyncCommit != commit || s.CommitOfRole != ofRole || s.Writable == readOnly {
			t.Errorf("%s: %q, writable %v, %s; a session of the load has %q, read-only %v", sql, s.SyncCommit, s.Writable, s.Error, commit, readOnly)
		}
	}
}

// alter runs statements one by one, as alter system must not be in a transaction with
// another, and has the server read its configuration.
func alter(t *testing.T, admin *pgx.Conn, statements string) {
	t.Helper()
	exec(t, admin, "set default_transaction_read_only = off")
	for statement := range strings.SplitSeq(statements, ";") {
		exec(t, admin, statement)
	}
	exec(t, admin, "select pg_reload_conf()")
	time.Sleep(50 * time.Millisecond) // a reload is a signal to every process
}

// shown is what a new session of the load shows.
func shown(t *testing.T, a *cluster.Node) (commit string, ofRole, readOnly bool) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), a.ConnString(a.Credentials().Load, "load/w"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	err = conn.QueryRow(t.Context(), "select setting, source in ('user', 'database', 'database user', 'global'), current_setting('default_transaction_read_only')::boolean from pg_settings where name = 'synchronous_commit'").Scan(&commit, &ofRole, &readOnly)
	if err != nil {
		t.Fatal(err)
	}
	return commit, ofRole, readOnly
}
