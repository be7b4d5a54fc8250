package outage

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"pgchaos/record"
)

// certainlyBoth is how long two nodes must be known as primaries for both to have been
// one: the last state of a node that is gone stands until the next reading, and there is
// one every 100 ms.
const certainlyBoth = 200 * time.Millisecond

// caveats are what must stand beside the stages of a recovery, whose order two primaries
// can turn round. Until is the end of its aftermath.
func (w watched) caveats(r *Recovery, until time.Duration) (all []string) {
	add := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	if r.Noticed {
		add("it happened at some moment between %.3f s, when all was well, and %.3f s, when it was noticed: every time counts from the former, and can be up to %d ms too long",
			r.Issued.Seconds(), r.Effective.Seconds(), (r.Effective - r.Issued).Milliseconds())
	}
	if len(r.Unread) > 0 {
		add("pgchaos could not read %s for some of the time: a stage that depends on that is known only as a range, or not at all", strings.Join(r.Unread, ", "))
	}
	if len(r.Stuck) > 0 {
		add("%s received nothing for some seconds while the primary had WAL to send, although pg_stat_replication went on to say streaming: whether there was redundancy then is not known", strings.Join(r.Stuck, ", "))
	}
	all = append(all, r.sharedWords()...)
	if before := w.viewAt(r.Issued); r.Primary != "" && len(before) > 1 {
		if _, ok := w.redundant(before, r); !ok {
			add("no standby streamed from %s when %s was issued: there was no redundancy that could come back", r.Primary, r.Event)
		}
	}
	if m := w.promoted(r.Issued, until); m != nil && m.Status != record.EventSeen && r.Lost && r.Promotion.State == StageNone {
		add("%s was issued at %.3f s only, after %s had been writable at %.3f s", m.Name, m.Issued.Seconds(), r.NewPrimary, r.Writable.At.Seconds())
	}
	if m := w.promoted(r.Issued, until); m != nil && r.Outside {
		add("%s was promoted from outside pgchaos, by the cluster's own manager or by hand, %.1f s after %s", strings.Join(m.Nodes, ", "), (m.Effective - r.Issued).Seconds(), r.Event)
	}
	if standby, took := w.triedAgain(r, until); took >= longRetry {
		add("%s accepted writes again at %.3f s, and its first standby, %s, was back %.2f s later: unless another fault kept it away, it waited for its next try (wal_retrieve_retry_interval)",
			r.NewPrimary, r.Writable.At.Seconds(), standby, took.Seconds())
	}
	if nodes, from, to := w.together(r.Issued, until); len(nodes) > 0 {
		add("two primaries at once: %s and %s both accepted writes, from %.3f s to %.3f s", nodes[0], nodes[1], from.Seconds(), to.Seconds())
	}
	for _, load := range r.Workloads {
		if last, first := load.LastOldAck, load.FirstNewAck; last.State == StageReached && first.State == StageReached && last.At > first.At {
			add("two primaries at once: %s was still acknowledged by %s at %.3f s, after %s had acknowledged at %.3f s",
				load.Workload, r.Primary, last.At.Seconds(), r.NewPrimary, first.At.Seconds())
		}
	}
	return all
}

// longRetry is how long a returned primary is without standbys before it is worth a word.
const longRetry = time.Second

// triedAgain is how long a primary that came back by itself waited for the first standby that streamed from it, where that had streamed
// before, had been there all the time and had only lost its primary; 0 where there is none.
func (w watched) triedAgain(r *Recovery, until time.Duration) (standby string, took time.Duration) {
	if r.Writable.State != StageReached || r.NewPrimary != r.Primary {
		return "", 0
	}
	before, then := w.viewAt(r.Issued), w.viewAt(r.Writable.At)
	for _, s := range w.changes {
		if s.Node != r.Primary || s.At < r.Writable.At || s.At >= until {
			continue
		}
		for _, line := range s.Standbys {
			if line.State != "streaming" {
				continue
			}
			if was := then[line.Name]; was.Reachable && was.Role == record.RoleStandby && !was.Streaming && before[line.Name].Streaming {
				return line.Name, s.At - r.Writable.At
			}
			return "", 0
		}
	}
	return "", 0
}

// together is the longest time for which readings say of two nodes at once that they
// accepted writes; no nodes where there was none that is certain. It ends when the one that no longer does was last asked and did so still,
// as audit.TwoWritable has it.
func (w watched) together(from, until time.Duration) (nodes []string, since, to time.Duration) {
	view := w.viewAt(from)
	began, both := from, view.Accepting()
	longest := certainlyBoth
	over := func(at, known time.Duration) {
		if len(both) > 1 && at-began >= longest {
			nodes, since, to, longest = both, began, known, at-began
		}
	}
	for _, s := range w.changes {
		if s.At <= from || s.At >= until {
			continue
		}
		known := s.At
		if last := view[s.Node]; last.AcceptsWrites() && last.Asked > began {
			known = min(known, last.Asked)
		}
		view[s.Node] = s
		if now := view.Accepting(); !slices.Equal(now, both) {
			over(s.At, known)
			began, both = s.At, now
		}
	}
	over(until, until)
	return nodes, since, to
}
