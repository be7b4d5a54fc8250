package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"pgchaos/compare"
	"pgchaos/internal/units"
	"pgchaos/spec"
	"pgchaos/store"
	"pgchaos/store/trends"
	"pgchaos/verdict"
)

// mostWorkloads bounds the workloads whose figures the list shows.
const mostWorkloads = 3

// runsPage is what runs.tmpl shows.
type runsPage struct {
	frame
	Baseline *chosenRun
	Lost     string // the run that was chosen for a comparison, and that the store does not have
	Cancel   string // where no run is chosen
	Form     filterForm
	Problem  string // with the filter
	Rows     []runRow
	Empty    string // why there are no rows
	Shown    string // which rows these are
	Newer    string // the address of the page before; "": there is none
	Older    string
	Trends   string // the address of the trends of what was chosen
}

// chosenRun is the baseline of a comparison that is being chosen.
type chosenRun struct{ Run, About, Report string }

// filterForm is the form above the list.
type filterForm struct {
	Experiments, Variants, Verdicts []option
	Since, Text, Baseline           string
	MostText                        int
}

// option is one of the values that can be chosen.
type option struct {
	Value, Text string
	Chosen      bool
}

// runRow is a run of the list.
type runRow struct {
	Run, Report, Started         string
	Experiment, Variant, Verdict string
	Throughput, P99              []string // by workload
	WriteRTO, Lost               string   // "": the run has no such figure
	Losses                       bool
	Notes                        string
	Compare                      string // the address that the link "compare" leads to; "": it is the baseline
}

// runs is the list.
func (s *Server) runs(ctx context.Context, from *store.Store, q query) (*answer, error) {
	p := &runsPage{frame: s.frame("Runs"), Cancel: q.list(map[string]string{"baseline": ""})}
	p.Trends = link("trends", map[string]string{"experiment": q.get("experiment"), "variant": q.get("variant")})
	filter, wrong := q.filter(time.Now(), s.perPage)
	if err := p.choose(ctx, from, q); err != nil {
		return nil, err
	}
	if err := p.Form.fill(ctx, from, q); err != nil {
		return nil, err
	}
	if wrong != nil {
		p.Problem = whole(wrong.Error())
	} else if err := p.list(ctx, from, q, filter); err != nil {
		return nil, err
	}
	a, err := fill("runs.tmpl", p)
	if err == nil && wrong != nil {
		a.status = http.StatusBadRequest
	}
	return a, err
}

// choose looks up the baseline of a comparison, where one was chosen.
func (p *runsPage) choose(ctx context.Context, from *store.Store, q query) error {
	id := q.get("baseline")
	if id == "" {
		return nil
	}
	k, err := from.Get(ctx, id)
	if errors.Is(err, store.ErrNoRun) {
		p.Lost = short(id)
		return nil
	}
	if err != nil {
		return err
	}
	p.Baseline = &chosenRun{short(k.ID), strings.Join([]string{short(nameOf(&k)), k.Verdict.String(), started(k.Started)}, ", "), reportURL(k.ID)}
	return nil
}

// fill fills in the form, with what the store has to choose from.
func (f *filterForm) fill(ctx context.Context, from *store.Store, q query) error {
	f.Since, f.Text, f.Baseline, f.MostText = q.get("since"), q.get("text"), q.get("baseline"), mostText
	experiments, err := from.Experiments(ctx)
	if err != nil {
		return err
	}
	variants, err := from.Variants(ctx, q.get("experiment"))
	if err != nil {
		return err
	}
	if i := slices.Index(variants, ""); i >= 0 {
		variants[i] = noVariant
	}
	verdicts := []string{verdict.Pass.String(), verdict.Fail.String(), verdict.Inconclusive.String()}
	f.Experiments, f.Variants, f.Verdicts = options(experiments, q.get("experiment")), options(variants, q.get("variant")), options(verdicts, q.get("verdict"))
	return nil
}

// options are some values, among them the chosen one, which may be none of them.
func options(values []string, chosen string) (all []option) {
	if chosen != "" && !slices.Contains(values, chosen) {
		values = append(values, chosen)
	}
	for _, v := range values {
		all = append(all, option{v, short(v), v == chosen})
	}
	return all
}

// list lists the runs that a filter chooses.
func (p *runsPage) list(ctx context.Context, from *store.Store, q query, filter store.Filter) error {
	runs, err := from.List(ctx, filter)
	if err != nil {
		return err
	}
	perPage := filter.Limit - 1
	page := filter.Skip/perPage + 1
	if page > 1 {
		p.Newer = q.list(map[string]string{"page": pageNumber(page - 1)})
	}
	if len(runs) > perPage {
		runs, p.Older = runs[:perPage], q.list(map[string]string{"page": pageNumber(page + 1)})
	}
	for i := range runs {
		p.Rows = append(p.Rows, p.row(&runs[i], q))
	}
	switch {
	case len(runs) > 0:
		p.Shown = fmt.Sprintf("Runs %s to %s, the newest first.", units.Grouped(int64(filter.Skip+1)), units.Grouped(int64(filter.Skip+len(runs))))
	case len(p.Form.Experiments) == 0:
		p.Empty = "The store has no runs yet. 'pgchaos history add DIR --store " + p.Store + "' keeps one."
	case page > 1:
		p.Empty = "There are no more runs."
	default:
		p.Empty = "No run of the store is as the filter says."
	}
	return nil
}

// pageNumber is a page as a parameter. The first one needs none.
func pageNumber(n int) string {
	if n == 1 {
		return ""
	}
	return fmt.Sprint(n)
}

func (p *runsPage) row(k *store.Kept, q query) runRow {
	r := runRow{
		Run: short(k.ID), Report: reportURL(k.ID), Started: started(k.Started), Experiment: short(k.Experiment), Variant: short(spec.JoinVariant(k.Variant, k.Cell)),
		Verdict: k.Verdict.String(), Throughput: byWorkload(k, "throughput"), P99: byWorkload(k, "p99"), Notes: short(strings.Join(k.Notes(), "; ")),
	}
	if f, has := figure(k, "write_rto"); has {
		r.WriteRTO = valueText(f)
	}
	if f, has := figure(k, "lost_writes"); has {
		r.Lost, r.Losses = valueText(f), f.Known && f.Value > 0
	}
	switch baseline := q.get("baseline"); {
	case p.Baseline == nil:
		r.Compare = q.list(map[string]string{"baseline": k.ID, "page": q.get("page")})
	case k.ID != baseline:
		r.Compare = link("compare", map[string]string{"baseline": baseline, "with": k.ID})
	}
	return r
}

// nameOf is what was run: EXPERIMENT, or EXPERIMENT/VARIANT.
func nameOf(k *store.Kept) string { return trends.Name(k.Experiment, k.Variant, k.Cell) }

// byWorkload is a metric of each workload that writes, or else of each.
func byWorkload(k *store.Kept, metric string) (lines []string) {
	workloads := k.Writers
	if len(workloads) == 0 {
		workloads = k.Workloads
	}
	for i, w := range workloads {
		f, has := figure(k, metric+" of "+w)
		switch {
		case i == mostWorkloads:
			return append(lines, "...")
		case !has:
		case len(workloads) == 1:
			lines = append(lines, valueText(f))
		default:
			lines = append(lines, short(w)+": "+valueText(f))
		}
	}
	return lines
}

// figure is a metric of a run; false: the run does not have it.
func figure(k *store.Kept, metric string) (compare.Figure, bool) {
	i := slices.IndexFunc(k.Figures, func(f compare.Figure) bool { return f.Metric == metric })
	if i < 0 {
		return compare.Figure{}, false
	}
	return k.Figures[i], true
}

// valueText is a figure in the list. Why one is not known stands on the page of the run.
func valueText(f compare.Figure) string {
	if !f.Known {
		return "not known"
	}
	return f.Text()
}

func started(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05Z") }
