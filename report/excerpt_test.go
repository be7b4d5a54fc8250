package report

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestExcerpt(t *testing.T) {
	const stamp = "2026-03-01 12:00:0"
	tests := []struct {
		name string
		log  []string
		most int
		want []string
	}{
		{"nothing that matters", []string{stamp + "1 UTC [1] LOG:  starting PostgreSQL 15.14", stamp + "1 UTC [1] LOG:  checkpoint complete"}, 10, nil},
		{
			"an error with what belongs to it", []string{
				stamp + "1 UTC [1] LOG:  checkpoint starting: time", stamp + "2 UTC [2] ERROR:  canceling statement due to conflict with recovery",
				stamp + "2 UTC [2] DETAIL:  User query might have needed to see row versions", "\tthat must be removed.", stamp + "3 UTC [1] LOG:  checkpoint complete",
			}, 10, []string{
				stamp + "2 UTC [2] ERROR:  canceling statement due to conflict with recovery",
				stamp + "2 UTC [2] DETAIL:  User query might have needed to see row versions", "\tthat must be removed.",
			},
		},
		{"the detail of a line that does not matter", []string{stamp + "1 UTC [1] LOG:  statement: select 1", stamp + "1 UTC [1] DETAIL:  parameters", "\t1"}, 10, nil},
		{
			"the detail of a line that does not matter, after one that does", []string{stamp + "1 UTC [1] ERROR:  a", stamp + "2 UTC [1] LOG:  statement: select 1", stamp + "2 UTC [1] DETAIL:  parameters"}, 10,
			[]string{stamp + "1 UTC [1] ERROR:  a"},
		},
		{"what every start says", []string{
			stamp + "1 UTC [1] FATAL:  the database system is starting up",
			stamp + "1 UTC [1] LOG:  invalid record length at 0/4208D58: wanted 24, got 0",
			stamp + "1 UTC [1] LOG:  could not open usermap file \"pg_ident.conf\": No such file or directory",
		}, 10, nil},
		{
			"a crash and a fork are only LOG", []string{
				stamp + "1 UTC [1] LOG:  server process (PID 7) was terminated by signal 9: Killed",
				stamp + "2 UTC [1] LOG:  new timeline 2 forked off current database system timeline 1 before current recovery point 0/3000",
			}, 10, []string{
				stamp + "1 UTC [1] LOG:  server process (PID 7) was terminated by signal 9: Killed",
				stamp + "2 UTC [1] LOG:  new timeline 2 forked off current database system timeline 1 before current recovery point 0/3000",
			},
		},
		{
			"the same again and again stands once, where it came last", []string{
				stamp + "1 UTC [1] FATAL:  could not connect", stamp + "2 UTC [2] PANIC:  could not write", stamp + "3 UTC [3] FATAL:  could not connect",
			}, 10, []string{stamp + "2 UTC [2] PANIC:  could not write", stamp + "3 UTC [3] FATAL:  could not connect (2 times)"},
		},
		{
			"the last ones are kept", []string{stamp + "1 UTC [1] ERROR:  a", stamp + "2 UTC [1] ERROR:  b", stamp + "3 UTC [1] ERROR:  c"}, 2,
			[]string{stamp + "2 UTC [1] ERROR:  b", stamp + "3 UTC [1] ERROR:  c"},
		},
		{
			"a message goes before its details where there is no room", []string{stamp + "1 UTC [1] ERROR:  a", stamp + "1 UTC [1] DETAIL:  b", stamp + "1 UTC [1] HINT:  c"}, 2,
			[]string{stamp + "1 UTC [1] ERROR:  a", stamp + "1 UTC [1] DETAIL:  b"},
		},
		{"a log that begins in the middle", []string{"\tof a statement", "", stamp + "1 UTC [1] ERROR:  a"}, 5, []string{stamp + "1 UTC [1] ERROR:  a"}},
		{"what is not PostgreSQL's own", []string{"pg_rewind: error: source and target are on the same timeline"}, 5, []string{"pg_rewind: error: source and target are on the same timeline"}},
		{"no room at all", []string{stamp + "1 UTC [1] ERROR:  a"}, 0, nil},
		{"an empty log", nil, 5, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Excerpt([]byte(strings.Join(tt.log, "\n")), tt.most)
			if diff := cmp.Diff(tt.want, got); diff != "" && len(tt.want)+len(got) > 0 {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
