package runner

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/cluster"
	"pgchaos/internal/endsession"
	"pgchaos/report"
)

// How often the round trip is measured, and for how long at most.
const (
	roundTrips    = 51
	roundTripsFor = 300 * time.Millisecond
)

// machine is what results on different machines differ in. What could not be measured is nil or 0.
type machine struct {
	fsync     *report.Fsync
	roundTrip time.Duration
}

// measureMachine measures, before the load, how long a sync of the primary's disk takes and a round trip to it. A cluster
// that is used again is not measured again. What cannot be measured is not known, and no error.
func (r *run) measureMachine(ctx context.Context) {
	if m := &r.session.machine; r.use.RunsBefore == 0 {
		r.stage("measuring fsync and the round trip")
		*m = machine{}
		primary := r.cluster.Nodes()[0]
		if f, err := primary.FsyncTime(ctx); err == nil {
			m.fsync = &report.Fsync{Method: f.Method, Time: f.Time}
		} else if !lacksCapability(err) {
			r.logf("%v", err)
		}
		var err error
		if m.roundTrip, err = roundTrip(ctx, primary); err != nil {
			r.logf("measure the round trip to %s: %v", primary.Name(), err)
		}
	}
	r.result.Cluster.Fsync, r.result.Cluster.RoundTrip = r.session.machine.fsync, r.session.machine.roundTrip
}

// roundTrip is the median time of an empty query.
func roundTrip(ctx context.Context, n *cluster.Node) (time.Duration, error) {
	conn, err := pgx.Connect(ctx, n.ConnString(n.Credentials().Load, "round-trip"))
	if err != nil {
		return 0, fmt.Errorf("connect as the load's user: %w", err)
	}
	defer endsession.Within(goodbye, conn)
	var times []time.Duration
	for begun := time.Now(); len(times) < roundTrips && (len(times) < 3 || time.Since(begun) < roundTripsFor); {
		sent := time.Now()
		if err := conn.Ping(ctx); err != nil {
			return 0, err
		}
		times = append(times, time.Since(sent))
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}
