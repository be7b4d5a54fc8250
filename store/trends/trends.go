// Package trends judges the histories of a store: how their metrics changed from night to night.
package trends

import (
	"pgchaos/compare"
	"pgchaos/compare/html"
	"pgchaos/compare/trend"
	"pgchaos/internal/units"
	"pgchaos/spec"
	"pgchaos/store"
)

// Of are the histories of some runs, the newest first, one for each experiment, variant and combination; that of the newest run is the first.
// Each is judged by its runs with the fingerprint of its newest one. Without metrics, they are the usual ones of a comparison.
func Of(runs []store.Kept, metrics []string) (histories []html.History) {
	names, of := []string{}, map[string][]store.Kept{}
	for _, k := range runs {
		name := Name(k.Experiment, k.Variant, k.Cell)
		if _, known := of[name]; !known {
			names = append(names, name)
		}
		of[name] = append(of[name], k)
	}
	for _, name := range names {
		histories = append(histories, historyOf(name, of[name], metrics))
	}
	return histories
}

// Name is the name of a history: EXPERIMENT/VARIANT, COMBINATION.
func Name(experiment, variant, cell string) string {
	if v := spec.JoinVariant(variant, cell); v != "" {
		return experiment + "/" + v
	}
	return experiment
}

// historyOf judges the metrics of some runs, the newest first.
func historyOf(name string, runs []store.Kept, metrics []string) html.History {
	h := html.History{Name: name}
	var (
		history []trend.Run
		same    []compare.Run
		others  int
	)
	newest := runs[0]
	for _, k := range runs {
		if k.Key != newest.Key {
			if others == 0 {
				for _, d := range k.Fingerprint.Differences(newest.Fingerprint, false) {
					h.Notes = append(h.Notes, "this history began anew; before and now differ in "+d.String())
				}
			}
			others++
			continue
		}
		history, same = append(history, trend.Run{Run: k.Run, Accepted: k.Accepted != nil}), append(same, k.Run)
		if k.Accepted != nil {
			h.Accepted = append(h.Accepted, html.Accepted{At: k.Started, Run: k.ID, By: k.Accepted.By, Why: k.Accepted.Why, AcceptAt: k.Accepted.At})
		}
	}
	if others > 0 {
		h.Notes = append(h.Notes, units.Count(int64(others), "run has", "runs have")+" another fingerprint, and cannot be compared with these")
	}
	if len(metrics) == 0 {
		metrics = compare.FamilyOf([]compare.Column{{Runs: same}}).Metrics()
	}
	for _, metric := range metrics {
		m := html.Metric{Name: metric, Points: trend.History(metric, history)}
		if n := len(m.Points); n > 0 {
			m.Text = m.Points[n-1].Finding.Text()
		}
		h.Metrics = append(h.Metrics, m)
	}
	return h
}
