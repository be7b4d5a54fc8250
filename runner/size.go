package runner

import (
	"fmt"
	"time"

	"pgchaos/internal/units"
	"pgchaos/report"
	"pgchaos/spec"
)

// What a run writes, in bytes. Measured: docs/load.md.
const (
	ledgerBytesPerWrite = 7
	ledgerBlock         = 65_536  // the least for each client
	resultBytes         = 100_000 // without what follows
	phaseBytes          = 3_500   // of a workload in a phase
	pointBytes          = 95      // of a step of a workload's series
	secondBytes         = 3_000   // of a second's distributions
	readBytes           = 150_000 // of a workload that reads: examples of what its readers saw
	usageBytes          = 260     // of a sample of a node's resource use
	sampleBytes         = 280     // of a sample of a node's state
)

// Size is how large the files of a run become.
type Size struct {
	// Run is how long the load goes on, as far as the file says.
	Run time.Duration
	// Result bounds result.json, and Ledger the ledger of the workloads whose rate is known, in bytes.
	Result, Ledger int64
	// Open tells that a workload that writes has no rate, so that its part of the ledger is not known.
	Open bool
}

// Size estimates what the run will write.
func (p *Plan) Size() Size {
	e := p.Experiment
	s := Size{Run: spanOf(e), Result: resultBytes}
	steps := int64(min(s.Run, usageAsTaken)/report.SeriesStep) + 1
	seconds := int64(min(s.Run, usageAsTaken)/report.SecondStep) + 1
	s.Result += int64(len(e.Cluster.Nodes)) * seconds * (usageBytes + sampleBytes)
	for i := range e.Load {
		w := &e.Load[i]
		s.Result += int64(len(e.Timeline)+1)*phaseBytes + steps*pointBytes + seconds*secondBytes
		if w.ReadsFrom("") {
			s.Result += readBytes
		}
		if !w.Inserts("") {
			continue
		}
		writes, known := writesOf(w, s.Run)
		s.Ledger += writes*ledgerBytesPerWrite + int64(w.Clients+1)*ledgerBlock
		s.Open = s.Open || !known
	}
	return s
}

// spanOf is how long the load goes on at least, by the times that the file has.
func spanOf(e *spec.Experiment) time.Duration {
	phases := plannedPhases(e)
	span := phases[len(phases)-1].from
	for i := range e.Load {
		w := &e.Load[i]
		staged := time.Duration(0)
		for _, stage := range w.Stages {
			staged += time.Duration(stage.For)
		}
		span = max(span, time.Duration(w.Duration), staged)
	}
	return span
}

// writesOf is how many rows a workload inserts, at most; known is false where it has no rate.
func writesOf(w *spec.Workload, run time.Duration) (n int64, known bool) {
	rows := int64(1)
	for _, part := range w.Works() {
		rows = max(rows, int64(max(part.Rows, 1))*int64(max(part.Statements, 1))*int64(max(part.Pipeline, 1)))
	}
	if w.Iterations > 0 {
		return int64(w.Iterations) * rows, true
	}
	if len(w.Stages) > 0 && w.Open() {
		arrivals := 0.0
		for _, stage := range w.Stages {
			arrivals += float64(stage.Rate) * time.Duration(stage.For).Seconds()
		}
		return int64(arrivals) * rows, true
	}
	if w.Duration > 0 {
		run = min(run, time.Duration(w.Duration))
	}
	return int64(float64(w.Rate)*run.Seconds()) * rows, w.Open()
}

// String is the estimate as `pgchaos plan` shows it.
func (s Size) String() string {
	text := fmt.Sprintf("result.json up to %s, ledger about %s", units.Bytes(uint64(s.Result)), units.Bytes(uint64(s.Ledger)))
	if s.Open {
		text += fmt.Sprintf(", and %s more for each million writes without a rate", units.Bytes(ledgerBytesPerWrite*1_000_000))
	}
	return text + "; the servers' data come on top"
}
