package fault

import (
	"errors"

	"pgchaos/chaos"
	"pgchaos/cluster"
)

// Checkpoint makes a checkpoint: `checkpoint: primary`.
type Checkpoint struct{ WithTimeout }

func checkpoint() Kind {
	return Kind{
		Name: "checkpoint", Group: Maintenance, Doc: "Makes a checkpoint, as fast as the disk allows.",
		Manual: Manual{
			Does: "Runs CHECKPOINT as the superuser: on a primary a checkpoint, on a standby a restartpoint. It is not spread over time.",
			Effect: "All changed pages are written and synced at once, which slows down what else uses the disk. The first change of each page afterwards writes the whole page into the WAL " +
				"(full_page_writes), so that there is more WAL for a while.",
			Verified: "The control file names a newer checkpoint than before. A standby that has replayed no checkpoint record of the primary since its last restartpoint cannot make one, and the step fails.",
			Example: `- {at: 5s, checkpoint: primary}
`,
		},
		New:   func() Parameters { return &Checkpoint{} },
		Needs: Needs{Process: Running, Connected: true},
		Rights: []cluster.Right{{
			What:  "a checkpoint",
			Has:   "current_setting('is_superuser') = 'on' or exists (select from pg_roles r where r.rolname = 'pg_checkpoint' and pg_has_role(r.oid, 'usage'))",
			Grant: "grant pg_checkpoint to {role}, which PostgreSQL has from 15 on",
		}},
	}
}

// Statements is the command.
func (p *Checkpoint) Statements(string) []string { return []string{"checkpoint"} }

// Action makes the checkpoint.
func (p *Checkpoint) Action(env Env) chaos.Action {
	return p.run(env, maintenance{
		command:  p.Statements("")[0],
		evidence: "select checkpoint_lsn::pg_catalog.text from pg_catalog.pg_control_checkpoint()",
		done: func(before, after string) error {
			if before == after {
				return errors.New("no checkpoint was made: a standby can make a restartpoint only of a checkpoint that it has replayed; run checkpoint on the primary before")
			}
			return nil
		},
		note: "the last checkpoint was at {before}, and is at {after}",
	})
}
