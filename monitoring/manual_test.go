package monitoring

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// registered is a metric as the registry has it.
type registered struct {
	kind   string
	labels []string // in alphabetical order
}

// gathered are all metrics of a run in which everything has a value.
func gathered(t *testing.T) map[string]registered {
	t.Helper()
	families, err := underway().registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]registered{}
	for _, family := range families {
		m := registered{kind: strings.ToLower(family.GetType().String())}
		for _, l := range family.GetMetric()[0].GetLabel() {
			m.labels = append(m.labels, l.GetName())
		}
		slices.Sort(m.labels)
		all[family.GetName()] = m
	}
	if want := len(allGauges()) + 2; len(all) != want {
		t.Fatalf("%d metrics have a value, want %d", len(all), want)
	}
	return all
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestTheManualListsEveryMetric compares the table of docs/monitoring.md with the registry.
func TestTheManualListsEveryMetric(t *testing.T) {
	row := regexp.MustCompile("(?m)^\\| `(pgchaos_[a-z_]+)` \\| ([a-z]+) \\|([^|]*)\\|")
	listed := map[string]registered{}
	for _, m := range row.FindAllStringSubmatch(read(t, "../docs/monitoring.md"), -1) {
		labels := strings.FieldsFunc(m[3], func(r rune) bool { return strings.ContainsRune("`, ", r) })
		slices.Sort(labels)
		listed[m[1]] = registered{m[2], labels}
	}
	all := gathered(t)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if got := listed[name]; got.kind != all[name].kind || !slices.Equal(got.labels, all[name].labels) {
			t.Errorf("%s is a %s with %q; the page has %+v", name, all[name].kind, all[name].labels, got)
		}
	}
	for name := range listed {
		if _, there := all[name]; !there {
			t.Errorf("the page lists %s, which is not registered", name)
		}
	}
}

// dashboard is what the test reads of docs/grafana-dashboard.json.
type dashboard struct {
	Annotations struct {
		List []struct{ Name, Expr, TitleFormat, TextFormat, TagKeys string }
	}
	Templating struct {
		List []struct{ Name, Type, Definition string }
	}
	Panels []struct {
		Title      string
		Datasource struct{ UID string }
		Targets    []struct{ Expr, LegendFormat string }
	}
}

// TestDashboard holds each expression of the dashboard against the registry: every metric in it is there, and has the labels
// that the expression and its legend use.
func TestDashboard(t *testing.T) {
	var d dashboard
	if err := json.Unmarshal([]byte(read(t, "../docs/grafana-dashboard.json")), &d); err != nil {
		t.Fatal(err)
	}
	c := dashboardCheck{t: t, all: gathered(t), used: map[string]bool{}}
	for _, v := range d.Templating.List {
		c.variables = append(c.variables, v.Name)
	}
	values := regexp.MustCompile(`^label_values\((\w+), (\w+)\)$`)
	for _, v := range d.Templating.List {
		if v.Type != "query" {
			continue
		}
		m := values.FindStringSubmatch(v.Definition)
		if m == nil {
			t.Errorf("variable %s: %q", v.Name, v.Definition)
			continue
		}
		c.metric("variable "+v.Name, m[1], m[2])
	}
	panels := 0
	for _, p := range d.Panels {
		if panels++; p.Datasource.UID != "${datasource}" {
			t.Errorf("%s: its data source is %q", p.Title, p.Datasource.UID)
		}
		for _, target := range p.Targets {
			c.expression(p.Title, target.Expr, target.LegendFormat)
		}
	}
	for _, a := range d.Annotations.List {
		c.expression(a.Name, a.Expr, a.TitleFormat+a.TextFormat)
	}
	if panels < 10 || len(d.Annotations.List) == 0 {
		t.Errorf("%d panels, %d annotations", panels, len(d.Annotations.List))
	}
	for _, name := range []string{responseName + "_bucket", responseName, operationsName, "pgchaos_node_role", "pgchaos_node_timeline", "pgchaos_node_sync_waiters", "pgchaos_fault_active"} {
		if !c.used[name] {
			t.Errorf("the dashboard does not show %s", name)
		}
	}
}

// TestWrongExpressionsAreSeen shows that the check can fail.
func TestWrongExpressionsAreSeen(t *testing.T) {
	for name, expr := range map[string]string{
		"no such metric":           `pgchaos_node_lag`,
		"no such label":            `pgchaos_node_up{workload="a"}`,
		"no such label in by":      `sum by (le) (pgchaos_node_up)`,
		"no such variable":         `pgchaos_node_up{node=~"$nodes"}`,
		"a suffix of no histogram": `pgchaos_node_up_bucket`,
	} {
		var seen recorder
		c := dashboardCheck{t: &seen, all: gathered(t), used: map[string]bool{}, variables: []string{"node"}}
		c.expression("panel", expr, "")
		if !seen.failed {
			t.Errorf("%s: not seen", name)
		}
	}
	var seen recorder
	c := dashboardCheck{t: &seen, all: gathered(t), used: map[string]bool{}}
	if c.expression("panel", `pgchaos_node_up`, "{{workload}}"); !seen.failed {
		t.Error("a legend with a label that is not there: not seen")
	}
}

// failer is a testing.T, or a recorder in its place.
type failer interface{ Errorf(string, ...any) }

type recorder struct{ failed bool }

func (r *recorder) Errorf(string, ...any) { r.failed = true }

type dashboardCheck struct {
	t         failer
	all       map[string]registered
	variables []string
	used      map[string]bool
}

var (
	quoted   = regexp.MustCompile(`"[^"]*"`)
	selector = regexp.MustCompile(`\b(pgchaos_\w+)(?:\{([^}]*)\})?`)
	matcher  = regexp.MustCompile(`(\w+)\s*(?:=~|!~|!=|=)`)
	grouping = regexp.MustCompile(`\b(?:by|on|without|ignoring|group_left|group_right)\s*\(([^)]*)\)`)
	legend   = regexp.MustCompile(`\{\{(\w+)\}\}`)
	variable = regexp.MustCompile(`\$(\w+)`)
)

// ofTheServer are labels that every series has, from its scrape, and variables that Grafana has.
var ofTheServer, ofGrafana = []string{"job", "instance"}, []string{"__rate_interval"}

// metric wants a metric to be there, with some labels.
func (c *dashboardCheck) metric(where, name string, labels ...string) (has []string) {
	c.used[name] = true
	m, there := c.all[name]
	if family, ok := strings.CutSuffix(name, "_bucket"); ok && c.all[family].kind == "histogram" {
		m, there = registered{labels: append([]string{"le"}, c.all[family].labels...)}, true
	}
	if !there {
		c.t.Errorf("%s: %s is not registered", where, name)
	}
	has = append(slices.Clone(ofTheServer), m.labels...)
	for _, label := range labels {
		if !slices.Contains(has, label) {
			c.t.Errorf("%s: %s has no label %s", where, name, label)
		}
	}
	return has
}

// expression wants every metric of an expression to be there, with the labels that it, its groupings and its legend name.
func (c *dashboardCheck) expression(where, expr, legendFormat string) {
	for _, m := range variable.FindAllStringSubmatch(expr, -1) {
		if !slices.Contains(slices.Concat(c.variables, ofGrafana), m[1]) {
			c.t.Errorf("%s: there is no variable %s", where, m[1])
		}
	}
	plain := quoted.ReplaceAllString(expr, `""`)
	var has []string
	for _, m := range selector.FindAllStringSubmatch(plain, -1) {
		var labels []string
		for _, l := range matcher.FindAllStringSubmatch(m[2], -1) {
			labels = append(labels, l[1])
		}
		has = append(has, c.metric(where, m[1], labels...)...)
	}
	if len(has) == 0 {
		c.t.Errorf("%s: no metric in %q", where, expr)
	}
	named := legend.FindAllStringSubmatch(legendFormat, -1)
	for _, g := range grouping.FindAllStringSubmatch(plain, -1) {
		for l := range strings.SplitSeq(g[1], ",") {
			named = append(named, []string{"", strings.TrimSpace(l)})
		}
	}
	for _, l := range named {
		if !slices.Contains(has, l[1]) {
			c.t.Errorf("%s: no metric of it has the label %s: %s", where, l[1], expr)
		}
	}
}
