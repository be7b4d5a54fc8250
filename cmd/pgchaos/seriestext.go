package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"pgchaos/compare/tables"
	"pgchaos/internal/units"
	"pgchaos/series"
	"pgchaos/spec"
	"pgchaos/verdict"
)

// ends counts how the runs of one variant ended, warm-up rounds left out.
type ends struct{ pass, fail, inconclusive, failed, pending int }

func (e *ends) add(r *series.Run) {
	switch {
	case r.Status == series.Pending:
		e.pending++
	case r.Status == series.Failed:
		e.failed++
	case r.Verdict == verdict.Pass:
		e.pass++
	case r.Verdict == verdict.Fail:
		e.fail++
	default:
		e.inconclusive++
	}
}

// onlyPassed tells whether all runs have been made and passed.
func (e ends) onlyPassed() bool { return e == ends{pass: e.pass} }

// endsOf counts how the runs ended: of each variant, and of all together.
func endsOf(s *series.Series) (of []ends, all ends) {
	of = make([]ends, len(s.Variants))
	for i := range s.Runs {
		if r := &s.Runs[i]; !r.Warmup {
			of[s.Variant(r)].add(r)
			all.add(r)
		}
	}
	return of, all
}

// seriesVerdict is the worst of the runs that count: a failure of pgchaos hides no verdict that is fail.
func seriesVerdict(s *series.Series) error {
	switch _, all := endsOf(s); {
	case all.fail > 0:
		return verdictError(exitFail)
	case all.failed+all.pending > 0:
		return verdictError(exitFailed)
	case all.inconclusive > 0:
		return verdictError(exitInconclusive)
	}
	return nil
}

// writeSeries says how the runs of a series ended, and compares them.
func writeSeries(ctx context.Context, out io.Writer, s *series.Series) error {
	var b bytes.Buffer
	if err := writeEnds(&b, s); err != nil {
		return err
	}
	done := slices.DeleteFunc(slices.Clone(s.Runs), func(r series.Run) bool { return r.Status != series.Done })
	switch {
	case s.Left() > 0 && len(done) > 1:
		fmt.Fprintf(&b, "Runs that have been made so far can be compared: pgchaos compare %s\n", s.Dir())
	case s.Left() > 0 || len(done) == 0:
	case len(s.Runs) == 1:
		fmt.Fprintf(&b, "'pgchaos report %s' shows the run.\n", s.Path(&done[0]))
	default:
		if err := writeComparison(ctx, &b, s); err != nil {
			fmt.Fprintf(&b, "The runs cannot be compared: %s\n", err)
		}
		fmt.Fprintf(&b, "\nThe results are in %s. 'pgchaos report %s' shows one run,\n'pgchaos compare %s --by-phase' more of all.\n", s.Dir(), s.Path(&done[len(done)-1]), s.Dir())
		if page := filepath.Join(s.Dir(), reportPage); isFile(page) {
			fmt.Fprintf(&b, "%s shows the comparison in pictures.\n", page)
		}
	}
	_, err := out.Write(b.Bytes())
	return err
}

// writeEnds has a line for each variant of which not every run passed.
func writeEnds(b *bytes.Buffer, s *series.Series) error {
	of, all := endsOf(s)
	fmt.Fprintf(b, "%s: %s, %s", s.Name, units.Count(int64(len(s.Variants)), "variant", "variants"), units.Count(int64(s.Rounds), "round", "rounds"))
	if all.onlyPassed() {
		passed := "the run passed"
		if all.pass > 1 {
			passed = fmt.Sprintf("each of %d runs passed", all.pass)
		}
		fmt.Fprintf(b, "; %s\n\n", passed)
		return nil
	}
	fmt.Fprint(b, "\n\n")
	tw := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprint(tw, "Variant\tPass\tFail\tInconclusive\tCould not be run\tTo do\n")
	for i, v := range s.Variants {
		if e := of[i]; !e.onlyPassed() {
			fmt.Fprintf(tw, "%s\t%d\t%d\t%d\t%d\t%d\n", variantName(v.Name, v.Cell), e.pass, e.fail, e.inconclusive, e.failed, e.pending)
		}
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(b)
	for i := range s.Runs {
		if r := &s.Runs[i]; r.Status == series.Failed { // a variant whose cluster never comes up fails in each round
			text, _, _ := strings.Cut(lastOf(r.Errors), "\n")
			fmt.Fprintf(b, "%s, %s could not be run (%d attempts): %s\n", r.RoundName(), variantName(r.Variant, r.Cell), r.Attempts, text)
		}
	}
	if all.failed > 0 {
		fmt.Fprintf(b, "%s has these errors in full.", filepath.Join(s.Dir(), series.FileName))
		if len(s.Command) > 0 {
			fmt.Fprintf(b, " 'pgchaos run --resume %s' begins these runs again.", s.Dir())
		}
		fmt.Fprint(b, "\n\n")
	}
	return nil
}

// variantName names a variant where there may be only one, without a name.
func variantName(name, cell string) string {
	return cmp.Or(spec.JoinVariant(name, cell), "the experiment")
}

// writeComparison compares the runs that have been made.
func writeComparison(ctx context.Context, b *bytes.Buffer, s *series.Series) error {
	_, c, err := compareSeries(ctx, s)
	if err != nil {
		return err
	}
	return tables.Write(b, "text", c, tables.Options{})
}
