package jepsen

import (
	"cmp"
	"iter"
	"slices"
	"time"

	"pgchaos/record"
	"pgchaos/record/ledger"
)

// stream is a sequence of events by time, with the next one in hand.
type stream struct {
	next func() (event, error, bool)
	stop func()
	head event
	err  error
	rank int // of streams whose events are of the same time, the lowest comes first
}

func (r Run) open(events iter.Seq[event], rank int) *stream {
	return pull(func(yield func(event, error) bool) {
		for e := range events {
			if !yield(e, nil) {
				return
			}
		}
	}, rank)
}

func (r Run) openWriter(a ledger.Account) *stream {
	w := &writer{process: int64(a.ID), step: r.clients(), weak: r.Weak}
	return pull(w.events(a, r.Book.Entries(a.ID, 1, a.Issued)), a.ID)
}

func pull(events iter.Seq2[event, error], rank int) *stream {
	s := &stream{rank: rank}
	s.next, s.stop = iter.Pull2(events)
	return s
}

// advance takes the next event, or the error, in hand.
func (s *stream) advance() (ok bool) {
	s.head, s.err, ok = s.next()
	return ok
}

// streams is a heap by the time of what is in hand; an error comes at once.
type streams []*stream

func (h streams) Len() int { return len(h) }
func (h streams) Less(i, j int) bool {
	a, b := h[i], h[j]
	if (a.err != nil) != (b.err != nil) {
		return a.err != nil
	}
	return cmp.Or(cmp.Compare(a.head.Time, b.head.Time), cmp.Compare(a.rank, b.rank)) < 0
}
func (h streams) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *streams) Push(x any)   { *h = append(*h, x.(*stream)) }
func (h *streams) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// writer makes the events of one writer from what its book says of each write.
type writer struct {
	process int64
	step    int64         // to the next process number
	now     time.Duration // nothing earlier is to come
	waiting []event       // ends of operations, by time
	weak    func(workload string, e *ledger.Entry) bool
}

// events are those of the entries, by time. The book has the entries by number, which
// is the order in which they were sent; only late answers come out of order.
func (w *writer) events(a ledger.Account, entries iter.Seq2[ledger.Entry, error]) iter.Seq2[event, error] {
	return func(yield func(event, error) bool) {
		var open *ledger.Entry // sent last
		for e, err := range entries {
			if err != nil {
				yield(event{}, err)
				return
			}
			// A write of which the time is lost was sent after the one before.
			sent := max(w.now, e.Sent)
			if open != nil {
				w.end(a, *open, sent)
			}
			if !w.flush(sent, yield) {
				return
			}
			w.now, open = sent, &e
			if !yield(event{Process: w.process, Type: "invoke", F: "add", Value: record.PackKey(a.ID, e.Seq), Time: sent}, nil) {
				return
			}
		}
		if open != nil {
			w.end(a, *open, -1)
		}
		w.flush(1<<63-1, yield)
	}
}

// end notes how the operation at hand ends; next is when the writer goes on, -1 if it
// never does. An operation that never ended, and after which nothing was sent, has no
// end here either.
func (w *writer) end(a ledger.Account, e ledger.Entry, next time.Duration) {
	end := event{
		Process: w.process, Type: "info", F: "add", Value: record.PackKey(a.ID, e.Seq), Time: e.Done,
		Node: e.Server.Node, Timeline: e.Server.Timeline, LSN: e.LSN,
	}
	switch e.Outcome {
	case record.OK, record.Weak:
		end.Type, end.Late = "ok", e.Late
		end.Weak = e.Outcome == record.Weak || w.weak != nil && w.weak(a.Workload, &e)
	case record.Failed:
		end.Type, end.Late = "fail", e.Late
	default:
		if e.Done == 0 && next < 0 {
			return
		}
		if e.Done == 0 {
			end.Time = next
		}
	}
	if end.Type == "info" || end.Late {
		w.process += w.step
	}
	end.Time = max(end.Time, w.now)
	i, _ := slices.BinarySearchFunc(w.waiting, end.Time+1, func(e event, t time.Duration) int { return cmp.Compare(e.Time, t) })
	w.waiting = slices.Insert(w.waiting, i, end)
}

// flush yields the ends that are not later than a moment.
func (w *writer) flush(until time.Duration, yield func(event, error) bool) bool {
	for len(w.waiting) > 0 && w.waiting[0].Time <= until {
		e := w.waiting[0]
		w.waiting = slices.Delete(w.waiting, 0, 1)
		if !yield(e, nil) {
			return false
		}
	}
	return true
}
