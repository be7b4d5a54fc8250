// Package series runs an experiment many times: its variants, round by round, each run with a
// result directory of its own.
package series

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"pgchaos/internal/redact"
	"pgchaos/internal/regular"
	"pgchaos/report"
	"pgchaos/spec"
	"pgchaos/verdict"
)

// FileName is the name of the series' file, in the directory that has the directories of its runs.
const FileName = "series.json"

// Schema names the format of series.json. A reader refuses a higher number.
const (
	Schema       = "pgchaos.series/1"
	schemaNumber = 1
)

// maxFile bounds what Read reads, in bytes.
const maxFile = 64 << 20

// Series is what a series is to do, and how far it has come. series.json is this; it is written
// anew after every run.
type Series struct {
	Schema  string    `json:"schema"`
	ID      string    `json:"series"`
	Name    string    `json:"name"` // the experiment's
	Tool    string    `json:"tool"` // pgchaos's version
	Started time.Time `json:"started"`
	// Command are the arguments of pgchaos that began the series.
	Command      []string              `json:"command,omitempty"`
	Seed         uint64                `json:"seed"`
	Rounds       int                   `json:"rounds"`
	WarmupRounds int                   `json:"warmup_rounds,omitempty"`
	Reuse        bool                  `json:"reuse,omitempty"`
	Baseline     string                `json:"baseline,omitempty"` // the variant that the others are held against
	Metrics      []spec.ComparedMetric `json:"metrics,omitempty"`  // those that get a verdict; none: the default
	Tolerance    spec.Share            `json:"tolerance"`
	// Capacity is what each workload can do at most, in operations a second, where a rate is a share of it.
	Capacity map[string]float64 `json:"capacity,omitempty"`
	// KeptIn is the store that has every run of the series; "": none is known to have them all.
	KeptIn   string    `json:"kept_in,omitempty"`
	Variants []Variant `json:"variants"`
	Runs     []Run     `json:"runs"` // in their order

	dir string
}

// Variant is one of the experiments of a series.
type Variant struct {
	Name string `json:"name,omitempty"`
	Cell string `json:"cell,omitempty"`
	// Experiment is its resolved text, without secrets.
	Experiment string `json:"experiment"`
}

// Status is how far a run of a series has come.
type Status string

// The statuses. A run whose verdict is fail is done; failed is one that could not be run.
const (
	Pending Status = "pending"
	Done    Status = "done"
	Failed  Status = "failed"
)

// Run is one run of a series.
type Run struct {
	Round   int             `json:"round"` // from 1; warm-up rounds have numbers of their own
	Warmup  bool            `json:"warmup,omitempty"`
	Variant string          `json:"variant,omitempty"`
	Cell    string          `json:"cell,omitempty"`
	Dir     string          `json:"dir"` // below the series' directory
	Status  Status          `json:"status"`
	Verdict verdict.Verdict `json:"verdict,omitempty"`
	Took    time.Duration   `json:"took_ns,omitempty"`
	// Attempts is how often it was begun and ended by itself; Errors says of each attempt that failed why.
	Attempts int      `json:"attempts,omitempty"`
	Errors   []string `json:"errors,omitempty"`
}

// Name names the run's variant: "local, clients=8".
func (r *Run) Name() string { return spec.JoinVariant(r.Variant, r.Cell) }

// RoundName names the run's round: "round 2", "warm-up round 1".
func (r *Run) RoundName() string {
	if r.Warmup {
		return "warm-up round " + strconv.Itoa(r.Round)
	}
	return "round " + strconv.Itoa(r.Round)
}

// Dir is the series' directory.
func (s *Series) Dir() string { return s.dir }

// Path is the directory of a run.
func (s *Series) Path(r *Run) string { return filepath.Join(s.dir, r.Dir) }

// Left is how many runs are still to do.
func (s *Series) Left() (n int) {
	for i := range s.Runs {
		if s.Runs[i].Status == Pending {
			n++
		}
	}
	return n
}

// Untouched tells whether no run has been begun.
func (s *Series) Untouched() bool {
	return !slices.ContainsFunc(s.Runs, func(r Run) bool {
		_, err := os.Lstat(s.Path(&r))
		return r.Status != Pending || r.Attempts > 0 || err == nil
	})
}

// Discard removes what Run has written of a series that is untouched.
func (s *Series) Discard() error {
	if len(s.Runs) > 0 {
		_ = os.Remove(filepath.Dir(s.Path(&s.Runs[0]))) // the directory of the first round, unless something is in it
	}
	if err := os.Remove(filepath.Join(s.dir, FileName)); err != nil {
		return fmt.Errorf("remove the series: %w", err)
	}
	return nil
}

// Variant is the number of a run's variant in Variants; -1: it is none of them.
func (s *Series) Variant(r *Run) int {
	return slices.IndexFunc(s.Variants, func(v Variant) bool { return v.Name == r.Variant && v.Cell == r.Cell })
}

// order lists the runs: round by round, each variant once, in an order that the seed decides.
func (s *Series) order() {
	digits := len(strconv.Itoa(max(s.Rounds, s.WarmupRounds)))
	add := func(round int, warmup bool, stream uint64) {
		name := fmt.Sprintf("%0*d", digits, round)
		if warmup {
			name = "warmup-" + name
		}
		for _, i := range rand.New(rand.NewPCG(s.Seed, stream)).Perm(len(s.Variants)) {
			v := s.Variants[i]
			s.Runs = append(s.Runs, Run{
				Round: round, Warmup: warmup, Variant: v.Name, Cell: v.Cell, Status: Pending,
				Dir: filepath.Join(name, spec.VariantDir(v.Name, v.Cell)),
			})
		}
	}
	for round := 1; round <= s.WarmupRounds; round++ {
		add(round, true, streamOf(round, true))
	}
	for round := 1; round <= s.Rounds; round++ {
		add(round, false, streamOf(round, false))
	}
}

// streamOf tells the random streams of rounds apart.
func streamOf(round int, warmup bool) uint64 {
	if warmup {
		return uint64(round)<<1 | 1
	}
	return uint64(round) << 1
}

// seedOf is the seed of all runs of a round. They share it, so that each variant gets the same load, and no
// two rounds do. It is exact in JSON's numbers, and never 0.
func (s *Series) seedOf(r *Run) uint64 {
	return rand.New(rand.NewPCG(s.Seed, ^streamOf(r.Round, r.Warmup))).Uint64N(1<<53-1) + 1
}

// NoteKept notes the store that has every run of the series.
func (s *Series) NoteKept(in string) error {
	s.KeptIn = in
	return s.write()
}

// write replaces series.json.
func (s *Series) write() error {
	s.Schema = Schema
	text, err := json.MarshalIndent(redact.Of(nil, *s), "", " ")
	if err == nil {
		err = report.ReplaceFile(s.dir, FileName, append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("write the series: %w", err)
	}
	return nil
}

// ErrNone is the error of a directory that has no series.
var ErrNone = errors.New("there is no " + FileName)

// Read returns the series of a directory.
func Read(dir string) (*Series, error) {
	path := filepath.Join(dir, FileName)
	text, err := regular.Read(path, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the series: %s: %w", dir, ErrNone)
	}
	if err != nil {
		return nil, fmt.Errorf("read the series: %w", err)
	}
	s := &Series{}
	if err := json.Unmarshal(text, s); err != nil {
		return nil, fmt.Errorf("read the series: %s is damaged, or no series of pgchaos: %w", path, err)
	}
	number, isOurs := strings.CutPrefix(s.Schema, "pgchaos.series/")
	n, err := strconv.Atoi(number)
	switch {
	case !isOurs || err != nil || n < 1:
		return nil, fmt.Errorf("read the series: %s: its schema is %q, which is no series of pgchaos (such as %s)", path, s.Schema, Schema)
	case n > schemaNumber:
		return nil, fmt.Errorf("read the series: %s: its schema is %s, and this pgchaos reads up to %s: a newer pgchaos wrote it, use that one", path, s.Schema, Schema)
	}
	for i := range s.Runs {
		if !filepath.IsLocal(s.Runs[i].Dir) {
			return nil, fmt.Errorf("read the series: %s: the directory %q of a run is not below it", path, s.Runs[i].Dir)
		}
		if s.Variant(&s.Runs[i]) < 0 {
			return nil, fmt.Errorf("read the series: %s: there is no variant %q, though a run is of it", path, s.Runs[i].Name())
		}
	}
	s.dir = dir
	return redact.Of(nil, s), nil
}
