package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"pgchaos/internal/units"
	"pgchaos/series"
	"pgchaos/verdict"
)

// writeSeries says how the runs of a series ended.
func writeSeries(out io.Writer, s *series.Series) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s: %s, %s\n\n", s.Name, units.Count(int64(len(s.Variants)), "variant", "variants"), units.Count(int64(s.Rounds), "round", "rounds"))
	tw := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprint(tw, "VARIANT\tPASS\tFAIL\tINCONCLUSIVE\tCOULD NOT BE RUN\tTO DO\n")
	for _, v := range s.Variants {
		var pass, fail, inconclusive, failed, pending int
		name := "the experiment"
		for i := range s.Runs {
			r := &s.Runs[i]
			if r.Warmup || r.Variant != v.Name || r.Cell != v.Cell {
				continue
			}
			if r.Name() != "" {
				name = r.Name()
			}
			switch {
			case r.Status == series.Pending:
				pending++
			case r.Status == series.Failed:
				failed++
			case r.Verdict == verdict.Pass:
				pass++
			case r.Verdict == verdict.Fail:
				fail++
			default:
				inconclusive++
			}
		}
		fmt.Fprintf(tw, "%s\t%d\t%d\t%d\t%d\t%d\n", name, pass, fail, inconclusive, failed, pending)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	for i := range s.Runs {
		if r := &s.Runs[i]; r.Status == series.Failed {
			fmt.Fprintf(&b, "\n%s, %s could not be run:\n", r.RoundName(), r.Name())
			for n, text := range r.Errors {
				fmt.Fprintf(&b, "  attempt %d: %s\n", n+1, strings.ReplaceAll(text, "\n", "\n    "))
			}
		}
	}
	fmt.Fprintf(&b, "\nThe results are in %s; 'pgchaos report DIR' shows one of them.\n", s.Dir())
	_, err := out.Write(b.Bytes())
	return err
}
