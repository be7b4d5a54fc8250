package existing

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/cluster"
)

// atWorkBeside is another run that is at work on the nodes of a run whose pgchaos is gone; "": none, as far as the nodes can be asked.
func atWorkBeside(ctx context.Context, run string, nodes []cluster.ExistingNode) string {
	found := make([]string, len(nodes))
	var wg sync.WaitGroup
	for i, n := range nodes {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, besideTimeout)
			defer cancel()
			conn, err := cluster.ConnectToClean(ctx, run, n)
			if err != nil {
				return
			}
			defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // which was only to read
			all, err := cluster.OtherRuns(ctx, conn, run)
			if err != nil {
				return
			}
			for _, other := range all {
				// Sessions can outlive their pgchaos, whose record then has no lock any more.
				if other.Sessions > 0 && !killedHere(other.Run) {
					found[i] = other.Run
				}
			}
		})
	}
	wg.Wait()
	return cmp.Or(found...)
}

// besideTimeout bounds how long one node may take to say which runs are at work on it.
const besideTimeout = 10 * time.Second

// cleanedHere tells whether a clean is at work on a run of this machine, whose pgchaos is gone.
func cleanedHere(run string) bool { return locked(filepath.Join(recordDir(), run+recordEnd)) }

// killedHere tells whether the record of a run, or of one whose id ends so, is on this machine, and its pgchaos is gone.
func killedHere(id string) bool {
	records, err := filepath.Glob(filepath.Join(recordDir(), "*"+recordEnd))
	return err == nil && slices.ContainsFunc(records, func(path string) bool {
		r, _, err := readRecord(path)
		return err == nil && strings.HasSuffix(r.Run, id) && !r.alive(path)
	})
}

// otherRuns wants no other run at work: each would take what the other one breaks for a failure of the cluster. It names the schemas that killed
// runs have left.
func (e *Examination) otherRuns() {
	var all []cluster.OtherRun
	at := map[cluster.OtherRun]int{} // without their sessions
	for _, n := range e.Nodes {
		if n.Error != nil {
			continue
		}
		for _, r := range n.Others {
			sessions := r.Sessions
			r.Sessions = 0
			i, known := at[r]
			if !known {
				i = len(all)
				at[r], all = i, append(all, r)
			}
			all[i].Sessions += sessions
		}
	}
	for _, r := range all {
		switch {
		case r.Schema == "":
			e.add(Risky, "", "wait for its end", "another run of pgchaos, whose id ends with %s, has sessions (%d) in the database %s of this cluster. Each would see what the other one breaks", r.Run, r.Sessions, r.Database)
		case r.Sessions > 0:
			e.add(Bad, "", "wait for its end; where its pgchaos was killed, 'pgchaos clean "+r.Run+"' ends its sessions", "%s", r.AtWork())
		case cleanedHere(r.Run):
			e.add(Bad, "", "wait for its end", "a clean is at work on the run %s, and would take back what another run does to the same nodes", r.Run)
		default:
			left := fmt.Sprintf("the schema %s of the run %s is in the database, and no session of it: its pgchaos was killed, or it was kept. 'pgchaos clean %s' removes it where the run was made; without that machine, this SQL does: drop schema %s cascade",
				r.Schema, r.Run, r.Run, pgx.Identifier{r.Schema}.Sanitize())
			e.add(Good, "", "take back what its steps have changed first: see docs/existing.md", "%s", left)
			e.Warnings = append(e.Warnings, left)
		}
	}
}
