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

// Watch reads the nodes of the cluster, and keeps which of them have been primary.
type Watch interface {
	// Fresh is what every node that has been built says of itself now: asked after the call, for an older
	// answer could choose the wrong node. It does not wait for a paused or disconnected node much longer than
	// for the others.
	Fresh(ctx context.Context) []record.NodeState
	// BecamePrimary notes that a step has made a primary of a node.
	BecamePrimary(node string)
	// Primaries are the nodes that have been primary, in the order in which they became it, by a step or
	// by anything else.
	Primaries() []string
}

// Scene is the cluster as the actions see it: its nodes, and what they are.
// A role is looked up once, when the step that names it runs.
type Scene struct {
	Cluster *cluster.Cluster
	Watch   Watch
	Rand    *rand.Rand // for any_replica
	// Examine reads the rows that only this node has, before a Rejoin or a Clone takes them
	// away; it may be nil.
	Examine cluster.Examine

	mu       sync.Mutex
	backups  map[string]*cluster.Node // where each named base backup is kept
	limitsOf map[*cluster.Node]*limited

	overriddenOf map[settingOf]*overridden
	held         holding
}

// NewScene returns the scene of a cluster that has just come up.
func NewScene(c *cluster.Cluster, w Watch, rng *rand.Rand) *Scene {
	return &Scene{
		Cluster:  c,
		Watch:    w,
		Rand:     rng,
		backups:  map[string]*cluster.Node{},
		limitsOf: map[*cluster.Node]*limited{},
	}
}

// resolve turns nodes' names, and roles, into nodes, each once. All roles are looked up in one reading. A role that no node
// holds is an error that says which node is what.
func (s *Scene) resolve(ctx context.Context, selectors ...string) ([]*cluster.Node, error) {
	all, err := s.Resolve(ctx, selectors)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// Resolve are the nodes that each of several lists of selectors stands for, each node once in a list. All roles in them are looked up in one
// reading: between two readings a role can change hands.
func (s *Scene) Resolve(ctx context.Context, lists ...[]string) (all [][]*cluster.Node, err error) {
	var roles []string
	for _, selector := range slices.Concat(lists...) {
		if s.Cluster.Node(selector) == nil && !slices.Contains(roles, selector) {
			roles = append(roles, selector)
		}
	}
	var holders map[string][]string
	if len(roles) > 0 {
		if holders, err = s.lookUp(ctx, roles, s.States); err != nil {
			return nil, err
		}
	}
	for _, selectors := range lists {
		var nodes []*cluster.Node
		for _, selector := range selectors {
			names, role := holders[selector]
			if !role {
				names = []string{selector}
			}
			for _, name := range names {
				if n := s.Cluster.Node(name); !slices.Contains(nodes, n) {
					nodes = append(nodes, n)
				}
			}
		}
		all = append(all, nodes)
	}
	return all, nil
}

// lookUpWithin is how long a role is looked for. A reading can fail, or come too late,
// because the machine is busy; a promotion takes a moment.
const lookUpWithin = 10 * time.Second

// lookUp reads the nodes until some of them hold each of the roles, at most for lookUpWithin.
// The first reading that finds holders counts: waiting for more would make the outage
// longer.
func (s *Scene) lookUp(ctx context.Context, roles []string, read func(context.Context) []record.NodeState) (map[string][]string, error) {
	waiting, cancel := context.WithTimeout(ctx, lookUpWithin)
	defer cancel()
	for {
		states := read(ctx)
		holders, missing := map[string][]string{}, ""
		for _, role := range roles {
			names, err := s.holders(role, states)
			if err != nil {
				return nil, err
			}
			if len(names) == 0 {
				missing = cmp.Or(missing, role)
			}
			holders[role] = names
		}
		if missing == "" {
			return holders, nil
		}
		if err := wait.For(waiting, pollEvery); err != nil {
			return nil, fmt.Errorf("no node is %s, looked up for %s: %s", missing, lookUpWithin, describe(states))
		}
	}
}

// One is the node that a selector stands for: for actions that make sense on one node only.
func (s *Scene) One(ctx context.Context, selector string) (*cluster.Node, error) {
	nodes, err := s.resolve(ctx, selector)
	if err != nil {
		return nil, err
	}
	return only(selector, nodes)
}

// only is the node that a selector stands for, where it is one.
func only(selector string, nodes []*cluster.Node) (*cluster.Node, error) {
	if len(nodes) > 1 {
		return nil, fmt.Errorf("%s are %d nodes at the moment, and this action takes one", selector, len(nodes))
	}
	return nodes[0], nil
}

// Seed is a seed for chance of a step's own.
func (s *Scene) Seed() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Rand.Uint64()
}

// States is what every node that has been built says of itself now.
func (s *Scene) States(ctx context.Context) []record.NodeState { return s.Watch.Fresh(ctx) }

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
		s.mu.Lock() // steps can run beside each other
		defer s.mu.Unlock()
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

// HolderNow is the one node that holds a role by readings of one moment or, where none is known to, the reason.
func (s *Scene) HolderNow(role string, states []record.NodeState) (node, why string) {
	// A node that was not read may lag more, or less, than all others.
	if i := slices.IndexFunc(states, s.unread); i >= 0 && (role == "laggard" || role == "most_advanced") {
		return "", states[i].Node + " did not answer"
	}
	names, err := s.holders(role, states)
	switch {
	case err != nil:
		return "", err.Error()
	case len(names) == 0:
		return "", "no node is " + role
	case len(names) > 1:
		return "", role + " are several nodes"
	}
	return names[0], ""
}

func (s *Scene) formerPrimary(now string) []string {
	for _, name := range slices.Backward(s.Watch.Primaries()) {
		if name != now {
			return []string{name}
		}
	}
	return nil
}

// unread tells whether a node could not be read, though nothing shows why not.
func (s *Scene) unread(st record.NodeState) bool {
	return !st.Reachable && st.Role == "" && !s.Cluster.Node(st.Node).Silenced()
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
