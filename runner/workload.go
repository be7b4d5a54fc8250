package runner

import (
	"time"

	"pgchaos/cluster"
	"pgchaos/load"
	"pgchaos/load/pgload"
	"pgchaos/spec"
)

// interruptGrace is for how long a client that has had its operation cancelled or
// its backend terminated waits for what comes of it.
const interruptGrace = 2 * time.Second

// loadConfig is when a workload's operations come, and when they end. The caller adds
// what depends on the run.
func loadConfig(w *spec.Workload, groups int, seed uint64) load.Config {
	cfg := load.Config{
		Name: w.Name, Clients: groups * w.Clients, Groups: groups, Schedule: schedule(w, seed), Punctual: true,
		ThinkTime: time.Duration(w.ThinkTime), Iterations: w.Iterations, Duration: time.Duration(w.Duration), Warmup: time.Duration(w.Warmup),
		Overflow: w.Overflow, CatchUp: w.CatchUp,
		Timeout: time.Duration(w.Timeout), MaxAbandoned: groups * w.MaxAbandoned,
	}
	if len(w.Stages) > 0 && !w.Open() {
		cfg.ClientStages = stages(w, func(s spec.Stage) float64 { return float64(s.Clients) })
	}
	if w.OnTimeout != pgload.Abandon {
		cfg.Grace = interruptGrace
	}
	for i := range w.Mix {
		cfg.Parts = append(cfg.Parts, w.Mix[i].Name)
	}
	return cfg
}

// schedule is when the arrivals of a workload are due; nil for a closed loop.
func schedule(w *spec.Workload, seed uint64) *load.Schedule {
	if !w.Open() {
		return nil
	}
	rates := []load.Stage{load.Steady(float64(w.Rate))}
	if len(w.Stages) > 0 {
		rates = stages(w, func(s spec.Stage) float64 { return float64(s.Rate) })
	}
	if w.Arrivals == "poisson" {
		return load.Poisson(seed, rates...)
	}
	return load.Constant(rates...)
}

// stages are those of a workload, each at what `of` says. A linear ramp begins at 0.
func stages(w *spec.Workload, of func(spec.Stage) float64) (all []load.Stage) {
	for _, s := range w.Stages {
		all = append(all, load.Stage{For: time.Duration(s.For), From: of(s), To: of(s)})
	}
	if w.Ramp == "linear" {
		return load.Linear(0, all...)
	}
	return all
}

// pgConfig is what a workload sends, and over which connections. The caller adds
// the user and the recorder.
func pgConfig(p *Plan, w *spec.Workload, groups int) pgload.Config {
	url, err := cluster.DSNURL(w.URL)
	if err != nil {
		url = w.URL // what is wrong with it was said of the file, or is said of the workload
	}
	cfg := pgload.Config{
		Workload: w.Name, Work: work(p, w), Target: w.Target, Clients: groups * w.Clients, MaxAbandoned: groups * w.MaxAbandoned,
		Connections: w.Connections, ConnectTimeout: connectTimeout, Route: w.Route, URL: url, Connection: w.Connection,
		Protocol: w.Protocol, Isolation: w.Isolation, ReadOnly: w.ReadOnly, SynchronousCommit: w.SynchronousCommit, Retry: w.Retry,
		OnTimeout: w.OnTimeout,
	}
	for i := range w.Mix {
		part := &w.Mix[i]
		cfg.Mix = append(cfg.Mix, pgload.Part{Name: part.Name, Weight: part.Weight, Work: work(p, &part.Workload)})
	}
	return cfg
}

// work is what one operation does.
func work(p *Plan, w *spec.Workload) pgload.Work {
	out := pgload.Work{
		Kind: w.Kind, Table: w.Table, Serial: p.serial(w.Table), Payload: w.Payload, Rows: w.Rows, Statements: w.Statements, Reads: w.Reads,
		Scale: w.Scale, SQL: w.SQL, Script: w.Script, ScriptName: scriptName(w), Set: w.Set, Pipeline: w.Pipeline,
	}
	for _, g := range w.Params {
		out.Params = append(out.Params, pgload.Param(g))
	}
	return out
}

// scriptName is by what name the errors of a script call it.
func scriptName(w *spec.Workload) string {
	if w.ScriptFile != "" {
		return w.ScriptFile
	}
	return w.Name
}
