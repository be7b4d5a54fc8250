package outage

import (
	"math"
	"slices"
	"time"

	"pgchaos/record"
)

// ClientActivity is when one client was not served, as far as that is kept.
type ClientActivity struct {
	Outages   []record.ClientOutage // by their beginning
	Discarded int64                 // shorter ones that are not kept
}

// ClientOutages is for how long the clients of a workload were out, one by one: from
// when the first operation that went wrong was sent (or the fault was issued, if that
// came later) to the client's first acknowledgement after the last one. A client that was
// not hit was out for no time, and counts.
type ClientOutages struct {
	Clients   int `json:"clients"`
	Hit       int `json:"hit"`        // had an operation that failed or got stuck
	NeverBack int `json:"never_back"` // were not served again as long as the load ran; with a next fault, not before that and never after
	// NotServed clients had failed before the first fault already, and were not served in
	// between. They are in Clients alone.
	NotServed int   `json:"not_served,omitempty"`
	Discarded int64 `json:"discarded,omitempty"` // short outages that are not in here, of whole run
	Median    Least `json:"median"`
	P99       Least `json:"p99"`
	Max       Least `json:"max"`
}

// Least is a time that may be longer than is known.
type Least struct {
	For     time.Duration `json:"for_ns"`
	AtLeast bool          `json:"at_least,omitempty"`
}

// clientOutages are those of a fault whose window is [issued, window).
func (f clientTimeline) clientOutages(issued, window time.Duration, usual usual) ClientOutages {
	out := ClientOutages{Clients: len(f.Clients)}
	var least, most []time.Duration
	for _, c := range f.Clients {
		out.Discarded += c.Discarded
		if failedBefore(c.Outages, issued, usual) {
			out.NotServed++
			continue
		}
		length, back := f.clientOut(c.Outages, issued, window, usual)
		least = append(least, length)
		if length > 0 || !back {
			out.Hit++
		}
		if !back {
			out.NeverBack++
			length = math.MaxInt64 // for all that is known
		}
		most = append(most, length)
	}
	if len(least) == 0 {
		return out
	}
	slices.Sort(least)
	slices.Sort(most)
	at := func(share float64) Least {
		i := max(0, int(math.Ceil(share*float64(len(least))))-1)
		return Least{least[i], least[i] != most[i]}
	}
	out.Median, out.P99, out.Max = at(0.5), at(0.99), at(1)
	return out
}

// failedBefore tells whether a client had failed long before any fault could be the
// reason, and was still not served when this one was issued.
func failedBefore(outages []record.ClientOutage, issued time.Duration, usual usual) bool {
	return slices.ContainsFunc(outages, func(e record.ClientOutage) bool {
		return e.Errors > 0 && e.FirstError <= usual.until-minStall && (e.FirstOK == 0 || e.FirstOK > issued)
	})
}

// clientOut is how long one client was out, and whether it was served again; if not,
// the time is until the load ended.
//
// With failures it is from the first to the recovery from the last, whatever
// succeeded between, as for an Outage; answers that came late on the heels of the
// recovery prolong it. A client that was not served before the next fault, and never
// after it, was out at least up to there. Without failures, or where as many failed before
// any fault, it is the longest time without an answer, if that is far longer than was usual.
func (f clientTimeline) clientOut(outages []record.ClientOutage, issued, window time.Duration, usual usual) (out time.Duration, back bool) {
	from, to, back := time.Duration(-1), time.Duration(0), true
	var longest time.Duration
	for _, e := range outages {
		end := e.FirstOK
		switch {
		case end == 0 && window <= f.end:
			end = window // that it was not served after the next fault is that one's doing
		case end == 0:
			end = max(f.lastActive(), e.LastError)
		}
		began := max(e.Sent, issued)
		// What the next fault brought about is that one's doing, unless the client had
		// been waiting for long enough before.
		if end <= issued || e.Sent+record.Stuck >= window && (e.Errors == 0 || e.FirstError >= window) {
			continue
		}
		switch {
		case e.Errors > 0 && (f.unusual(slot(e.FirstError), usual) || f.unusual(slot(e.LastError), usual)):
			if from < 0 {
				from = began
			}
			to, back = end, e.FirstOK > 0
		case from >= 0 && e.Sent < to+minStall:
			to, back = max(to, end), e.FirstOK > 0
		case end-began >= record.Stuck && end-began > stallFactor*usual.stuck:
			if end-began > longest {
				longest, back = end-began, e.FirstOK > 0
			}
		}
	}
	if from >= 0 {
		return to - from, back
	}
	return longest, back
}
