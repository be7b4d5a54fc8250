package load

import (
	"time"

	"pgchaos/record"
)

// Recent is what ended in the last complete seconds.
type Recent struct {
	From, To time.Duration
	Outcomes [record.Outcomes]int64
	Response Dist // of all operations, also those that failed or were given up on
}

// Recent sums up so many of the last complete seconds. It is false where the workload has not run all that time since
// its warm-up.
func (w *Workload) Recent(seconds int) (of Recent, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.run == nil {
		return of, false
	}
	to := w.cfg.Clock.Now().Truncate(time.Second)
	from := to - time.Duration(seconds)*time.Second
	if from < w.run.start || from < w.totals.warm {
		return of, false
	}
	w.collect()
	f := w.totals.seconds.sum(int(from/time.Second), int(to/time.Second))
	return Recent{From: from, To: to, Outcomes: f.outcomes, Response: f.response.dist()}, true
}
