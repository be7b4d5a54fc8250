package search

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"pgchaos/expect"
	"pgchaos/report"
)

// FileName is the name of the file of a search, in its directory.
const FileName = "find-max.json"

const schema = "pgchaos.find-max/1"

// Search is a whole search. find-max.json is this.
type Search struct {
	Schema     string    `json:"schema"`
	Tool       string    `json:"tool"` // pgchaos's version
	Command    []string  `json:"command,omitempty"`
	Experiment string    `json:"experiment"` // its name
	Started    time.Time `json:"started"`
	Seed       uint64    `json:"seed"`
	Path       string    `json:"path"` // what is searched, such as load.writes.rate
	Unit       string    `json:"unit,omitempty"`
	Until      []string  `json:"until,omitempty"` // what must hold
	// Each step warms up for Warmup, and measures for Span at least.
	Warmup        time.Duration `json:"warmup_ns"`
	Span          time.Duration `json:"span_ns"`
	LeastAchieved float64       `json:"least_achieved_rate"`
	Precision     float64       `json:"precision"`
	Steps         []Step        `json:"steps"`
	Conclusion    Conclusion    `json:"conclusion"`

	workload string
	until    []expect.Expectation
	within   Range
}

// New is a search of which no step was made.
func New(s Search, workload string, until []expect.Expectation, within Range) *Search {
	s.Schema, s.LeastAchieved, s.Precision = schema, LeastAchieved, within.Precision
	s.workload, s.until, s.within = workload, until, within
	for _, e := range until {
		s.Until = append(s.Until, e.Text)
	}
	s.conclude()
	return &s
}

// Format writes a value as the experiment has it.
func (s *Search) Format(value float64) string {
	return strconv.FormatFloat(value, 'f', -1, 64) + s.Unit
}

// Next is the value of the next step; more is false where the search is over.
func (s *Search) Next() (value float64, more bool) { return s.within.Next(s.Trials()) }

// Bound makes a value the greatest that is tried: there can be no greater one.
func (s *Search) Bound(most float64) {
	s.within.Most = most
	s.conclude()
}

// Take adds the result of a step.
func (s *Search) Take(value float64, dir string, r *report.Result) *Step {
	step := Judge(value, r, s.workload, s.until)
	step.Dir = dir
	s.Steps = append(s.Steps, step)
	s.conclude()
	return &s.Steps[len(s.Steps)-1]
}

func (s *Search) conclude() { s.Conclusion = s.within.Conclude(s.Trials(), s.Format) }

// Trials are the steps without what was measured.
func (s *Search) Trials() (all []Trial) {
	for i := range s.Steps {
		all = append(all, s.Steps[i].Trial)
	}
	return all
}

// Write writes the search into its directory, over what was there.
func (s *Search) Write(dir string) error {
	text, err := json.MarshalIndent(s, "", " ")
	if err == nil {
		err = report.ReplaceFile(dir, FileName, append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", FileName, err)
	}
	return nil
}
