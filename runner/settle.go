package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/cluster/rowscan"
	"pgchaos/internal/catch"
	"pgchaos/internal/endsession"
	"pgchaos/internal/units"
	"pgchaos/record"
	"pgchaos/report"
)

const (
	quiesceGrace   = 3 * time.Second  // how long backends of the load may take to end by themselves
	barrierTimeout = 30 * time.Second // how long a standby may take to catch up
	settleTimeout  = 10 * time.Minute // all of settling
)

// member is a node as settling and auditing see it: of the cluster that this pgchaos
// has built (a cluster.Node), or of one that it meets after its own has been killed (a
// cluster.Met).
type member interface {
	Name() string
	Connect(ctx context.Context, app string) (*pgx.Conn, error)
	State(ctx context.Context) record.NodeState
}

// quiescer is a cluster whose load is over, to be brought to rest and read.
type quiescer struct {
	run      string
	schema   string            // of the barrier's table
	load     string            // begins the application_name of the load's backends
	members  []member          // the nodes that have been built
	notBuilt map[string]string // the others, and why
	states   func(context.Context) []record.NodeState
	// readOnly tells of a primary whether it was started so that clients cannot write.
	readOnly func(ctx context.Context, node string) bool
	// heal takes back what the timeline broke; nil: it stays broken.
	heal func(context.Context) error
	// heals waits until somebody else has made the cluster whole, within a bound; nil: nobody else does.
	heals       func(context.Context) error
	healsWithin time.Duration
	// remedy says of a node that cannot be reached how to bring it back, beside a
	// primary or without one; nil: nobody is to do so.
	remedy func(node string, beside bool) string
	// caughtUp are the standbys that showed the barrier row when nobody wrote any more.
	caughtUp map[string]struct{}
	// behind are the other standbys, but those that have gone another way.
	behind map[string]struct{}
	busy   bool           // backends of the load may be left
	result *report.Result // takes the notes
}

// unbuilt says why a node has no data. Absent: it had none at the start.
func unbuilt(node string, absent bool, events []record.Event) string {
	why, had := "it was never built", !absent
	for _, m := range events {
		is, _ := m.Effects()
		switch {
		case !is.Standby || !slices.Contains(m.Nodes, node):
		case m.Status == record.EventDone:
			had = true
		case m.Status == record.EventFailed && had:
			why = fmt.Sprintf("%s failed at %s, and the data that the node had before was removed", m.Name, units.Seconds(m.Ended))
		case m.Status == record.EventFailed:
			why = fmt.Sprintf("it was never built: %s failed at %s", m.Name, units.Seconds(m.Ended))
		}
	}
	return why
}

// quiescer is the run's own cluster.
func (r *run) quiescer() *quiescer {
	s := &quiescer{
		run: r.Run, schema: r.cluster.Schema(), load: r.cluster.AppName(loadApp), notBuilt: map[string]string{}, caughtUp: map[string]struct{}{}, behind: map[string]struct{}{},
		states:   r.scene.States,
		readOnly: func(_ context.Context, node string) bool { return r.cluster.Node(node).ReadOnly() },
		heal:     r.undo.Heal, result: r.result,
	}
	for _, n := range r.cluster.Nodes() {
		if n.Absent() {
			s.notBuilt[n.Name()] = unbuilt(n.Name(), r.plan.absent(n.Name()), r.line.Events())
			if r.cluster.Met() {
				s.notBuilt[n.Name()] = "nothing leads to it: the experiment says so (unread)"
			}
			continue
		}
		s.members = append(s.members, n)
	}
	if x := r.plan.Experiment.Cluster.Existing; x != nil {
		s.healsWithin = time.Duration(x.Settle)
		s.heals = func(ctx context.Context) error {
			return r.scene.Await(ctx, chaos.Condition{AllStreaming: true}, time.Duration(x.Settle))
		}
	}
	return s
}

// settle heals what the timeline broke, waits until no backend of the load is
// left, finds the one node that accepts writes, and waits until the others have
// caught up with it. What cannot be settled is noted, not returned: the audit
// reads what can be read. The authority is "" where there is none.
func (s *quiescer) settle(ctx context.Context) (authority string) {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout+s.healsWithin)
	defer cancel()
	writable := s.writable(ctx, s.states(ctx))
	if len(writable) > 1 {
		s.result.SplitBrain = append(s.result.SplitBrain, named(writable)...)
	}
	if s.heal != nil {
		if err := s.heal(ctx); err != nil {
			s.note("", "", fmt.Errorf("take the faults back: %w", err))
		}
	}
	if s.heals != nil {
		if err := s.heals(ctx); err != nil {
			s.note("", "", fmt.Errorf("wait for the cluster's manager: %w", err))
		}
	}
	s.quiesce(ctx)
	states := s.states(ctx)
	if now := s.writable(ctx, states); len(writable) <= 1 && len(now) > 1 {
		s.note("", "", fmt.Errorf("%s accept writes now that the faults have been taken back: only one may", strings.Join(named(now), " and ")))
	}
	if s.heals != nil { // somebody else decides who is the primary, and may have decided anew meanwhile
		writable = nil
	}
	authority = s.authority(ctx, writable, states)
	for _, st := range states {
		if st.Node != authority && st.Role != record.RolePrimary {
			s.behind[st.Node] = struct{}{}
		}
	}
	states = s.reachable(states, authority != "")
	if authority != "" {
		s.catchUp(ctx, authority, states)
	}
	return authority
}

// named are the nodes with their timelines.
func named(states []record.NodeState) (names []string) {
	for _, st := range states {
		names = append(names, fmt.Sprintf("%s (timeline %d)", st.Node, st.Timeline))
	}
	return names
}

// writable are the nodes that accept writes. Asked before the faults are taken
// back, more than one is a split brain: a former primary that only comes back with
// the end of its fault is none, as no client could reach it. Nor is one that is fenced
// off by default_transaction_read_only, beside one that is not.
func (s *quiescer) writable(ctx context.Context, states []record.NodeState) []record.NodeState {
	var primaries, open []record.NodeState
	for _, st := range states {
		if st.Role != record.RolePrimary || s.readOnly(ctx, st.Node) {
			continue
		}
		primaries = append(primaries, st)
		if st.Writable {
			open = append(open, st)
		}
	}
	if len(open) > 0 {
		return open
	}
	return primaries
}

// authority is the node whose rows are the cluster's: the one that accepted writes
// before the faults were taken back, or else the one that does now. It is ""
// where there is no such node; of several, the one on the highest timeline.
func (s *quiescer) authority(ctx context.Context, before, now []record.NodeState) string {
	primary := record.Primary(before)
	if len(before) == 0 {
		primary = record.Primary(s.writable(ctx, now))
	}
	for _, st := range now {
		if st.Role == record.RolePrimary && st.Node != primary.Node {
			s.note(st.Node, fmt.Sprintf("is a primary of its own, on timeline %d: read as a fork", st.Timeline), nil)
		}
	}
	if primary.Node == "" {
		s.note("", "", errors.New("there is not one node that accepts writes, so nobody's rows are the cluster's"))
	}
	return primary.Node
}

// reachable leaves out the nodes that cannot be asked, where somebody could bring
// them back, and says how.
func (s *quiescer) reachable(states []record.NodeState, beside bool) (left []record.NodeState) {
	for _, st := range states {
		if st.Reachable || s.remedy == nil {
			left = append(left, st)
			continue
		}
		s.note(st.Node, "", errors.New("cannot be reached: "+s.remedy(st.Node, beside)))
	}
	return left
}

// member is the node of that name.
func (s *quiescer) member(name string) member {
	for _, n := range s.members {
		if n.Name() == name {
			return n
		}
	}
	return nil
}

// quiesce waits until no backend of the load is left on any node: one that hangs there may still commit.
func (s *quiescer) quiesce(ctx context.Context) {
	ended, errs := make([]int, len(s.members)), make([]error, len(s.members))
	atOnce(s.members, func(i int, n member) { ended[i], errs[i] = s.quiesceNode(ctx, n) })
	for i, n := range s.members {
		if errs[i] != nil {
			s.busy = true
			s.note(n.Name(), "", fmt.Errorf("wait for the load's backends to end: %w", errs[i]))
		} else if ended[i] > 0 {
			s.note(n.Name(), fmt.Sprintf("%d backends of the load had to be terminated", ended[i]), nil)
		}
	}
}

func (s *quiescer) quiesceNode(ctx context.Context, n member) (ended int, err error) {
	conn, err := n.Connect(ctx, "settle")
	if err != nil {
		return 0, nil // a node that cannot be reached shows when it is to be read
	}
	defer endsession.Within(goodbye, conn)
	return rowscan.Quiesce(ctx, conn, s.load, quiesceGrace)
}

// catchUp writes a barrier row on the authority and waits until each standby shows
// it: LSNs alone prove nothing.
func (s *quiescer) catchUp(ctx context.Context, authority string, states []record.NodeState) {
	barrier, err := writeBarrier(ctx, s.member(authority), s.schema, s.run)
	if err != nil {
		s.note(authority, "", err)
		return
	}
	s.awaitStandbys(ctx, s.member(authority), barrier, states)
}

// awaitStandbys waits for all standbys at the same time: several that never catch up take no longer than one.
func (s *quiescer) awaitStandbys(ctx context.Context, authority member, barrier rowscan.Point, states []record.NodeState) {
	var standbys []member
	for _, st := range states {
		if st.Node != authority.Name() && st.Role != record.RolePrimary {
			standbys = append(standbys, s.member(st.Node))
		}
	}
	errs := make([]error, len(standbys))
	atOnce(standbys, func(i int, n member) {
		// One that has diverged would be waited for in vain.
		if errs[i] = cluster.CanFollow(ctx, n, authority); !errors.Is(errs[i], cluster.ErrForked) {
			errs[i] = awaitBarrier(ctx, n, barrier)
		}
	})
	for i, n := range standbys {
		if errors.Is(errs[i], cluster.ErrForked) {
			delete(s.behind, n.Name())
		}
		if errs[i] != nil {
			s.note(n.Name(), "", fmt.Errorf("has not caught up with %s: %w", authority.Name(), errs[i]))
		} else if !s.busy {
			delete(s.behind, n.Name())
			s.caughtUp[n.Name()] = struct{}{}
		}
	}
}

// atOnce calls f for each node at the same time, and returns when all have returned. A panic of one goes on here.
func atOnce(nodes []member, f func(i int, n member)) {
	panics := make([]any, len(nodes))
	var wg sync.WaitGroup
	for i, n := range nodes {
		wg.Go(func() {
			defer catch.Keep(&panics[i])
			f(i, n)
		})
	}
	wg.Wait()
	for _, p := range panics {
		if p != nil {
			panic(p)
		}
	}
}

func (s *quiescer) note(node, done string, err error) {
	s.result.Settle = append(s.result.Settle, settleNote(node, done, err))
}

// writeBarrier writes a barrier row on a primary.
func writeBarrier(ctx context.Context, primary member, schema, run string) (rowscan.Point, error) {
	conn, err := primary.Connect(ctx, "barrier")
	if err != nil {
		return rowscan.Point{}, err
	}
	defer endsession.Within(goodbye, conn)
	return rowscan.Barrier(ctx, conn, schema, run)
}

// awaitBarrier waits until a standby shows the barrier row.
func awaitBarrier(ctx context.Context, n member, barrier rowscan.Point) error {
	ctx, cancel := context.WithTimeout(ctx, barrierTimeout)
	defer cancel()
	conn, err := n.Connect(ctx, "settle")
	if err != nil {
		return err
	}
	defer endsession.Within(goodbye, conn)
	return rowscan.AwaitBarrier(ctx, conn, barrier)
}

// present are the nodes that have been built.
func (r *run) present() (nodes []*cluster.Node) {
	for _, n := range r.cluster.Nodes() {
		if !n.Absent() {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

func (r *run) note(node, done string) {
	r.result.Settle = append(r.result.Settle, settleNote(node, done, nil))
}

func settleNote(node, done string, err error) report.SettleNote {
	n := report.SettleNote{Node: node, Done: done}
	if err != nil {
		n.Error = err.Error()
	}
	return n
}

// goodbye is how long the end of a session may take.
const goodbye = time.Second
