package main

import (
	"encoding/csv"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"pgchaos/report"
)

// everyModel has a workload of each model and of each kind, side by side.
const everyModel = `
name: models
cluster: {nodes: [a, b]}
load:
  open: {kind: insert, rate: 300/s, arrivals: poisson, warmup: 1s, duration: 4s}
  ramp: {kind: read, target: a, reads: {latest: 2, point: 1, range: 1}, stages: [{for: 2s, rate: 50/s}, {for: 2s, rate: 300/s}], ramp: linear}
  rows: {kind: insert, table: many, clients: 2, rows: 5, statements: 2, think_time: 20ms, duration: 3s, isolation: serializable, retry: 2}
  tpcb: {kind: tpcb, clients: 2, connections: 1, iterations: 100}
  mix: {kind: mix, clients: 4, rate: 200/s, duration: 3s, route: topology, mix: [{weight: 3, kind: insert, table: m}, {kind: update}, {kind: sql, name: typed, sql: "select :x + 1", params: {x: {uniform: {max: 10}}}}]}
  file: {kind: script, clients: 2, iterations: 500, script: counts.sql, set: {most: 9}}
  piped: {kind: sql, sql: select 1, pipeline: 20, clients: 2, iterations: 200}
  simple: {kind: sql, sql: "select :t", params: {t: {text: 9}}, protocol: simple, clients: 1, iterations: 50}
expect:
  - lost_writes == 0
  - nodes_equal
`

// TestEveryModel runs them for real, and holds what each tells against what it was asked
// for, and the files for other tools against the result.
func TestEveryModel(t *testing.T) {
	p := newPlace(t).detectRaces()
	dir := filepath.Dir(p.base)
	p.write("counts.sql", "\\set x random(1, :most)\nselect :x;\n")
	file := func(name string) string { return filepath.Join(dir, name) }
	code, out, errs := p.run("run", p.write("models.yaml", everyModel), "--out", p.out, "--out-jtl", file("run.jtl"), "--out-samples", file("run.jsonl"),
		"--out-hlog", file("run.hlog"), "--out-csv", file("run.csv"), "--out-aggregate", file("aggregate.csv"), "--out-summary", file("summary.csv"))
	if code != exitPass {
		t.Fatalf("exit code %d\n%s\n%s", code, out, errs)
	}
	r := p.result()
	by := map[string]*report.Workload{}
	var sent, dropped int64
	for i := range r.Workloads {
		w := &r.Workloads[i]
		by[w.Name] = w
		sent += w.Total.Samples
		dropped += w.Total.Dropped
		if w.Total.Errors() > 0 || w.Total.Samples == 0 || w.Total.In == 0 || w.Total.Out == 0 || len(w.Seconds) == 0 || w.Total.Response.StdDev == 0 {
			t.Errorf("%s: %+v, errors %v, %d seconds", w.Name, w.Total, w.Errors, len(w.Seconds))
		}
	}
	modelsAsAsked(t, by)
	if rows := r.Audits[1].Acknowledged; r.Audits[1].Table != "many" || rows != 10*by["rows"].Total.OK {
		t.Errorf("%d rows acknowledged in %d transactions of ten", rows, by["rows"].Total.OK)
	}
	sent += by["open"].Warmup.Samples
	dropped += by["open"].Warmup.Dropped
	samplesAgree(t, file("run.jtl"), file("run.jsonl"), sent)
	hlogAgrees(t, file("run.hlog"), sent+dropped) // an operation that was dropped has waited, too
	for _, name := range []string{"run.csv", "aggregate.csv", "summary.csv"} {
		if rows := csvRows(t, file(name)); len(rows) < len(r.Workloads) {
			t.Errorf("%s has %d rows", name, len(rows))
		}
	}
	if r.Generator == nil || r.Generator.CPU <= 0 {
		t.Errorf("what pgchaos itself took: %+v", r.Generator)
	}
	p.nothingLeft()
}

// modelsAsAsked holds the number of operations of each workload against its model.
func modelsAsAsked(t *testing.T, by map[string]*report.Workload) {
	t.Helper()
	// How many of the arrivals a busy machine can send, no test can say; each was sent, or counted as dropped.
	for _, name := range []string{"open", "ramp", "mix"} {
		if w := by[name]; w.Asked == 0 || w.Total.Samples+w.Total.Dropped != w.Asked {
			t.Errorf("%s: %d arrivals were due, %d were sent and %d dropped", name, w.Asked, w.Total.Samples, w.Total.Dropped)
		}
	}
	for name, want := range map[string]int64{"tpcb": 100, "file": 500, "piped": 200, "simple": 50} {
		if got := by[name].Total.Samples; got != want {
			t.Errorf("%s: %d operations, and %d were asked for", name, got, want)
		}
	}
	// By chance, at 300/s: 300 in the warm-up of a second, and the rest of what the workload ran.
	open := by["open"]
	rest := 300 * (open.Active[0].To - open.Active[0].From - time.Second).Seconds()
	if w := open.Warmup; w == nil || w.Samples+w.Dropped < 200 || w.Samples+w.Dropped > 400 || math.Abs(float64(open.Asked)-rest) > 200 {
		t.Errorf("the warm-up is apart: %+v; then %d were due, and %.0f on average", w, open.Asked, rest)
	}
	ramp := by["ramp"] // 50 on the way to 50/s, 350 to 300/s, and 300/s until it was stopped
	due := 400 + 300*(ramp.Active[0].To-ramp.Active[0].From-4*time.Second).Seconds()
	if n := float64(ramp.Asked); math.Abs(n-due) > 10 {
		t.Errorf("the ramp had %.0f arrivals, and %.0f were due", n, due)
	}
	var parts int64
	for _, part := range by["mix"].Parts {
		parts += part.Samples
	}
	if parts != by["mix"].Total.Samples || len(by["mix"].Parts) != 3 {
		t.Errorf("parts: %+v", by["mix"].Parts)
	}
}

func csvRows(t *testing.T, file string) [][]string {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(readText(t, file))).ReadAll()
	must(t, err)
	return rows
}

// samplesAgree holds the number of samples in both forms against the result's.
func samplesAgree(t *testing.T, jtl, jsonl string, sent int64) {
	t.Helper()
	if n := int64(len(csvRows(t, jtl)) - 1); n != sent {
		t.Errorf("%d samples for JMeter, and %d were sent", n, sent)
	}
	n := int64(0)
	for line := range strings.Lines(readText(t, jsonl)) {
		var sample struct {
			Outcome string `json:"outcome"`
		}
		must(t, json.Unmarshal([]byte(line), &sample))
		if sample.Outcome != "dropped" {
			n++
		}
	}
	if n != sent {
		t.Errorf("%d lines of JSON, and %d were sent", n, sent)
	}
}

// hlogAgrees reads the interval log with HdrHistogram's own reader.
func hlogAgrees(t *testing.T, file string, due int64) {
	t.Helper()
	f, err := os.Open(file)
	must(t, err)
	defer func() { must(t, f.Close()) }()
	reader, n := hdrhistogram.NewHistogramLogReader(f), int64(0)
	for {
		h, err := reader.NextIntervalHistogram()
		must(t, err)
		if h == nil {
			break
		}
		n += h.TotalCount()
	}
	if n != due {
		t.Errorf("the interval log counts %d, and %d were sent or dropped", n, due)
	}
}

// TestStall holds what an open loop tells of a frozen primary against arithmetic: at 500
// arrivals a second a stall of 3 s makes 1,000 of them wait for more than a second, and
// a closed loop hardly sees it.
func TestStall(t *testing.T) {
	p := newPlace(t)
	code, out, errs := p.run(append([]string{"run", "stall", "--out", p.out}, sooner["stall"]...)...)
	if code != exitPass {
		t.Fatalf("exit code %d\n%s\n%s", code, out, errs)
	}
	r := p.result()
	pause := r.Timeline[0]
	var stalled time.Duration
	for _, m := range r.Timeline {
		if m.Reverses == pause.Name {
			stalled = m.Effective - pause.Effective
		}
	}
	if stalled < 2900*time.Millisecond {
		t.Fatalf("stalled for %s", stalled)
	}
	slow := func(w report.Workload) (n float64) {
		h, err := w.Total.Response.Decode()
		must(t, err)
		for _, bar := range h.Distribution() {
			if bar.From > time.Second.Microseconds() {
				n += float64(bar.Count)
			}
		}
		return n
	}
	want := 500 * (stalled - time.Second).Seconds()
	// More where the server does not catch up at once; make bench measures that.
	open := slow(r.Workloads[0])
	if open < 0.95*want {
		t.Errorf("%.0f operations took more than a second, and the arithmetic has %.0f", open, want)
	}
	if closed := slow(r.Workloads[1]); closed > open/10 {
		t.Errorf("a closed loop of 8 clients tells of %.0f, and an open one of %.0f", closed, open)
	}
	p.nothingLeft()
}

// TestSetupThatCannotRun: what is seen in the text ends before anything starts; what the
// server refuses ends the run, with the place of the statement.
func TestSetupThatCannotRun(t *testing.T) {
	p := newPlace(t)
	experiment := "name: s\ncluster: {nodes: [a]}\nload:\n  setup: schema.sql\n  w: {kind: insert, iterations: 1}\n"
	file := p.write("s.yaml", experiment)
	p.write("schema.sql", "create table t (n int);\n\\i other.sql\n")
	if code, _, errs := p.run("validate", file); code != exitUsage || !strings.Contains(errs, "schema.sql:2: \\i is a command of psql") {
		t.Errorf("exit code %d: %s", code, errs)
	}
	p.write("schema.sql", "create table t (n int);\n\ninsert into t values ('x');\n")
	if code, _, errs := p.run("run", file, "--out", p.out); code != exitFailed || !strings.Contains(errs, "schema.sql:3, as the user pgchaos") {
		t.Errorf("exit code %d: %s", code, errs)
	}
	p.write("schema.sql", "create table t (n int);\ninsert into t select generate_series(1, 9);\n")
	p.write("s.yaml", strings.Replace(experiment, "kind: insert", `kind: sql, sql: "insert into t values (:n)", params: {n: client}`, 1)+"expect: [errors of w == 0]\n")
	if code, out, errs := p.run("run", file, "--out", p.out+"2"); code != exitPass {
		t.Errorf("exit code %d: %s\n%s", code, out, errs)
	}
}
