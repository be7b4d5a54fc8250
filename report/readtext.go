package report

import (
	"fmt"

	"pgchaos/internal/units"
	"pgchaos/outage"
)

// ReadFindingText is a number of reads and what they were, of how many: "608 stale reads of 24,256".
func ReadFindingText(f outage.ReadFinding, of int64) string {
	text := readText(f.What, f.N)
	if f.What == outage.ReadStale && of > 0 {
		text += " of " + units.Grouped(of)
	}
	if f.AtLeast {
		text = "at least " + text
	}
	return text
}

func readText(what outage.ReadWhat, n int64) string {
	read := units.Count(n, "read", "reads")
	stale := units.Count(n, "stale read", "stale reads")
	switch what {
	case outage.ReadStale:
		return stale
	case outage.ReadStaleApplied:
		return stale + " on a standby that remote_apply had waited for"
	case outage.ReadStalePrimary:
		return stale + " on the primary that had acknowledged the write"
	case outage.ReadMissedOwn:
		return read + " missed a write of the same client"
	case outage.ReadWentBack:
		return read + " saw less than an earlier read over the same connection"
	case outage.ReadBehind:
		return read + " saw less than an earlier read of the same client over another connection"
	case outage.ReadHole:
		return read + " missed an acknowledged write, but saw one that was committed after it"
	case outage.ReadNever:
		return read + " saw a row that no client wrote"
	}
	return fmt.Sprintf("%s: %s", read, what)
}

// WentBackText is how often a node showed less than before over the same connection.
func WentBackText(f outage.Forks) string {
	return units.Count(f.WentBack.N, "time", "times") + " a node showed fewer writes than before over the same connection"
}

// StandbyForksText is how often two standbys showed writes in opposite orders.
func StandbyForksText(f outage.Forks) string {
	return units.Count(f.Standbys.N, "time", "times") + " two standbys showed writes in opposite orders"
}
