package record

import "time"

// ClientOutage is a stretch in which one client was not served: from the first of its
// operations that failed or was not answered to its first acknowledgement after the
// last of them. One operation that was acknowledged, but kept its client waiting for
// long, is an ClientOutage of its own, with Errors 0. So is one that had kept its client waiting for long when the load
// was broken off, with FirstOK 0.
//
// Times are offsets on the run's clock; 0 stands for a moment that never came.
type ClientOutage struct {
	LastOK     time.Duration // the client's last acknowledgement before
	Sent       time.Duration // when the first operation that went wrong was sent
	FirstError time.Duration
	LastError  time.Duration
	FirstOK    time.Duration // 0: the client was never served again
	Errors     int64         // operations that failed or were not answered
	// Before and After are the numbers of the nodes that gave LastOK and FirstOK,
	// counted from 1 as the workload does; 0: nobody knows.
	Before, After int
}

// Length is how long the client was not served; ok is false where that has no end.
func (e ClientOutage) Length() (length time.Duration, ok bool) {
	return e.FirstOK - e.Sent, e.FirstOK > 0
}

// Stuck is how long an operation that is acknowledged at last may take before its client
// counts as not served meanwhile. What records client outages and what judges them share it.
const Stuck = 250 * time.Millisecond
