package cluster_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"pgchaos/cluster"
	"pgchaos/internal/plaincluster"
)

// ownersAreKept: a role that may drop everything drops what it owns, and nothing of other roles; nor does it end their sessions.
func ownersAreKept(t *testing.T, c *plaincluster.Cluster) {
	t.Helper()
	const run = "met-20300101-000000-boss"
	schema := cluster.RunSchema(run)
	dsn, err := cluster.ParseDSN(c.DSN("n1", plaincluster.Database, "boss"))
	must(t, err)
	nodes := []cluster.ExistingNode{{Name: "n1", Host: "n1", DSN: dsn}}
	sql := func(sql string) { c.SQL(t, "n1", plaincluster.Database, strings.ReplaceAll(sql, "SCHEMA", schema)) }
	left := func(what, why string) {
		t.Helper()
		if err := cluster.DropSchema(t.Context(), run, nodes); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v, want %q", what, err, why)
		}
		if n := c.Get(t, "n1", plaincluster.Database, "select count(*)::text from "+schema+".kept"); n != "0" {
			t.Errorf("%s: %s rows", what, n)
		}
	}

	sql("create role boss superuser login; create role third login; create schema SCHEMA authorization third; create table SCHEMA.kept (); alter table SCHEMA.kept owner to third; comment on schema SCHEMA is '" + cluster.SchemaComment(run) + "'")
	left("a schema of another role", "it belongs to another role")
	sql("alter schema SCHEMA owner to boss")
	left("a table of another role", "table "+schema+".kept depends on schema "+schema)
	beside, err := pgx.Connect(t.Context(), c.DSN("n1", plaincluster.Database, "third")+"?application_name="+cluster.AppName(run, "load"))
	must(t, err)
	defer func() { _ = beside.Close(t.Context()) }() // the server ends, too
	sql("alter table SCHEMA.kept owner to boss")
	must(t, cluster.DropSchema(t.Context(), run, nodes))
	if n := c.Get(t, "n1", plaincluster.Database, "select count(*)::text from pg_namespace where nspname = '"+schema+"'"); n != "0" {
		t.Error("the role's own schema is there")
	}
	if err := beside.Ping(t.Context()); err != nil {
		t.Errorf("the session of another role: %v", err)
	}
}
