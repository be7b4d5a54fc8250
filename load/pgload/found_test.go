package pgload

import (
	"slices"
	"strings"
	"testing"

	"pgchaos/record"
)

// TestSetupFindsTheTable: a table is the one that the name means in a session of the workload,
// and is made where such a session would make it; its statements then go there, whatever
// the search_path says by then.
func TestSetupFindsTheTable(t *testing.T) {
	t.Parallel()
	pg := startPostgres(t)
	a := pg.admin()
	defer func() { _ = a.Close(t.Context()) }()
	a.exec("create role loader login", "create role pathless login", "create schema app", "create schema evil", "create schema empty",
		"grant all on schema app, evil, empty, public to public",
		"create table public.there (int_value bigint primary key, char_value varchar)", "create table evil.there (like public.there)",
		"grant all on all tables in schema public, evil to public",
		"create function evil.pg_current_wal_insert_lsn() returns pg_lsn language sql as $$ select '0/1'::pg_lsn $$",
		"alter role pathless set search_path = evil")
	at := Endpoint{Node: "only", Host: "127.0.0.1", Port: pg.port}
	for _, tt := range []struct {
		name, user, path, table string
		want                    string // "": refused
	}{
		{"in public by default", "loader", "", "there", "there"},
		{"by the path of the connection", "loader", "evil, public", "there", "evil.there"},
		{"by the path of the role", "pathless", "", "there", "evil.there"},
		{"made where the path says", "loader", "app, public", "made", "app.made"},
		{"the same again", "loader", "public, app", "made", "app.made"},
		{"a schema that is missing", "loader", "missing, empty", "other", "empty.other"},
		{"no schema to make it in", "loader", "missing", "third", ""},
		{"a schema that is given", "loader", "evil", "public.there", "there"},
		{"a dot in its name", "loader", `"ev.il"`, "dotted", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			pg.t = t
			a.exec(`create schema if not exists "ev.il"`, `grant all on schema "ev.il" to public`)
			cfg := pg.config(Insert)
			cfg.User, cfg.Table, cfg.ReadOnly = tt.user, tt.table, true // its tables are made all the same
			if tt.path != "" {
				cfg.Connection = map[string]string{"search_path": tt.path, "default_transaction_isolation": "serializable", "statement_timeout": "10s"}
			}
			found, err := Setup(t.Context(), cfg, at)
			if tt.want == "" {
				if err == nil {
					t.Fatalf("found %v", found)
				}
				return
			}
			if err != nil || !slices.Equal(found.Tables, []string{tt.want}) || found.Database != "postgres" || found.SystemID == "" {
				t.Fatalf("%+v, %v", found, err)
			}
			cfg.ReadOnly, cfg.Table = false, found.Tables[0]
			cfg.Connection = map[string]string{"search_path": "evil, pg_catalog"}
			full := record.QuotedTable(tt.want)
			before := a.number("select count(*) from " + full)
			s := pg.session(cfg)
			expect(t, once(s), record.OK, "")
			if n := a.number("select count(*) from " + full); n != before+1 {
				t.Errorf("%d rows in %s after %d", n, full, before)
			}
			if lsn := s.(*session).works[0].(*insert).lsns[0]; lsn < 2 {
				t.Errorf("the LSN %s is that of a function of the user's", lsn)
			}
		})
	}
	cfg := pg.config(Insert)
	cfg.User = "nobody"
	if _, err := Setup(t.Context(), cfg, at); err == nil || !strings.Contains(err.Error(), "connect as the workload does: no server answers: only: ") {
		t.Errorf("a role that is not there: %v", err)
	}
}
