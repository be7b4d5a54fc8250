package audit

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"pgchaos/record/ledger"
)

// rivals are the pairs of servers that certainly served at the same time, and those of
// which the older one served again after the newer one had. An old answer that is
// merely read late proves nothing, a write that was *sent* to the old server when the
// new one had already answered does. Of two servers on timelines of one number the one
// that answered first is the older.
func (w *evidenceReader) rivals() (overlaps []Overlap, failBacks []FailBack) {
	var servers []*serverEvidence
	for _, s := range w.servers {
		if s.server.Timeline > 0 && len(s.stints) > 0 {
			servers = append(servers, s)
		}
	}
	slices.SortFunc(servers, func(a, b *serverEvidence) int {
		return cmp.Or(cmp.Compare(a.server.Timeline, b.server.Timeline), cmp.Compare(a.stints[0].first, b.stints[0].first), cmp.Compare(a.server.Node, b.server.Node))
	})
	for i, older := range servers {
		for _, newer := range servers[i+1:] {
			if older.server.Node == newer.server.Node {
				continue
			}
			overlap, back := older.against(newer)
			if overlap == nil {
				overlap = older.besides(newer.server)
			}
			if overlap != nil {
				overlaps = append(overlaps, *overlap)
			} else if back != nil {
				failBacks = append(failBacks, *back)
			}
		}
	}
	for _, s := range servers {
		for _, b := range s.beside {
			known := slices.ContainsFunc(overlaps, func(o Overlap) bool { return o.Older == s.server && o.Newer.Node == b.newer.server.Node })
			if o := s.besides(b.newer.server); o != nil && !known {
				overlaps = append(overlaps, *o)
			}
		}
	}
	return overlaps, failBacks
}

// beside is the newest write that was sent to a server and acknowledged by it while a
// newer server was read to accept writes.
type beside struct {
	newer term
	sent  time.Duration // 0: there was none
	// answered is when it last answered one that was sent before, having been frozen and resumed.
	answered time.Duration
}

// besides is the overlap with a newer server that the readings of it prove; nil for none.
func (s *serverEvidence) besides(newer ledger.Server) (overlap *Overlap) {
	for _, b := range s.beside {
		if at := cmp.Or(b.sent, b.answered); at > 0 && b.newer.server.Node == newer.Node && b.newer.server.Timeline == newer.Timeline {
			if overlap == nil {
				overlap = &Overlap{Older: s.server, Newer: newer, From: b.newer.from, Read: true, Resumed: b.sent == 0}
			}
			overlap.To = max(overlap.To, at)
			overlap.Resumed = overlap.Resumed && b.sent == 0
		}
	}
	return overlap
}

// newerThan are the times in which other nodes were read to accept writes on a newer
// timeline, or on another one of the same number that came later.
func (w *evidenceReader) newerThan(s *serverEvidence) (all []beside) {
	since := forever
	for _, st := range s.states {
		if st.AcceptsWrites() && st.Timeline == s.server.Timeline {
			since = min(since, st.At)
		}
	}
	for _, node := range slices.Sorted(maps.Keys(w.e.States)) {
		for _, t := range termsOf(w.e.States[node]) {
			newer := t.server.Timeline > s.server.Timeline || t.server.Timeline == s.server.Timeline && t.from > since
			if node != s.server.Node && newer && t.from < t.to {
				all = append(all, beside{newer: t})
			}
		}
	}
	return all
}

// against compares the stints of an older server with those of a newer one. One that
// served after the newer one, and had not been away since, had been there all the while:
// a primary remains one until it is restarted.
func (s *serverEvidence) against(newer *serverEvidence) (overlap *Overlap, back *FailBack) {
	for _, a := range s.stints {
		for _, b := range newer.stints {
			switch {
			case a.sent <= b.first: // the newer one came afterwards
			case a.first <= b.sent, !s.wasAway(b.last, a.first):
				if overlap == nil {
					overlap = &Overlap{Older: s.server, Newer: newer.server, From: b.first}
				}
				overlap.To = a.sent
			default:
				if back == nil {
					back = &FailBack{Older: s.server, Newer: newer.server, To: a.first}
				}
				if a.first == back.To {
					back.From = b.last
				}
			}
		}
	}
	return overlap, back
}

// String says who, and when.
func (o Overlap) String() string {
	if o.Resumed {
		return fmt.Sprintf("%s acknowledged a write at %.3f s, after it was frozen and resumed, although %s was read to accept writes from %.3f s on",
			serverWords(o.Older), o.To.Seconds(), serverWords(o.Newer), o.From.Seconds())
	}
	if o.Read {
		return fmt.Sprintf("%s acknowledged a write sent at %.3f s, although %s was read to accept writes from %.3f s on",
			serverWords(o.Older), o.To.Seconds(), serverWords(o.Newer), o.From.Seconds())
	}
	return fmt.Sprintf("%s acknowledged a write sent at %.3f s, although %s had acknowledged one by %.3f s",
		serverWords(o.Older), o.To.Seconds(), serverWords(o.Newer), o.From.Seconds())
}

// String says who, and when.
func (f FailBack) String() string {
	return fmt.Sprintf("%s acknowledged again from %.3f s on, after %s had until %.3f s: what that one alone had is not on the older timeline",
		serverWords(f.Older), f.To.Seconds(), serverWords(f.Newer), f.From.Seconds())
}

func serverWords(s ledger.Server) string { return fmt.Sprintf("%s on timeline %d", s.Node, s.Timeline) }
