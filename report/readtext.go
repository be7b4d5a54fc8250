package report

import (
	"pgchaos/check"
	"pgchaos/internal/units"
)

// ReadFindingText is a number of reads, and what they were.
func ReadFindingText(f check.ReadFinding) string {
	text := units.Count(f.N, "read ", "reads ") + readWhatWords(f.What, f.N)
	if f.AtLeast {
		text = "at least " + text
	}
	return text
}

func readWhatWords(what check.ReadWhat, n int64) string {
	switch what {
	case check.ReadStale:
		return "did not see a write acknowledged before"
	case check.ReadStaleApplied:
		return "did not see a write on a standby that remote_apply had waited for"
	case check.ReadStalePrimary:
		return "did not see a write on the very primary that had acknowledged it"
	case check.ReadMissedOwn:
		return "did not see a write of the client's own writer"
	case check.ReadWentBack:
		return "saw less than the same connection had seen before"
	case check.ReadBehind:
		return "saw less than the same client had seen over another connection"
	case check.ReadHole:
		return "saw a write, but not an acknowledged one that was committed before it"
	case check.ReadNever:
		if n == 1 {
			return "saw a row that nobody had written"
		}
		return "saw rows that nobody had written"
	}
	return string(what)
}

// WentBackText is how often a node showed less than before over the same connection.
func WentBackText(f check.Forks) string {
	return units.Count(f.WentBack.N, "reading", "readings") + " of a node's heads showed less than the one before over the same connection"
}

// StandbyForksText is how often two standbys showed writes in opposite orders.
func StandbyForksText(f check.Forks) string {
	return "two standbys showed writes in opposite orders in " + units.Count(f.Standbys.N, "reading", "readings")
}
