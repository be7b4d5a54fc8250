package runner

import (
	"errors"
	"fmt"

	"pgchaos/audit"
	"pgchaos/chaos/fault"
	"pgchaos/record/ledger"
	"pgchaos/report"
)

// ErrRegimeUnknown is of a run that was broken off: what the nodes' commits waited for was
// not written yet.
var ErrRegimeUnknown = errors.New("the run was broken off, and what its commits waited for is not known")

// WeakBy tells of the acknowledgements of a run whether they were weak, by the result in its directory.
func WeakBy(dir string, r *report.Result) (func(workload string, e *ledger.Entry) bool, error) {
	p, err := planOf(dir, r)
	if err != nil {
		return nil, fmt.Errorf("read the experiment of the run: %w", err)
	}
	stage := r.Stage
	if r.Afterwards != nil {
		stage = r.Afterwards.Stage
	}
	if stage == report.StagePlanned {
		if p.demanding() {
			return nil, ErrRegimeUnknown
		}
		return func(string, *ledger.Entry) bool { return false }, nil
	}
	why, err := audit.WeakBy(audit.Evidence{
		Events: r.Timeline, Demands: p.demands(r.Timeline), States: byNode(r.States), Started: r.Started, Commits: p.commits(),
	})
	if err != nil {
		return nil, err
	}
	return func(workload string, e *ledger.Entry) bool { return why(workload, e) != "" }, nil
}

// demanding tells whether the experiment demands anything of synchronous replication, at any time.
func (p *Plan) demanding() bool {
	e := p.Experiment
	if e.Cluster.Synchronous != nil {
		return true
	}
	for i := range e.Timeline {
		if c, ok := e.Timeline[i].Parameters().(*fault.Configure); ok && c.Synchronous != nil {
			return true
		}
		if r, ok := e.Timeline[i].Parameters().(fault.Demanding); ok && r.Demanded() != nil {
			return true
		}
	}
	return false
}
