package runner

import (
	"slices"
	"strings"
	"testing"

	"pgchaos/load/pgload"
	"pgchaos/report"
	"pgchaos/rows"
	"pgchaos/spec"
)

// tablesPlan is a plan of two writers and a mix that reads, of one name in the file.
func tablesPlan(t *testing.T, second string) *Plan {
	t.Helper()
	text := `name: tables
cluster: {nodes: [a]}
load:
  one: {kind: insert, clients: 1, rate: 1/s}
  two: {` + second + `, clients: 1, rate: 1/s}
  both: {kind: mix, clients: 1, rate: 1/s, mix: [{name: looks, kind: read, weight: 1}]}
timeline: [{wait: 1s}]
expect: [lost_writes == 0]
`
	e, _, err := spec.Load("tables.yaml", []byte(text), spec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPlan(e, []byte(text), 1)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestTablesAreWhatSessionsFind: one name that sessions resolve otherwise is two tables,
// each with its own writers and readers, and that is said.
func TestTablesAreWhatSessionsFind(t *testing.T) {
	p := tablesPlan(t, "kind: insert")
	if names := p.tables(); len(names) != 1 {
		t.Fatalf("in the file: %v", names)
	}
	found := []report.FoundTable{
		{Workload: "one", Named: "test_data", Table: "test_data"},
		{Workload: "two", Named: "test_data", Table: "app.test_data"},
		{Workload: "both", Part: "looks", Named: "test_data", Table: "app.test_data"},
	}
	with, err := p.withTables(found)
	if err != nil {
		t.Fatal(err)
	}
	for table, writer := range map[string]string{"test_data": "one", "app.test_data": "two"} {
		if writers := with.writersOf(rows.Table{Name: table}); !slices.Equal(writers, []string{writer}) {
			t.Errorf("%s is written by %v", table, writers)
		}
	}
	if read := with.Experiment.Load[2].ReadsFrom("app.test_data"); !read || with.Experiment.Load[2].ReadsFrom("test_data") {
		t.Error("the mix reads another table than its sessions find")
	}
	if p.Experiment.Load[1].Table != "test_data" || p.Experiment.Load[2].Mix[0].Table != "test_data" {
		t.Error("the plan before has been changed")
	}
	said := ambiguous(found)
	if len(said) != 1 || !strings.Contains(said[0], `"public"."test_data" to one`) || !strings.Contains(said[0], `"app"."test_data" to two, both/looks`) {
		t.Errorf("it says %q", said)
	}
	if said := ambiguous(found[1:]); len(said) > 0 {
		t.Errorf("of one meaning: %q", said)
	}
}

// TestTwoNamesOfOneTable: the rows of a table have one form, by whatever name it is called.
func TestTwoNamesOfOneTable(t *testing.T) {
	p := tablesPlan(t, "kind: insert, table: app.test_data, payload: 100")
	_, err := p.withTables([]report.FoundTable{
		{Workload: "one", Named: "test_data", Table: "test_data"},
		{Workload: "two", Named: "app.test_data", Table: "test_data"},
	})
	if err == nil || !strings.Contains(err.Error(), `workload two: app.test_data is the table "public"."test_data"`) {
		t.Error(err)
	}
}

// TestAnotherDatabase: what the audit cannot read is refused before the load begins.
func TestAnotherDatabase(t *testing.T) {
	for _, tt := range []struct {
		name    string
		w       spec.Workload
		found   pgload.Found
		refused bool
	}{
		{"the audited one", spec.Workload{Kind: "insert"}, pgload.Found{Database: "postgres", SystemID: "1"}, false},
		{"another", spec.Workload{Kind: "insert"}, pgload.Found{Database: "other", SystemID: "1"}, true},
		{"another, by statements of the user's", spec.Workload{Kind: "sql"}, pgload.Found{Database: "other", SystemID: "1"}, false},
		{"behind a url", spec.Workload{Kind: "insert", Route: "url"}, pgload.Found{Database: "other", SystemID: "1"}, true},
		{"behind a url, of another cluster", spec.Workload{Kind: "insert", Route: "url"}, pgload.Found{Database: "other", SystemID: "2"}, false},
	} {
		if err := sameDatabase(&tt.w, tt.found, "postgres", "1"); (err != nil) != tt.refused {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}
