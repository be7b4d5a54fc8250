// Package export writes what other tools read: each operation as a sample for JMeter
// or as a line of JSON, while the load runs; and, from a result alone, the interval log
// of HdrHistogram and the time series as CSV.
package export

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"time"

	"pgchaos/record"
)

// Sample is one operation, and whose it was.
type Sample struct {
	Workload string
	Part     string // of a mix; empty: there are none
	Client   int    // counted from 0
	Clients  int    // of the workload
	All      int    // of all workloads
	Node     string // empty: nobody answered, or nobody knows who
	Op       record.Op
}

// label is what a sample is counted under.
func (s *Sample) label() string {
	if s.Part != "" {
		return s.Workload + "/" + s.Part
	}
	return s.Workload
}

// Form is how samples are written.
type Form int

// The forms of samples.
const (
	JTL   Form = iota + 1 // JMeter's CSV, with its header
	JSONL                 // one JSON object a line
)

// Writer writes samples into a file. Its methods may be called from any goroutine.
type Writer struct {
	mu      sync.Mutex
	form    Form
	started time.Time
	share   float64
	random  *rand.Rand
	file    *os.File
	out     *bufio.Writer
	rows    *csv.Writer
	lines   *json.Encoder
	record  []string
	err     error // the first that writing met
}

// Create makes the file; one that is there already is an error, and stays. Of the
// samples a share, above 0 and at most 1, is written, chosen at random by the seed of Start.
func Create(path string, form Form, share float64) (*Writer, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("write samples: %w", err)
	}
	w := &Writer{form: form, share: share, random: random(0, form), file: f, out: bufio.NewWriterSize(f, 1<<16)}
	switch form {
	case JTL:
		w.rows = csv.NewWriter(w.out)
		w.err = w.rows.Write(jtlHeader())
	case JSONL:
		w.lines = json.NewEncoder(w.out)
	}
	return w, nil
}

// Start says what wall time offset 0 is, and by which seed the share is chosen, before the first sample.
func (w *Writer) Start(at time.Time, seed uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.started, w.random = at, random(seed, w.form)
}

// random chooses other samples for each form.
func random(seed uint64, form Form) *rand.Rand { return rand.New(rand.NewPCG(seed, uint64(form))) }

// Of is Write, for every workload: all of them go into one file.
func (w *Writer) Of(string) func(*Sample) { return w.Write }

// Write appends a sample, if it is among the share. What goes wrong, Close tells.
func (w *Writer) Write(s *Sample) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil || w.share < 1 && w.random.Float64() >= w.share {
		return
	}
	if w.form == JTL {
		if s.Op.Outcome != record.Dropped { // JMeter knows no samples that were never sent
			w.record = w.appendJTL(w.record[:0], s)
			w.err = w.rows.Write(w.record)
		}
		return
	}
	w.err = w.lines.Encode(lineOf(s))
}

// Close writes what is left, and tells the first error that there was.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.rows != nil {
		w.rows.Flush()
		w.err = errors.Join(w.err, w.rows.Error())
	}
	if w.err == nil {
		w.err = w.out.Flush()
	}
	if err := errors.Join(w.err, w.file.Close()); err != nil {
		return fmt.Errorf("write samples to %s: %w", w.file.Name(), err)
	}
	return nil
}

// jtlHeader are the columns that JMeter writes by default, in its order.
func jtlHeader() []string {
	return []string{
		"timeStamp", "elapsed", "label", "responseCode", "responseMessage", "threadName", "dataType", "success", "failureMessage",
		"bytes", "sentBytes", "grpThreads", "allThreads", "URL", "Latency", "IdleTime", "Connect",
	}
}

// appendJTL makes a row. JMeter's own elapsed counts from the sending; ours counts from
// when the sample was due, so that JMeter's listeners show what users would have
// waited. Latency is the time from the sending, and IdleTime the waiting before it.
func (w *Writer) appendJTL(row []string, s *Sample) []string {
	op := &s.Op
	success, code, message, failure := "true", "200", "OK", ""
	if !op.Outcome.Acknowledged() {
		success, code = "false", op.Kind
	}
	if op.Outcome != record.OK {
		message = op.Outcome.String()
		if op.Err != nil {
			failure = op.Err.Error()
		}
	}
	return append(row,
		strconv.FormatInt(w.started.Add(op.Due).UnixMilli(), 10), inMillis(op.Response()), s.label(), code, message,
		s.Workload+" 1-"+strconv.Itoa(s.Client+1), "text", success, failure,
		strconv.FormatInt(op.In, 10), strconv.FormatInt(op.Out, 10), strconv.Itoa(s.Clients), strconv.Itoa(s.All), s.Node,
		inMillis(op.Service()), inMillis(op.Sent-op.Due), "0")
}

func inMillis(d time.Duration) string {
	return strconv.FormatInt(d.Round(time.Millisecond).Milliseconds(), 10)
}

// line is a sample in JSON. Times are offsets from the load's beginning.
type line struct {
	Workload string `json:"workload"`
	Part     string `json:"part,omitempty"`
	Client   int    `json:"client"`
	Node     string `json:"node,omitempty"`
	Outcome  string `json:"outcome"`
	Kind     string `json:"kind,omitempty"`
	Due      int64  `json:"due_ns"`
	Sent     *int64 `json:"sent_ns,omitempty"` // of what was sent
	Done     int64  `json:"done_ns"`
	Retries  int    `json:"retries,omitempty"`
	Out      int64  `json:"bytes_out"`
	In       int64  `json:"bytes_in"`
	Error    string `json:"error,omitempty"`
}

func lineOf(s *Sample) line {
	op := &s.Op
	l := line{
		Workload: s.Workload, Part: s.Part, Client: s.Client, Node: s.Node, Outcome: op.Outcome.String(), Kind: op.Kind,
		Due: int64(op.Due), Done: int64(op.Done), Retries: op.Retries, Out: op.Out, In: op.In,
	}
	if op.Outcome != record.Dropped {
		sent := int64(op.Sent)
		l.Sent = &sent
	}
	if op.Err != nil {
		l.Error = op.Err.Error()
	}
	return l
}

// create makes a file and has it filled; what was begun of one that fails is removed.
func create(path, what string, fill func(w io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write %s: %w", what, err)
	}
	out := bufio.NewWriter(f)
	err = fill(out)
	if err == nil {
		err = out.Flush()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write %s to %s: %w", what, path, errors.Join(err, os.Remove(path)))
	}
	return nil
}
