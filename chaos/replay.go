package chaos

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The bounds of a Replay. A reversal waits for no server's recovery there. One that runs a command of the user's has as long as in
// the run that made the change, and does not count for the bound of all: nobody else can have written it.
const (
	replayTimeout    = 15 * time.Second
	replayAllTimeout = 60 * time.Second
)

// Replayed says what a Replay has done with each reversal.
type Replayed struct {
	// Done holds one of those that are equal; its changes are taken back, and theirs with them.
	Done Reversals
	// Ends are those whose changes end with the removal of their node, and why each was not done.
	Ends []string
	// ByHand are those that were not tried, since somebody did by hand what they do.
	ByHand Reversals
	// Left is what those may still leave, a sentence each.
	Left []string
}

// Cleaning is how a Replay is done.
type Cleaning struct {
	NodesStay bool // the nodes were there before the run, and nobody removes them
	ByHand    bool // somebody has done by hand what would stay: it is not tried
}

// ErrEndsWithNode is why a Clean has nothing to do on nodes that are removed.
var ErrEndsWithNode = errors.New("the node is removed")

// Reversals are some in an order.
type Reversals []Reversal

func (all Reversals) String() string {
	names := make([]string, len(all))
	for i, r := range all {
		names[i] = r.String()
	}
	return strings.Join(names, ", ")
}

// Covers tells whether a reversal, or one that is equal to it, was done or was done by hand.
func (d Replayed) Covers(r Reversal) bool {
	return slices.ContainsFunc(slices.Concat(d.Done, d.ByHand), func(o Reversal) bool { return o.change() == r.change() })
}

// change is what tells reversals apart.
type change struct{ kind, node, arguments string }

func (r Reversal) change() change { return change{r.Kind, r.Node, string(r.Arguments)} }

// Replay does the reversals of a run whose pgchaos is gone, last first, before its nodes are removed. All are in the
// order of their changes; host is what is left of a node, nil where there is nothing of the run by that name. Equal ones
// are done once: a run may have paused a node a thousand times. Each has its own time-out, and none begins once ctx has
// ended. An error says which changes would stay: the run must be left then, since it cannot be found without its nodes, or its record.
func Replay(ctx context.Context, kinds map[string]ReversalKind, all []Reversal, host func(node string) any, how Cleaning) (done Replayed, err error) {
	var errs []error
	left := replayAllTimeout
	for _, r := range slices.Backward(distinct(all)) {
		kind, known := kinds[r.Kind]
		stays := kind.Outlives || how.NodesStay
		if how.ByHand && (!known || stays) {
			done.ByHand = append(done.ByHand, r)
			if kind.ByHand == nil {
				continue
			}
			if why := replay(ctx, kind.ByHand, stays, r, host(r.Node), replayTimeout); why != nil {
				done.Left = append(done.Left, fmt.Sprintf("%s: %v", r, why))
			}
			continue
		}
		if !known {
			errs = append(errs, fmt.Errorf("%s: this pgchaos does not know such a reversal; the pgchaos of the run does", r))
			continue
		}
		bound, begun := min(replayTimeout, left), time.Now()
		if kind.Obeys {
			bound = healTimeout
		}
		why := replay(ctx, kind.Clean, stays, r, host(r.Node), bound)
		if !kind.Obeys {
			left -= time.Since(begun)
		}
		switch {
		case why == nil:
			done.Done = append(done.Done, r)
		case stays:
			errs = append(errs, fmt.Errorf("%s: %w", r, why))
		default:
			done.Ends = append(done.Ends, fmt.Sprintf("%s (%v)", r, why))
		}
	}
	return done, errors.Join(errs...)
}

// distinct are the reversals without those that are equal to an earlier one. The earliest is done last, so that a node is
// at the end as all of them would have left it.
func distinct(all []Reversal) (some []Reversal) {
	seen := map[change]bool{}
	for _, r := range all {
		if !seen[r.change()] {
			seen[r.change()] = true
			some = append(some, r)
		}
	}
	return some
}

// replay calls the Clean or the ByHand of a reversal.
func replay(ctx context.Context, clean func(context.Context, any, Reversal) error, stays bool, r Reversal, host any, bound time.Duration) error {
	switch {
	case clean == nil && stays:
		return errors.New("it cannot be done without the pgchaos of the run")
	case clean == nil:
		return ErrEndsWithNode
	case host == nil && !stays:
		return errors.New("the node is gone")
	case ctx.Err() != nil:
		return ctx.Err()
	case bound <= 0:
		return fmt.Errorf("there was no time left of %s", replayAllTimeout)
	}
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	return protect(func() error { return clean(ctx, host, r) })
}
