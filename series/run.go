package series

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"pgchaos/internal/redact"
	"pgchaos/report"
	"pgchaos/runner"
	"pgchaos/spec"
)

// attempts is how often a run is begun that cannot be run.
const attempts = 2

// RunFunc runs one run of a series as runner.Run does: in o.Out, as o.Variant.
type RunFunc func(ctx context.Context, plan *runner.Plan, o runner.Options) (*report.Result, error)

// Plan is a series ready to run.
type Plan struct {
	*spec.Series
	Plans []*runner.Plan // of each variant
	Seed  uint64         // not 0
	// Begun is set where a series goes on: it is what has been done.
	Begun *Series
}

// Options are what a series has beside its plan.
type Options struct {
	Out     string // the directory, which is there and empty, or has the series that goes on
	Tool    string
	Command []string
	// Capacity is what the workloads can do at most, where it was measured.
	Capacity map[string]float64
	Run      RunFunc
	// Tell gets what happens; it may be nil.
	Tell func(Event)
}

// Event is what happens in a series: a run begins, or ends.
type Event struct {
	Run
	Number, Total int           // of the run, from 1
	Ended         bool          // else it begins
	Again         bool          // it failed, and is begun once more
	Error         error         // of a run that failed
	Left          time.Duration // how long the rest will take, the run included that begins; 0: not known
}

// New is the series of a plan, of which nothing is done.
func New(p *Plan, id string, begun time.Time, o Options) *Series {
	s := &Series{
		ID: id, Name: p.Plans[0].Experiment.Name, Tool: o.Tool, Started: begun, Command: o.Command, Seed: p.Seed,
		Rounds: p.Rounds, WarmupRounds: p.WarmupRounds, Reuse: p.Reuse, Baseline: p.Baseline,
		Metrics: p.Compare.Metrics, Tolerance: p.Compare.Tolerance, Capacity: o.Capacity, dir: o.Out,
	}
	for i := range p.Variants {
		v := &p.Variants[i]
		s.Variants = append(s.Variants, Variant{Name: v.Name, Cell: v.Cell, Experiment: string(v.Text)})
	}
	s.order()
	return s
}

// Continue makes a series that was read the one of a plan, whose variants must be the same. Runs that could not be run are to do again.
func (p *Plan) Continue(s *Series) error {
	var now []Variant
	for i := range p.Variants {
		v := &p.Variants[i]
		now = append(now, Variant{Name: v.Name, Cell: v.Cell, Experiment: string(v.Text)})
	}
	if !slices.Equal(redact.Of(nil, now), s.Variants) {
		return fmt.Errorf("the experiment is not the one that %s was begun with; begin a new series", s.dir)
	}
	// What could not be run is begun again: perhaps the user has mended what kept it from that.
	for i := range s.Runs {
		if r := &s.Runs[i]; r.Status == Failed {
			r.Status, r.Attempts = Pending, 0
		}
	}
	p.Begun = s
	return nil
}

// Run does what is left of a series, and writes series.json after every run. A run that fails is
// begun once more, and then noted as failed; the series goes on. The error is what ended the series early: ctx,
// something that was left behind, or a file that could not be written.
func (s *Series) Run(ctx context.Context, p *Plan, o Options) error {
	if err := s.write(); err != nil {
		return err
	}
	for i := range s.Runs {
		r := &s.Runs[i]
		for r.Status == Pending {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err := s.attempt(ctx, p, i, o); err != nil {
				return err
			}
		}
	}
	return nil
}

// attempt runs one run once. An error ends the series.
func (s *Series) attempt(ctx context.Context, p *Plan, i int, o Options) error {
	r := &s.Runs[i]
	tell := func(e Event) {
		if o.Tell != nil {
			e.Run, e.Number, e.Total = *r, i+1, len(s.Runs)
			o.Tell(e)
		}
	}
	dir := s.Path(r)
	why := "interrupted"
	if len(r.Errors) > 0 {
		why = "failed"
	}
	if err := moveAside(dir, why); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return fmt.Errorf("make a directory of the series: %w", err)
	}
	plan := *p.Plans[s.Variant(r)]
	plan.Seed = s.seedOf(r)
	tell(Event{Left: s.left(i, p)})
	begun := time.Now()
	result, err := o.Run(ctx, &plan, runner.Options{
		Out: dir, Tool: o.Tool, Variant: &report.Variant{Series: s.ID, Name: r.Variant, Cell: r.Cell, Round: r.Round, Warmup: r.Warmup},
	})
	leftBehind := errors.Is(err, runner.ErrLeftBehind)
	var usage *runner.UsageError
	if errors.As(err, &usage) && !leftBehind { // what the user has to mend would keep all other runs from beginning, too
		return err
	}
	if ctx.Err() != nil { // it is run again when the series goes on
		if leftBehind {
			return err
		}
		return context.Cause(ctx)
	}
	r.Attempts++
	r.Took = time.Since(begun)
	if result == nil && err == nil {
		err = errors.New("the run ended without a result")
	}
	e := Event{Ended: true, Error: err}
	if err == nil {
		r.Status, r.Verdict = Done, result.Verdict
	} else {
		r.Errors = append(r.Errors, err.Error())
		e.Again = r.Attempts < attempts && !leftBehind
		if !e.Again && !leftBehind { // else it is run again, perhaps when the series goes on
			r.Status = Failed
		}
		if e.Again {
			if moved := moveAside(dir, "failed"); moved != nil {
				return moved
			}
		}
	}
	if written := s.write(); written != nil {
		return errors.Join(err, written)
	}
	tell(e)
	if leftBehind { // what is still there would disturb all that follows
		return err
	}
	return nil
}

// moveAside gives the directory of a run that came to nothing another name.
func moveAside(dir, why string) error {
	for n := 1; ; n++ {
		if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		to := fmt.Sprintf("%s.%s-%d", dir, why, n)
		if _, err := os.Lstat(to); err == nil {
			continue
		}
		if err := os.Rename(dir, to); err != nil {
			return fmt.Errorf("move the directory of a run aside: %w", err)
		}
		return nil
	}
}

// overhead is what a run takes beside its load, as long as none has been measured: to build the
// cluster, to audit it, and to remove it.
const overhead = 8 * time.Second

// Estimate is about how long a run of each variant takes, as far as its file says.
func (p *Plan) Estimate() (of []time.Duration, all time.Duration) {
	for _, plan := range p.Plans {
		d := plan.Size().Run + overhead
		of = append(of, d)
		all += d * time.Duration(p.Rounds+p.WarmupRounds)
	}
	return of, all
}

// TimeLeft is about how long the runs take that are left.
func (s *Series) TimeLeft(p *Plan) time.Duration { return s.left(0, p) }

// left is how long the runs from i on will take: each as long as its variant took last, or else as the file
// says, corrected by how far the file was wrong about the others.
func (s *Series) left(i int, p *Plan) (left time.Duration) {
	estimate, _ := p.Estimate()
	last := map[int]time.Duration{}
	var took, guessed time.Duration
	for j := range s.Runs {
		if r := &s.Runs[j]; r.Status == Done {
			v := s.Variant(r)
			last[v] = r.Took
			took, guessed = took+r.Took, guessed+estimate[v]
		}
	}
	for j := i; j < len(s.Runs); j++ {
		if s.Runs[j].Status != Pending {
			continue
		}
		v := s.Variant(&s.Runs[j])
		switch d, ok := last[v]; {
		case ok:
			left += d
		case guessed > 0:
			left += time.Duration(float64(estimate[v]) * float64(took) / float64(guessed))
		default:
			left += estimate[v]
		}
	}
	return left
}

// Select keeps the variants that are named: by the variant's name (all its combinations with the matrix), or
// by its whole name, as in "local, clients=8".
func Select(s *spec.Series, names []string) error {
	if len(names) == 0 {
		return nil
	}
	var known []string
	keep := make([]bool, len(s.Variants))
	used := map[string]bool{}
	for i := range s.Variants {
		v := &s.Variants[i]
		known = append(known, v.String())
		for _, name := range names {
			if name == v.String() || name == v.Name && name != "" || name == v.Cell && name != "" || name == spec.VariantDir(v.Name, v.Cell) {
				keep[i], used[name] = true, true
			}
		}
	}
	for _, name := range names {
		if !used[name] {
			return fmt.Errorf("there is no variant %q; the variants are: %s", name, strings.Join(known, "; "))
		}
	}
	var kept []spec.Variant
	hasBaseline := false
	for i := range s.Variants {
		if keep[i] {
			kept = append(kept, s.Variants[i])
			hasBaseline = hasBaseline || s.Variants[i].Name == s.Baseline || s.Variants[i].Cell == s.Baseline
		}
	}
	s.Variants = kept
	if !hasBaseline {
		s.Baseline = kept[0].Name
		if s.Baseline == "" {
			s.Baseline = kept[0].Cell
		}
	}
	s.Several = len(kept) > 1 || s.Rounds > 1 || s.HasShares()
	return nil
}
