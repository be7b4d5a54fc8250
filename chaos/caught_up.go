package chaos

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"pgchaos/record"
)

// caughtUpWith is what caught_up waits for: the WAL that the primary had written when a look found it first. Where
// another node has become the primary since, or the same one on another timeline, it is that one's: the rest of the old one's may be nowhere.
func caughtUpWith(target, primary record.NodeState) record.NodeState {
	if primary.Node == "" || primary.Node == target.Node && primary.Timeline == target.Timeline {
		return target
	}
	return primary
}

// behind says why a node has not replayed all that a primary had written; "" where it has, as far as positions and the numbers
// of timelines show. Positions of different timelines cannot be compared: a standby that has gone past the fork is ahead by its
// LSN, and lacks everything that the new primary has written.
func behind(st, target record.NodeState) string {
	switch {
	case target.LSN == 0:
		return "there is no primary that " + st.Node + " could catch up with"
	case !st.Reachable:
		return fmt.Sprintf("%s is unreachable: %s", st.Node, st.Error)
	case st.Timeline != target.Timeline && st.Timeline > 0 && target.Timeline > 0: // 0: it is not known
		return fmt.Sprintf("%s has replayed up to %s of timeline %d, and %s writes timeline %d", st.Node, st.LSN, st.Timeline, target.Node, target.Timeline)
	case st.LSN < target.LSN:
		return fmt.Sprintf("%s has replayed up to %s of %s", st.Node, st.LSN, target.LSN)
	}
	return ""
}

// lineageTimeout bounds how long nodes are asked how their timelines came about.
const lineageTimeout = 10 * time.Second

// elsewhere says which of the nodes are on another timeline of the target's number: of two that were promoted independently, both
// are on timeline 2.
func (s *Scene) elsewhere(ctx context.Context, nodes []string, states []record.NodeState, target record.NodeState) (out []string) {
	if target.Timeline <= 1 || len(nodes) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, lineageTimeout)
	defer cancel()
	line, lineErr := s.Cluster.Node(target.Node).Lineage(ctx)
	for _, name := range nodes {
		if name == target.Node {
			continue
		}
		own, err := s.Cluster.Node(name).Lineage(ctx)
		if err = errors.Join(lineErr, err); err == nil {
			if why := apart(line, own); why != "" {
				out = append(out, fmt.Sprintf("%s does not have the timeline of %s: %s", name, target.Node, why))
			}
			continue
		}
		// Not every role may read the history of a timeline. A standby that streams from the primary is on its timeline.
		if !streamsFrom(states, name, target.Node) {
			out = append(out, fmt.Sprintf("it is not known whether %s has the timeline of %s: %v", name, target.Node, err))
		}
	}
	return out
}

// apart says how two lineages differ; "": they are of the same timeline.
func apart(line, own record.Lineage) string {
	if line.Timeline != own.Timeline {
		return fmt.Sprintf("it is on timeline %d, and not on %d", own.Timeline, line.Timeline)
	}
	if slices.Equal(line.Forks, own.Forks) {
		return ""
	}
	at, _ := line.Parted(own)
	return fmt.Sprintf("both have the number %d, and part at %s", line.Timeline, at)
}

// streamsFrom tells whether a node says that it streams, and another one says that it streams to it.
func streamsFrom(states []record.NodeState, name, upstream string) bool {
	says, lists := false, false
	for _, st := range states {
		says = says || st.Node == name && st.Reachable && st.Streaming
		lists = lists || st.Node == upstream && slices.ContainsFunc(st.Standbys, func(sb record.StandbyState) bool { return sb.Name == name && sb.State == "streaming" })
	}
	return says && lists
}
