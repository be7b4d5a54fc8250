package text

import (
	"fmt"
	"slices"
	"strings"

	"pgchaos/audit"
	"pgchaos/internal/units"
	"pgchaos/report"
)

// weakWords say which server acknowledged writes without the standbys demanded, between which
// steps, and how to avoid it.
func weakWords(r *report.Result, a *audit.Audit, s audit.WeakStretch) string {
	writes := units.Count(s.N, "write was acknowledged", "writes were acknowledged")
	demanded := units.Count(int64(s.Demanded), "standby was demanded", "standbys were demanded")
	risk := report.WeakRisk(s.N, a)
	var text string
	switch {
	case s.Standbys >= s.Demanded:
		text = fmt.Sprintf("%s by %s with %s, and %s was demanded, %s; %s",
			writes, s.Node, regimeWords(s.Commit, s.Standbys, s.Names), regimeWords(s.DemandedCommit, s.Demanded, s.DemandedNames), between(r, s), risk)
	case s.Standbys == 0:
		text = fmt.Sprintf("%s by %s alone (%s), %s; %s", writes, s.Node, demanded, between(r, s), risk)
	default:
		text = fmt.Sprintf("%s by %s and %s (%s), %s; %s", writes, s.Node, units.Count(int64(s.Standbys), "standby", "standbys"), demanded, between(r, s), risk)
	}
	if r.Promoted(s.Node) && s.Standbys == 0 && s.Demanded > 0 {
		text += fmt.Sprintf(". To avoid it, configure the synchronous standbys of %s before it is promoted, and before the primary is stopped", s.Node)
	}
	return text
}

// regimeWords are a synchronous_commit and for whom it waits: "synchronous_commit on and 1 standby of b, c".
func regimeWords(commit string, standbys int, names []string) string {
	text := "synchronous_commit " + commit
	switch {
	case standbys == 0 || commit == "off" || commit == "local": // which wait for none
		return text
	case len(names) == 0:
		return text + " and " + units.Count(int64(standbys), "standby", "standbys")
	case slices.Contains(names, "*"):
		return text + " and " + units.Count(int64(standbys), "standby, whichever it is", "standbys, whichever they are")
	}
	return text + " and " + units.Count(int64(standbys), "standby of ", "standbys of ") + strings.Join(names, ", ")
}

// between says between which steps it was, or else when.
func between(r *report.Result, s audit.WeakStretch) string {
	switch after, before := r.StepsAround(s); {
	case after != "" && before != "":
		return fmt.Sprintf("between %s and %s", after, before)
	case after != "":
		return fmt.Sprintf("after %s, until %s", after, units.Seconds(s.To))
	}
	return "from " + units.Seconds(s.From) + " to " + units.Seconds(s.To)
}
