package chaos

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"pgchaos/cluster"
	"pgchaos/internal/wait"
	"pgchaos/record"
)

// Scene is the cluster as the actions see it: its nodes, and who has been primary.
// A role is looked up once, when the step that names it runs.
type Scene struct {
	Cluster *cluster.Cluster
	Rand    *rand.Rand // for any_replica
	// Examine is told of what a node has alone, before a Rejoin or a Clone takes it away;
	// it may be nil.
	Examine cluster.Examine

	mu        sync.Mutex
	primaries []string                 // in the order in which they became it
	backups   map[string]*cluster.Node // where each named base backup is kept
	limitsOf  map[*cluster.Node]*limited
}

// NewScene returns the scene of a cluster that has just come up.
func NewScene(c *cluster.Cluster, rng *rand.Rand) *Scene {
	return &Scene{
		Cluster:   c,
		Rand:      rng,
		primaries: []string{c.Nodes()[0].Name()},
		backups:   map[string]*cluster.Node{},
		limitsOf:  map[*cluster.Node]*limited{},
	}
}

// resolve turns nodes' names, and roles, into nodes, each once. A role that no node
// holds is an error that says which node is what.
func (s *Scene) resolve(ctx context.Context, selectors ...string) ([]*cluster.Node, error) {
	var nodes []*cluster.Node
	for _, selector := range selectors {
		names := []string{selector}
		if s.Cluster.Node(selector) == nil {
			var err error
			if names, err = s.lookUp(ctx, selector, s.States); err != nil {
				return nil, err
			}
		}
		for _, name := range names {
			if n := s.Cluster.Node(name); !slices.Contains(nodes, n) {
				nodes = append(nodes, n)
			}
		}
	}
	return nodes, nil
}

// lookUpWithin is how long a role is looked for. A reading can fail, or come too late,
// because the machine is busy; a promotion takes a moment.
const lookUpWithin = 10 * time.Second

// lookUp reads the nodes until some of them hold the role, at most for lookUpWithin.
// The first reading that finds a holder counts: waiting for more would make the outage
// longer.
func (s *Scene) lookUp(ctx context.Context, role string, read func(context.Context) []record.NodeState) ([]string, error) {
	waiting, cancel := context.WithTimeout(ctx, lookUpWithin)
	defer cancel()
	for {
		states := read(ctx)
		names, err := s.holders(role, states)
		if err != nil {
			return nil, err
		}
		if len(names) > 0 {
			return names, nil
		}
		if err := wait.For(waiting, pollEvery); err != nil {
			return nil, fmt.Errorf("no node is %s, looked up for %s: %s", role, lookUpWithin, describe(states))
		}
	}
}

// One is the node that a selector stands for: for actions that make sense on one node only.
func (s *Scene) One(ctx context.Context, selector string) (*cluster.Node, error) {
	nodes, err := s.resolve(ctx, selector)
	if err != nil {
		return nil, err
	}
	if len(nodes) > 1 {
		return nil, fmt.Errorf("%s are %d nodes at the moment, and this action takes one", selector, len(nodes))
	}
	return nodes[0], nil
}

// grace is how much later than the others the answer of a node may come that is not
// expected to answer at all, because it is paused or disconnected. It must not hold up a
// promotion that the others are asked for: the delay would be pgchaos's own, and be
// counted as the cluster's. Every other node has all the time that a reading may take:
// on a busy machine an answer can be late, and without it the wrong node could be chosen.
const grace = 500 * time.Millisecond

// States reads every node that has been built, at once. A paused or disconnected node
// that answers much later than the others is unreachable.
func (s *Scene) States(ctx context.Context) []record.NodeState {
	silent, cancel := context.WithCancel(ctx)
	defer cancel()
	var first sync.Once
	var built []*cluster.Node
	for _, n := range s.Cluster.Nodes() {
		if !n.Absent() {
			built = append(built, n)
		}
	}
	states := make([]record.NodeState, len(built))
	var wg sync.WaitGroup
	for i, n := range built {
		wg.Go(func() {
			reading := ctx
			if mute(n) {
				reading = silent
			}
			states[i] = n.State(reading)
			if states[i].Reachable {
				first.Do(func() { time.AfterFunc(grace, cancel) })
			}
		})
	}
	wg.Wait()
	return states
}

// holders are the names of the nodes that hold a role.
func (s *Scene) holders(role string, states []record.NodeState) ([]string, error) {
	primary, replicas := record.Primary(states), standbys(states)
	switch role {
	case "primary":
		return names(primary), nil
	case "replicas":
		return names(replicas...), nil
	case "any_replica":
		if len(replicas) == 0 {
			return nil, nil
		}
		return names(replicas[s.Rand.IntN(len(replicas))]), nil
	case "laggard":
		return names(slices.MinFunc(orNobody(replicas), byReceived)), nil
	case "most_advanced":
		return names(slices.MaxFunc(orNobody(replicas), byReceived)), nil
	case "sync_standby":
		for _, st := range primary.Standbys {
			if (st.SyncState == "sync" || st.SyncState == "quorum") && s.Cluster.Node(st.Name) != nil {
				return []string{st.Name}, nil
			}
		}
		return nil, nil
	case "former_primary":
		if primary.Node == "" && slices.ContainsFunc(states, s.unread) {
			return nil, nil // the primary may be the node that could not be read
		}
		return s.formerPrimary(primary.Node), nil
	}
	return nil, fmt.Errorf("%q is neither a node nor a role", role)
}

func (s *Scene) formerPrimary(now string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.primaries) - 1; i >= 0; i-- {
		if s.primaries[i] != now {
			return s.primaries[i : i+1]
		}
	}
	return nil
}

// mute tells whether a node is not expected to answer.
func mute(n *cluster.Node) bool { return n.Paused() || n.Disconnected() }

// unread tells whether a node could not be read, though nothing shows why not.
func (s *Scene) unread(st record.NodeState) bool {
	return !st.Reachable && st.Role == "" && !mute(s.Cluster.Node(st.Node))
}

// BecamePrimary notes that a step has made a primary of a node.
func (s *Scene) BecamePrimary(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.primaries = append(s.primaries, name)
}

// HasBackup notes that a node keeps a base backup under a name.
func (s *Scene) HasBackup(name string, n *cluster.Node) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.backups[name] = n
}

// BackupHost is the node that keeps a base backup.
func (s *Scene) BackupHost(name string) (*cluster.Node, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := s.backups[name]; n != nil {
		return n, nil
	}
	return nil, fmt.Errorf("no backup %q was made: a backup step must come before", name)
}

func standbys(states []record.NodeState) (found []record.NodeState) {
	for _, st := range states {
		if st.Role == record.RoleStandby {
			found = append(found, st)
		}
	}
	return found
}

// byReceived orders by timeline, then by the WAL received: positions on different
// timelines cannot be compared.
func byReceived(a, b record.NodeState) int {
	return cmp.Or(cmp.Compare(a.Timeline, b.Timeline), cmp.Compare(received(a), received(b)))
}

// received is how far a standby's WAL goes: what it has replayed came from
// somewhere, also when no WAL receiver has run since its start.
func received(st record.NodeState) record.LSN { return max(st.Received, st.LSN) }

func orNobody(states []record.NodeState) []record.NodeState {
	if len(states) == 0 {
		return []record.NodeState{{}}
	}
	return states
}

func names(states ...record.NodeState) (out []string) {
	for _, st := range states {
		if st.Node != "" {
			out = append(out, st.Node)
		}
	}
	return out
}

func describe(states []record.NodeState) string {
	parts := make([]string, 0, len(states))
	for _, st := range states {
		role := string(st.Role)
		if role == "" {
			role = "unreachable (" + st.Error + ")"
		}
		parts = append(parts, st.Node+" is "+role)
	}
	return strings.Join(parts, ", ")
}
