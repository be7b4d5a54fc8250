package compare

import (
	"fmt"
	"slices"
)

// FamilyOf is the default family of some columns: p99, throughput and error rate of the workloads that write,
// write_rto and lost_writes. Where nothing writes it is of all workloads, with read_rto. Times to
// recover are in it only where something was broken.
func FamilyOf(columns []Column) (f Family) {
	var writers, all, figures []string
	for _, c := range columns {
		for _, r := range c.Runs {
			writers, all = addNew(writers, r.Writers), addNew(all, r.Workloads)
			for _, figure := range r.Figures {
				figures = addNew(figures, []string{figure.Metric})
			}
		}
	}
	rest := []string{"write_rto", "lost_writes"}
	if len(writers) == 0 {
		writers, rest = all, []string{"read_rto"}
	}
	for _, w := range writers {
		for _, metric := range []string{"p99", "throughput", "error_rate"} {
			f = append(f, Declared{Metric: metric + " of " + w})
		}
	}
	for _, metric := range rest {
		if slices.Contains(figures, metric) {
			f = append(f, Declared{Metric: metric})
		}
	}
	return f
}

func addNew(all, more []string) []string {
	for _, name := range more {
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}

// canonical is the family with the names that figures have.
func (f Family) canonical() (Family, error) {
	f = slices.Clone(f)
	for i := range f {
		name, err := Canonical(f[i].Metric)
		if err != nil {
			return nil, fmt.Errorf("metric %q: %w", f[i].Metric, err)
		}
		f[i].Metric = name
	}
	return f, nil
}

// Metrics are the names of the family.
func (f Family) Metrics() (names []string) {
	for _, d := range f {
		names = append(names, d.Metric)
	}
	return names
}
