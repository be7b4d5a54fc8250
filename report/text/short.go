package text

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"pgchaos/audit"
	"pgchaos/expect"
	"pgchaos/internal/units"
	"pgchaos/outage"
	"pgchaos/record"
	"pgchaos/report"
	"pgchaos/verdict"
)

// MostLines is how many lines the short report has at most.
const MostLines = 45

// writeShort writes the report of at most MostLines lines: what must be read first.
func writeShort(p *page, r *report.Result, dir string) {
	large, _, i := verdictWord(r.Verdict)
	head := p.clipped(i, large+"  ", cmp.Or(r.Name, "an experiment without a name")+": "+r.Headline(), mostReason)
	head = append(head, setup(p, r)...)
	next := nextSteps(p, r, dir)
	sections := []*section{
		reasonsSection(p, r), warningsSection(p, r), expectationsSection(p, r), lossesSection(p, r),
		faultsSection(p, r), caveatsSection(p, r), loadSection(p, r), loadNotesSection(p, r), nodesSection(p, r), unreadSection(p, r),
	}
	sections = slices.DeleteFunc(sections, func(s *section) bool { return len(s.items) == 0 })
	free := MostLines - len(head) - len(next)
	least := 0
	for _, s := range sections {
		least += s.cost(1)
	}
	blank := ""
	if blanks := blanksOf(sections); least+blanks <= free {
		free, blank = free-blanks, "\n"
	}
	p.text(head)
	for i, shown := range share(free, sections) {
		if !sections[i].joined {
			p.raw(blank)
		}
		p.text(sections[i].render(p, shown))
	}
	p.raw(blank)
	p.text(next)
}

// mostReason is how many lines a reason takes at most. It has to be read to its end: the remedy
// stands there.
const mostReason = 9

// reasonsSection are the findings that decide the verdict, beside the expectations.
func reasonsSection(p *page, r *report.Result) *section {
	_, _, i := verdictWord(r.Verdict)
	s := &section{one: "more reason", many: "more reasons", urgent: true}
	headline := r.Headline()
	for _, reason := range r.AllReasons() {
		if reason != headline {
			s.add(0, p.clipped(i, "  because  ", reason, mostReason))
		}
	}
	return s
}

// warningsSection is what was seen of the cluster before the run, what somebody else may have done to it, and what makes the figures of the load doubtful.
func warningsSection(p *page, r *report.Result) *section {
	s := &section{one: "more warning", many: "more warnings", joined: len(r.AllReasons()) > 1}
	for _, doubt := range Warnings(r) {
		s.add(0, p.clipped(yellow, "  warning  ", doubt, 3))
	}
	if r.Generator != nil {
		for _, warning := range r.Generator.Warnings {
			s.add(1, p.clipped(yellow, "  warning  ", warning, 3))
		}
	}
	return s
}

// Warnings are what was seen of the cluster before the run, what went wrong in a step that did what it was to do, what a command or somebody else may have done to it, and the doubts about the load that no expectation
// names as its reason.
func Warnings(r *report.Result) (all []string) {
	all = r.Warned()
	for _, m := range r.Timeline {
		if r.Unclear(m) {
			all = append(all, r.UnclearWords(m))
		}
	}
	for _, doubt := range r.Doubts() {
		if !slices.ContainsFunc(r.Expectations, func(e expect.Judgement) bool { return e.Why == doubt }) {
			all = append(all, doubt)
		}
	}
	return all
}

// expectationsSection is one line for each expectation; one that does not hold says why.
func expectationsSection(p *page, r *report.Result) *section {
	s := &section{one: "more expectation", many: "more expectations", urgent: true}
	for _, e := range r.Expectations {
		_, small, i := verdictWord(e.Verdict)
		rank, most := 0, 3
		if e.Verdict == verdict.Pass {
			rank, most = 1, 2
		}
		s.items = append(s.items, item{parts: [][]string{p.clipped(i, "  "+pad(small, 12, false)+"  ", expectationWords(e), most)}, rank: rank, kind: small})
	}
	return s
}

// expectationWords are an expectation with its figure.
func expectationWords(e expect.Judgement) string {
	text := e.Text
	if e.Observed != "" {
		text += "   (was " + e.Observed + ")"
	}
	if e.Verdict == verdict.Inconclusive {
		text += ": " + cmp.Or(e.Why, "the reason is not recorded")
	}
	return text
}

// lossesSection is what was lost, with the cause in words, and what a second failure could have lost.
func lossesSection(p *page, r *report.Result) *section {
	s := &section{one: "more finding about writes", many: "more findings about writes", urgent: true}
	for i := range r.Audits {
		a := &r.Audits[i]
		table := ""
		if len(r.Audits) > 1 {
			table = "table " + a.Table + ": "
		}
		if i == 0 {
			addKills(p, s, r)
		}
		addLosses(p, s, r, a, table)
		addWeak(p, s, r, a, table)
		for _, f := range a.FailBacks {
			s.add(0, p.clipped(yellow, "  ", table+"fail-back to an older timeline: "+f.String(), 2))
		}
		if a.Ghosts != nil && *a.Ghosts > 0 {
			s.add(1, p.clipped(yellow, "  ", table+ghostWords(*a.Ghosts), 2))
		}
		for _, fork := range report.UnreadForks(a) {
			s.add(2, p.clipped(plain, "  ", table+fork, 3))
		}
		if a.Survived.N+a.Vanished.N > 0 {
			s.add(2, p.clipped(plain, "  ", table+unansweredWords(a), 2))
		}
	}
	return s
}

// addKills counts the kills of a run with several, and those that lost something.
func addKills(p *page, s *section, r *report.Result) {
	lost, kills := r.KillsThatLost()
	if kills < 2 {
		return
	}
	text, i := fmt.Sprintf("kills of a primary: %d; %d of them lost acknowledged writes", kills, lost), red
	switch {
	case lost > 0:
	case slices.ContainsFunc(r.Audits, func(a audit.Audit) bool { return !a.Complete || a.Lost.N+a.WeakLost.N > 0 }):
		text, i = fmt.Sprintf("kills of a primary: %d; how many of them lost acknowledged writes is not known", kills), yellow
	default:
		text, i = fmt.Sprintf("kills of a primary: %d; none of them lost an acknowledged write", kills), plain
	}
	s.add(0, p.clipped(i, "  ", text, 2))
}

func addLosses(p *page, s *section, r *report.Result, a *audit.Audit, table string) {
	losses := r.Losses(a)
	var explained int64
	for _, l := range losses {
		explained += l.Lost
		text := table
		if l.Lost > 0 {
			text += units.Count(l.Lost, "acknowledged write", "acknowledged writes")
		}
		switch {
		case l.WeakLost > 0 && l.Lost > 0:
			text += " and " + units.Count(l.WeakLost, "weakly acknowledged one", "weakly acknowledged ones")
		case l.WeakLost > 0:
			text += units.Count(l.WeakLost, "weakly acknowledged write", "weakly acknowledged writes")
		}
		i := red
		if l.Lost == 0 {
			i = yellow
		}
		s.add(0, p.clipped(i, "  ", fmt.Sprintf("%s lost at %s: %s", text, l.Event, l.Why()), 3))
	}
	if rest := a.Lost.N - explained; rest > 0 {
		why := "the cause is not known"
		if a.Unexplained > 0 {
			why = "no event explains the loss" + firstWhy(a)
		}
		s.add(0, p.clipped(red, "  ", fmt.Sprintf("%s%s lost: %s", table, units.Count(rest, "acknowledged write", "acknowledged writes"), why), 3))
	}
	if a.Lost.N+a.WeakLost.N == 0 {
		text, i := keptWords(a)
		s.add(1, p.clipped(i, "  ", table+text, 2))
	}
}

// firstWhy is why the first loss without a cause has none.
func firstWhy(a *audit.Audit) string {
	for _, run := range slices.Concat(a.Lost.Runs, a.WeakLost.Runs) {
		if run.Why != "" {
			return ": " + run.Why
		}
	}
	return ""
}

func addWeak(p *page, s *section, r *report.Result, a *audit.Audit, table string) {
	w := a.Weak
	if w == nil {
		return
	}
	rest := w.Regime
	for _, stretch := range w.Stretches {
		rest -= stretch.N
		s.add(0, p.clipped(yellow, "  ", table+weakWords(r, a, stretch), 3))
	}
	if rest > 0 {
		s.add(0, p.clipped(yellow, "  ", fmt.Sprintf("%s%s without the standbys demanded; %s", table,
			units.Count(rest, "write was acknowledged", "writes were acknowledged"), report.WeakRisk(rest, a)), 2))
	}
	if w.Notice > 0 {
		s.add(0, p.clipped(yellow, "  ", fmt.Sprintf("%s although the wait for a standby was cancelled; %s", table+
			units.Count(w.Notice, "write was acknowledged", "writes were acknowledged"), report.WeakRisk(w.Notice, a)), 2))
	}
}

// faultsSection is one line a fault.
func faultsSection(p *page, r *report.Result) *section {
	t := faultsTable(r)
	return t.section(p, "more fault", "more faults")
}

// Faults is one row for each fault: what it was, and what it cost.
func Faults(r *report.Result) *Table {
	t := faultsTable(r)
	return t.data()
}

func faultsTable(r *report.Result) table {
	t := table{columns: []column{left("Fault"), right("Issued"), left("Write outage"), left("Read outage"), left("Redundancy back")}}
	for _, f := range r.Faults() {
		_, write, i := outageWords(f.Write)
		_, read, j := outageWords(f.Read)
		t.add(cmp.Or(i, j), faultWords(f), units.Seconds(f.Issued), write, read, redundancyCell(f))
	}
	return t
}

// faultWords name a fault: its step, and what it was and on which nodes, where the name does not say so.
func faultWords(f report.Fault) string {
	says := func(word string) bool { return strings.Contains("-"+f.Event+"-", "-"+word+"-") }
	nodes := strings.Join(f.Nodes, ", ")
	switch {
	case f.Action == "":
		return f.Event
	case !says(strings.ReplaceAll(f.Action, "_", "-")):
		return fmt.Sprintf("%s (%s)", f.Event, strings.TrimSpace(f.Action+" "+nodes)) // one that was never issued has no nodes
	case !slices.ContainsFunc(f.Nodes, func(node string) bool { return !says(node) }):
		return f.Event
	}
	return fmt.Sprintf("%s (%s)", f.Event, nodes)
}

func redundancyCell(f report.Fault) string {
	switch s := f.Redundancy; s.State {
	case outage.StageReached:
		switch {
		case s.From > 0 && s.From <= f.Issued:
			return "kept, or within " + wholeSpan(s.At-f.Issued)
		case s.From > 0:
			return "after " + wholeSpan(s.From-f.Issued) + " to " + wholeSpan(s.At-f.Issued)
		}
		return "after " + wholeSpan(s.At-f.Issued)
	case outage.StageMissed:
		if s.At > f.Issued {
			return "not within " + wholeSpan(s.At-f.Issued)
		}
		return "never"
	case outage.StageNone:
		return "kept"
	}
	return "not known"
}

// caveatsSection is what must be known to read the figures of the faults.
func caveatsSection(p *page, r *report.Result) *section {
	s := &section{one: "more caveat", many: "more caveats", joined: true}
	for _, f := range r.Faults() {
		for _, caveat := range f.Caveats {
			s.add(0, p.clipped(yellow, "  ", f.Event+": "+caveat, 2))
		}
	}
	return s
}

// loadSection is JMeter's table of the totals.
func loadSection(p *page, r *report.Result) *section {
	t := table{columns: jmeterColumns()}
	for i := range r.Workloads {
		t.addTotals(r.Workloads[i].Name, r.Workloads[i].Total)
	}
	if len(r.Workloads) > 1 {
		t.addTotals("TOTAL", r.Total())
		t.rows[len(t.rows)-1].rank = -1
	}
	return t.section(p, "more workload", "more workloads")
}

// loadNotesSection is what the table of the load does not say.
func loadNotesSection(p *page, r *report.Result) *section {
	s := &section{one: "more note on the load", many: "more notes on the load", joined: true}
	var closed []string
	for i := range r.Workloads {
		w := &r.Workloads[i]
		var parts []string
		if n := w.Total.Dropped; n > 0 {
			parts = append(parts, units.Count(n, "operation was", "operations were")+" never sent (all clients were busy)")
		}
		if n := w.Total.Unknown; n > 0 {
			parts = append(parts, units.Count(n, "operation", "operations")+" ended with an unknown outcome"+whyUnknown(w))
		}
		if len(w.Errors) > 0 && w.Total.Failed > 0 {
			parts = append(parts, mostFrequent(w))
		}
		if len(parts) > 0 {
			s.add(0, p.clipped(yellow, "  ", w.Name+": "+strings.Join(parts, "; "), 2))
		}
		if w.Model != nil && !w.Open() && w.Total.Samples > 0 {
			closed = append(closed, w.Name)
		}
	}
	if len(closed) > 0 {
		s.add(1, p.clipped(faint, "  ", strings.Join(closed, ", ")+": a closed loop, which sends nothing while the server stalls; its percentiles hide stalls", 2))
	}
	return s
}

// whyUnknown are the errors of the operations of which the client does not know the outcome, in brackets, the most frequent first.
func whyUnknown(w *report.Workload) string {
	var all []string
	for _, e := range w.Errors {
		switch {
		case e.Outcome != record.Unknown:
		case e.N == w.Total.Unknown:
			return " (" + e.Kind + ")"
		default:
			all = append(all, units.Grouped(e.N)+" "+e.Kind)
		}
	}
	if len(all) == 0 {
		return ""
	}
	return " (" + strings.Join(all, ", ") + ")"
}

// mostFrequent is the error that most operations failed with.
func mostFrequent(w *report.Workload) string {
	for _, e := range w.Errors {
		if e.Outcome == record.Failed {
			return units.Count(e.N, "operation", "operations") + " failed with: " + units.OneLine(e.Example)
		}
	}
	return units.Count(w.Total.Failed, "operation", "operations") + " failed"
}

// nodesSection is one line a node.
func nodesSection(p *page, r *report.Result) *section {
	t := table{columns: []column{left("Node"), left("Role"), right("Timeline"), right("Rows"), left("Content"), right("Missing"), right("Extra")}}
	for _, n := range r.NodesAtEnd() {
		timeline, rows, missing, extra := "?", "-", "-", "-"
		if n.State.Timeline > 0 {
			timeline = strconv.FormatUint(uint64(n.State.Timeline), 10)
		}
		if !n.AtLeast || n.Rows > 0 {
			rows = units.Grouped(n.Rows)
		}
		if n.AtLeast && n.Rows > 0 {
			rows = "at least " + rows
		}
		if n.Compared {
			missing, extra = units.Grouped(n.Missing), units.Grouped(n.Extra)
		}
		content, i := contentWords(n.Content)
		if n.Wrong > 0 {
			content += " (" + units.Grouped(n.Wrong) + " wrong)"
		}
		t.add(i, n.Node, cmp.Or(string(n.State.Role), "?"), timeline, rows, content, missing, extra)
		if n.Content != report.ContentEqual && n.Content != report.ContentReference {
			t.rows[len(t.rows)-1].rank = -1
		}
	}
	return t.section(p, "more node", "more nodes")
}

// unreadSection says why nodes were not read.
func unreadSection(p *page, r *report.Result) *section {
	s := &section{one: "more node was not read", many: "more nodes were not read", joined: true}
	var shown []string
	for i := range r.Audits {
		for _, reason := range r.Audits[i].Unread() {
			if !slices.Contains(shown, reason) && !slices.ContainsFunc(r.AllReasons(), func(all string) bool { return strings.Contains(all, reason) }) {
				shown = append(shown, reason)
				s.add(0, p.clipped(red, "  ", reason, 2))
			}
		}
	}
	return s
}
