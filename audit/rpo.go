package audit

import (
	"cmp"
	"slices"

	"pgchaos/record"
)

// rpoKey tells apart what one event lost in several ways.
type rpoKey struct {
	event string
	cause Cause
	fork  record.LSN
}

// rpo is an RPO that is still counted.
type rpo struct {
	RPO
	highest record.LSN
}

// attribute puts a loss to the account of its event.
func (a *auditor) attribute(w *write, v verdictOf) {
	key := rpoKey{v.event.name, v.cause, v.fork}
	r := a.rpo[key]
	if r == nil {
		r = &rpo{RPO: RPO{Event: v.event.name, Cause: v.cause, Fork: v.fork, To: v.event.at}}
		a.rpo[key] = r
	}
	if w.weak != "" {
		r.WeakLost++
		return
	}
	at := w.entry.Done
	if r.Lost == 0 || at < r.From {
		r.From = at
	}
	r.Lost++
	r.To = max(r.To, at)
	r.highest = max(r.highest, w.entry.LSN)
}

// points are the RPOs, the earliest first.
func (a *auditor) points() (all []RPO) {
	for _, r := range a.rpo {
		if r.Lost == 0 {
			r.From = r.To
		}
		if r.Fork > 0 && r.highest > 0 || r.Lost == 0 {
			bytes := int64(max(r.highest, r.Fork) - r.Fork)
			r.Bytes = &bytes
		}
		all = append(all, r.RPO)
	}
	slices.SortFunc(all, func(x, y RPO) int {
		return cmp.Or(cmp.Compare(x.From, y.From), cmp.Compare(x.Event, y.Event), cmp.Compare(x.Fork, y.Fork))
	})
	return all
}
