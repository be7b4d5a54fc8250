package audit

import (
	"pgchaos/record"
	"pgchaos/standbynames"
)

// Weaker tells whether the commits of a primary wait for less than is demanded of it, by its settings in a reading; never
// where nothing is demanded, or the settings were not read.
func Weaker(s record.NodeState, d record.Demand) bool {
	if s.SyncCommit == "" || d.Standbys == 0 && d.Commit == "" {
		return false
	}
	standbys, _ := standbynames.Parse(s.SyncNames) // one that cannot be read promises nothing
	return newRegime(s.SyncCommit, standbys.Num, standbys.Names).weaker(newRegime(d.Commit, d.Standbys, d.Names))
}
