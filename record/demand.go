package record

import "time"

// Demand is what the experiment demands of a primary's standbys from some moment on.
type Demand struct {
	At   time.Duration
	Node string // the primary that it is demanded of
	// Standbys is how many synchronous standbys a commit waits for; 0: none, replication
	// is asynchronous.
	Standbys int
	// Names are the standbys that may be waited for, "*" being any.
	Names []string
	// Commit is the synchronous_commit; "" stands for on where there are Standbys, and
	// for nothing demanded otherwise.
	Commit string
}

// Demanded is what a primary must do: nothing where nobody has said anything.
func Demanded(demands []Demand, primary string, at time.Duration) Demand {
	var own, newest Demand
	own.At, newest.At = -1, -1
	for _, d := range demands {
		if d.At > at {
			continue
		}
		if d.At >= newest.At {
			newest = d
		}
		if d.Node == primary && d.At >= own.At {
			own = d
		}
	}
	if own.At >= 0 {
		return own
	}
	return newest
}
