package arrows

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// permitted says which packages of this module each package may import. A new
// arrow here changes the design: see docs/architecture.md, which shows them.
var permitted = withRenderings(withProviders(map[string][]string{
	"record":                {},
	"record/jepsen":         {"record", "record/ledger"},
	"record/ledger":         {"record", "internal/regular"},
	"verdict":               {},
	"compare/tables":        {"compare", "expect", "internal/units", "report/markdown"},
	"compare":               {"expect", "internal/units", "outage", "record", "report", "verdict"},
	"compare/trend":         {"compare", "verdict"},
	"store":                 {"compare", "internal/redact", "internal/regular", "report", "verdict"},
	"store/trends":          {"compare", "compare/html", "compare/trend", "internal/units", "spec", "store"},
	"store/web":             {"compare", "compare/html", "internal/listen", "internal/redact", "internal/units", "report", "report/html", "spec", "store", "store/trends", "verdict"},
	"search":                {"compare", "expect", "report", "verdict"},
	"series":                {"internal/redact", "internal/regular", "report", "runner", "spec", "verdict"},
	"rows":                  {"record", "verdict"},
	"expect":                {"internal/spell", "verdict"},
	"audit":                 {"record", "record/ledger", "rows", "standbynames", "verdict"},
	"outage":                {"record"},
	"spec":                  {"chaos/fault", "cluster", "expect", "internal/redact", "internal/spell", "internal/units", "record", "standbynames", "syncmode"},
	"experiments":           {},
	"load":                  {"internal/catch", "record", "load/eventloop"},
	"load/eventloop":        {"internal/catch"},
	"load/generate":         {},
	"load/script":           {"load/generate"},
	"load/pgload":           {"internal/catch", "internal/timelinesql", "record", "record/ledger", "load", "load/eventloop", "load/generate", "load/script"},
	"cluster":               {"cluster/link", "internal/endsession", "internal/wait", "record", "cluster/probe", "standbynames"},
	"cluster/link":          {},
	"cluster/observe":       {"cluster", "cluster/probe", "internal/wait", "record"},
	"cluster/probe":         {"internal/timelinesql", "internal/endsession", "record"},
	"cluster/rowscan":       {"internal/timelinesql", "internal/endsession", "record", "rows"},
	"chaos":                 {"cluster", "internal/endsession", "internal/wait", "record"},
	"chaos/fault":           {"internal/endsession", "chaos", "cluster", "cluster/link", "internal/units", "internal/wait", "record", "standbynames"},
	"report":                {"audit", "outage", "expect", "record", "internal/regular", "verdict", "internal/redact", "internal/units", "standbynames"},
	"report/html":           {},
	"report/lanes":          {"internal/units", "outage", "record", "report"},
	"report/svg":            {"internal/redact", "internal/units", "report/lanes"},
	"runner":                {"internal/catch", "internal/endsession", "internal/units", "internal/wait", "chaos", "chaos/fault", "audit", "outage", "expect", "internal/regular", "rows", "verdict", "cluster", "cluster/observe", "cluster/rowscan", "record", "record/ledger", "internal/redact", "load", "load/eventloop", "load/pgload", "load/script", "report", "report/export", "spec", "standbynames"},
	"monitoring":            {"internal/listen", "record", "report/export", "runner", "spec"},
	"live":                  {"internal/units", "load", "record", "runner"},
	"live/terminal":         {"internal/catch", "internal/units", "live", "runner"},
	"live/web":              {"internal/listen", "internal/units", "live", "report/html", "report/lanes", "runner"},
	"standbynames":          {},
	"syncmode":              {"standbynames"},
	"selftest":              {"audit", "outage", "record", "report", "verdict"},
	"cmd/pgchaos":           {"chaos/fault", "verdict", "compare", "compare/tables", "compare/trend", "internal/listen", "internal/units", "series", "store", "store/trends", "store/web", "search", "expect", "cluster", "experiments", "record", "record/jepsen", "record/ledger", "internal/redact", "internal/spell", "live", "live/terminal", "live/web", "monitoring", "report", "runner", "selftest", "spec", "syncmode"},
	"internal/arrows":       {},
	"internal/atonce":       {},
	"internal/attached":     {},
	"internal/browsertest":  {},
	"internal/bench":        {"cluster", "cluster/local", "record", "record/ledger", "internal/fakepg", "load", "load/eventloop", "load/pgload"},
	"internal/catch":        {},
	"internal/endsession":   {},
	"internal/fakepg":       {},
	"internal/faulttest":    {"chaos", "chaos/fault", "cluster", "internal/endsession", "internal/units", "record"},
	"internal/fsyncstub":    {},
	"internal/hatest":       {"internal/serverdir", "internal/skip"},
	"internal/listen":       {},
	"internal/longtest":     {},
	"internal/modesdocs":    {"compare", "compare/tables", "internal/units", "report", "series"},
	"internal/mutate":       {},
	"internal/pictures":     {},
	"internal/plaincluster": {"internal/serverdir", "internal/skip"},
	"internal/race":         {},
	"internal/redact":       {},
	"internal/regular":      {},
	"internal/runlock":      {},
	"internal/serverdir":    {},
	"internal/sharedmem":    {},
	"internal/skip":         {},
	"internal/spell":        {},
	"internal/timelinesql":  {},
	"internal/units":        {},
	"internal/wait":         {},
	"internal/words":        {},
}))

// providers are the packages with a cluster.Kind, which only the table in cmd/pgchaos and the benchmark know.
var providers = map[string][]string{
	"cluster/existing": {"audit", "cluster", "record", "standbynames", "internal/regular", "internal/runlock"},
	"cluster/docker":   {"cluster", "cluster/link", "record", "internal/units"},
	"cluster/local":    {"cluster", "cluster/link", "record", "internal/regular", "internal/runlock", "internal/units"},
}

func withProviders(all map[string][]string) map[string][]string {
	for name, may := range providers {
		all[name] = may
		all["cmd/pgchaos"] = append(all["cmd/pgchaos"], name)
	}
	return all
}

// renderings are the packages that show a result, which the commands know.
var renderings = map[string][]string{
	"compare/html":    {"compare", "compare/tables", "compare/trend", "expect", "internal/redact", "internal/units", "report/html", "report/svg"},
	"report/export":   {"record", "report"},
	"report/html":     {"internal/redact", "internal/units", "report", "report/lanes", "report/svg", "report/text", "verdict"},
	"report/text":     {"audit", "outage", "expect", "verdict", "record", "internal/units", "report"},
	"report/junit":    {"expect", "internal/redact", "record", "report", "verdict"},
	"report/tap":      {"internal/redact", "report/junit"},
	"report/github":   {"internal/redact", "internal/units"},
	"report/summary":  {"audit", "expect", "outage", "report", "verdict"},
	"report/markdown": {"expect", "internal/redact", "internal/units", "report", "report/summary", "verdict"},
}

func withRenderings(all map[string][]string) map[string][]string {
	for name, may := range renderings {
		all[name] = may
		all["cmd/pgchaos"] = append(all["cmd/pgchaos"], name)
	}
	return all
}

// alone says which package alone may import a library, so that it can be replaced
// in one place.
var alone = map[string]string{
	"gopkg.in/yaml.v3":                "spec",
	"github.com/invopop/jsonschema":   "spec",
	"github.com/spf13/cobra":          "cmd/pgchaos",
	"github.com/spf13/pflag":          "cmd/pgchaos",
	"github.com/docker/docker/client": "cluster/docker",
	"charm.land/bubbletea/v2":         "live/terminal",
	"charm.land/lipgloss/v2":          "live/terminal",
	"github.com/pressly/goose/v3":     "store",
	"modernc.org/sqlite":              "store",

	"github.com/prometheus/client_golang/prometheus":          "monitoring",
	"github.com/prometheus/client_golang/prometheus/promhttp": "monitoring",
}

type pkg struct {
	ImportPath string
	Imports    []string
	Doc        string // the first sentence of the package's comment
}

func TestImportArrows(t *testing.T) {
	for _, wrong := range check(list(t)) {
		t.Error(wrong)
	}
}

// TestWrongArrowsAreSeen shows that the check above can fail.
func TestWrongArrowsAreSeen(t *testing.T) {
	for name, p := range map[string]pkg{
		"load knows chaos":             {ImportPath: "pgchaos/load", Imports: []string{"pgchaos/chaos"}},
		"report touches the cluster":   {ImportPath: "pgchaos/report", Imports: []string{"pgchaos/cluster"}},
		"yaml outside spec":            {ImportPath: "pgchaos/report", Imports: []string{"gopkg.in/yaml.v3"}},
		"a package nobody has drawn":   {ImportPath: "pgchaos/utils"},
		"record knows somebody":        {ImportPath: "pgchaos/record", Imports: []string{"pgchaos/audit"}},
		"the docker client in cluster": {ImportPath: "pgchaos/cluster", Imports: []string{"github.com/docker/docker/client"}},
	} {
		if len(check([]pkg{p})) == 0 {
			t.Errorf("%s: not seen", name)
		}
	}
}

func check(packages []pkg) (wrong []string) {
	for _, p := range packages {
		name := strings.TrimPrefix(p.ImportPath, "pgchaos/")
		may, known := permitted[name]
		if !known {
			wrong = append(wrong, name+": not in the list of packages; what may it import?")
			continue
		}
		for _, i := range p.Imports {
			if to, ours := strings.CutPrefix(i, "pgchaos/"); ours && !slices.Contains(may, to) {
				wrong = append(wrong, name+" imports "+to+", which it must not know")
			}
			if owner, guarded := alone[i]; guarded && owner != name {
				wrong = append(wrong, name+" imports "+i+", which is for "+owner+" alone")
			}
		}
	}
	return wrong
}

func list(t *testing.T) (packages []pkg) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Doc,Imports", "./...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
	if len(packages) < len(permitted)-1 {
		t.Fatalf("go list found %d packages only", len(packages))
	}
	return packages
}
