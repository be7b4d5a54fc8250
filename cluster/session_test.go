package cluster_test

import (
	"testing"

	"pgchaos/cluster"
	"pgchaos/cluster/local"
	"pgchaos/cluster/rowscan"
	"pgchaos/record"
)

// hostileSettings are a user's, each of which has kept a tool from working.
func hostileSettings() map[string]string {
	return map[string]string{
		"default_transaction_isolation": "serializable", "default_transaction_deferrable": "on", "synchronous_commit": "remote_apply",
		"statement_timeout": "5ms", "lock_timeout": "1ms", "idle_session_timeout": "200ms", "idle_in_transaction_session_timeout": "1ms",
		"password_encryption": "md5", "search_path": "nowhere", "client_min_messages": "error", "client_encoding": "SQL_ASCII",
		"datestyle": "German", "intervalstyle": "iso_8601", "timezone": "Asia/Kathmandu", "bytea_output": "escape", "extra_float_digits": "-15",
		"quote_all_identifiers": "on", "transform_null_equals": "on", "row_security": "on", "array_nulls": "off", "standard_conforming_strings": "off",
		"session_preload_libraries": "auto_explain", "log_statement": "all", "log_min_duration_statement": "0", "log_min_messages": "fatal",
		"default_tablespace": "nowhere", "wal_retrieve_retry_interval": "200ms",
	}
}

// TestOwnSessions: whatever the settings of the servers, the role and the database are, a cluster is built,
// read, promoted and rejoined, by pg_rewind and by a base backup too; and what a user's statement
// meets are these settings.
func TestOwnSessions(t *testing.T) {
	t.Parallel()
	settings := hostileSettings()
	if found, err := local.FindInstallation(t.Context(), "", 0); err == nil && found.Major < 14 {
		delete(settings, "idle_session_timeout")
	}
	w := build(t, cluster.Config{Nodes: nodes("a", "b"), Settings: settings, Sync: &cluster.Synchronous{Standbys: "ANY 1 (b)", Commit: "remote_apply"}})
	a, b := w.Node("a"), w.Node("b")
	ctx := t.Context()
	reading := func(n *cluster.Node, role record.Role) {
		t.Helper()
		if s := n.State(ctx); s.Role != role || s.SyncCommit != "remote_apply" || s.Writable != (role == record.RolePrimary) || s.SystemID == "" {
			t.Errorf("%+v", s)
		}
	}
	reading(a, record.RolePrimary)
	reading(b, record.RoleStandby)

	plain, err := a.ConnectPlain(ctx, "test")
	w.ok(err)
	var path, isolation, timeout string
	for range 100 { // which may take longer than the 5 ms on a busy machine
		if err = plain.QueryRow(ctx, "select current_setting('search_path'), current_setting('transaction_isolation'), current_setting('statement_timeout')").Scan(&path, &isolation, &timeout); err == nil {
			break
		}
	}
	w.ok(err)
	if path != "nowhere" || isolation != "serializable" || timeout != "5ms" {
		t.Errorf("a user's statement meets %s, %s, %s", path, isolation, timeout)
	}
	w.ok(plain.Close(ctx))

	own, err := a.Connect(ctx, "test")
	w.ok(err)
	var encrypted string
	w.ok(own.QueryRow(ctx, "select string_agg(substr(rolpassword, 1, 5), ' ') from pg_authid where rolpassword is not null").Scan(&encrypted))
	if encrypted != "SCRAM SCRAM SCRAM" {
		t.Errorf("the passwords are %s", encrypted)
	}
	// Roles and databases have settings, too, which are stronger than the server's.
	_, err = own.Exec(ctx, `alter database postgres set default_transaction_read_only = on; alter role postgres set statement_timeout = '1ms';
		alter role replicator set statement_timeout = '1ms'; alter role postgres set search_path = nowhere;
		alter role postgres set default_transaction_isolation = serializable`)
	w.ok(err)
	w.ok(own.Close(ctx))

	barrier := func(n *cluster.Node) {
		t.Helper()
		conn, err := n.Connect(ctx, "test")
		w.ok(err)
		defer func() { w.ok(conn.Close(ctx)) }()
		point, err := rowscan.Barrier(ctx, conn, "public", "test")
		w.ok(err)
		w.ok(rowscan.AwaitBarrier(ctx, conn, point))
	}
	barrier(a)
	w.ok(a.Kill(ctx))
	w.ok(b.Promote(ctx))
	barrier(b)
	_, err = b.Configure(ctx, map[string]string{"statement_timeout": "6ms"}, &cluster.Synchronous{})
	if err == nil { // the role's is stronger
		t.Error("a setting that is not in force was taken for one that is")
	}
	done, err := a.Rejoin(ctx, b, nil)
	w.ok(err)
	t.Logf("%+v", done)
	w.ok(a.Clone(ctx, b, nil, "", nil))
	reading2 := a.State(ctx)
	if !reading2.Streaming {
		t.Errorf("%+v", reading2)
	}
}
