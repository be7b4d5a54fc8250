package fault

import (
	"errors"

	"pgchaos/chaos"
	"pgchaos/cluster"
)

// SwitchWAL begins a new WAL segment: `switch_wal: primary`.
type SwitchWAL struct{ WithTimeout }

func switchWAL() Kind {
	return Kind{
		Name: "switch_wal", Group: Maintenance, Doc: "Begins a new WAL segment.",
		Manual: Manual{
			Does:     "Writes a small WAL record and calls pg_switch_wal on a primary.",
			Effect:   "The rest of the segment (16 MB by default) stays empty, is sent to the standbys, and the segment is archived where archive_mode is on.",
			Verified: "The WAL of the node goes on in a later segment.",
			Example: `- {at: 5s, switch_wal: primary}
`,
		},
		New:    func() Parameters { return &SwitchWAL{} },
		Needs:  Needs{Process: Running, Connected: true},
		Rights: []cluster.Right{cluster.ExecuteRight("pg_switch_wal()")},
	}
}

// ForPrimaries is true: a standby only writes what it receives.
func (p *SwitchWAL) ForPrimaries() bool { return true }

// Statements is the command. Without a record since the last switch, PostgreSQL does nothing.
func (p *SwitchWAL) Statements(string) []string {
	return []string{"select pg_catalog.pg_logical_emit_message(false, 'pgchaos', 'switch'), pg_catalog.pg_switch_wal()"}
}

// Action switches.
func (p *SwitchWAL) Action(env Env) chaos.Action {
	return p.run(env, maintenance{
		command: p.Statements("")[0],
		evidence: "select pg_catalog.div(pg_catalog.pg_current_wal_insert_lsn() - '0/0'::pg_catalog.pg_lsn, " +
			"pg_catalog.pg_size_bytes(pg_catalog.current_setting('wal_segment_size')))::pg_catalog.text",
		done: func(before, after string) error {
			if before == after {
				return errors.New("the WAL goes on in the same segment")
			}
			return nil
		},
		note: "from segment {before} to {after}",
	})
}
