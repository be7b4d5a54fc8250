package html

import (
	"cmp"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strconv"
	"strings"

	"pgchaos/internal/redact"
	"pgchaos/internal/units"
	"pgchaos/report"
	"pgchaos/report/lanes"
	"pgchaos/report/text"
	"pgchaos/verdict"
)

// page is what the template shows.
type page struct {
	elements
	Links              []Link
	Version            string
	Verdict, Class     string
	Name, Headline     string
	Description, Mode  string
	Setup              string
	Problems           []string // what cannot be shown
	WithoutScripts     string
	Contents           []entry
	Expectations       []expectation
	Unknown            bool // what was expected of something is not known
	ReasonsTitle       string
	Reasons, Warnings  []string
	Lanes              []lane
	LanesNote          string
	CloseupsNote       string
	Closeups           []closeup
	Sections           []section
	RepeatNote, Footer string
	Command            string `text:"whole"`
	Experiment         string `text:"whole"`
}

// entry is a line of the contents.
type entry struct{ ID, Title string }

// expectation is one expectation with what was measured.
type expectation struct{ Class, Word, Text, Measured, Why string }

// section is a part of the page below the lanes.
type section struct {
	ID, Title, Note string
	Blocks          []block
}

// block is a paragraph, a list, a table or a picture.
type block struct {
	Class, Label, Text string
	Items              []string
	Table              *table
	Picture            template.HTML
	Verbatim           bool
	Under              bool // it belongs to the block before
}

// table is a table with a caption.
type table struct {
	Caption string
	Titled  bool // the heading above says the same
	Columns []cell
	Rows    [][]cell
}

type cell struct {
	Text, Class string
	Head        bool // of a row
}

func newPage(r *report.Result, o Options) (*page, error) {
	run, unreadable := lanes.Of(r)
	parts, err := newElements(run)
	if err != nil {
		return nil, err
	}
	p := &page{
		elements: parts, Version: o.Version, Verdict: text.VerdictWord(r.Verdict), Class: classOf(r.Verdict),
		Name: cmp.Or(r.Name, "an experiment without a name"), Headline: r.Headline(), Description: r.Description,
		Mode: modeOf(r), Setup: strings.Join(text.Setup(r), "; "), Warnings: text.Warnings(r),
		Command: text.ShellLine(text.Again(r)), Experiment: redact.Printable(r.Experiment),
	}
	if unreadable != nil {
		p.Problems = append(p.Problems, "Some response times cannot be shown: "+unreadable.Error())
	}
	p.WithoutScripts = "Interactive charts need JavaScript. The pictures below do not."
	if !Charts() {
		p.WithoutScripts = NoCharts + " The pictures below do not need them."
	}
	if r.Generator != nil {
		p.Warnings = append(p.Warnings, r.Generator.Warnings...)
	}
	if len(run.Lanes) == 0 {
		p.Problems = append(p.Problems, "The result has no figures over time, so there are no charts.")
	}
	p.addExpectations(r)
	p.addReasons(r)
	p.addLanes(run)
	p.addCloseups(run)
	p.addSections(r)
	p.addRepeat(r)
	p.addContents()
	return p, nil
}

func modeOf(r *report.Result) string {
	if len(r.Replications()) == 0 {
		return "The replication mode is not known."
	}
	return "Replication: " + text.Mode(r)
}

// NoCharts says that the program was built without the interactive charts.
const NoCharts = "This pgchaos was built without interactive charts."

// classOf is the CSS class of a verdict. What is not known is inconclusive.
func classOf(v verdict.Verdict) string {
	switch v {
	case verdict.Pass:
		return "pass"
	case verdict.Fail:
		return "fail"
	case verdict.Inconclusive:
	}
	return "inconclusive"
}

// classes are the CSS classes of the tones: those of the verdicts, and words of their own for the rest.
var classes = map[text.Tone]string{
	text.ToneGood: "pass", text.ToneBad: "fail", text.ToneWarning: "inconclusive", text.ToneStrong: "strong", text.ToneFaint: "faint",
}

func (p *page) addExpectations(r *report.Result) {
	for _, e := range r.Expectations {
		one := expectation{Class: classOf(e.Verdict), Word: strings.ToLower(text.VerdictWord(e.Verdict)), Text: e.Text, Measured: e.Observed}
		if e.Verdict == verdict.Inconclusive {
			one.Why, p.Unknown = cmp.Or(e.Why, "the reason is not recorded"), true
		}
		p.Expectations = append(p.Expectations, one)
	}
}

// addReasons adds what decides the verdict beside the expectations. The headline may have said the first of them.
func (p *page) addReasons(r *report.Result) {
	for _, reason := range r.AllReasons() {
		if reason != p.Headline {
			p.Reasons = append(p.Reasons, reason)
		}
	}
	switch r.Verdict {
	case verdict.Fail:
		p.ReasonsTitle = "Why the run failed"
	case verdict.Pass:
		p.ReasonsTitle = "Notes on the verdict"
	case verdict.Inconclusive:
		p.ReasonsTitle = "What makes the run inconclusive"
	}
	p.ReasonsTitle = cmp.Or(p.ReasonsTitle, "What makes the run inconclusive")
}

// order is the order of the sections in the page.
var order = []string{"load", "outages", "recovery", "losses", "reads", "nodes", "errors", "percentiles", "timeline", "usage", "generator", "cluster", "settings", "logs"}

// titles are those of the sections that have other words in a page than in the report for a terminal, where they stand alone.
var titles = map[string]string{
	"timeline": "Steps of the timeline", "outages": "Outages by fault", "recovery": "Recovery by fault, stage by stage",
	"cluster": "Versions, host and seed", "nodes": "Nodes compared", "load": "Load by workload and phase",
}

// addSections adds the tables: the words are those of the report for a terminal.
func (p *page) addSections(r *report.Result) {
	for _, s := range text.Sections(r) {
		p.Sections = append(p.Sections, sectionOf(s))
	}
	if faults := text.Faults(r); len(faults.Rows) > 0 {
		p.before("outages", block{Table: tableOf("What each fault cost", faults)})
	}
	p.addPercentiles(r)
	p.addHost(r)
	p.addSettings(r)
	slices.SortStableFunc(p.Sections, func(a, b section) int { return cmp.Compare(place(a), place(b)) })
}

func place(s section) int {
	if i := slices.Index(order, s.ID); i >= 0 {
		return i
	}
	return len(order)
}

// before puts a block at the beginning of a section, which is made where there is none.
func (p *page) before(id string, b block) {
	i := slices.IndexFunc(p.Sections, func(s section) bool { return s.ID == id })
	if i < 0 {
		i = len(p.Sections)
		p.Sections = append(p.Sections, section{ID: id, Title: titles[id]})
	}
	p.Sections[i].Blocks = slices.Insert(p.Sections[i].Blocks, 0, b)
}

func sectionOf(s text.Section) section {
	out := section{ID: s.ID, Title: cmp.Or(titles[s.ID], s.Title), Note: s.Note}
	for _, b := range s.Blocks {
		switch n := len(out.Blocks); {
		case b.Table != nil:
			t := tableOf(out.Title, b.Table)
			t.Titled = true
			out.Blocks = append(out.Blocks, block{Table: t})
		case b.Verbatim && n > 0 && out.Blocks[n-1].Verbatim: // lines of one log
			out.Blocks[n-1].Text += "\n" + strings.TrimPrefix(b.Text, "  ")
		case b.Verbatim:
			out.Blocks = append(out.Blocks, block{Verbatim: true, Text: strings.TrimPrefix(b.Text, "  ")})
		case b.Items != nil || b.Label != "" || b.Text != "":
			out.Blocks = append(out.Blocks, block{Class: classes[b.Tone], Label: b.Label, Text: b.Text, Items: b.Items, Under: b.Indent >= 4})
		}
	}
	return out
}

func tableOf(caption string, t *text.Table) *table {
	out := &table{Caption: caption}
	number := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		if c.Number {
			number[i] = "number"
		}
		out.Columns = append(out.Columns, cell{Text: c.Head, Class: number[i]})
	}
	for _, r := range t.Rows {
		row := make([]cell, 0, len(r.Cells))
		for i, words := range r.Cells {
			c := cell{Text: words, Class: strings.TrimSpace(number[i] + " " + classes[r.Tone]), Head: i == 0 && strings.TrimSpace(words) != ""}
			if trimmed := strings.TrimLeft(words, " "); i == 0 { // what belongs to the row above is indented
				c.Text = strings.Repeat("\u00a0", 2*(len(words)-len(trimmed))) + trimmed
			}
			row = append(row, c)
		}
		out.Rows = append(out.Rows, row)
	}
	return out
}

// addHost adds what the report for a terminal leaves out about the machines.
func (p *page) addHost(r *report.Result) {
	h, c := r.Host, r.Cluster
	t := &table{Caption: "The machines", Columns: []cell{{Text: "What"}, {Text: "Value"}}}
	add := func(what, value string) {
		if value != "" {
			t.Rows = append(t.Rows, []cell{{Text: what, Head: true}, {Text: value}})
		}
	}
	add("Host", h.Name)
	add("CPU", h.CPU)
	if h.Memory > 0 {
		add("Memory", units.Bytes(h.Memory))
	}
	if c.NodeCPUs > 0 {
		add("CPUs that each node may use", strconv.FormatFloat(c.NodeCPUs, 'g', 4, 64))
	}
	if c.NodeMemory > 0 {
		add("Memory that each node may use", units.Bytes(uint64(c.NodeMemory)))
	}
	if c.Fsync != nil {
		add("Time of a sync to the disk of the primary", fmt.Sprintf("%s ms (%s)", units.Millis(c.Fsync.Time), c.Fsync.Method))
	}
	if c.RoundTrip > 0 {
		add("Round trip to the primary", units.Millis(c.RoundTrip)+" ms")
	}
	add("PostgreSQL's programs", c.Bin)
	if len(t.Rows) == 0 {
		return
	}
	if i := slices.IndexFunc(p.Sections, func(s section) bool { return s.ID == "cluster" }); i >= 0 {
		p.Sections[i].Blocks = append(p.Sections[i].Blocks, block{Table: t})
	}
}

// addSettings compares the settings of the nodes.
func (p *page) addSettings(r *report.Result) {
	names := map[string]bool{}
	t := &table{Caption: "Settings that pgchaos set, by node", Columns: []cell{{Text: "Setting"}}}
	for _, n := range r.Cluster.Nodes {
		t.Columns = append(t.Columns, cell{Text: n.Name})
		for name := range n.Settings {
			names[name] = true
		}
	}
	if len(names) == 0 {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		row := []cell{{Text: name, Head: true}}
		for _, n := range r.Cluster.Nodes {
			value, set := n.Settings[name]
			switch {
			case !set:
				value = "-"
			case value == "":
				value = "''"
			}
			row = append(row, cell{Text: value})
		}
		t.Rows = append(t.Rows, row)
	}
	p.Sections = append(p.Sections, section{
		ID: "settings", Title: "Settings of the nodes", Note: "as they were at the start; - is PostgreSQL's default or the file of the server", Blocks: []block{{Table: t}},
	})
}

// addRepeat says how the run is repeated.
func (p *page) addRepeat(r *report.Result) {
	save := "Save the text below to a file, and name that file instead of EXPERIMENT:"
	if r.Experiment == "" {
		save = "The experiment's text is not in the result. Name its file instead of EXPERIMENT:"
	}
	switch {
	case len(r.Repeat()) > 0:
		p.RepeatNote = "This command runs the same experiment with the same seed again:"
	case r.Seed > 0:
		p.RepeatNote = "The file of the experiment is not known. " + save
	default:
		p.RepeatNote = "Neither the file of the experiment nor its seed is known. " + save
	}
	p.Footer = "Written from " + report.FileName
	if r.Run != "" {
		p.Footer += " of run " + r.Run
	}
	p.Footer += " by pgchaos " + cmp.Or(p.Version, "of an unknown version") + ". 'pgchaos report DIR --format html' writes it again."
	if !Charts() {
		p.Footer += " " + NoCharts
	}
}

// addContents lists the parts of the page.
func (p *page) addContents() {
	add := func(has bool, id, title string) {
		if has {
			p.Contents = append(p.Contents, entry{id, title})
		}
	}
	add(len(p.Expectations) > 0, "expectations", "Expectations")
	add(len(p.Reasons) > 0, "reasons", p.ReasonsTitle)
	add(len(p.Warnings) > 0, "warnings", "Warnings")
	add(len(p.Lanes) > 0, "course", "The run over time")
	add(len(p.Closeups) > 0, "closeups", "Close-ups of the faults")
	logs := 0
	for i := range p.Sections {
		s := &p.Sections[i]
		if s.ID == "logs" { // one for each node
			logs++
			s.ID = "log-" + strconv.Itoa(logs)
		}
		add(true, s.ID, s.Title)
	}
	add(true, "experiment", "The experiment, and how to repeat it")
}
