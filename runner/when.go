package runner

import (
	"context"
	"fmt"
	"slices"
	"time"

	"pgchaos/cluster/observe"
	"pgchaos/expect"
	"pgchaos/load"
	"pgchaos/record"
)

// awaiter waits until a condition of a step holds, and says what was read then.
type awaiter func(ctx context.Context, c expect.Condition, within time.Duration) (seen string, err error)

// await is an awaiter by the watcher's readings and the load's figures.
func (r *run) await(ctx context.Context, c expect.Condition, within time.Duration) (seen string, err error) {
	f := r.watch.Follow()
	defer f.End()
	return await(ctx, r.clock, f, r.loads, r.scene.HolderNow, c, within)
}

// follower is what await needs of an observe.Follower.
type follower interface {
	Ready() <-chan struct{}
	Now() []observe.Followed
}

// figures are what await needs of the load.
type figures interface {
	recent(workload string, from, to time.Duration) (load.Recent, bool)
	acknowledged(workload string) (int64, bool)
}

// holder is the node that holds a role by readings of one moment; "" and the reason where none is known to.
type holder func(role string, states []record.NodeState) (node, why string)

// figuresEvery is how often a condition about the load is looked at, also where no node can be read. Most of its figures change
// once a second.
const figuresEvery = 100 * time.Millisecond

// await looks at a condition after each reading of a node, at most within. The error says what was read instead.
func await(ctx context.Context, clock record.Clock, f follower, loads figures, roles holder, c expect.Condition, within time.Duration) (seen string, err error) {
	waiting, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	w, now := c.Wait(), &conditionReadings{loads: loads, roles: roles}
	tick := time.NewTicker(figuresEvery)
	defer tick.Stop()
	for {
		now.nodes = f.Now()
		now.renew(clock.Now())
		if w.Look(now.at, now) {
			return w.Met(), nil
		}
		select {
		case <-f.Ready():
		case <-tick.C:
		case <-waiting.Done():
			if ctx.Err() != nil {
				return "", ctx.Err()
			}
			return "", fmt.Errorf("%s did not hold within %s: %s", c.Text, within, w.Unmet())
		}
	}
}

// conditionReadings are what a condition is held against: the newest readings of the nodes, and the load's figures.
type conditionReadings struct {
	at    time.Duration
	nodes []observe.Followed
	loads figures
	roles holder
	// measured are figures of the load, as of measuredAt: to sum them up takes long for what is done after each reading.
	measured   map[string]expect.Value
	measuredAt time.Duration
}

// renew notes the moment, and forgets what was measured too long ago.
func (r *conditionReadings) renew(at time.Duration) {
	if r.at = at; r.measured == nil || at-r.measuredAt >= figuresEvery {
		r.measured, r.measuredAt = map[string]expect.Value{}, at
	}
}

func unknownReading(format string, args ...any) expect.Value {
	return expect.Value{Why: fmt.Sprintf(format, args...)}
}

func knownNumber(n float64) expect.Value { return expect.Value{Known: true, Number: n} }

// Reading is as expect.Readings has it.
func (r *conditionReadings) Reading(c *expect.Comparison) expect.Value {
	if c.Subject == expect.OfWorkload {
		v, measured := r.measured[c.String()]
		if !measured {
			v = r.measure(c)
			r.measured[c.String()] = v
		}
		return v
	}
	i := slices.IndexFunc(r.nodes, func(n observe.Followed) bool { return n.Name == c.Of || c.Of == "" && n.Writable })
	switch {
	case i < 0 && c.Of == "":
		return unknownReading("no node was read that accepts writes")
	case i < 0:
		return r.roleReading(c)
	case r.nodes[i].Absent:
		return unknownReading("%s has not been built", c.Of)
	}
	return nodeReading(c, &r.nodes[i])
}

// roleReading is a quantity of the node that holds a role by the newest readings: it can be another one at each look.
func (r *conditionReadings) roleReading(c *expect.Comparison) expect.Value {
	var states []record.NodeState
	for i := range r.nodes {
		if !r.nodes[i].Absent {
			states = append(states, r.nodes[i].Own)
		}
	}
	node, why := r.roles(c.Of, states)
	i := slices.IndexFunc(r.nodes, func(n observe.Followed) bool { return n.Name == node })
	if i < 0 {
		return unknownReading("%s", why)
	}
	v := nodeReading(c, &r.nodes[i])
	v.Node = node
	return v
}

// nodeReading is a quantity of a node.
func nodeReading(c *expect.Comparison, n *observe.Followed) expect.Value {
	silent := unknownReading("%s did not answer", n.Name)
	switch c.Quantity {
	case "role":
		if n.Sample.Role == "" {
			return silent
		}
		return expect.Value{Known: true, Text: string(n.Sample.Role)}
	case "sync_state":
		switch {
		case n.Sample.SyncState != "":
			return expect.Value{Known: true, Text: n.Sample.SyncState}
		case n.LineKnown:
			return expect.Value{Known: true, Text: "not connected"}
		}
		return unknownReading("the primary of %s was not read", n.Name)
	case "streaming":
		if n.Streaming == nil {
			return unknownReading("%s or its primary was not read", n.Name)
		}
		return expect.Value{Known: true, Bool: *n.Streaming}
	case "lag":
		if n.Sample.LagBytes == nil {
			return unknownReading("the position of %s or of the primary is not known", n.Name)
		}
		return knownNumber(float64(*n.Sample.LagBytes))
	case "replay_lag":
		if n.Sample.Lag == nil {
			return unknownReading("the position of %s or of the primary is not known", n.Name)
		}
		return knownNumber(n.Sample.Lag.Seconds())
	}
	switch {
	case !n.Up:
		return silent
	case c.Quantity == "sync_waiters":
		return knownNumber(float64(n.Sample.SyncWaiters))
	case c.Quantity == "connections":
		return knownNumber(float64(n.Sample.Connections))
	}
	return unknownReading("pgchaos does not read %s", c.Quantity)
}

// measure is a quantity of a workload: of the last complete second or, of what is counted, since its first start.
func (r *conditionReadings) measure(c *expect.Comparison) expect.Value {
	if c.Quantity == "acknowledged" {
		n, ok := r.loads.acknowledged(c.Of)
		if !ok {
			return unknownReading("there is no workload %s", c.Of)
		}
		return knownNumber(float64(n))
	}
	end := r.at.Truncate(time.Second)
	of, ok := r.loads.recent(c.Of, end-time.Second, end)
	if !ok {
		return unknownReading("%s has not run for a whole second", c.Of)
	}
	v := recentValue(c.Expectation(), of)
	if !v.Known {
		v.Why = "no operation of " + c.Of + " ended in the last second"
	}
	return v
}

// acknowledged counts what was acknowledged of a workload so far.
func (s *loadSet) acknowledged(workload string) (n int64, ok bool) {
	w, err := s.find(workload)
	if err != nil {
		return 0, false
	}
	return w.loop.Acknowledged(), true
}
