package load

import (
	"time"

	"pgchaos/record"
)

// Recent is what ended from one moment up to before another.
type Recent struct {
	From, To            time.Duration
	OK, Errors, Dropped int64 // as in SeriesPoint
	// Response is of all operations, also those that failed or were given up on. It is empty unless From and To are whole seconds.
	Response Dist
}

// Recent sums up what ended from one moment up to before another, both at the edge of a SeriesStep. It is false where the workload
// does not run, or has not run all that time since its warm-up.
func (w *Workload) Recent(from, to time.Duration) (of Recent, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.run == nil || from < w.run.start || from < w.totals.warm {
		return of, false
	}
	w.collect()
	t := &w.totals
	of = Recent{From: from, To: to}
	for _, slots := range t.activity {
		for _, s := range between(slots, int(from/record.SlotLength), int(to/record.SlotLength)) {
			of.OK += int64(s.OK)
			of.Errors += int64(s.Errors)
		}
	}
	for _, n := range between(t.dropped, int(from/SeriesStep), int(to/SeriesStep)) {
		of.Dropped += int64(n)
	}
	if from%time.Second == 0 && to%time.Second == 0 {
		of.Response = t.seconds.sum(int(from/time.Second), int(to/time.Second)).response.dist()
	}
	return of, true
}

// Acknowledged counts the operations that were acknowledged since the first start, those of the warm-up too.
func (w *Workload) Acknowledged() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.collect()
	return w.totals.acknowledged
}
