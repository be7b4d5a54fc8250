// Package summary is the judged result of a run in short, for programs and for other renderings: some kilobytes where
// result.json has megabytes. Its fields keep their meaning.
package summary

import (
	"encoding/json"
	"io"
	"time"

	"pgchaos/audit"
	"pgchaos/expect"
	"pgchaos/outage"
	"pgchaos/report"
	"pgchaos/verdict"
)

// Schema names the format. Fields may be added; those that are there keep their names and meanings.
const Schema = "pgchaos.summary/1"

// Summary is a run in short. Times are in seconds, response times in milliseconds; null is not known.
type Summary struct {
	Schema     string          `json:"schema"`
	Run        string          `json:"run"`
	Experiment string          `json:"experiment"`
	Verdict    verdict.Verdict `json:"verdict"`
	Headline   string          `json:"headline"` // why, in one sentence
	Reasons    []string        `json:"reasons,omitempty"`
	// Warnings are what the run cannot know because of the cluster as it was met, and what went wrong in steps that did what they were to do.
	Warnings []string `json:"warnings,omitempty"`
	// Doubts are what makes the figures of the load doubtful.
	Doubts       []string           `json:"doubts,omitempty"`
	Expectations []expect.Judgement `json:"expectations"`

	Started  time.Time       `json:"started"`
	Duration float64         `json:"duration_s"`
	Stage    report.Stage    `json:"stage"` // how far the run came
	Stopped  string          `json:"stopped,omitempty"`
	Seed     uint64          `json:"seed"`
	Tool     string          `json:"tool"`
	Host     string          `json:"host,omitempty"`
	Provider string          `json:"provider"`
	Postgres string          `json:"postgres"`
	Variant  *report.Variant `json:"variant,omitempty"`
	// Replication are the modes of the primary, by time.
	Replication []Mode `json:"replication,omitempty"`

	Load   []Row   `json:"load"`
	Faults []Fault `json:"faults,omitempty"`
	Tables []Table `json:"tables,omitempty"` // that were audited
	Nodes  []Node  `json:"nodes,omitempty"`
}

// Mode is what commits waited for from some time on.
type Mode struct {
	Since float64 `json:"since_s"`
	Node  string  `json:"primary,omitempty"`
	Mode  string  `json:"mode"`
	// Commit is synchronous_commit.
	Commit string `json:"synchronous_commit,omitempty"`
}

// Row is one row of the aggregate table: a workload as a whole, one of its parts, or one of its phases.
type Row struct {
	Workload   string   `json:"workload"`
	Part       string   `json:"part,omitempty"`
	Phase      string   `json:"phase,omitempty"`
	Samples    int64    `json:"samples"`
	OK         int64    `json:"ok"`
	Weak       int64    `json:"weak"`
	Failed     int64    `json:"failed"`
	Unknown    int64    `json:"unknown"`
	Dropped    int64    `json:"dropped"`
	ErrorRate  *float64 `json:"error_rate"` // of 1
	Throughput *float64 `json:"throughput_per_s"`
	// Times are the response times of all operations, also of those that failed; nil: there were none.
	Times *Times `json:"response_ms"`
}

// Times are response times in milliseconds.
type Times struct {
	Average float64 `json:"average"`
	Median  float64 `json:"median"`
	P90     float64 `json:"p90"`
	P95     float64 `json:"p95"`
	P99     float64 `json:"p99"`
	P999    float64 `json:"p999"`
	Min     float64 `json:"min"`
	Max     float64 `json:"max"`
}

// Fault is one fault and what it cost.
type Fault struct {
	Event  string   `json:"event"`
	Action string   `json:"action,omitempty"`
	Nodes  []string `json:"nodes,omitempty"`
	Issued float64  `json:"issued_s"`
	Write  *Outage  `json:"write_outage"` // of the workload that was out for longest; null: none writes
	Read   *Outage  `json:"read_outage"`
	// Redundancy is after how long the demanded standbys were back, or had not been; null: not known. 0: they were never missing.
	Redundancy     *float64 `json:"redundancy_s"`
	RedundancyBack *bool    `json:"redundancy_back"`
	// RedundancyLeast is where it is only known from and to, and Redundancy the most then.
	RedundancyLeast *float64 `json:"redundancy_least_s,omitempty"`
	Caveats         []string `json:"caveats,omitempty"`
}

// Outage is how long a workload was out.
type Outage struct {
	Workload string `json:"workload"`
	// State is recovered, not recovered, not measured or not served before.
	State   string   `json:"state"`
	Seconds *float64 `json:"seconds"`          // null: not measured
	Most    *float64 `json:"most_s,omitempty"` // where it is only known from and to
	Errors  int64    `json:"errors"`
}

// Table is what the audit says of one table.
type Table struct {
	Table        string `json:"table"`
	Complete     bool   `json:"complete"`
	Why          string `json:"why,omitempty"`        // it is not complete
	NodesRead    string `json:"nodes_read,omitempty"` // "1 of 2 nodes read"; "": all were
	Acknowledged int64  `json:"acknowledged"`
	Lost         int64  `json:"lost"`
	WeakLost     int64  `json:"weak_lost"`
	Weak         *int64 `json:"weak"` // weak acknowledgements; null: not recorded
	Unexplained  int64  `json:"unexplained"`
	Survived     int64  `json:"survived"`
	Vanished     int64  `json:"vanished"`
	Resurrected  int64  `json:"resurrected"`
	Duplicated   int64  `json:"duplicated"`
	Foreign      int64  `json:"foreign"`
	Corrupted    int64  `json:"corrupted"`
	Losses       []Loss `json:"losses,omitempty"` // by event
	// UnreadForks say what is not known because a former primary's own rows could not be read.
	UnreadForks []string `json:"unread_forks,omitempty"`
}

// Loss is what one event lost.
type Loss struct {
	Event    string  `json:"event"`
	Lost     int64   `json:"lost"`
	WeakLost int64   `json:"weak_lost"`
	From     float64 `json:"from_s"`
	To       float64 `json:"to_s"`
	Why      string  `json:"why"`
}

// Node is a node at the end.
type Node struct {
	Node     string `json:"node"`
	Role     string `json:"role,omitempty"` // "": not known
	Timeline uint32 `json:"timeline,omitempty"`
	Rows     int64  `json:"rows"`
	AtLeast  bool   `json:"rows_at_least,omitempty"`
	Content  string `json:"content"` // how its rows compare with the primary's
	Missing  *int64 `json:"missing"` // null: not compared
	Extra    *int64 `json:"extra"`
	Wrong    int64  `json:"wrong"`
}

// Write writes the summary as JSON.
func Write(w io.Writer, r *report.Result) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	return out.Encode(Of(r))
}

// Of is the summary of a result.
func Of(r *report.Result) *Summary {
	s := &Summary{
		Schema: Schema, Run: r.Run, Experiment: r.Name, Verdict: r.Verdict, Headline: r.Headline(), Reasons: r.AllReasons(), Warnings: r.Warned(), Doubts: r.Doubts(),
		Expectations: r.Expectations, Started: r.Started, Duration: r.Duration.Seconds(), Stage: r.Stage, Stopped: r.Stopped, Seed: r.Seed,
		Tool: r.Tool, Host: r.Host.Name, Provider: r.Cluster.Provider, Postgres: r.Cluster.Postgres, Variant: r.Variant, Load: Load(r),
	}
	if s.Expectations == nil {
		s.Expectations = []expect.Judgement{}
	}
	for _, m := range r.Replications() {
		s.Replication = append(s.Replication, Mode{Since: m.Since.Seconds(), Node: m.Node, Mode: m.String(), Commit: m.Commit})
	}
	for _, f := range r.Faults() {
		s.Faults = append(s.Faults, faultOf(f))
	}
	for i := range r.Audits {
		s.Tables = append(s.Tables, tableOf(r, &r.Audits[i]))
	}
	for _, n := range r.NodesAtEnd() {
		s.Nodes = append(s.Nodes, nodeOf(n))
	}
	return s
}

// Load is the aggregate table: of each workload the whole, its parts and its phases; and of several the total.
func Load(r *report.Result) []Row {
	rows := []Row{}
	for i := range r.Workloads {
		w := &r.Workloads[i]
		rows = append(rows, rowOf(Row{Workload: w.Name}, w.Total))
		for _, p := range w.Parts {
			rows = append(rows, rowOf(Row{Workload: w.Name, Part: p.Part}, p.Stats))
		}
		for _, p := range w.Phases {
			rows = append(rows, rowOf(Row{Workload: w.Name, Phase: p.Phase}, p.Stats))
		}
	}
	if len(r.Workloads) > 1 {
		rows = append(rows, rowOf(Row{Workload: Total}, r.Total()))
	}
	return rows
}

// Total is the name of the row of all workloads. No workload can have it: their names are in small letters.
const Total = "TOTAL"

func rowOf(row Row, s report.Stats) Row {
	row.Samples, row.OK, row.Weak, row.Failed, row.Unknown, row.Dropped = s.Samples, s.OK, s.Weak, s.Failed, s.Unknown, s.Dropped
	if share, ok := s.ErrorRate(); ok {
		row.ErrorRate = &share
	}
	if perSecond, ok := s.Throughput(); ok {
		row.Throughput = &perSecond
	}
	if d := s.Response; d.Count > 0 {
		row.Times = &Times{
			Average: millis(d.Mean), Median: millis(d.P50), P90: millis(d.P90), P95: millis(d.P95), P99: millis(d.P99), P999: millis(d.P999),
			Min: millis(d.Min), Max: millis(d.Max),
		}
	}
	return row
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func faultOf(f report.Fault) Fault {
	out := Fault{
		Event: f.Event, Action: f.Action, Nodes: f.Nodes, Issued: f.Issued.Seconds(), Caveats: f.Caveats, Write: outageOf(f.Write), Read: outageOf(f.Read),
	}
	seconds, back := (f.Redundancy.At - f.Issued).Seconds(), f.Redundancy.State != outage.StageMissed
	switch f.Redundancy.State {
	case outage.StageNone:
		seconds = 0
	case outage.StageReached, outage.StageMissed:
	default:
		return out
	}
	out.Redundancy, out.RedundancyBack = &seconds, &back
	if f.Redundancy.From > 0 {
		least := (f.Redundancy.From - f.Issued).Seconds()
		out.RedundancyLeast = &least
	}
	return out
}

// The states of an outage.
const (
	Recovered    = "recovered"
	NotRecovered = "not recovered"
	NotMeasured  = "not measured"
	NotServed    = "not served before"
)

func outageOf(o *outage.Outage) *Outage {
	if o == nil {
		return nil
	}
	out := &Outage{Workload: o.Workload, State: Recovered, Errors: o.Errors}
	switch {
	case !o.Loaded:
		out.State = NotMeasured
		return out
	case o.NotServed:
		out.State = NotServed
		return out
	case !o.Recovered:
		out.State = NotRecovered
	}
	seconds := o.RTO.Seconds()
	out.Seconds = &seconds
	if o.Most > o.RTO {
		most := o.Most.Seconds()
		out.Most = &most
	}
	return out
}

func tableOf(r *report.Result, a *audit.Audit) Table {
	t := Table{
		Table: a.Table, Complete: a.Complete, Acknowledged: a.Acknowledged, Lost: a.Lost.N, WeakLost: a.WeakLost.N, Unexplained: a.Unexplained,
		Survived: a.Survived.N, Vanished: a.Vanished.N, Resurrected: a.Resurrected.N, Duplicated: a.Duplicated.N, Foreign: a.Foreign.N, Corrupted: a.Corrupted.N,
	}
	if !a.Complete {
		t.Why = report.Incomplete(a)
	}
	if a.Weak != nil {
		weak := a.Weak.Sum()
		t.Weak = &weak
	}
	for _, l := range r.Losses(a) {
		t.Losses = append(t.Losses, Loss{Event: l.Event, Lost: l.Lost, WeakLost: l.WeakLost, From: l.From.Seconds(), To: l.To.Seconds(), Why: l.Why()})
	}
	t.NodesRead = report.NodesRead(a)
	t.UnreadForks = report.UnreadForks(a)
	return t
}

func nodeOf(n report.NodeRows) Node {
	out := Node{Node: n.Node, Role: string(n.State.Role), Timeline: n.State.Timeline, Rows: n.Rows, AtLeast: n.AtLeast, Content: contentWord(n.Content), Wrong: n.Wrong}
	if n.Compared {
		out.Missing, out.Extra = &n.Missing, &n.Extra
	}
	return out
}

// contentWord is how the rows of a node compare with the primary's.
func contentWord(c report.Content) string {
	switch c {
	case report.ContentReference:
		return "reference"
	case report.ContentEqual:
		return "equal"
	case report.ContentNotCompared:
		return "not compared"
	case report.ContentBehind:
		return "behind"
	case report.ContentUnread:
		return "not read"
	case report.ContentDiffers:
		return "differs"
	case report.ContentUnknown:
	}
	return "not known"
}
