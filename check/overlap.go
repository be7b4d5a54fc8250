package check

import (
	"cmp"
	"fmt"
	"slices"

	"pgchaos/history/ledger"
)

// overlaps are the pairs of servers that certainly served at the same time. An old
// answer that is merely read late proves nothing, a write that was *sent* to the old
// server when the new one had already answered does. Of two servers on timelines of
// one number the one that answered first is the older.
func (w *witness) overlaps() (all []Overlap) {
	var servers []*story
	for _, s := range w.stories {
		if s.server.Timeline > 0 && s.acks > 0 {
			servers = append(servers, s)
		}
	}
	slices.SortFunc(servers, func(a, b *story) int {
		return cmp.Or(cmp.Compare(a.server.Timeline, b.server.Timeline), cmp.Compare(a.firstDone, b.firstDone), cmp.Compare(a.server.Node, b.server.Node))
	})
	for i, older := range servers {
		for _, newer := range servers[i+1:] {
			if older.server.Node != newer.server.Node && older.lastSent > newer.firstDone {
				all = append(all, Overlap{older.server, newer.server, newer.firstDone, older.lastSent})
			}
		}
	}
	return all
}

// String says who, and when.
func (o Overlap) String() string {
	return fmt.Sprintf("%s acknowledged a write sent at %.3f s, although %s had acknowledged one by %.3f s",
		serverWords(o.Older), o.To.Seconds(), serverWords(o.Newer), o.From.Seconds())
}

func serverWords(s ledger.Server) string { return fmt.Sprintf("%s on timeline %d", s.Node, s.Timeline) }
