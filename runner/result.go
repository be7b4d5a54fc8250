package runner

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/mem"

	"pgchaos/audit"
	"pgchaos/cluster"
	"pgchaos/outage"
	"pgchaos/record"
	"pgchaos/report"
	"pgchaos/verdict"
)

// newResult is the result before anything has happened.
func newResult(p *Plan, o Options, m opened) *report.Result {
	e := p.Experiment
	return &report.Result{
		Schema: report.Schema, Tool: o.Tool, Run: m.Run, Name: e.Name, Description: e.Description,
		Started: time.Now(), Seed: p.Seed, Command: o.Command, Experiment: string(p.Text), Host: describeHost(o.Host),
		Variant: o.Variant,
		Cluster: report.Cluster{Provider: e.Cluster.Provider, Bin: m.Bin},
	}
}

// began says what the run is.
func (r *run) began() RunBegan {
	e := r.plan.Experiment
	return RunBegan{
		Run: r.Run, Experiment: e.Name, Provider: e.Cluster.Provider, Tool: r.Tool, Seed: r.plan.Seed, Variant: r.Variant,
		Workloads: e.Load.Names(),
	}
}

// describeHost describes this machine; name is what it is called, "" what it calls itself.
func describeHost(name string) report.Host {
	h := report.Host{OS: runtime.GOOS + "/" + runtime.GOARCH, CPUs: runtime.NumCPU()}
	if m, err := mem.VirtualMemory(); err == nil {
		h.Memory = m.Total
	}
	if all, err := cpu.Info(); err == nil && len(all) > 0 {
		h.CPU = all[0].ModelName
	}
	if h.Name = name; name == "" {
		h.Name, _ = os.Hostname() // "" where it is unknown
	}
	return h
}

func describeCluster(p *Plan, c *cluster.Cluster, bin string, took time.Duration) report.Cluster {
	notes := c.Provider().UsageNotes
	out := report.Cluster{
		Provider: p.Experiment.Cluster.Provider, Postgres: c.Version(), Bin: bin, UpIn: took, UsageNotes: &notes, Warnings: c.Warnings(), Unnamed: c.Unnamed(),
	}
	if d := p.Experiment.Cluster.Docker; d != nil {
		out.NodeCPUs, out.NodeMemory = float64(d.CPUs)/1e9, int64(d.Memory)
	}
	for _, n := range c.Nodes() {
		address := ""
		if !n.Unread() {
			address = n.Address().String()
		}
		out.Nodes = append(out.Nodes, report.ClusterNode{
			Name: n.Name(), Address: address, Settings: n.Settings(), Absent: n.Absent() && !n.Unread(), Unread: n.Unread(),
		})
		for from := range n.Relays() {
			out.Relays = append(out.Relays, from.String()+" -> "+n.Name())
		}
	}
	slices.Sort(out.Relays)
	return out
}

// collect puts what load, timeline and watchers recorded into the result.
func (r *run) collect() error {
	r.result.Phases = r.phases.all()
	r.result.Timeline = r.events()
	r.result.States = r.histories()
	// Before the faults are taken back: whom nobody could reach until then was no rival.
	r.result.TwoWritable = audit.TwoWritable(byNode(r.result.States))
	var activity []outage.Activity
	var nodes []string
	for _, n := range r.cluster.Nodes() {
		nodes = append(nodes, n.Name())
	}
	for _, w := range r.loads.list {
		rec := r.loads.record(w)
		described, err := describeWorkload(&w.spec, w.groups, &rec)
		if err != nil {
			return err
		}
		for _, share := range r.plan.Experiment.Shares {
			if share.Workload == described.Name {
				described.RateShare = float64(share.Share)
			}
		}
		if described.Reads, err = r.describeReads(w, nodes); err != nil {
			return err
		}
		r.result.Workloads = append(r.result.Workloads, described)
		activity = append(activity, describeActivity(w.spec, w.pg.Writes(), nodes, rec))
	}
	if r.seeUnreached(activity); len(r.line.Events()) > len(r.result.Timeline) {
		r.result.Timeline = r.events()
	}
	r.unasked()
	r.baselines()
	if r.result.Generator != nil {
		r.result.Generator.Warnings = suspects(r.result.Generator, r.result.Workloads)
	}
	r.result.Outages = outage.Outages(activity, r.result.Timeline, r.result.Duration)
	r.result.Downtimes = outage.Downtimes(activity, r.result.Timeline, r.result.Phases, r.result.Duration)
	r.result.Forks = r.readings.forks()
	r.result.NodeSeries = r.watch.Series()
	course := outage.Course{Activity: activity, Events: r.result.Timeline, Demands: r.watch.Demands(), Series: r.result.NodeSeries, End: r.result.Duration}
	for _, n := range r.result.States {
		course.States = append(course.States, n.States...)
	}
	r.result.Recoveries = outage.Recoveries(course)
	usage, errs := r.watch.Usage()
	r.result.Usage = thinUsage(usage, r.result.Phases, r.result.Duration)
	for node, err := range errs {
		if lacksCapability(err) {
			continue
		}
		r.note(node, "its resource use could not always be read: "+err.Error())
	}
	return nil
}

// events are what has happened so far, what was seen until now included.
func (r *run) events() []record.Event {
	r.seeIncidents(context.Background())
	events := r.line.Events()
	late := slices.ContainsFunc(events, func(m record.Event) bool { return m.Action == "unreachable" }) // which is known at the end
	if late || r.plan.Experiment.Branches() {                                                           // else they are over in the order in which they were issued
		slices.SortStableFunc(events, func(a, b record.Event) int { return cmp.Compare(a.Issued, b.Issued) })
	}
	return events
}

// histories are what the nodes have said of themselves so far, in their order.
func (r *run) histories() (all []report.NodeHistory) {
	for _, n := range r.cluster.Nodes() {
		all = append(all, report.NodeHistory{Node: n.Name(), States: r.watch.History(n.Name())})
	}
	return all
}

// lacksCapability tells whether an error says only that the provider cannot do something.
func lacksCapability(err error) bool {
	var lacks *cluster.LacksError
	return errors.As(err, &lacks)
}

// judge draws the verdict from all that is known now.
func (r *run) judge() {
	r.result.Judge(r.plan.Expectations)
}

// write puts the result on disk, as of a stage.
func (r *run) write(stage report.Stage) error {
	r.result.Stage = stage
	if stage != report.StagePlanned {
		r.judge()
	}
	if err := report.Write(r.Out, r.result); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

// logLines bounds what the report quotes of one node's log.
const logLines = 12

// keepLogs copies the nodes' logs into the result directory and quotes the lines
// that matter, when the run did not go well.
func (r *run) keepLogs(ctx context.Context) error {
	r.judge()
	if r.result.Verdict == verdict.Pass {
		return nil
	}
	whole := ctx
	ctx, cancel := context.WithTimeout(ctx, removeTimeout)
	defer cancel()
	var errs []error
	for _, n := range r.cluster.Nodes() {
		if n.Unread() {
			continue
		}
		log, err := n.Log(ctx)
		if whole.Err() != nil {
			return nil // a second interrupt leaves the logs with their nodes, and the result says what is left
		}
		if lacksCapability(err) {
			continue
		}
		if err != nil || len(bytes.TrimSpace(log)) == 0 {
			errs = append(errs, err)
			continue
		}
		file := filepath.Join("logs", n.Name()+".log")
		log = []byte(r.result.Secrets.Text(string(log)))
		if err := keepFile(r.Out, file, log); err != nil {
			errs = append(errs, err)
			continue
		}
		if lines := report.Excerpt(log, logLines); len(lines) > 0 {
			r.result.Logs = append(r.result.Logs, report.LogExcerpt{Node: n.Name(), File: file, Lines: lines})
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("keep the nodes' logs: %w", err)
	}
	return nil
}
