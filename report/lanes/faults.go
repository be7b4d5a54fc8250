package lanes

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"pgchaos/outage"
	"pgchaos/record"
	"pgchaos/report"
)

// faults are the steps that took something away from clients and those that changed something until it was taken back, by when they
// were issued.
func faults(r *report.Result, end time.Duration) (all []Fault) {
	for i := range r.Timeline {
		m := &r.Timeline[i]
		if m.Status == record.EventSkipped || m.Reverses != "" || m.Issued < 0 || m.Issued > end {
			continue
		}
		if does, _ := m.Effects(); !m.Fault && !does.Lasts && reversal(r, m) == nil {
			continue
		}
		f := Fault{Step: cmp.Or(m.Name, m.Action), Label: labelOf(r, m), From: m.Issued.Seconds()}
		f.To = max(f.From, min(until(r, m, end), end).Seconds())
		f.Stages = stages(r, m, end)
		all = append(all, f)
	}
	slices.SortStableFunc(all, func(a, b Fault) int { return cmp.Compare(a.From, b.From) })
	return all
}

// reversal is the event that took a step back, or nil.
func reversal(r *report.Result, of *record.Event) *record.Event {
	for i := range r.Timeline {
		m := &r.Timeline[i]
		if of.Name != "" && m.Reverses == of.Name && m.Issued >= of.Issued && m.Status != record.EventSkipped && m.Effective > 0 {
			return m
		}
	}
	return nil
}

// until is when a fault was over: when it was taken back, or when later steps had brought all of its nodes back or had done the same to
// them in another way. The end of the run is when none did.
func until(r *report.Result, fault *record.Event, end time.Duration) time.Duration {
	if back := reversal(r, fault); back != nil {
		return back.Effective
	}
	if fault.Status == record.EventFailed && fault.Effective <= 0 { // it is not known to have taken anything away
		return max(fault.Issued, fault.Ended)
	}
	f, known := fault.Effects()
	switch {
	case len(fault.Nodes) == 0 && f.Lasts:
		return end
	case f.Ends || f.Freezes || f.Cuts || f.Lasts:
	case known: // it is over by itself
		return max(fault.Issued, fault.Effective, fault.Ended)
	default:
		return end
	}
	last := fault.Issued
	for _, node := range fault.Nodes {
		at, ok := broughtBack(r, fault, f, node)
		if !ok {
			return end
		}
		last = max(last, at)
	}
	return last
}

// broughtBack is when a step after a fault had brought a node back, or had done the same to it in another way.
func broughtBack(r *report.Result, fault *record.Event, f record.Facts, node string) (first time.Duration, ok bool) {
	for _, m := range r.Timeline {
		if m.Issued < fault.Issued || m.Effective <= 0 || m.Status == record.EventSkipped || !slices.Contains(m.Nodes, node) {
			continue
		}
		does, _ := m.Effects()
		anew := f.Lasts && m.Action == fault.Action && m.Issued > fault.Issued
		if anew || f.Ends && (does.Starts || does.Standby) || f.Freezes && does.Thaws || f.Cuts && does.Connects || f.Lasts && does.Lifts == fault.Action {
			if !ok || m.Effective < first {
				first, ok = m.Effective, true
			}
		}
	}
	return first, ok
}

// labelOf says what was done and to which nodes, with their role at that moment: "kill primary (pgmaster)".
func labelOf(r *report.Result, m *record.Event) string {
	nodes := strings.Join(m.Nodes, ", ")
	if f, _ := m.Effects(); f.Incident != "" {
		return strings.TrimSpace(nodes + " " + f.Incident)
	}
	text := cmp.Or(m.Action, m.Name)
	switch role := roleAt(r, m); {
	case nodes == "":
		return text
	case role == "":
		return text + " " + nodes
	default:
		return text + " " + role + " (" + nodes + ")"
	}
}

// roleAt is the role that all nodes of an event had when it was issued; "": several, or it is not known.
func roleAt(r *report.Result, m *record.Event) (role string) {
	for i, node := range m.Nodes {
		var last record.NodeState
		for _, h := range r.States {
			for _, s := range h.States { // by time
				if h.Node == node && s.At <= m.Issued && s.Reachable {
					last = s
				}
			}
		}
		if last.Role != record.RolePrimary && last.Role != record.RoleStandby || i > 0 && role != string(last.Role) {
			return ""
		}
		role = string(last.Role)
	}
	if role == string(record.RoleStandby) && len(m.Nodes) > 1 {
		return "standbys"
	}
	return role
}

// stages are the stages of the recovery from a fault that were reached, by time.
func stages(r *report.Result, fault *record.Event, end time.Duration) (marks []Mark) {
	add := func(at time.Duration, label string) {
		if at >= fault.Issued && at <= end {
			marks = append(marks, Mark{At: at.Seconds(), Label: label})
		}
	}
	for i := range r.Recoveries {
		rec := &r.Recoveries[i]
		if rec.Event != fault.Name || rec.Issued != fault.Issued {
			continue
		}
		if rec.Effective > rec.Issued && !rec.Noticed {
			add(rec.Effective, "in effect")
		}
		for _, s := range report.ClusterStages(rec) {
			if s.State == outage.StageReached && s.From == 0 { // what is only known from and to has no moment
				add(s.At, s.Name)
			}
		}
		for k := range rec.Workloads {
			w := &rec.Workloads[k]
			for _, s := range report.WorkloadStages(rec, w) {
				if s.State == outage.StageReached {
					add(s.At, w.Workload+": "+s.Name)
				}
			}
		}
	}
	slices.SortStableFunc(marks, func(a, b Mark) int { return cmp.Compare(a.At, b.At) })
	return marks
}
