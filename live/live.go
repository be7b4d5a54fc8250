// Package live is what a view of a run in progress shows: the state of the run, made of its events. It draws nothing, and it reads no
// clock, so that every view (at a terminal, in a browser) shows the same.
package live

import (
	"slices"
	"time"

	"pgchaos/runner"
)

// StatusLasts is how long a status is shown as the present one. Without a newer one there is no load any more.
const StatusLasts = time.Second

// mostLines bounds the lines that are kept. With --verbose there can be many.
const mostLines = 10_000

// Model is what a view shows. The zero value is a run of which nothing has happened. It is not safe for concurrent use.
type Model struct {
	Name string // of the experiment
	// Verbose shows what is done to the nodes in detail, too.
	Verbose bool
	// Several is set where one run follows another, and Round is how far they have come; nil: none has begun.
	Several bool
	Round   *Round

	Stage      string // what the run is busy with; "": nothing yet
	StageBegan time.Time
	// Image is a download in progress; nil: there is none.
	Image *runner.ImageLoaded

	// Status is the newest one, of the time StatusAt; zero: there was no load yet.
	Status   runner.Status
	StatusAt time.Time
	// Workloads are those that have run, by when they began.
	Workloads []*Workload
	// Errors are those of the newest second in which there were any.
	Errors Errors
	// Bands are the faults of the run, by when they were issued.
	Bands []Band
	// NodeHistories are the nodes of the newest Status and what they were before, in the order of the file.
	NodeHistories []*NodeHistory
	// Forgotten counts how often a run has been forgotten, because another one begins: what is above is of the last one.
	Forgotten int

	lines []Line
	first int // the number of the first line that is kept
	pulls map[string]bool
}

// Round is how far a series or a search has come.
type Round struct {
	Name  string // what runs now: "round 2: quorum"
	Done  int
	Total int           // 0: not known
	Left  time.Duration // how long the rest will take; 0: not known
}

// Workload is one workload, from its beginning on.
type Workload struct {
	Name    string
	Running bool
	Now     runner.WorkloadStatus // the last complete second, where it runs
	history history[Point]
}

// Errors are the errors of all workloads in one second.
type Errors struct {
	At    time.Duration // the end of that second; 0: there were none
	N     int64
	Kinds map[string]int64
}

// Band is a fault while it is in force.
type Band struct {
	Step, Action string
	Nodes        []string // when it was issued
	From         time.Duration
	To           time.Duration // 0: it is in force now
}

// mostBands bounds the faults that are kept.
const mostBands = 1000

// Line is a line of the log of what has happened.
type Line struct {
	Text string
	// Passing lines are of a single run of a series, of which only the end is kept when the view ends.
	Passing bool
}

// Take takes an event of the run, which happened at some moment.
func (m *Model) Take(e runner.Event, at time.Time) {
	if text, ok := LineOf(e, m.Verbose); ok {
		m.add(text, m.Several && !m.Verbose)
	}
	switch e := e.(type) {
	case runner.StageBegan:
		m.Stage, m.StageBegan, m.Image = e.Text, at, nil
	case runner.ImageLoaded:
		m.pulled(e)
	case runner.LoadStarted:
		m.forget()
	case runner.Ticked:
		m.tick(e.Status, at)
	}
}

// Print adds a line that no event makes.
func (m *Model) Print(text string) { m.add(text, false) }

// Begin says that a run of several begins, or has ended.
func (m *Model) Begin(r Round) {
	m.Round = &r
	m.Image = nil
	m.forget()
}

// forget forgets the run before.
func (m *Model) forget() {
	m.Status, m.StatusAt, m.Workloads, m.NodeHistories, m.Errors, m.Bands = runner.Status{}, time.Time{}, nil, nil, Errors{}, nil
	m.Forgotten++
}

func (m *Model) add(text string, passing bool) {
	m.lines = append(m.lines, Line{text, passing})
	if more := len(m.lines) - mostLines; more > 0 {
		m.lines = slices.Delete(m.lines, 0, more)
		m.first += more
	}
}

// Lines are the lines from a number on, which counts from 0, as far as they are kept, and the number of the line that comes next.
func (m *Model) Lines(from int) (lines []Line, next int) {
	next = m.first + len(m.lines)
	return m.lines[min(max(from-m.first, 0), len(m.lines)):], next
}

// pulled keeps how far a download is. Its end makes a line.
func (m *Model) pulled(e runner.ImageLoaded) {
	if e.Total <= 0 || m.pulls[e.Image] {
		return
	}
	if e.Done < e.Total {
		m.Image = &e
		return
	}
	if m.pulls == nil {
		m.pulls = map[string]bool{}
	}
	m.pulls[e.Image], m.Image = true, nil
	m.add(PulledText(e), m.Several && !m.Verbose)
}

func (m *Model) tick(s runner.Status, at time.Time) {
	m.Status, m.StatusAt = s, at
	for _, w := range m.Workloads {
		w.Running = false
	}
	errors := Errors{Kinds: map[string]int64{}}
	for _, now := range s.Workloads {
		w := m.workload(now.Name)
		w.Running, w.Now = true, now
		w.add(now.Live)
		if now.Errors == 0 {
			continue
		}
		errors.At = max(errors.At, now.At)
		errors.N += now.Errors
		for kind, n := range now.Kinds {
			errors.Kinds[kind] += n
		}
	}
	if errors.N > 0 {
		m.Errors = errors
	}
	for i := range s.Nodes {
		m.node(s.Nodes[i].Name).note(&s.Nodes[i], s.Elapsed)
	}
	m.band(s)
}

// band begins and ends the bands of faults.
func (m *Model) band(s runner.Status) {
	for i := range m.Bands {
		b := &m.Bands[i]
		if b.To == 0 && !slices.ContainsFunc(s.Faults, b.is) {
			b.To = s.Elapsed
		}
	}
	for _, f := range s.Faults {
		known := slices.ContainsFunc(m.Bands, func(b Band) bool { return b.is(f) })
		if !known && len(m.Bands) < mostBands {
			m.Bands = append(m.Bands, Band{Step: f.Step, Action: f.Action, Nodes: f.Nodes, From: f.Since})
		}
	}
}

// is tells whether the band is of a fault.
func (b *Band) is(f runner.FaultStatus) bool { return b.Step == f.Step && b.From == f.Since }

// workload finds a workload by its name, or begins it.
func (m *Model) workload(name string) *Workload {
	for _, w := range m.Workloads {
		if w.Name == name {
			return w
		}
	}
	w := &Workload{Name: name}
	m.Workloads = append(m.Workloads, w)
	return w
}

// Loading tells whether there is load at a moment: whether the Status is of now.
func (m *Model) Loading(at time.Time) bool {
	return !m.StatusAt.IsZero() && at.Sub(m.StatusAt) < StatusLasts
}

// Elapsed is the time on the run's clock, as far as the newest Status leads.
func (m *Model) Elapsed(at time.Time) time.Duration {
	if m.Loading(at) {
		return m.Status.Elapsed + at.Sub(m.StatusAt)
	}
	return m.Status.Elapsed
}

// Done is which part of the timeline is over, from 0 to 1; known is false where its end is not known.
func (m *Model) Done(at time.Time) (share float64, known bool) {
	if m.Status.End <= 0 {
		return 0, false
	}
	return min(m.Elapsed(at).Seconds()/m.Status.End.Seconds(), 1), true
}

// AllErrors and AllDropped are those of the workloads since their beginnings.
func (m *Model) AllErrors() (errors, dropped int64) {
	for _, w := range m.Workloads {
		errors += w.Now.AllErrors
		dropped += w.Now.AllDropped
	}
	return errors, dropped
}
