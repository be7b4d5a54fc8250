package series

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"pgchaos/spec"
)

// Warnings are those of all variants, each once.
func (p *Plan) Warnings() (all []string) {
	all = slices.Clone(p.Notes)
	for _, plan := range p.Plans {
		for _, w := range plan.Warnings() {
			if !slices.Contains(all, w) {
				all = append(all, w)
			}
		}
	}
	return all
}

// reference is the number of the variant that the others are described by: the first of the baseline.
func (p *Plan) reference() int {
	i := slices.IndexFunc(p.Variants, func(v spec.Variant) bool { return p.isBaseline(&v) })
	return max(i, 0)
}

// isBaseline tells whether the others are compared with a variant. Without variants it is a combination of the matrix's values.
func (p *Plan) isBaseline(v *spec.Variant) bool { return cmp.Or(v.Name, v.Cell) == p.Baseline }

// Write writes the plan as `pgchaos plan` shows it: of a series, what one of its variants does, what is different in the
// others, and how long all of it takes.
func (p *Plan) Write(out io.Writer) error {
	if err := p.writeRuns(out); err != nil {
		return err
	}
	for _, note := range p.Notes {
		if _, err := fmt.Fprintf(out, "\nWARNING  %s\n", note); err != nil {
			return err
		}
	}
	return nil
}

// writeRuns writes what runs, without the warnings about how the file was read.
func (p *Plan) writeRuns(out io.Writer) error {
	ref := p.reference()
	if err := p.Plans[ref].Write(out); err != nil || !p.Several {
		return err
	}
	var b bytes.Buffer
	tw := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	reference := &p.Variants[ref]
	if reference.Name != "" {
		fmt.Fprint(tw, "\nVARIANTS\n")
		p.writeDifferences(tw, func(v *spec.Variant) (string, bool) { return v.Name, v.Cell == reference.Cell })
	}
	if reference.Cell != "" {
		fmt.Fprint(tw, "\nMATRIX\n")
		p.writeDifferences(tw, func(v *spec.Variant) (string, bool) { return v.Cell, v.Name == reference.Name })
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(&b, "\n%s", p.roundsText())
	_, err := out.Write(b.Bytes())
	return err
}

const (
	// widest is how long a line of differences may be before each difference gets a line of its own.
	widest = 80
	// mostDescribed is how many variants are described. Of more, the others are counted.
	mostDescribed = 20
)

// writeDifferences writes a line for each variant that is taken: how it differs from the reference.
func (p *Plan) writeDifferences(w io.Writer, take func(*spec.Variant) (name string, taken bool)) {
	reference := &p.Variants[p.reference()]
	described, others := 0, 0
	for i := range p.Variants {
		v := &p.Variants[i]
		name, taken := take(v)
		if !taken {
			continue
		}
		if described == mostDescribed && v != reference {
			others++
			continue
		}
		described = min(described+1, mostDescribed)
		all := spec.Differences(reference.Text, v.Text)
		text := strings.Join(all, "; ")
		if len(text) > widest {
			text = strings.Join(all, "\n  \t")
		}
		switch {
		case v == reference && name == p.Baseline:
			text = "as above; the others are compared with it"
		case v == reference:
			text = "as above"
		case text == "":
			text = "the same"
		}
		fmt.Fprintf(w, "  %s\t%s\n", name, text)
	}
	if others > 0 {
		fmt.Fprintf(w, "  and %d more; 'pgchaos plan FILE --variant NAME' describes one\n", others)
	}
}

// roundsText says how many runs there are, and how long they take.
func (p *Plan) roundsText() string {
	_, all := p.Estimate()
	runs := (p.Rounds + p.WarmupRounds) * len(p.Variants)
	var b strings.Builder
	fmt.Fprintf(&b, "ROUNDS  %d", p.Rounds)
	if p.WarmupRounds > 0 {
		fmt.Fprintf(&b, ", after a warm-up of %d that is in no figure", p.WarmupRounds)
	}
	if len(p.Variants) > 1 {
		fmt.Fprint(&b, "; in each, every variant runs once, in an order that the seed decides")
	}
	b.WriteByte('\n')
	where := "each on a new cluster"
	if p.Reuse {
		where = "all on one cluster, as far as it can be used again"
	}
	fmt.Fprintf(&b, "RUNS    %d, %s; about %s in all\n", runs, where, roughly(all))
	for _, share := range p.Shares() {
		of := cmp.Or(p.BaselineOf(share).String(), "the experiment")
		fmt.Fprintf(&b, "BEFORE  a run of %s in a closed loop measures what %s can do; %s of it is the rate\n", of, share.Workload, p.sharesOf(share.Workload))
	}
	if len(p.Variants) < 2 {
		return b.String() // there is nothing to compare
	}
	compared := "p99 and throughput of the writes, their error rate, write_rto and lost_writes"
	if len(p.Compare.Metrics) > 0 {
		var names []string
		for _, m := range p.Compare.Metrics {
			name := m.Metric
			if m.Tolerance > 0 {
				name += " (" + m.Tolerance.String() + ")"
			}
			names = append(names, name)
		}
		compared = strings.Join(names, ", ")
	}
	fmt.Fprintf(&b, "COMPARE %s; a difference of %s does not matter\n", compared, p.Compare.Tolerance)
	return b.String()
}

// BaselineOf is the variant in which a workload's capacity is measured: the first of the baseline that has the share, or else
// the first that has it.
func (p *Plan) BaselineOf(share spec.RateShare) *spec.Variant {
	var found *spec.Variant
	for i := range p.Variants {
		v := &p.Variants[i]
		has := slices.ContainsFunc(v.Shares, func(o spec.RateShare) bool { return o.Workload == share.Workload })
		if has && (found == nil || p.isBaseline(v) && !p.isBaseline(found)) {
			found = v
		}
	}
	return found
}

// sharesOf are the shares of its capacity that a workload's rates are: "50% or 80%".
func (p *Plan) sharesOf(workload string) string {
	var all []string
	for i := range p.Variants {
		for _, s := range p.Variants[i].Shares {
			if text := s.Share.String(); s.Workload == workload && !slices.Contains(all, text) {
				all = append(all, text)
			}
		}
	}
	return strings.Join(all, " or ")
}

// Shares are the rates that are a share of a capacity, one of each workload.
func (p *Plan) Shares() (all []spec.RateShare) {
	for i := range p.Variants {
		for _, s := range p.Variants[i].Shares {
			if !slices.ContainsFunc(all, func(o spec.RateShare) bool { return o.Workload == s.Workload }) {
				all = append(all, s)
			}
		}
	}
	return all
}

// roughly is a time as a person plans with it.
func roughly(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Round(time.Second).Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Round(time.Minute).Minutes()))
	}
	return fmt.Sprintf("%.1f h", d.Hours())
}
