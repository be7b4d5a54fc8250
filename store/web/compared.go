package web

import (
	"bytes"
	"context"
	"net/http"
	"strings"

	"pgchaos/compare"
	"pgchaos/compare/html"
	reporthtml "pgchaos/report/html"
	"pgchaos/spec"
	"pgchaos/store"
)

// compare compares two runs, by the rules of 'pgchaos compare': runs that differ in more than what is compared are refused, unless that is
// asked for.
func (s *Server) compare(ctx context.Context, from *store.Store, q query) (*answer, error) {
	ids := [2]string{q.get("baseline"), q.get("with")}
	if ids[0] == ids[1] {
		return nil, &requestError{http.StatusBadRequest, "Nothing to compare", "A run cannot be compared with itself: choose two different runs in the list."}
	}
	var (
		columns []compare.Column
		kept    []store.Kept
		title   string // the experiment, where both are of one
	)
	for i, id := range ids {
		k, err := from.Get(ctx, id)
		if err != nil {
			return nil, err
		}
		run, err := compared(&k)
		if err != nil {
			return nil, err
		}
		switch {
		case i == 0:
			title = k.Experiment
		case title != k.Experiment:
			title = ""
		}
		run.Cell = "" // these two were chosen: their combinations of a matrix may differ, which their settings say
		kept = append(kept, k)
		columns = append(columns, compare.Column{Name: k.ID, Runs: []compare.Run{run}})
	}
	for i := range columns {
		columns[i].Name = columnName(&kept[i], title)
	}
	if columns[0].Name == columns[1].Name { // long names may only differ in what is left out
		columns[1].Name += " (2)"
	}
	c, err := compare.Compare(columns, compare.Options{})
	if err != nil {
		return nil, &requestError{http.StatusBadRequest, "These runs cannot be compared", err.Error()}
	}
	swapped := reporthtml.Link{Text: "Swap the two runs", URL: compareURL(ids[1], ids[0], q.get("force"))}
	if len(c.Differences) > 0 && q.get("force") == "" {
		return s.differences(c, columns, ids)
	}
	var b bytes.Buffer
	err = html.Comparison(&b, c, columns, html.ComparisonOptions{
		Title: short(title), Version: s.options.Version, Links: []reporthtml.Link{allRuns(), swapped},
		Link: func(r compare.Run) string { return reportURL(r.ID) },
	})
	return &answer{http.StatusOK, picturesPolicy, b.Bytes()}, err
}

// columnName is a run by what tells it from the other one: its variant first, and its name without that of the experiment which both are
// of. Little of it fits into a picture.
func columnName(k *store.Kept, both string) string {
	name := k.ID
	if both != "" {
		name = strings.TrimPrefix(name, both+"-")
	}
	if v := spec.JoinVariant(k.Variant, k.Cell); v != "" {
		return short(v + " (" + name + ")")
	}
	return short(name)
}

// compared is a run as 'pgchaos compare' has it. Of a result that is too large for a page it is what the database has.
func compared(k *store.Kept) (compare.Run, error) {
	if k.Dir != "" && tooLarge(k.Dir) != "" {
		return k.Run, nil
	}
	return k.Compared()
}

func compareURL(baseline, with, force string) string {
	return link("compare", map[string]string{"baseline": baseline, "with": with, "force": force})
}

// differencesPage is what differences.tmpl shows.
type differencesPage struct {
	frame
	A, B  string // the runs
	Rows  []difference
	Force string // the address of the comparison all the same
}

// difference is a setting in which the runs differ.
type difference struct{ Name, A, B string }

// differences refuses a comparison, and says why.
func (s *Server) differences(c *compare.Comparison, columns []compare.Column, ids [2]string) (*answer, error) {
	p := &differencesPage{frame: s.frame("These runs differ in more than what is compared"), A: columns[0].Name, B: columns[1].Name, Force: compareURL(ids[0], ids[1], "1")}
	for _, d := range c.Differences {
		p.Rows = append(p.Rows, difference{short(d.Name), settingText(d.A), settingText(d.B)})
	}
	a, err := fill("differences.tmpl", p)
	if err == nil {
		a.status = http.StatusConflict
	}
	return a, err
}

func settingText(value string) string {
	if value == "" {
		return "none, or not recorded"
	}
	return whole(value)
}
