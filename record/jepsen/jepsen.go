// Package jepsen writes the history of a run in Jepsen's format: every write as the
// addition of an element to a set, as its set checkers read it.
//
// A line is a JSON object. The process of writer w is w until an operation of it ends
// without an answer; then it is w+n, w+2n, and so on, n being the number of all
// clients, since Jepsen takes a process that has crashed for busy for ever. An answer
// that came late ends its operation at the time at which it came, under the process
// that had begun it, which nobody uses any more: an info in its place would be
// complete by itself, and jepsen.history refuses a second completion.
package jepsen

import (
	"bytes"
	"cmp"
	"container/heap"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"slices"
	"time"

	"pgchaos/record"
	"pgchaos/record/ledger"
)

// Run is what a history is made from.
type Run struct {
	Book   *ledger.Book
	Events []record.Event // of the timeline
	// Weak tells of an acknowledgement whether it was not promised by the standbys that were
	// demanded; nil: only the server's own notice counts.
	Weak func(workload string, e *ledger.Entry) bool
	// Readers is the number of clients that may read at the end: see Read.
	Readers int
}

// event is one line.
type event struct {
	Process  any                `json:"process"` // a number, or "nemesis"
	Type     string             `json:"type"`
	F        string             `json:"f"`
	Value    any                `json:"value"`
	Time     time.Duration      `json:"time"` // since the load began, in nanoseconds
	Node     string             `json:"node,omitempty"`
	Timeline uint32             `json:"timeline,omitempty"`
	LSN      record.LSN         `json:"lsn,omitzero"`
	Late     bool               `json:"late,omitempty"`
	Weak     bool               `json:"weak,omitempty"`
	Name     string             `json:"name,omitempty"` // the step's
	Status   record.EventStatus `json:"status,omitempty"`
	Error    string             `json:"error,omitempty"`
}

// Write writes every operation and every event, by time, and returns the time of the
// last line. It keeps an operation or two of each writer in memory, and those that are
// to be answered late.
func (r Run) Write(w io.Writer) (last time.Duration, err error) {
	enc := json.NewEncoder(w)
	all := streams{r.open(slices.Values(r.nemesis()), -1)}
	for _, a := range r.Book.Writers() {
		all = append(all, r.openWriter(a))
	}
	defer func() {
		for _, s := range all {
			s.stop()
		}
	}()
	all = slices.DeleteFunc(all, func(s *stream) bool { return !s.advance() })
	heap.Init(&all)
	for len(all) > 0 {
		s := all[0]
		if s.err != nil {
			return last, s.err
		}
		last = s.head.Time
		if err := enc.Encode(s.head); err != nil {
			return last, fmt.Errorf("write the history: %w", err)
		}
		if s.advance() {
			heap.Fix(&all, 0)
			continue
		}
		s.stop()
		heap.Pop(&all)
	}
	return last, nil
}

// clients is the number of all that have processes.
func (r Run) clients() int64 {
	n := 0
	for _, a := range r.Book.Writers() {
		n = max(n, a.ID+1)
	}
	return int64(n + r.Readers)
}

// Read writes what a node held at the end, as a read of the reader of that number,
// from 0: its keys, or why they are not known.
func (r Run) Read(w io.Writer, reader int, node string, at time.Duration, keys iter.Seq[record.Key], failed error) error {
	e := event{Process: r.clients() - int64(r.Readers) + int64(reader), Type: "invoke", F: "read", Time: at, Node: node}
	enc := json.NewEncoder(w)
	if err := enc.Encode(e); err != nil {
		return fmt.Errorf("write the read of %s: %w", node, err)
	}
	if failed != nil {
		e.Type, e.Error = "fail", failed.Error()
		return enc.Encode(e)
	}
	e.Type = "ok"
	if err := encodeRead(w, e, keys); err != nil {
		return fmt.Errorf("write the read of %s: %w", node, err)
	}
	return nil
}

// encodeRead writes a line that may be too long to be in memory as a whole.
func encodeRead(w io.Writer, e event, keys iter.Seq[record.Key]) error {
	e.Value = []record.Key{}
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	before, after, _ := bytes.Cut(text, []byte(`"value":[]`))
	if _, err := fmt.Fprintf(w, `%s"value":[`, before); err != nil {
		return err
	}
	comma := ""
	for k := range keys {
		if _, err := fmt.Fprintf(w, "%s%d", comma, int64(k)); err != nil {
			return err
		}
		comma = ","
	}
	_, err = fmt.Fprintf(w, "]%s\n", after)
	return err
}

// nemesis are the steps of the timeline, two lines each, as Jepsen's nemesis has them:
// when it was begun, and when its effect was verified or it was given up. One of which
// the end is not known has one line, and one that was never begun has none.
func (r Run) nemesis() (all []event) {
	for _, m := range r.Events {
		if m.Status == record.EventSkipped {
			continue
		}
		e := event{Process: "nemesis", Type: "info", F: m.Action, Value: m.Nodes, Time: m.Issued, Name: m.Name}
		all = append(all, e)
		if m.Status == "" {
			continue
		}
		e.Time, e.Status, e.Error = max(m.Issued, cmp.Or(m.Effective, m.Ended)), m.Status, m.Error
		all = append(all, e)
	}
	slices.SortStableFunc(all, func(a, b event) int { return cmp.Compare(a.Time, b.Time) })
	return all
}
