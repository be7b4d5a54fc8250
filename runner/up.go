package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pgchaos/cluster"
	"pgchaos/report"
)

// up builds the cluster and everything that the load needs, and writes the
// "planned" result.
func (r *run) up(ctx context.Context) (err error) {
	building, cancel := context.WithTimeout(ctx, upTimeout)
	defer cancel()
	r.doing.Store(isBuilding)
	if r.use.RunsBefore == 0 {
		r.stage(r.buildingText() + nodeCount(r.plan.built()))
	}
	begin := time.Now()
	if r.cluster, err = r.session.build(building, r.plan); err != nil {
		var notMet *notMetError
		if errors.As(err, &notMet) && building.Err() == nil { // nothing of pgchaos's has failed
			r.result.Stopped = err.Error()
			return errStopped
		}
		return err
	}
	took := time.Since(begin)
	if err := r.prepare(ctx); err != nil {
		return fmt.Errorf("prepare the load: %w", err)
	}
	what := "up and streaming in " + took.Round(10*time.Millisecond).String()
	if r.use.RunsBefore > 0 {
		took, what = 0, "used again" // how long it takes to build one is not known
	}
	r.result.Cluster = describeCluster(r.plan, r.cluster, r.Bin, took)
	r.result.Cluster.ClusterUse = r.use
	r.measureMachine(building)
	r.say(fmt.Sprintf("%s of PostgreSQL %s %s", nodeCount(r.plan.built()), r.cluster.Version(), what))
	if err := r.session.begin(r); err != nil {
		return err
	}
	return r.write(report.StagePlanned)
}

// prepare makes what the load needs, unless a bound of the cluster stops it: that is an errStopped.
func (r *run) prepare(ctx context.Context) error {
	primary := r.cluster.Nodes()[0]
	if r.cluster.Met() {
		r.plan = r.plan.inSchema(r.cluster.Schema())
	}
	ctx, end := r.guardPreparation(ctx, primary)
	err := r.makeLoadTables(ctx, primary)
	if end(); r.result.Stopped != "" {
		return errStopped
	}
	return err
}

// makeLoadTables runs the file's setup, however long that takes, makes the load's tables, and waits until every standby has them: a
// read that comes before its table would be an error without a cause in the experiment.
func (r *run) makeLoadTables(ctx context.Context, primary *cluster.Node) error {
	took, err := runSetup(ctx, r.plan.Experiment, primary, r.stage)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, upTimeout+took)
	defer cancel()
	if err := r.prepareTables(ctx, primary); err != nil {
		return err
	}
	barrier, err := writeBarrier(ctx, primary, r.cluster.Schema(), r.Run)
	if err != nil {
		return err
	}
	ctx, cancel = context.WithTimeout(ctx, tablesTimeout+took)
	defer cancel()
	for _, n := range r.present() {
		if n == primary {
			continue
		}
		if err := awaitBarrier(ctx, n, barrier); err != nil {
			// One that is delayed on purpose must not keep the run from beginning.
			r.note(n.Name(), "did not have the load's tables yet when the load began: "+err.Error())
		}
	}
	return nil
}
