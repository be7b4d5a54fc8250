package compare

import (
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgchaos/internal/longtest"
	"pgchaos/report"
)

// To record the noise of a machine, run one variant 24 times, and then, with a NAME and a sentence about the machine:
//
//	go test ./compare -run TestRecord$ -record DIR -record-to testdata/recorded/NAME.json -record-about "4 cores, idle" [-record-quiet]
//
// DIR, an absolute path, is searched for results, of a series or of single runs; -record-variant takes those of one variant.
var (
	recordFrom    = flag.String("record", "", "write the figures of the results below this directory to a file of testdata/recorded")
	recordTo      = flag.String("record-to", "", "the file")
	recordAbout   = flag.String("record-about", "", "what was run, and on what machine")
	recordVariant = flag.String("record-variant", "", "only the runs of this variant")
	recordQuiet   = flag.Bool("record-quiet", false, "the machine did nothing else, so that a change of 20 % must be found")
)

// recorded is the figures of one variant, run many times.
type recorded struct {
	About string `json:"about"`
	// Quiet: the machine did nothing else. On others a change of 20 % may drown in the noise.
	Quiet bool `json:"quiet"`
	// Metrics have a value for each run, in the order in which they were made.
	Metrics map[string][]float64 `json:"metrics"`
}

// TestRecord makes such a file; without -record it does nothing.
func TestRecord(t *testing.T) {
	if *recordFrom == "" {
		t.Skip("nothing to record: see the flags above")
	}
	var runs []Run
	err := filepath.WalkDir(*recordFrom, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Name() != report.FileName {
			return err
		}
		r, err := report.Read(filepath.Dir(path))
		if err != nil {
			return err
		}
		switch run := Of(r); {
		case *recordVariant != "" && run.Variant != *recordVariant:
		case run.Warmup || len(run.NotComparable) > 0:
			t.Logf("%s is left out: warm-up %t, %s", path, run.Warmup, strings.Join(run.NotComparable, "; "))
		default:
			runs = append(runs, run)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(runs) < 24 {
		t.Fatalf("%d runs below %s; 24 are needed", len(runs), *recordFrom)
	}
	slices.SortFunc(runs, func(a, b Run) int { return a.Started.Compare(b.Started) })
	to := recorded{About: *recordAbout, Quiet: *recordQuiet, Metrics: map[string][]float64{}}
	for _, f := range runs[0].Figures {
		var values []float64
		for _, r := range runs {
			if r.Variant != runs[0].Variant {
				t.Fatalf("there are runs of the variants %q and %q; choose one with -record-variant", runs[0].Variant, r.Variant)
			}
			if f := r.Figure(f.Metric); f.Known && !f.AtLeast {
				rounded, _ := strconv.ParseFloat(strconv.FormatFloat(f.Value, 'g', 6, 64), 64)
				values = append(values, rounded)
			}
		}
		if len(values) == len(runs) && !strings.Contains(f.Metric, " during ") {
			to.Metrics[f.Metric] = values
		}
	}
	text, err := json.MarshalIndent(to, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(*recordTo, append(text, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

// pairs takes runs for n rounds at random, in the order in which they were made, so that neighbors are a round. A coin decides
// which of the two is of the baseline. The other's values are multiplied by effect.
func pairs(r *rand.Rand, values []float64, n int, effect float64) (baseline, other []Figure) {
	chosen := r.Perm(len(values))[:2*n]
	slices.Sort(chosen)
	for i := range n {
		b, o := values[chosen[2*i]], values[chosen[2*i+1]]
		if r.IntN(2) == 0 {
			b, o = o, b
		}
		baseline = append(baseline, Figure{Value: b, Known: true})
		other = append(other, Figure{Value: o * effect, Known: true})
	}
	return baseline, other
}

// outcomes counts the verdicts on so many pairs.
func outcomes(m Metric, values []float64, seed uint64, series, rounds int, effect float64) map[Change]int {
	r, count := rand.New(rand.NewPCG(seed, 0)), map[Change]int{}
	for range series {
		b, o := pairs(r, values, rounds, effect)
		count[m.Paired(b, o, DefaultTolerance).Change]++
	}
	return count
}

// TestRecordedRuns holds the rule to what it promises on real runs: of one variant against itself,
// at most one of 20 comparisons and at most 3 % of 500 find a difference, and a change of 2 % is called worse no more often. Where
// the machine was quiet, it is called worse in none of 20, and a change of 20 % is found in 90 % at ten rounds, in metrics whose
// noise is at most quietNoise: no rule finds it at that many rounds in more. The medians and the throughputs must be among them.
func TestRecordedRuns(t *testing.T) {
	files, err := filepath.Glob("testdata/recorded/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recorded runs: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var rec recorded
		if err := json.Unmarshal(text, &rec); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if len(rec.Metrics) == 0 || rec.About == "" {
			t.Errorf("%s: it holds no metrics, or does not say what was run", file)
		}
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			for i, name := range slices.Sorted(maps.Keys(rec.Metrics)) {
				if i%4 != 0 && !longtest.Enabled {
					continue // make test-long judges all of them
				}
				for _, wrong := range judgeRecorded(t, rec, name) {
					t.Error(wrong)
				}
			}
		})
	}
}

// quietNoise is up to where 90 % of changes of 20 % can be found at ten rounds, by the simulation in the tests of the rule.
const quietNoise = 0.075

// judgeRecorded is what one metric of recorded runs shows against the rule.
func judgeRecorded(t *testing.T, rec recorded, name string) (wrong []string) {
	t.Helper()
	m, values := metric(t, name), rec.Metrics[name]
	if len(values) < 24 {
		return []string{fmt.Sprintf("%s: %d runs; 24 are needed", name, len(values))}
	}
	atMost := func(what string, got, most, of int) {
		if got > most {
			wrong = append(wrong, fmt.Sprintf("%s: %s in %d of %d comparisons, at most %d are right", name, what, got, of, most))
		}
	}
	equal, many := outcomes(m, values, 1, 20, 6, 1), outcomes(m, values, 2, 500, 6, 1)
	atMost("a difference of equal runs", equal[Worse]+equal[Better], 1, 20)
	atMost("a difference of equal runs", many[Worse]+many[Better], 15, 500)
	if m.Scale != AsRatio {
		return wrong
	}
	small, great := worsened(m, 1.02), worsened(m, 1.2)
	few := 1
	if rec.Quiet {
		few = 0
	}
	atMost("2 % called worse", outcomes(m, values, 3, 20, 10, small)[Worse], few, 20)
	atMost("2 % called worse", outcomes(m, values, 4, 500, 10, small)[Worse], 15, 500)
	found := outcomes(m, values, 5, 300, 10, great)[Worse]
	e := m.Paired(neighbors(values))
	t.Logf("%-24s noise %5.1f %%; equal runs at 6 rounds: %d of 500 not the same; 20 %% worse is found at 10 rounds in %d of 300", name, 100*e.Estimate.Noise, many[Worse]+many[Better], found)
	bounded := strings.HasPrefix(name, "p50 ") || strings.HasPrefix(name, "throughput ") || e.Estimate.Noise <= quietNoise
	if rec.Quiet && bounded && found < 270 {
		wrong = append(wrong, fmt.Sprintf("%s: 20 %% found in %d of 300 comparisons, want 270", name, found))
	}
	return wrong
}

// worsened is the factor of a change for the worse.
func worsened(m Metric, by float64) float64 {
	if m.Good == Higher {
		return 1 / by
	}
	return by
}

// neighbors are all rounds of recorded runs.
func neighbors(values []float64) (baseline, other []Figure, tolerance float64) {
	for i := 0; i+1 < len(values); i += 2 {
		baseline = append(baseline, Figure{Value: values[i], Known: true})
		other = append(other, Figure{Value: values[i+1], Known: true})
	}
	return baseline, other, DefaultTolerance
}

// TestRecordedRunsAreJudged shows that the judgement can fail: on a machine that is called quiet and is not.
func TestRecordedRunsAreJudged(t *testing.T) {
	r := rand.New(rand.NewPCG(18, 19))
	var quiet, noisy []float64
	for range 24 {
		quiet = append(quiet, 0.01*math.Exp(0.03*r.NormFloat64()))
		noisy = append(noisy, 0.01*math.Exp(0.3*r.NormFloat64()))
	}
	judge := func(quietMachine bool, values []float64) []string {
		return judgeRecorded(t, recorded{Quiet: quietMachine, Metrics: map[string][]float64{"p50 of writes": values}}, "p50 of writes")
	}
	if wrong := judge(true, quiet); len(wrong) > 0 {
		t.Errorf("quiet: %q", wrong)
	}
	if wrong := judge(false, noisy); len(wrong) > 0 {
		t.Errorf("noisy: %q", wrong)
	}
	if wrong := judge(true, noisy); len(wrong) != 1 || !strings.Contains(wrong[0], "20 % found in") {
		t.Errorf("noisy, called quiet: %q", wrong)
	}
	if wrong := judge(true, quiet[:23]); len(wrong) != 1 {
		t.Errorf("23 runs: %q", wrong)
	}
}
