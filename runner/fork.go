package runner

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"pgchaos/audit"
	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/record"
)

// forkLog keeps what nodes held, read before a step took from them what they had alone.
type forkLog struct {
	mu   sync.Mutex
	held map[string][]audit.ForkHolding // by table
	n    int
}

func (f *forkLog) of(table string) []audit.ForkHolding {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.held[table]
}

// add returns the number of the reading, from 1.
func (f *forkLog) add(table string, h audit.ForkHolding) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.held == nil {
		f.held = map[string][]audit.ForkHolding{}
	}
	f.held[table] = append(f.held[table], h)
	f.n++
	return f.n
}

// examineTimeout bounds the reading of one table of a fork.
const examineTimeout = 10 * time.Minute

// examine is a cluster.Examine: it reads every table that is to be audited. What it has
// read is on the disk when it returns, and the step goes on to take it away.
func (r *run) examine(ctx context.Context, n *cluster.Node, state record.NodeState, failed error) {
	var own record.Lineage // unknown where it cannot be read
	if failed == nil {
		own, _ = lineageOf(ctx, n)
	}
	step := cmp.Or(chaos.StepName(ctx), r.stepName()) // of several that go on at once, the one that takes it away
	for _, table := range r.plan.tables() {
		h := audit.ForkHolding{Node: n.Name(), Step: step, Timeline: state.Timeline, Read: r.clock.Now(), Lineage: own}
		if failed != nil {
			h.Why = failed.Error()
		} else {
			ctx, cancel := context.WithTimeout(ctx, examineTimeout)
			h.Holding, h.Why = read(ctx, n, table)
			cancel()
		}
		note := forkNote{File: fmt.Sprintf("fork-%d.json", r.forks.add(table.Name, h)), Node: h.Node, Step: h.Step, Table: table.Name}
		if err := writeFork(r.Out, note.File, r.Run, table.Name, h); err != nil {
			note.Error = err.Error() // for an audit after a kill; this run has it in memory
			r.logf("%s: what it had alone: %v", n.Name(), err)
		}
		r.journal.fork(note)
	}
}

// forkNote is the journal's word of a reading.
type forkNote struct {
	File  string `json:"file"`
	Node  string `json:"node"`
	Step  string `json:"step"`
	Table string `json:"table"`
	Error string `json:"error,omitempty"` // why the file was not written
}

// keptForks are the readings that a run has left, by table: those that its journal tells
// of, and any beside, written in the moment before a kill. One that cannot be read is
// one of a fork that was not read.
func (k *AttachedRun) keptForks(j Journal) (map[string][]audit.ForkHolding, error) {
	files, err := filepath.Glob(filepath.Join(k.dir, forkFiles))
	if err != nil {
		return nil, fmt.Errorf("look for what was read of forks: %w", err)
	}
	notes := slices.Clone(j.Forks)
	for _, file := range files {
		name := filepath.Base(file)
		if !slices.ContainsFunc(notes, func(n forkNote) bool { return n.File == name }) {
			notes = append(notes, forkNote{File: name})
		}
	}
	forks := map[string][]audit.ForkHolding{}
	for _, note := range notes {
		table, h, err := readFork(k.dir, note.File, k.result.Run)
		if err == nil {
			forks[table] = append(forks[table], h)
			continue
		}
		h = audit.ForkHolding{
			Node: cmp.Or(note.Node, "a node"), Step: note.Step,
			Why: "the run had read it, and what it read is not to be had: " + cmp.Or(note.Error, err.Error()),
		}
		for _, t := range k.plan.tables() {
			if note.Table == "" || note.Table == t.Name { // nobody knows of which
				forks[t.Name] = append(forks[t.Name], h)
			}
		}
	}
	return forks, nil
}
