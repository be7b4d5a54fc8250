package cluster_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/cluster"
	"pgchaos/internal/plaincluster"
)

// TestDropSchema: the schema of a run goes with everything of the run's role in it, whatever needs what there; and it stays, whole, where something
// of others is in it or needs it, which the error names.
func TestDropSchema(t *testing.T) {
	t.Parallel()
	c := plaincluster.Start(t)
	const run = "met-20300101-000000-abcd"
	schema := cluster.RunSchema(run)
	var nodes []cluster.ExistingNode
	for name, at := range map[string]string{"n1": c.DSN("n1", plaincluster.Database, ""), "n2": c.DSN("n2", plaincluster.Database, ""), "gone": "postgres://chaos@127.0.0.1:1/shop"} {
		dsn, err := cluster.ParseDSN(at)
		must(t, err)
		nodes = append(nodes, cluster.ExistingNode{Name: name, Host: name, DSN: dsn})
	}
	own, err := pgx.Connect(t.Context(), c.DSN("n1", plaincluster.Database, ""))
	must(t, err)
	defer func() { _ = own.Close(t.Context()) }() // the server ends, too
	build := func() {
		t.Helper()
		_, err := own.Exec(t.Context(), fmt.Sprintf(`create schema %[1]s; comment on schema %[1]s is '%[2]s'; set search_path = %[1]s;
create type mood as enum ('good', 'bad'); create domain small as int check (value < 1000000); create sequence alone;
create function next() returns bigint language sql as 'select nextval(''alone'')'; create procedure nothing() language sql as '';
create table a (id serial primary key, n bigint default next(), m mood, s small); create table "B,c" (id int generated always as identity primary key, a int references a);
alter table a add b int references "B,c"; create table parts (id int) partition by range (id); create table part partition of parts for values from (1) to (9);
create view v as select * from a; create materialized view "A first" as select * from v; create statistics st on id, n from a;
create aggregate total(int) (sfunc = int4pl, stype = int); insert into a (m) values ('good')`, schema, cluster.SchemaComment(run)))
		must(t, err)
	}
	there := func() string {
		return c.Get(t, "n1", plaincluster.Database, "select count(*)::text from pg_namespace where nspname = '"+schema+"'")
	}

	build()
	c.SQL(t, "n1", plaincluster.Database, "create index by_hand on "+schema+".a (n)")
	if err := cluster.DropSchema(t.Context(), run, nodes); err != nil || there() != "0" {
		t.Fatalf("%v; schemas: %s", err, there())
	}
	must(t, cluster.DropSchema(t.Context(), run, nodes)) // which is gone

	for _, of := range []struct{ name, make, drop, want string }{
		{"a view of another role", "create view public.dep as select * from %s.a", "drop view public.dep", "view dep depends on table " + schema + ".a"},
		{"a materialized view", "create materialized view public.mv as select count(*) from %s.a", "drop materialized view public.mv", "materialized view mv depends on table " + schema + ".a"},
		{"a foreign key", "create table public.fk (id int references %s.a)", "drop table public.fk", "constraint fk_id_fkey on table fk depends on table " + schema + ".a"},
		{"a column of its type", "create table public.t (m %s.mood)", "drop table public.t", "column m of table t depends on type " + schema + ".mood"},
		{"a table of another role in it", "create table %s.theirs (id int)", "drop table " + schema + ".theirs", "table " + schema + ".theirs depends on schema " + schema},
	} {
		build()
		c.SQL(t, "n1", plaincluster.Database, fmt.Sprintf(of.make, schema))
		err := cluster.DropSchema(t.Context(), run, nodes)
		if err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), "public.", ""), of.want) || !strings.Contains(err.Error(), "drop schema \""+schema+"\" cascade") {
			t.Errorf("%s: %v, want %q", of.name, err, of.want)
		}
		if rows := c.Get(t, "n1", plaincluster.Database, "select count(*)::text from "+schema+".a"); rows != "1" {
			t.Errorf("%s: the table of the run has %s rows", of.name, rows)
		}
		c.SQL(t, "n1", plaincluster.Database, of.drop) // which is there
		if err := cluster.DropSchema(t.Context(), run, nodes); err != nil || there() != "0" {
			t.Fatalf("%s: %v; schemas: %s", of.name, err, there())
		}
	}

	build()
	partitionOfAnother(t, c, schema, func() error { return cluster.DropSchema(t.Context(), run, nodes) })
	if there() != "0" {
		t.Fatal("the schema is there")
	}

	build()
	holder := c.Connect(t, "n1", plaincluster.Database)
	defer func() { _ = holder.Close(t.Context()) }() // the server ends, too
	_, err = holder.Exec(t.Context(), "set application_name = 'a dump'; begin; lock table "+schema+".a in access share mode")
	must(t, err)
	begun := time.Now()
	err = cluster.DropSchema(t.Context(), run, nodes)
	if want := fmt.Sprintf("somebody has held a lock on it for more than 5s: its process %d of the user postgres, application a dump", holder.PgConn().PID()); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "connect") {
		t.Errorf("after %s: %v, want %q", time.Since(begun), err, want)
	}
	_, err = holder.Exec(t.Context(), "commit")
	must(t, err)
	if err := cluster.DropSchema(t.Context(), run, nodes); err != nil || there() != "0" {
		t.Errorf("%v; schemas: %s", err, there())
	}

	ownersAreKept(t, c)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// partitionOfAnother attaches a table that is not the run's to one of the schema: of another role, or outside of the schema. PostgreSQL would drop
// it, too. It ends with a drop that works.
func partitionOfAnother(t *testing.T, c *plaincluster.Cluster, schema string, drop func() error) {
	t.Helper()
	sql := func(sql string) { c.SQL(t, "n1", plaincluster.Database, sql) }
	for _, of := range []struct{ in, owner string }{{"public", "postgres"}, {"public", plaincluster.Role}, {schema, "postgres"}} {
		keep := of.in + ".keep"
		sql("create table " + keep + " as select 10 as id; alter table " + keep + " owner to " + of.owner)
		sql("alter table " + schema + ".parts attach partition " + keep + " for values from (9) to (20)")
		if err := drop(); err == nil || !strings.Contains(err.Error(), "alter table "+schema+".parts detach partition "+keep) {
			t.Errorf("a partition of %s in %s: %v", of.owner, of.in, err)
		}
		if n := c.Get(t, "n1", plaincluster.Database, "select count(*)::text from "+keep); n != "1" {
			t.Errorf("the partition of %s in %s has %s rows", of.owner, of.in, n)
		}
		sql("alter table " + schema + ".parts detach partition " + keep + "; drop table " + keep)
	}
	must(t, drop())
}
