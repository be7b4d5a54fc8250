package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"pgchaos/audit"
	"pgchaos/cluster"
	"pgchaos/record"
	"pgchaos/record/ledger"
	"pgchaos/report"
	"pgchaos/spec"
)

// AttachedRun is a run whose own pgchaos has ended, and whose cluster may still be there: it
// was kept, or pgchaos was killed. Make it with Open.
type AttachedRun struct {
	dir    string
	result *report.Result
	stage  report.Stage // how far the run's own pgchaos had come
	plan   *Plan
	access cluster.Access
	forks  map[string][]audit.ForkHolding // what the run has read of them, by table
}

// Open reads what a run has left in its result directory. It is an error when nothing
// there leads to a cluster.
func Open(dir string) (*AttachedRun, error) {
	r, err := report.Read(dir)
	if err != nil {
		return nil, err
	}
	k := &AttachedRun{dir: dir, result: r, stage: r.Stage}
	if r.Afterwards != nil {
		k.stage = r.Afterwards.Stage
	}
	if k.plan, err = planOf(dir, r); err != nil {
		return nil, fmt.Errorf("read the experiment of the run again: %w", err)
	}
	k.access, err = readAccess(dir)
	if err == nil && len(k.access.Nodes) == 0 {
		err = fmt.Errorf("%s names no node", AccessFile)
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: it is removed with the cluster, so that nothing is left to be read", err)
	}
	return k, err
}

// planOf is the plan of a run, from its result.
func planOf(dir string, r *report.Result) (*Plan, error) {
	e, text, err := spec.Load(filepath.Join(dir, report.FileName)+": experiment", []byte(r.Experiment), spec.Options{Resolved: true})
	if err != nil {
		return nil, err
	}
	p, err := NewPlan(e, text, r.Seed)
	if err != nil {
		return nil, err
	}
	return p.withTables(r.Tables)
}

// Audited tells whether the run has audited itself to the end.
func (k *AttachedRun) Audited() bool { return k.stage == report.StageChecked }

// ClusterRun is the id of the run that built the cluster, by which it is found: that of this run, or of an earlier one.
func (k *AttachedRun) ClusterRun() string { return k.result.ClusterRun() }

// Provider is what the run's cluster is on.
func (k *AttachedRun) Provider() string { return k.access.Provider }

// Bin is where the server's programs are.
func (k *AttachedRun) Bin() string { return k.result.Cluster.Bin }

// AuditOptions are what the audit of a run needs that did not come to its own.
type AuditOptions struct {
	Stage func(text string) // receives what the audit is doing now
	// Remedy says of a node that cannot be reached how to bring it back; onlyToRead tells
	// that it must not accept writes, since another node is the primary, or was last.
	Remedy func(node string, onlyToRead bool) string
}

// Audit settles what the run has left, reads every node that can be read, and draws
// the verdict; the result is then on disk, at the last stage. Whatever died with the
// run's pgchaos is in the result, and makes it inconclusive at best.
//
// It waits for the backends of the load, or terminates them, and writes a barrier row;
// it starts, stops and configures nothing. It can be done again, as when a node has
// been brought back. The run's own pgchaos must have ended. An error means that
// nothing was written.
func (k *AttachedRun) Audit(ctx context.Context, o AuditOptions) (*report.Result, error) {
	r := k.result
	book, err := openPromised(k.dir)
	if err != nil {
		return nil, fmt.Errorf("audit %s: %w", k.dir, err)
	}
	if book != nil {
		defer func() { _ = book.Close() }() // it was only read
	}
	if err := k.reload(book); err != nil {
		return nil, fmt.Errorf("audit %s: %w", k.dir, err)
	}
	noted := len(r.Settle)
	s := k.quiescer(o)
	o.Stage("settling: the load's last backends, standbys catching up")
	authority := s.settle(ctx)
	if book != nil {
		o.Stage("auditing every row of every node")
		if err := s.auditAll(ctx, k.plan, k.evidence(book), authority, k.forksOf); err != nil {
			return nil, err
		}
	}
	s.finalStates(s.ask(ctx), time.Since(r.Started))
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("audit %s: %w", k.dir, err)
	}
	for i := range r.Settle[noted:] {
		r.Settle[noted+i].Afterwards = true
	}
	r.Stage = report.StageChecked
	r.Judge(k.plan.Expectations)
	return r, report.Write(k.dir, r)
}

// reload brings the result to where the run's pgchaos left it, whatever an earlier
// audit has made of it, and says what nobody can know any more.
func (k *AttachedRun) reload(book *ledger.Book) error {
	r := k.result
	r.Audits, r.SplitBrain = nil, nil
	r.Settle = slices.DeleteFunc(r.Settle, func(n report.SettleNote) bool { return n.Afterwards })
	a := &report.Afterwards{Stage: k.stage, Until: r.Duration, At: time.Now().UTC()}
	r.Afterwards = a
	j, err := ReadJournal(k.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if j.Damage != "" {
		a.Unknown = append(a.Unknown, j.Damage)
	}
	if err := k.oneRun(j, book); err != nil {
		return err
	}
	if k.stage != report.StageRan {
		written, err := lastOf(book)
		if err != nil {
			return err
		}
		k.replay(j, written)
	}
	if book == nil && len(k.plan.tables()) > 0 {
		a.Unknown = append(a.Unknown, "the run has left no ledger, so it is not known which writes were acknowledged")
	}
	if book != nil && k.stage == report.StageRan {
		if !book.Closed {
			a.Unknown = append(a.Unknown, "the end of the ledger is missing: it had been closed when the load ended")
		}
		book.Damage = append(book.Damage, missingSince(book, r.LedgerFile)...)
	}
	if !j.KeepsForks {
		a.Unknown = append(a.Unknown, k.forgotten()...)
	}
	k.forks, err = k.keptForks(j)
	return err
}

// oneRun wants all files of the directory to be of the same run.
func (k *AttachedRun) oneRun(j Journal, book *ledger.Book) error {
	runs := map[string]string{JournalFile: j.Run}
	if k.access.Run != k.ClusterRun() {
		runs[AccessFile] = k.access.Run
	}
	if book != nil {
		runs[LedgerFile] = book.Run
	}
	for file, run := range runs {
		if run != "" && k.result.Run != "" && run != k.result.Run {
			return fmt.Errorf("%s is of the run %s, and %s of the run %s: put back the files of one run", file, run, report.FileName, k.result.Run)
		}
	}
	return nil
}

func (k *AttachedRun) forksOf(table string) []audit.ForkHolding { return k.forks[table] }

// forgotten says what the pgchaos of a run alone knew that kept no reading of a fork:
// what former primaries had alone, before a step took it from them. A plain restart
// takes nothing.
func (k *AttachedRun) forgotten() (unknown []string) {
	for _, m := range k.result.Timeline {
		if m.Action != "rejoin" || m.Way == cluster.WayRestart {
			continue
		}
		unknown = append(unknown, fmt.Sprintf("what %s had alone before %s is not known any more: the run had read it, and kept it in memory", strings.Join(m.Nodes, ", "), m.Name))
	}
	return unknown
}

// evidence is what the run has recorded. Under what regime a write was acknowledged
// is known only where the states of the nodes are, which a killed run takes along: its
// audit is inconclusive in any case.
func (k *AttachedRun) evidence(book *ledger.Book) audit.Evidence {
	e := audit.Evidence{Book: book, Events: k.result.Timeline, States: byNode(k.result.States), Started: k.result.Started}
	if k.stage == report.StageRan {
		e.Demands = k.plan.demands(k.result.Timeline)
	}
	return e
}

// replay takes the timeline of a load that was broken off from its journal.
func (k *AttachedRun) replay(j Journal, written time.Duration) {
	r, a := k.result, k.result.Afterwards
	if j.Run == "" {
		a.Unknown = append(a.Unknown, "the run's pgchaos ended before its load began")
		return
	}
	a.Until = max(j.Last(), written)
	r.Started, r.Duration, r.Timeline, r.Phases = j.Started, a.Until, j.Events, j.Phases
	r.Phases[len(r.Phases)-1].End = a.Until
	a.Unknown = append(a.Unknown, fmt.Sprintf(
		"pgchaos was ended (by SIGKILL or a crash) %.3f s after the load began, or soon after that (%s): latencies, outages, recoveries, what the nodes did, and what happened since are not known",
		a.Until.Seconds(), r.Started.Add(a.Until).UTC().Format("2006-01-02 15:04:05 UTC")))
	var missing []string
	for _, s := range k.plan.Experiment.Timeline {
		if !slices.ContainsFunc(j.Events, func(m record.Event) bool { return m.Name == s.Name }) {
			missing = append(missing, s.Name)
		}
	}
	if len(missing) > 0 {
		a.Unknown = append(a.Unknown, fmt.Sprintf("%d of %d steps were not begun: %s",
			len(missing), len(k.plan.Experiment.Timeline), strings.Join(missing, ", ")))
	}
}

// quiescer is the cluster that the run has left.
func (k *AttachedRun) quiescer(o AuditOptions) *quiescer {
	s := &quiescer{
		run: k.access.Run, schema: k.access.Schemas(), load: cluster.AppName(k.access.Run, loadApp), notBuilt: map[string]string{}, caughtUp: map[string]struct{}{},
		behind: map[string]struct{}{},
		result: k.result,
	}
	primary := k.lastPromoted()
	s.remedy = func(node string, beside bool) string { return o.Remedy(node, beside || node != primary) }
	met := map[string]*cluster.AttachedNode{}
	for _, n := range cluster.Attach(k.access, filepath.Join(k.dir, Passfile)) {
		if n.Absent() && !k.cloned(n.Name()) {
			s.notBuilt[n.Name()] = "it was to be built by the timeline, and no step is known to have done so"
			continue
		}
		met[n.Name()] = n
		s.members = append(s.members, n)
	}
	s.states = s.ask
	s.readOnly = func(ctx context.Context, node string) bool {
		readOnly, err := met[node].ReadOnly(ctx)
		return err == nil && readOnly // one that has gone meanwhile shows when it is read
	}
	return s
}

// lastPromoted is the node that the run made a primary last, by its timeline and not by what the nodes
// say, for they may be down: any other that was a primary would come back as a second. It is "" where that is not known.
func (k *AttachedRun) lastPromoted() string {
	primary := k.access.Nodes[0].Name
	for _, m := range k.result.Timeline {
		switch {
		case !promotes(m):
		case len(m.Nodes) == 1:
			primary = m.Nodes[0]
		case m.Status == "": // it had begun, and may have had its effect
			primary = ""
		}
	}
	return primary
}

// cloned tells whether a step has built a node.
func (k *AttachedRun) cloned(node string) bool {
	return slices.ContainsFunc(k.result.Timeline, func(m record.Event) bool {
		return m.Action == "clone" && m.Status == record.EventDone && slices.Contains(m.Nodes, node)
	})
}

// ask is what every member says of itself, all asked at once.
func (s *quiescer) ask(ctx context.Context) []record.NodeState {
	states := make([]record.NodeState, len(s.members))
	var wg sync.WaitGroup
	for i, n := range s.members {
		wg.Go(func() { states[i] = n.State(ctx) })
	}
	wg.Wait()
	return states
}

// finalStates keeps what every member said of itself at the end.
func (s *quiescer) finalStates(states []record.NodeState, at time.Duration) {
	for _, st := range states {
		st.At = at
		i := slices.IndexFunc(s.result.States, func(h report.NodeHistory) bool { return h.Node == st.Node })
		if i < 0 {
			i = len(s.result.States)
			s.result.States = append(s.result.States, report.NodeHistory{Node: st.Node})
		}
		s.result.States[i].Final = st
	}
}
