package lanes

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"pgchaos/record"
	"pgchaos/report"
)

// band collects the spans of one row. A state lasts until the next one.
type band struct {
	Row
	since time.Duration
	last  Span // that goes on; without a label: nothing is known
}

// become notes a new state from a moment on.
func (b *band) become(at time.Duration, label, class string) {
	at = max(at, 0)
	if b.last.Label == label && b.last.Class == class {
		return
	}
	b.close(at)
	b.since, b.last = at, Span{Label: label, Class: class}
}

// close ends the state that goes on.
func (b *band) close(at time.Duration) {
	if b.last.Label == "" || at <= b.since {
		return
	}
	b.last.From, b.last.To = b.since.Seconds(), at.Seconds()
	b.Spans = append(b.Spans, b.last)
}

// rows are the bands up to the end of the run.
func rows(bands []*band, end time.Duration) (all []Row) {
	for _, b := range bands {
		b.close(end)
		if len(b.Spans) > 0 {
			all = append(all, b.Row)
		}
	}
	return all
}

// readings are all changes of all nodes before the end, by time.
func readings(r *report.Result, end time.Duration) (all []record.NodeState) {
	for _, h := range r.States {
		for _, s := range h.States {
			if s.At < end {
				s.Node = h.Node
				all = append(all, s)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b record.NodeState) int { return cmp.Compare(a.At, b.At) })
	return all
}

// bandsOf is a band for each node, and the bands by name.
func bandsOf(r *report.Result) (all []*band, byNode map[string]*band) {
	byNode = map[string]*band{}
	for _, h := range r.States {
		if byNode[h.Node] == nil {
			byNode[h.Node] = &band{Row: Row{Name: h.Node}}
			all = append(all, byNode[h.Node])
		}
	}
	return all, byNode
}

// roles are the role and the timeline of each node.
func roles(r *report.Result, end time.Duration) Lane {
	all, byNode := bandsOf(r)
	for _, s := range readings(r, end) {
		label, class := roleOf(s)
		byNode[s.Node].become(s.At, label, class)
	}
	return Lane{ID: "roles", Title: "Role and timeline of each node", Rows: rows(all, end)}
}

func roleOf(s record.NodeState) (label, class string) {
	timeline := ""
	if s.Timeline > 0 {
		timeline = fmt.Sprintf(", timeline %d", s.Timeline)
	}
	switch {
	case s.Role == record.RoleDown:
		return "down", ClassDown
	case !s.Reachable || s.Role == "":
		return "not reachable", ClassUnknown
	case s.Role == record.RolePrimary:
		return "primary" + timeline, ClassPrimary
	case s.Role == record.RoleStandby && s.ReplayPaused:
		return "standby, replay paused" + timeline, ClassStandby
	case s.Role == record.RoleStandby:
		return "standby" + timeline, ClassStandby
	}
	return "unknown role" + timeline, ClassUnknown
}

// syncStates are what the node that a standby streams from says of it.
func syncStates(r *report.Result, end time.Duration) Lane {
	all, _ := bandsOf(r)
	view := map[string]record.NodeState{}
	changes := readings(r, end)
	for i, s := range changes {
		view[s.Node] = s
		if i+1 < len(changes) && changes[i+1].At == s.At {
			continue // several nodes at one moment
		}
		for _, b := range all {
			label, class := syncOf(b.Name, view)
			b.become(s.At, label, class)
		}
	}
	return Lane{ID: "sync", Title: "Synchronous state of each node", Rows: rows(all, end)}
}

// syncClasses are the classes of pg_stat_replication.sync_state.
var syncClasses = map[string]string{"sync": ClassSync, "quorum": ClassQuorum, "potential": ClassPotential, "async": ClassAsync}

// syncOf is a node as its upstream sees it: of several that list it, the one on the newest timeline. label is "" where nothing
// is known, because no primary could be read.
func syncOf(node string, view map[string]record.NodeState) (label, class string) {
	if own := view[node]; own.AcceptsWrites() {
		return "primary", ClassPrimary
	}
	var timeline uint32
	var line *record.StandbyState
	primaries := false
	for _, name := range slices.Sorted(maps.Keys(view)) {
		up := view[name]
		if !up.Reachable {
			continue
		}
		primaries = primaries || up.AcceptsWrites()
		for i := range up.Standbys {
			if l := &up.Standbys[i]; l.Name == node && (line == nil || up.Timeline > timeline) {
				line, timeline = l, up.Timeline
			}
		}
	}
	switch {
	case line == nil && primaries:
		return "not connected", ClassDown
	case line == nil:
		return "", ""
	}
	label, class = cmp.Or(line.SyncState, "not known"), cmp.Or(syncClasses[line.SyncState], ClassUnknown)
	if line.State != "" && line.State != "streaming" {
		label += ", " + line.State
	}
	return label, class
}
