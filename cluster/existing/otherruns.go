package existing

import (
	"fmt"

	"github.com/jackc/pgx/v5"

	"pgchaos/cluster"
)

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
		default:
			left := fmt.Sprintf("the schema %s of the run %s is in the database, and no session of it: its pgchaos was killed, or it was kept. 'pgchaos clean %s' removes it where the run was made; without that machine, this SQL does: drop schema %s cascade",
				r.Schema, r.Run, r.Run, pgx.Identifier{r.Schema}.Sanitize())
			e.add(Good, "", "take back what its steps have changed first: see docs/existing.md", "%s", left)
			e.Warnings = append(e.Warnings, left)
		}
	}
}
