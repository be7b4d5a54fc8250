package pgload

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"pgchaos/record"

	"pgchaos/internal/longtest"
)

// pgbenchScripts are scripts whose answers decide what comes next. Each writes what it
// has understood into the table seen.
var pgbenchScripts = []struct{ name, text string }{
	{"gset of joined statements looks at the last", "\\set a 7\nselect 1 \\; select 2 \\; select :a as c \\gset\ninsert into seen values (:c);"},
	{"gset of joined statements, the first has two rows", "select 1 union all select 2 \\; select 3 as c \\gset\ninsert into seen values (:c);"},
	{"gset of joined statements, the last has none", "select 1 as c \\; select 3 as c where false \\gset\ninsert into seen values (:c);"},
	{"gset of joined statements, the last returns no rows", "select 1 as c \\; insert into seen values (5) \\gset\ninsert into seen values (:c);"},
	{"gset of joined statements, the last two", "select 1 as c \\; select 3 as c union all select 4 \\gset\ninsert into seen values (:c);"},
	{"gset after a write", "insert into seen values (1) \\; select 3 as c \\gset\ninsert into seen values (:c);"},
	{"aset of joined statements", "select 1 as a, 2 as b \\; select 3 as c where false \\aset\ninsert into seen values (:a + :b);"},
	{"aset of joined statements, each its own columns", "select 1 as a \\; select 2 as b, 3 as c \\; select 4 as d \\aset\ninsert into seen values (:a), (:b), (:c), (:d);"},
	{"aset of joined statements, the later wins", "select 1 as a, 5 as b \\; select 2 as a \\aset\ninsert into seen values (:a), (:b);"},
	{"aset of joined statements, the last row", "select g as a from generate_series(1, 3) g \\; select g as b from generate_series(4, 9) g \\aset\ninsert into seen values (:a), (:b);"},
	{"aset of joined statements, a prefix", "select 1 as a \\; select 2 as a \\aset p_\ninsert into seen values (:p_a);"},
	{"aset of a write and a row", "insert into seen values (1) \\; select 2 as a \\; insert into seen values (3) \\aset\ninsert into seen values (:a);"},
	{"aset of a row returned", "insert into seen values (1), (2) returning n as a \\aset\ninsert into seen values (:a + 1);"},
	{"aset without rows, twice", "\\set a 5\nselect 1 as a where false \\aset\nselect 2 as a where false \\aset\ninsert into seen values (:a);"},
	{"aset of names that cannot be variables", "select 1 as a, 2 as \"b c\" \\; select 3 as d \\aset\ninsert into seen values (:d);"},
	{"aset of no columns", "select \\; select 1 as a \\aset\ninsert into seen values (:a);"},
	{"gset of no columns", "select \\gset\ninsert into seen values (3);"},
	{"gset of an unnamed column", "select 1 + 1 \\gset\ninsert into seen values (3);"},
	{"gset of the same name twice", "select 1 as a, 2 as a \\gset\ninsert into seen values (:a);"},
	{"gset of NULL", "select null as a \\gset\ninsert into seen values (coalesce(nullif('x:a', 'x')::int, 9));"},
	{"gset of a returning", "insert into seen values (4) returning n + 1 as c \\gset\ninsert into seen values (:c);"},
	{"gset of show", "show work_mem \\gset\ninsert into seen select 1 where current_setting('work_mem') = ':work_mem';"},
	{"gset of explain", "explain (format json) select 1 as a \\gset x\ninsert into seen values (1);"},
	{"gset of execute", "prepare p as select 7 as c;\nexecute p \\gset\ninsert into seen values (:c);\ndeallocate p;"},
	{"gset of fetch", "begin;\ndeclare k cursor for select g as c from generate_series(1, 3) g;\nfetch 1 from k \\gset\nfetch 2 from k;\ninsert into seen values (:c);\nend;"},
	{"gset of a call", "call gives(1) \\gset\ninsert into seen values (:x);"},
	{"parameters of no type", "\\set a random(1, 1)\n\\set b 2\nselect :a + :b as c \\gset\ninsert into seen values (:c);"},
	{"a parameter alone", "\\set a 3\nselect :a as c \\gset\ninsert into seen values (:c);"},
	{"a parameter of a function of many", "\\set a 3\nselect abs(:a) as c \\gset\ninsert into seen values (:c);"},
	{"a parameter as a limit", "\\set a 2\ninsert into seen select g from generate_series(1, 9) g limit :a;"},
	{"a parameter as an interval", "\\set a 2\nselect extract(second from interval ':a seconds')::int as c \\gset\ninsert into seen values (:c);"},
	{"a parameter in utility statements", "\\set a 2\nset statement_timeout = :a00000;\nreset statement_timeout;\ninsert into seen values (:a);"},
	{"a parameter in set", "\\set a 200000\nset statement_timeout = :a;\nreset statement_timeout;\ninsert into seen values (1);"},
	{"a parameter as a table's name", "\\set a seen\ninsert into :word values (3);"},
	{"a parameter as a part of a name", "\\set a 1\ninsert into seen:a values (3);"},
	{"a parameter with in", "\\set a 3\ninsert into seen select g from generate_series(1, 5) g where g in (:a, 5);"},
	{"a parameter compared with a text", "\\set a 3\ninsert into seen select 1 where '3' = :a::text;"},
	{"a division of parameters", "\\set a 7\n\\set b 2\ninsert into seen select (:a / :b)::int;"},
	{"a double", "\\set a 7.5\ninsert into seen select (:a * 2)::int;"},
	{"a boolean", "\\set a true\ninsert into seen select 1 where :a;"},
	{"a negative number behind a minus", "\\set a -3\ninsert into seen select 1 -:a;"},
	{"a negative number raised", "\\set a -3\ninsert into seen select (:a ^ 2)::int;"},
	{"a temporary table", "create temp table if not exists mine (n int);\ninsert into mine values (1);\nselect count(*) as c from mine \\gset\ninsert into seen values (:c);"},
	{"a temporary table made anew", "create temp table mine2 (n int);\ninsert into mine2 values (1);\nselect n as c from mine2 \\gset\ninsert into seen values (:c);\ndrop table mine2;"},
	{"joined statements that fail at the end", "insert into seen values (1) \\; select 1/0;"},
	{"joined statements with a transaction", "begin \\; insert into seen values (1) \\; commit;\ninsert into seen values (2);"},
	{"joined statements in two lines", "insert into seen values (1) \\;\ninsert into seen values (2);"},
	{"joined and a comment", "select 1 \\; -- nothing\nselect 2 as c \\gset\ninsert into seen values (:c);"},
	{"an empty statement joined", "select 2 as c \\; \\gset\ninsert into seen values (:c);"},
	{"a variable that gset changes", "\\set c 1\n\\if :c = 1\nselect 2 as c \\gset\n\\endif\ninsert into seen values (:c);"},
	{"a condition on a text", "select 'on' as c \\gset\n\\if :c\ninsert into seen values (1);\n\\else\ninsert into seen values (2);\n\\endif"},
	{"a condition on a number of gset", "select 2 as c \\gset\n\\if :c > 1\ninsert into seen values (1);\n\\endif\ninsert into seen values (9);"},
	{"an expression of a text that is no number", "select 'abc' as c \\gset\n\\set d :c + 1\ninsert into seen values (1);"},
	{"a rollback", "begin;\ninsert into seen values (1);\nrollback;\ninsert into seen values (2);"},
	{"a savepoint", "begin;\nsavepoint s;\ninsert into seen values (1);\nrollback to s;\ninsert into seen values (2);\nend;"},
	{"a transaction left open", "begin;\ninsert into seen values (1);"},
	{"do and a notice", "do $$ begin raise notice 'hello'; insert into seen values (8); end $$;"},
	{"notify", "listen here;\nnotify here, 'there';\ninsert into seen values (1);\nunlisten here;"},
	{"copy out", "copy (select 1) to stdout;\ninsert into seen values (1);"},
	{"an advisory lock", "select pg_advisory_lock(1);\ninsert into seen values (1);\nselect pg_advisory_unlock(1);"},
	{"a pipeline", "\\startpipeline\ninsert into seen values (1);\ninsert into seen values (2);\n\\endpipeline\ninsert into seen values (3);"},
	{"a gset in a pipeline", "\\startpipeline\nselect 1 as c \\gset\n\\endpipeline\ninsert into seen values (:c);"},
	{"an aset in a pipeline", "\\set c 3\n\\startpipeline\nselect 1 as c \\aset\n\\endpipeline\ninsert into seen values (:c);"},
	{"a begin in a pipeline", "\\startpipeline\nbegin;\ninsert into seen values (1);\nend;\n\\endpipeline"},
	{"an empty pipeline", "\\startpipeline\n\\endpipeline\ninsert into seen values (1);"},
	{"a variable of the command line", "insert into seen values (:given);"},
	{"variables of every run", "insert into seen values (:client_id), (:scale);"},
	{"a variable that is never set", "insert into seen values (:nothing);"},
	{"a query within a query", "\\set a 3\nwith q as (insert into seen values (:a) returning n) select n as c from q \\gset\ninsert into seen values (:c);"},
	{"a semicolon alone", ";\ninsert into seen values (1);"},
	{"a case in sql", "\\set a 3\ninsert into seen values (case when :a > 2 then :a else 0 end);"},
	{"an array", "\\set a 3\ninsert into seen values ((array[1, 2, :a])[:a]);"},
	{"a slice", "\\set a 2\ninsert into seen values ((array[4, 5, 6])[:a]), (cardinality((array[4, 5, 6])[1:2]));"},
	{"a cast of a parameter", "\\set a 2\ninsert into seen values (:a::bigint::int);"},
	{"a json", "\\set a 2\ninsert into seen values (('{\"a\": 5, \"b\":true}'::json->>'a')::int + :a);"},
	{"a time of day", "insert into seen select extract(minute from time '12:34')::int;"},
	{"a null", "\\set a null\ninsert into seen values (coalesce(:a, 4));"},
	{"a null alone", "\\set a null\ninsert into seen values (:a);"},
	{"a big number", "\\set a 3000000000\ninsert into seen values ((:a / 1000000000)::int);"},
	{"generated", "\\set a random(5, 5)\n\\set b hash(:a, 7) % 100\ninsert into seen values (:b);"},
}

// scriptsThatDiffer are those that only one of the two runs, by name and protocol, each with the
// reason. docs/scripts.md has them, too.
var scriptsThatDiffer = map[string]string{
	"gset of show, extended":                 "pgbench counts a variable in quotes as a parameter",
	"a json, extended":                       "pgbench counts a variable in quotes as a parameter",
	"copy out, simple":                       "pgbench refuses COPY",
	"copy out, extended":                     "pgbench refuses COPY",
	"a null alone, extended":                 "pgbench sends the text NULL",
	"a null, extended":                       "pgbench sends the text NULL",
	"a variable that is never set, extended": "pgbench sends NULL for a variable without a value",
}

// whatPgbenchDoes runs a script three times with the real program. ok: it did not fail.
func (pg *postgres) whatPgbenchDoes(t *testing.T, file, protocol string) (ok bool, output string) {
	t.Helper()
	program, err := exec.LookPath("pgbench")
	if err != nil {
		found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pgbench") // Debian's place, which is in nobody's PATH
		if len(found) == 0 {
			t.Fatalf("PostgreSQL's server is here, but pgbench is not: %v", err)
		}
		program = found[len(found)-1]
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "-n", "-t", "3", "-M", protocol, "-f", file, "-D", "given=5", "-D", "word=seen",
		"-h", "127.0.0.1", "-p", fmt.Sprint(pg.port), "-U", "loader", "postgres")
	cmd.Env = []string{"PGSSLMODE=disable", "PGGSSENCMODE=disable", "LC_ALL=C"}
	out, err := cmd.CombinedOutput()
	return err == nil, string(out)
}

// TestScriptsAsPgbenchRunsThemOnAServer holds whole scripts against pgbench, over both
// protocols: whether they fail, and what they leave in a table.
func TestScriptsAsPgbenchRunsThemOnAServer(t *testing.T) {
	t.Parallel()
	pg := startPostgres(t)
	a := pg.admin()
	defer func() { _ = a.Close(t.Context()) }()
	a.exec("create role loader login", "create table seen (n int, at bigserial)", "grant all on seen to public", "grant all on seen_at_seq to public",
		"create table seen1 (n int)", "grant all on seen1 to public",
		"create procedure gives(inout x int) language plpgsql as $$ begin x := x + 1; end $$")
	const contents = "select coalesce(string_agg(n::text, ' ' order by at), '') || ' and ' || (select count(*) from seen1) from seen"
	for i, c := range pgbenchScripts {
		for k, protocol := range []string{Simple, Extended} {
			if k != i%2 && scriptsThatDiffer[c.name+", "+protocol] == "" && !longtest.Enabled {
				continue // each script in one of the protocols
			}
			t.Run(c.name+", "+protocol, func(t *testing.T) {
				pg.t, a.pg.t = t, t
				file := filepath.Join(t.TempDir(), "s.sql")
				if err := os.WriteFile(file, []byte(c.text), 0o644); err != nil {
					t.Fatal(err)
				}
				mode := map[string]string{Simple: "simple", Extended: "prepared"}[protocol]
				a.exec("truncate seen, seen1 restart identity")
				wantOK, output := pg.whatPgbenchDoes(t, file, mode)
				want := a.text(contents)
				a.exec("truncate seen, seen1 restart identity")
				failure := pg.runScript(t, c.text, protocol)
				if scriptsThatDiffer[c.name+", "+protocol] != "" {
					if wantOK == (failure == "") {
						t.Errorf("no difference any more: ours: %q", failure)
					}
					return
				}
				if wantOK != (failure == "") {
					t.Fatalf("ours: %q\npgbench:\n%s", failure, output)
				}
				if got := a.text(contents); wantOK && got != want {
					t.Errorf("ours left %q, pgbench %q", got, want)
				}
			})
		}
	}
}

// runScript runs a script three times; failure is what the first that did not succeed says.
func (pg *postgres) runScript(t *testing.T, text, protocol string) (failure string) {
	t.Helper()
	cfg := pg.config(Script)
	cfg.Work = Work{Kind: Script, ScriptName: "s.sql", Script: text, Scale: 1, Set: map[string]string{"given": "5", "word": "seen"}}
	cfg.Protocol, cfg.Seed = protocol, 3
	w, err := New(cfg)
	if err != nil {
		return err.Error()
	}
	s := pg.sessionOf(w, 0)
	defer s.Close()
	for range 3 {
		if reply := once(s); reply.Outcome != record.OK {
			return fmt.Sprint(reply.Kind, ": ", reply.Err)
		}
	}
	return ""
}
