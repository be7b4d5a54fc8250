package web

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/http"

	"pgchaos/compare/html"
	"pgchaos/internal/units"
	reporthtml "pgchaos/report/html"
	"pgchaos/store"
	"pgchaos/store/trends"
)

// mostNights bounds the runs of which trends are made.
const mostNights = 2000

// trends are the trends of an experiment, of one of its variants, or of all that the store has.
func (s *Server) trends(ctx context.Context, from *store.Store, q query) (*answer, error) {
	experiment := q.get("experiment")
	runs, err := from.List(ctx, store.Filter{Experiment: experiment, Variant: q.variant(), NoWarmup: true, Limit: mostNights + 1})
	if err != nil {
		return nil, err
	}
	if len(runs) == 0 && experiment != "" {
		return nil, &requestError{http.StatusNotFound, "No such runs", fmt.Sprintf("The store has no runs of the experiment %s of which there are trends.", units.Quote(experiment))}
	}
	cut := len(runs) > mostNights
	if cut {
		runs = runs[:mostNights]
	}
	histories := trends.Of(runs, nil)
	for i := range histories {
		h := &histories[i]
		for j := range h.Accepted {
			h.Accepted[j].By, h.Accepted[j].Why = whole(h.Accepted[j].By), whole(h.Accepted[j].Why)
		}
		if cut {
			h.Notes = append(h.Notes, fmt.Sprintf("only the newest %s runs are shown: choose one experiment, or see 'pgchaos history trends'", units.Grouped(mostNights)))
		}
	}
	var b bytes.Buffer
	err = html.Trends(&b, histories, html.TrendsOptions{
		Title: short(cmp.Or(experiment, s.name)), Version: s.options.Version, Link: reportURL,
		Links: []reporthtml.Link{allRuns(), {Text: "Runs of these trends", URL: q.list(nil)}},
	})
	return &answer{http.StatusOK, picturesPolicy, b.Bytes()}, err
}
