package cluster_test

import (
	"fmt"
	"strings"
	"testing"

	"pgchaos/cluster"
	"pgchaos/standbynames"
)

// TestStandbyNamesAsPostgreSQLReadsThem: our parser accepts what a server accepts, and
// names that are keywords or have a dash can be waited for.
func TestStandbyNamesAsPostgreSQLReadsThem(t *testing.T) {
	t.Parallel()
	w := build(t, cluster.Config{
		Nodes: nodes("any", "first", "pg-c"),
		Sync:  &cluster.Synchronous{Commit: "on", Standbys: `ANY 2 ("first", "pg-c")`},
	})
	w.want("any", "select application_name, sync_state from pg_stat_replication order by 1", "first|quorum pg-c|quorum")
	ctx := t.Context()
	conn, err := w.Node("any").Connect(ctx, "test")
	w.ok(err)
	defer func() { w.ok(conn.Close(ctx)) }()
	for _, text := range []string{
		"", " ", "\t", "*", `"*"`, "a", " a ", "a, b", "a,b,", ",a", "a b", "a;b", "a.b", "a-b", `"a-b"`, `"a""b"`, `"a`, `a"`, `""`,
		"1", "12, 3", "1a", "a1", "_a", "$a", "a$b", "é", "naïve, b", `'a'`, "(a)", "(a", "a)", "()", "a, *", "* (a)",
		"any", "ANY", "first", "FIRST", "any, a", "a, first", `"any"`, `"first", a`, "anyone", "first_1", "ANY 1 (first)", `ANY 1 ("first", any1)`,
		"ANY 1 (a, b)", "any 1(a,b)", "Any 1 ( a , b )", "FIRST 2 (a, b)", "fIrSt 1 (a)", "2 (a, b)", "2(1,2)", "2 a", "ANY a (b)", "ANY 1 a", "ANY (a)",
		"ANY 0 (a)", "0 (a)", "00001 (a)", "-1 (a)", "ANY 1 (a) b", "ANY 1 (a))", "ANY 1 ((a))", "ANY 5 (a)", "a, a", "FIRST 1 (*)", "ANY 1 ()", "SOME 1 (a)",
		"off", "none", "default", "select", "ANY  1\t(a)", "a\fb", "ANY1 (a)", "ANY 1(a)(b)", `ANY 1 ("a" "b")`, `"a"b`, "a/*b*/", "a--b", "a\\b", "1.5 (a)", "1e1 (a)", "0x1 (a)",
	} {
		_, ours := standbynames.Parse(text)
		_, theirs := conn.Exec(ctx, "alter system set synchronous_standby_names = '"+strings.ReplaceAll(text, "'", "''")+"'")
		if (ours == nil) != (theirs == nil) {
			t.Errorf("%q: we say %v, the server says %v", text, ours, theirs)
		}
	}
	for _, name := range []string{"a", "first", "ANY", "pg-c", "1", "1a", "a b", `x"y`, "été", "a$", "$a", "*", ",", "(", "", "'", "\\", "select", "a.b"} {
		text := `ANY 1 (x, "` + strings.ReplaceAll(name, `"`, `""`) + `")`
		if _, err := conn.Exec(ctx, "alter system set synchronous_standby_names = '"+strings.ReplaceAll(text, "'", "''")+"'"); err != nil {
			t.Errorf("%q quoted as %s: %v", name, text, err)
		}
		if _, err := conn.Exec(ctx, fmt.Sprintf("alter system set synchronous_standby_names = %s", "''")); err != nil {
			t.Error(err)
		}
	}
	_, err = conn.Exec(ctx, "alter system reset synchronous_standby_names")
	w.ok(err)
}
