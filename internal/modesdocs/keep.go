package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"pgchaos/compare"
	"pgchaos/report"
	"pgchaos/series"
)

const keptSchema = "pgchaos.kept-series/1"

// kept is what is kept of a series: what the page needs, and nothing that names the machine or its user.
type kept struct {
	Schema       string              `json:"schema"`
	Name         string              `json:"name"` // the experiment's
	Command      []string            `json:"command"`
	Tool         string              `json:"tool"`
	Started      time.Time           `json:"started"`
	Took         time.Duration       `json:"took_ns"` // of all runs
	Rounds       int                 `json:"rounds"`
	WarmupRounds int                 `json:"warmup_rounds,omitempty"`
	Runs         int                 `json:"runs"`           // that were done, without those of warm-up rounds
	Left         int                 `json:"left,omitempty"` // not done, or failed
	Seed         uint64              `json:"seed"`           //
	Capacity     map[string]float64  `json:"capacity,omitempty"`
	Machine      machine             `json:"machine"`
	Beside       string              `json:"beside,omitempty"` // what else the machine did; "": nothing
	Comparison   *compare.Comparison `json:"comparison"`
}

// machine is where a series ran.
type machine struct {
	OS        string `json:"os"`
	CPU       string `json:"cpu,omitempty"`
	CPUs      int    `json:"cpus"`
	Memory    uint64 `json:"memory_bytes,omitempty"`
	Provider  string `json:"provider"`
	Postgres  string `json:"postgres"`
	Nodes     int    `json:"nodes"`
	Fsync     span   `json:"fsync"`
	FsyncBy   string `json:"fsync_method,omitempty"`
	RoundTrip span   `json:"round_trip"`
}

// span is what was measured in several runs. The zero value was not measured.
type span struct {
	Least  time.Duration `json:"least_ns,omitempty"`
	Median time.Duration `json:"median_ns,omitempty"`
	Most   time.Duration `json:"most_ns,omitempty"`
}

func spanOf(values []time.Duration) span {
	if len(values) == 0 {
		return span{}
	}
	slices.Sort(values)
	return span{values[0], values[len(values)/2], values[len(values)-1]}
}

// keep reads a series and compares its variants.
func keep(dir string) (*kept, error) {
	s, err := series.Read(dir)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(chapters(), func(c chapter) bool { return c.name == s.Name }) {
		return nil, fmt.Errorf("it is of the experiment %s, of which the page has no chapter", s.Name)
	}
	k := &kept{
		Schema: keptSchema, Name: s.Name, Command: s.Command, Tool: s.Tool, Started: s.Started.UTC(),
		Rounds: s.Rounds, WarmupRounds: s.WarmupRounds, Seed: s.Seed, Capacity: s.Capacity,
	}
	columns, err := k.columns(s)
	if err != nil {
		return nil, err
	}
	o := compare.Options{Baseline: s.Baseline, Tolerance: float64(s.Tolerance)}
	for _, m := range s.Metrics {
		o.Family = append(o.Family, compare.Declared{Metric: m.Metric, Tolerance: float64(m.Tolerance)})
	}
	k.Comparison, err = compare.Compare(columns, o)
	return k, err
}

// withoutPhases is what is kept as JSON: not the metrics of phases and single faults that nobody declared, which are most
// of a comparison, and are in the CSV.
func (k *kept) withoutPhases() *kept {
	c := *k.Comparison
	c.Cells = slices.Clone(c.Cells)
	for i := range c.Cells {
		c.Cells[i].Rows = slices.DeleteFunc(slices.Clone(c.Cells[i].Rows), func(r compare.Row) bool { return r.Exploratory && r.During != "" })
	}
	own := *k
	own.Comparison = &c
	return &own
}

// columns reads the runs of each variant, in the order of the file, and what they say about the machine.
func (k *kept) columns(s *series.Series) (columns []compare.Column, _ error) {
	var fsync, roundTrip []time.Duration
	for i := range s.Variants {
		if v := &s.Variants[i]; !slices.ContainsFunc(columns, func(c compare.Column) bool { return c.Name == v.Name }) {
			columns = append(columns, compare.Column{Name: v.Name})
		}
	}
	for i := range s.Runs {
		run := &s.Runs[i]
		if run.Status != series.Done {
			k.Left++
			continue
		}
		r, err := report.Read(s.Path(run))
		if err != nil {
			return nil, err
		}
		k.Took += run.Took
		if !run.Warmup {
			k.Runs++
		}
		k.Machine.OS, k.Machine.CPU, k.Machine.CPUs, k.Machine.Memory = r.Host.OS, r.Host.CPU, r.Host.CPUs, r.Host.Memory
		k.Machine.Provider, k.Machine.Postgres, k.Machine.Nodes = r.Cluster.Provider, r.Cluster.Postgres, len(r.Cluster.Nodes)
		if f := r.Cluster.Fsync; f != nil {
			fsync, k.Machine.FsyncBy = append(fsync, f.Time), f.Method
		}
		if r.Cluster.RoundTrip > 0 {
			roundTrip = append(roundTrip, r.Cluster.RoundTrip)
		}
		at := slices.IndexFunc(columns, func(c compare.Column) bool { return c.Name == run.Variant })
		if at < 0 {
			return nil, fmt.Errorf("%s is of the variant %q, which the series does not have", run.Dir, run.Variant)
		}
		columns[at].Runs = append(columns[at].Runs, compare.Of(r))
	}
	if k.Runs == 0 {
		return nil, errors.New("no run of it is done")
	}
	k.Machine.Fsync, k.Machine.RoundTrip = spanOf(fsync), spanOf(roundTrip)
	return columns, nil
}
