package runner

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/internal/wait"
	"pgchaos/record"
)

const (
	// readingCounts is how old a reading may be that shows that a node is well.
	readingCounts = time.Second
	// unwellFor is how long a cluster must not be well in the readings that follow: one reading can be lost on a busy machine.
	unwellFor = 3 * time.Second
	// lookEvery is how long after such a reading the next one is made.
	lookEvery = 100 * time.Millisecond
)

// onHealthy has the first step that does something to a server look whether a cluster that was there before is healthy, and end the run
// where it is not: what a fault does to such a cluster proves nothing, and it can take the last good copy.
func (r *run) onHealthy(steps []chaos.Step) []chaos.Step {
	if !r.cluster.Met() {
		return steps
	}
	var first sync.Once
	var unwell error
	for i := range steps {
		s := &steps[i]
		if !s.Fault && s.Facts == (record.Facts{}) { // it waits, looks, or is about the load
			continue
		}
		s.Do = s.Do.After(func(ctx context.Context) error {
			first.Do(func() {
				if wrong := r.unwell(ctx); len(wrong) > 0 && ctx.Err() == nil {
					unwell = fmt.Errorf("the run was stopped, and nothing was broken: the cluster was not healthy before %s, the first step that does something to it: %s", s.Name, strings.Join(wrong, "; "))
					r.stop(unwell.Error(), r.halt)
				}
			})
			if unwell != nil {
				return unwell
			}
			return ctx.Err()
		})
	}
	return steps
}

// unwell says what is wrong with the cluster. The newest readings are enough where they show that nothing is.
func (r *run) unwell(ctx context.Context) (wrong []string) {
	sees := slices.ContainsFunc(r.present(), func(n *cluster.Node) bool { return seesStandbys(r.watch.History(n.Name())) })
	if showWell(r.watch.Latest(), r.clock.Now(), len(r.present()), sees) {
		return nil
	}
	waiting, cancel := context.WithTimeout(ctx, unwellFor)
	defer cancel()
	for {
		if wrong = notWell(r.scene.States(ctx), sees); len(wrong) == 0 || wait.For(waiting, lookEvery) != nil {
			return wrong
		}
	}
}

// showWell tells whether each of so many nodes has been read just before now, and the newest readings show nothing wrong. One that hangs has no
// new reading, and its last one shows nothing of that.
func showWell(latest []record.NodeState, now time.Duration, nodes int, sees bool) bool {
	recent := slices.DeleteFunc(latest, func(s record.NodeState) bool { return now-s.At > readingCounts })
	return len(recent) == nodes && len(notWell(recent, sees)) == 0
}

// notWell says of readings of all nodes what a healthy cluster does not have: nodes that cannot be read, not one primary, standbys that do
// not stream. Whether one streams is not known to a role without the right to see that.
func notWell(states []record.NodeState, sees bool) (wrong []string) {
	var primaries []string
	unread := false
	for _, s := range states {
		switch {
		case s.Role == record.RoleDown:
			wrong = append(wrong, s.Node+" is down")
		case !s.Reachable:
			unread = true
			wrong = append(wrong, s.Node+" could not be read: "+cmp.Or(s.Error, "it gave no answer"))
		case s.Role == record.RolePrimary:
			primaries = append(primaries, s.Node)
		case sees && !s.Streaming:
			wrong = append(wrong, s.Node+" is a standby and does not stream")
		}
	}
	switch {
	case len(primaries) > 1:
		wrong = append(wrong, strings.Join(primaries, " and ")+" were both primaries")
	case len(primaries) == 0 && !unread:
		wrong = append(wrong, "no node was the primary")
	}
	return wrong
}

// seesStandbys tells whether the role may see which standbys stream: readings show one.
func seesStandbys(readings []record.NodeState) bool {
	return slices.ContainsFunc(readings, func(s record.NodeState) bool {
		return s.Streaming || slices.ContainsFunc(s.Standbys, func(line record.StandbyState) bool { return line.State != "" })
	})
}
