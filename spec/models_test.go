package spec

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// everyModel has each key of a workload once, where it may stand.
const everyModel = `
name: models
cluster: {nodes: [a, b]}
load:
  poisson: {kind: insert, rate: 500/s, arrivals: poisson, overflow: drop, catch_up: spread, warmup: 5s, duration: 30s, iterations: 9}
  ramp: {kind: insert, stages: [{for: 10s, rate: 100/s}, {for: 20s, rate: 2000/s}], ramp: linear}
  more: {kind: read, reads: {latest: 8, point: 1, range: 1}, stages: [{for: 1s, clients: 2}, {for: 1s, clients: 20}]}
  thinks: {kind: insert, table: rows, rows: 10, statements: 3, think_time: 20ms, isolation: serializable, retry: 3, synchronous_commit: local}
  piped: {kind: sql, sql: select 1, pipeline: 20, connections: 2, read_only: true}
  update: {kind: update, rows: 100, payload: 20}
  tpcb: {kind: tpcb, scale: 3, protocol: simple}
  typed:
    kind: sql
    sql:
      - update t set n = :n where id = :id
      - insert into log values (:at, :who, :c, :note, :u, :z, :g)
    params:
      n: {sequence: {min: 10}}
      id: {uniform: {max: 100000000000}}
      z: {zipfian: {max: 9, theta: 1.5}}
      g: {gaussian: {min: -5, max: 5}}
      c: {choice: [red, 3]}
      note: {text: 20}
      at: now
      who: client
      u: uuid
  file: {kind: script, script: a.sql, set: {limit: 5}, route: topology}
  text: {kind: script, script: "select 1;\nselect 2;"}
  mix:
    kind: mix
    url: postgres://proxy:6432/postgres
    connection: {sslmode: require}
    mix: [{weight: 3, kind: insert, table: m}, {kind: read, table: m}, {name: mine, kind: script, script: a.sql}]
duration: 1m
`

func aFile(name string) ([]byte, error) {
	if name != "a.sql" {
		return nil, errors.New("no such file")
	}
	return []byte("\\set x random(1, 10)\nselect :x;\n"), nil
}

func TestEveryModelIsRead(t *testing.T) {
	e, _ := mustLoad(t, everyModel, Options{ReadFile: aFile})
	if w := e.Workload("ramp"); !w.Open() || !w.Ends() || w.Arrivals != "constant" || w.Stages[1].Rate != 2000 {
		t.Errorf("ramp: %+v", w)
	}
	if w := e.Workload("more"); w.Open() || w.Clients != 20 || w.Arrivals != "" {
		t.Errorf("more: %+v", w)
	}
	want := Params{
		{Name: "n", Kind: "sequence", Min: 10}, {Name: "id", Kind: "uniform", Min: 1, Max: 100_000_000_000},
		{Name: "z", Kind: "zipfian", Min: 1, Max: 9, Theta: 1.5}, {Name: "g", Kind: "gaussian", Min: -5, Max: 5, Sigma: 2.5},
		{Name: "c", Kind: "choice", Choices: []string{"red", "3"}}, {Name: "note", Kind: "text", Length: 20},
		{Name: "at", Kind: "now"}, {Name: "who", Kind: "client"}, {Name: "u", Kind: "uuid"},
	}
	if diff := cmp.Diff(want, e.Workload("typed").Params); diff != "" {
		t.Error(diff)
	}
	if w := e.Workload("poisson"); time.Duration(w.Warmup) != 5*time.Second || w.CatchUp != "spread" {
		t.Errorf("poisson: %+v", w)
	}
}

func TestMixesAndScriptsAreRead(t *testing.T) {
	e, _ := mustLoad(t, everyModel, Options{ReadFile: aFile})
	mix := e.Workload("mix")
	if mix.Route != "url" || len(mix.Mix) != 3 || mix.Mix[0].Weight != 3 || mix.Mix[1].Weight != 1 || mix.Mix[1].Name != "read" || mix.Mix[2].ScriptFile != "a.sql" {
		t.Errorf("mix: %+v", mix)
	}
	if w := e.Workload("file"); w.ScriptFile != "a.sql" || !strings.Contains(w.Script, "random(1, 10)") {
		t.Errorf("file: %+v", w)
	}
}

// TestTheResolvedTextHasTheScripts, so that nothing more is needed to run it again; and
// an editor takes what Load takes.
func TestTheResolvedTextHasTheScripts(t *testing.T) {
	e, resolved := mustLoad(t, everyModel, Options{ReadFile: aFile})
	again, _ := mustLoad(t, resolved, Options{}) // without files: the scripts stand in it now
	again.Workload("file").ScriptFile, again.Workload("mix").Mix[2].ScriptFile = "a.sql", "a.sql"
	if diff := cmp.Diff(e, again, sameSteps()); diff != "" {
		t.Error(diff)
	}
	s, _ := compileSchema(t)
	for _, text := range []string{everyModel, resolved} {
		if err := s.Validate(asJSON(t, []byte(text))); err != nil {
			t.Error(err)
		}
	}
}

func TestSecretsOfConnectionsAreHidden(t *testing.T) {
	_, resolved := mustLoad(t, `
name: x
cluster: {nodes: [a]}
load: {w: {kind: sql, sql: select 1, url: "postgres://me:hush@proxy/db", connection: {sslpassword: hush}}}
duration: 1s
`, Options{})
	if strings.Contains(resolved, "hush") || !strings.Contains(resolved, "postgres://me:***@proxy/db") {
		t.Error(resolved)
	}
}

func TestAWorkloadThatEndsByItselfNeedsNoDuration(t *testing.T) {
	const head = "name: x\ncluster: {nodes: [a]}\nload: {w: {kind: sql, sql: select 1"
	mustLoad(t, head+", iterations: 5}}", Options{})
	if _, _, err := Load("x", []byte(head+"}}"), Options{Providers: someProviders()}); err == nil {
		t.Error("nothing says when the load ends")
	}
}

func TestAWorkloadThatHasEndedCanBeStartedAgain(t *testing.T) {
	const head = "name: x\ncluster: {nodes: [a]}\ntimeline: [{at: 1s, start_load: w}, {at: 5s, start_load: w}]\nload: {w: {kind: sql, sql: select 1"
	mustLoad(t, head+", duration: 2s}}", Options{})
	if _, _, err := Load("x", []byte(head+"}}"), Options{Providers: someProviders()}); err == nil {
		t.Error("it never ends, and is started twice")
	}
}
