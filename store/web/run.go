package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"pgchaos/compare"
	"pgchaos/internal/units"
	"pgchaos/report"
	"pgchaos/report/html"
	"pgchaos/store"
)

// mostResult bounds the result.json of which a page is made, in bytes. A day's run with one workload has about 15 MB.
const mostResult = 64 << 20

// report is the report of a run, or, where its result is not here or cannot be read, what the database has of it.
func (s *Server) report(ctx context.Context, from *store.Store, q query) (*answer, error) {
	k, err := from.Get(ctx, q.get("run"))
	if err != nil {
		return nil, err
	}
	if k.Dir == "" {
		return s.runPage(&k, "There is no report: the files of this run are not on this machine.")
	}
	body, err := s.reportOf(&k)
	if err != nil {
		return s.runPage(&k, "There is no report: "+whole(err.Error()))
	}
	return &answer{http.StatusOK, reportPolicy, body}, nil
}

func (s *Server) reportOf(k *store.Kept) ([]byte, error) {
	if why := tooLarge(k.Dir); why != "" {
		return nil, errors.New(why)
	}
	r, err := report.Read(k.Dir)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = html.Write(&b, r, html.Options{Version: s.options.Version, Links: linksOf(k)})
	return b.Bytes(), err
}

// tooLarge says that a result is too large for a page; "": it is not, or it cannot be read, which the reading of it says.
func tooLarge(dir string) string {
	info, err := os.Lstat(filepath.Join(dir, report.FileName))
	if err != nil || info.Size() <= mostResult {
		return ""
	}
	return fmt.Sprintf("%s has %s, and a page is made of %s at the most; 'pgchaos report %s --format html' has no bound",
		report.FileName, units.Bytes(uint64(info.Size())), units.Bytes(mostResult), dir)
}

// linksOf lead from a page about a run to the others.
func linksOf(k *store.Kept) []html.Link {
	return []html.Link{
		allRuns(), {Text: "What the store has of this run", URL: runURL(k.ID)}, {Text: "Trends of " + short(nameOf(k)), URL: trendsURL(k)},
		{Text: "Compare this run with another", URL: link("./", map[string]string{"baseline": k.ID})},
	}
}

// run is what the database has of a run.
func (s *Server) run(ctx context.Context, from *store.Store, q query) (*answer, error) {
	k, err := from.Get(ctx, q.get("run"))
	if err != nil {
		return nil, err
	}
	if k.Dir == "" {
		return s.runPage(&k, "The files of this run are not on this machine. Its figures are those of the database.")
	}
	return s.runPage(&k, "")
}

// runData is what run.tmpl shows.
type runData struct {
	frame
	Note    string // why there is no report
	Report  string // its address; "": there is none
	Verdict string
	Rows    []pair // about the run
	Losses  []pair
	Figures []pair
	Setup   []pair
}

// pair is a line of a table.
type pair struct{ Name, Text string }

func (s *Server) runPage(k *store.Kept, note string) (*answer, error) {
	p := &runData{frame: s.frame(short(k.ID)), Note: note, Verdict: k.Verdict.String()}
	p.Links = linksOf(k)
	if note == "" {
		p.Report = reportURL(k.ID)
	}
	p.add("experiment", k.Experiment)
	p.add("variant", k.Variant)
	p.add("combination", k.Cell)
	if k.Series != "" {
		kind := "round"
		if k.Warmup {
			kind = "warm-up round"
		}
		p.add("series", fmt.Sprintf("%s, %s %d", k.Series, kind, k.Round))
	}
	p.add("started", started(k.Started))
	p.add("pgchaos", k.Tool)
	p.add("added to the store", started(k.Added))
	p.add("files", k.Dir)
	p.add("fingerprint", k.Key)
	p.mark("accepted", k.Accepted)
	p.mark("baseline", k.Baseline)
	for _, why := range k.NotComparable {
		p.add("not comparable", why)
	}
	for _, w := range k.Warnings {
		p.add("warning", w)
	}
	for _, loss := range k.Kills {
		p.loss("kill", loss)
	}
	for _, loss := range k.OtherLosses {
		p.loss("no kill", loss)
	}
	for _, f := range k.Figures {
		p.Figures = append(p.Figures, pair{short(f.Metric), whole(f.Text())})
	}
	for _, setting := range k.Fingerprint {
		p.Setup = append(p.Setup, pair{short(setting.Name), whole(setting.Text())})
	}
	return fill("run.tmpl", p)
}

func (p *runData) add(name, text string) {
	if text != "" {
		p.Rows = append(p.Rows, pair{name, whole(text)})
	}
}

func (p *runData) mark(name string, m *store.Mark) {
	if m != nil {
		p.add(name, strings.TrimSuffix(fmt.Sprintf("by %s at %s: %s", m.By, started(m.At), m.Why), ": "))
	}
}

func (p *runData) loss(kind string, l compare.Kill) {
	p.Losses = append(p.Losses, pair{kind, whole(l.Text())})
}
