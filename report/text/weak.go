package text

import (
	"fmt"
	"slices"

	"pgchaos/check"
	"pgchaos/internal/units"
	"pgchaos/record"
	"pgchaos/report"
)

// stretchWords say which server acknowledged under a weaker regime, between which events,
// and what to do about it.
func stretchWords(r *report.Result, s check.WeakStretch) string {
	waited := "waiting for no standby"
	if s.Standbys > 0 {
		waited = "waiting for " + units.Count(int64(s.Standbys), "standby", "standbys")
	}
	text := fmt.Sprintf("%s acknowledged %s %s, where %s demanded, %s", s.Node, units.Count(s.N, "write", "writes"), waited,
		map[bool]string{true: "1 is", false: units.Grouped(int64(s.Demanded)) + " are"}[s.Demanded == 1], between(r, s))
	if s.Standbys >= s.Demanded {
		text = fmt.Sprintf("%s acknowledged %s with synchronous_commit %s or other standbys than demanded (synchronous_commit %s), %s",
			s.Node, units.Count(s.N, "write", "writes"), s.Commit, s.DemandedCommit, between(r, s))
	}
	if promoted(r, s.Node) && s.Standbys == 0 && s.Demanded > 0 {
		text += fmt.Sprintf("; to avoid it, configure %s with the demanded synchronous standbys before it is promoted, and before the primary is stopped", s.Node)
	}
	return text
}

// promoted tells whether a step promoted a node.
func promoted(r *report.Result, node string) bool {
	return slices.ContainsFunc(r.Timeline, func(m record.Mark) bool { return m.Action == "promote" && slices.Contains(m.Nodes, node) })
}

// between names the steps that a stretch lies between: the promotion of its node, or the
// last step on it before, and the first that configured the node after that.
func between(r *report.Result, s check.WeakStretch) string {
	after, before := "", ""
	for _, m := range r.Timeline {
		on := slices.Contains(m.Nodes, s.Node)
		switch {
		case on && m.Action == "promote" && m.Issued <= s.To, on && m.Issued <= s.From:
			after = m.Name
		case before == "" && on && after != "" && m.Action == "configure":
			before = m.Name
		}
	}
	switch {
	case after != "" && before != "":
		return fmt.Sprintf("between %s and %s", after, before)
	case after != "":
		return fmt.Sprintf("after %s, until %s", after, units.Seconds(s.To))
	}
	return "from " + units.Seconds(s.From) + " to " + units.Seconds(s.To)
}
