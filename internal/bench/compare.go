package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// comparison is ours against pgbench's in one setting.
type comparison struct {
	name       string
	script     string
	job        job
	statements int  // of an operation: ours counts a batch as one, and so does pgbench
	apart      bool // the client has one core, and the server the others
	share      float64
}

// comparisons are all settings: closed loops, then open loops at a share of what pgbench
// reaches in a closed one.
func comparisons() (all []comparison) {
	statements := []comparison{
		{name: "select 1", script: selectScript, job: job{Kind: "sql", SQL: "select 1", Pipeline: 1}, statements: 1},
		{name: "insert", script: insertScript, job: job{Kind: "insert", Pipeline: 1}, statements: 1},
	}
	add := func(c comparison, clients int, apart bool, share float64) {
		cores, model := "same cores", "closed loop"
		if apart {
			cores = "cores apart"
		}
		if share > 0 {
			model = fmt.Sprintf("open loop at %.0f %% of capacity", 100*share)
		}
		c.name = fmt.Sprintf("%s, %s, %d clients, %s", model, c.name, clients, cores)
		c.job.Clients, c.job.Poisson, c.apart, c.share = clients, true, apart, share
		all = append(all, c)
	}
	places := []bool{false}
	if len(processors()) > 1 {
		places = append(places, true)
	}
	for _, apart := range places {
		for _, c := range statements {
			for _, clients := range []int{1, 8, 32, 128} {
				add(c, clients, apart, 0)
			}
		}
	}
	add(comparison{name: "batches of 20 select 1", script: pipelineScript(20), statements: 20,
		job: job{Kind: "sql", SQL: "select 1", Pipeline: 20}}, 8, false, 0)
	for _, apart := range places {
		for _, c := range statements {
			add(c, 32, apart, 0.8)
		}
	}
	return all
}

// The demands on a comparison.
const (
	leastThroughput = 1.0
	mostCPU         = 1.1
	leastAchieved   = 0.99 // of what pgbench achieves at the same rate
	lagAllowed      = 100 * time.Microsecond
)

const (
	closedCells = 4
	openCells   = 5
	closedHead  = "| closed loop | throughput, ours / pgbench: at least 1.0 | CPU of the client an operation, ours / pgbench: at most 1.1 | ours, operations/s | pgbench, transactions/s | |\n|---|---|---|---|---|---|\n"
	openHead    = "| open loop, Poisson arrivals | achieved, ours / pgbench: at least 0.99 | CPU of the client an operation, ours / pgbench: at most 1.1 | ours: mean time from due to sent, at most pgbench's and 0.1 ms | pgbench: the same | asked | |\n|---|---|---|---|---|---|---|\n"
)

func comparisonLine(r row) string {
	return fmt.Sprintf("| %s | %s | %s |\n", r.what, strings.Join(r.pair, " | "), strings.ToLower(r.verdict()))
}

// String is a row as it is printed while the benchmark runs.
func (r row) String() string {
	if r.pair != nil {
		return fmt.Sprintf("%s: %s: %s", r.what, strings.Join(r.pair, "; "), r.verdict())
	}
	return fmt.Sprintf("%s: %s (demanded %s) %s", r.what, r.measured, r.demanded, r.verdict())
}

// pairs are the runs of one comparison.
type pairs struct {
	rates, costs   spread // ours / pgbench
	ours, theirs   spread // operations a second
	lag, lagTheirs spread // milliseconds

	span time.Duration // of each run
	// What connecting takes both, in CPU time, and how long it takes pgbench. It is no part of
	// the figures.
	idle, idleTheirs, connected time.Duration
}

// theirSpan is how long pgbench runs: it counts the time in which it connects, and rounds to
// seconds.
func (p *pairs) theirSpan() time.Duration {
	return (p.span + p.connected + time.Second - 1).Truncate(time.Second)
}

// idle runs both for one operation of each client, which costs what connecting costs.
func (c comparison) idle(ctx context.Context, b *bench, client []int, p *pairs) error {
	var ours, theirs spread
	for range 3 {
		j := c.job
		j.Operations = j.Clients
		_, o, err := b.ours(ctx, c.name, client, j)
		if err != nil {
			return err
		}
		t, err := b.pgbench(ctx, pgbenchRun{script: c.script, on: client, clients: j.Clients})
		if err != nil {
			return err
		}
		ours, theirs = append(ours, float64(o.cpu)), append(theirs, float64(t.cpu))
		p.connected = max(p.connected, t.connected)
	}
	p.idle, p.idleTheirs = time.Duration(ours.median()), time.Duration(theirs.median())
	return nil
}

// take runs both in turns.
func (c comparison) take(ctx context.Context, b *bench) (rows []row, err error) {
	if err := b.emptyTable(ctx); err != nil {
		return nil, err
	}
	client, all := processors(), processors()
	if c.apart {
		if err := b.server.keepTo(all[1:]); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, b.server.keepTo(all)) }()
		client = all[:1]
	}
	p := pairs{span: b.span}
	if err := c.idle(ctx, b, client, &p); err != nil {
		return nil, err
	}
	if c.share > 0 {
		if c.job.Rate, err = c.rate(ctx, b, client, p.theirSpan()); err != nil {
			return nil, err
		}
	}
	for round := range b.rounds {
		if err := c.pair(ctx, b, client, round, &p); err != nil {
			return nil, err
		}
	}
	return []row{c.row(&p)}, nil
}

// rate is the share of what pgbench reaches in a closed loop.
func (c comparison) rate(ctx context.Context, b *bench, client []int, span time.Duration) (float64, error) {
	var reached spread
	for range 3 {
		o, err := b.pgbench(ctx, pgbenchRun{script: c.script, on: client, clients: c.job.Clients, span: span})
		if err != nil {
			return 0, err
		}
		reached = append(reached, o.perSecond)
	}
	return float64(int(c.share * reached.median())), nil
}

// pair runs ours and pgbench once each.
func (c comparison) pair(ctx context.Context, b *bench, client []int, round int, p *pairs) error {
	j := c.job
	j.Span = b.span
	var ours, theirs outcome
	run := []func() error{
		func() (err error) { _, ours, err = b.ours(ctx, c.name, client, j); return err },
		func() (err error) {
			theirs, err = b.pgbench(ctx, pgbenchRun{script: c.script, on: client, clients: j.Clients, rate: j.Rate, span: p.theirSpan()})
			return err
		},
	}
	if round%2 == 1 { // the first has the quieter caches
		slices.Reverse(run)
	}
	var server [2]time.Duration
	for i, one := range run {
		before := b.server.cpu()
		if err := one(); err != nil {
			return err
		}
		time.Sleep(50 * time.Millisecond) // its processes for the clients end
		server[(i+round)%2] = b.server.cpu() - before
	}
	ours.cpu, theirs.cpu = ours.cpu-p.idle, theirs.cpu-p.idleTheirs
	p.rates, p.costs = append(p.rates, ours.perSecond/theirs.perSecond), append(p.costs, ours.perMillion()/theirs.perMillion())
	p.ours, p.theirs = append(p.ours, ours.perSecond), append(p.theirs, theirs.perSecond)
	p.lag, p.lagTheirs = append(p.lag, ours.lag.Seconds()*1000), append(p.lagTheirs, theirs.lag.Seconds()*1000)
	b.logf("ours %s; pgbench %s; server %.2f and %.2f CPU-s per million", ours.text(), theirs.text(),
		server[0].Seconds()/ours.done*1e6, server[1].Seconds()/theirs.done*1e6)
	return nil
}

func (c comparison) row(p *pairs) row {
	name := c.name[strings.Index(c.name, ", ")+2:] // the table's head has the model
	cheap := c.statements > 1 || p.costs.median() <= mostCPU
	if c.share == 0 {
		return row{what: name, met: cheap && p.rates.median() >= leastThroughput,
			pair: []string{p.rates.text("%.2f"), p.costs.text("%.2f"), p.ours.text("%.0f"), p.theirs.text("%.0f")}}
	}
	return row{what: name, met: cheap && p.rates.median() >= leastAchieved && p.lag.median() <= p.lagTheirs.median()+lagAllowed.Seconds()*1000,
		pair: []string{p.rates.text("%.3f"), p.costs.text("%.2f"), p.lag.text("%.2f") + " ms", p.lagTheirs.text("%.2f") + " ms", fmt.Sprintf("%.0f/s", c.job.Rate)}}
}
