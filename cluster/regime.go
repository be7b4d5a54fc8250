package cluster

import (
	"fmt"
	"slices"
	"strings"

	"pgchaos/record"
	"pgchaos/standbynames"
)

// judge holds the connected standbys against the names. Detail is for a person;
// missing says what is not so yet, and is empty when the regime is in force.
func judge(s standbynames.Names, standbys []record.StandbyState) (detail, missing string) {
	var connected []string
	var waitedFor int
	for _, standby := range standbys {
		switch {
		case !s.Has(standby.Name) || standby.State == "backup":
			if standby.SyncState != "async" && standby.State != "backup" {
				return "", standby.Name + " is still " + standby.SyncState
			}
			continue
		case standby.SyncState == "async" || standby.SyncState == "":
			return "", standby.Name + " is still asynchronous"
		case standby.SyncState == "sync" || standby.SyncState == "quorum":
			waitedFor++
		}
		if s.Any != (standby.SyncState == "quorum") && standby.SyncState != "potential" {
			return "", standby.Name + " is still " + standby.SyncState
		}
		connected = append(connected, standby.Name)
	}
	if len(s.Names) == 0 {
		return "asynchronous", ""
	}
	if len(connected) == 0 {
		return "no standby that it names is connected yet, so commits wait", ""
	}
	want := min(s.Num, len(connected))
	if s.Any {
		want = len(connected)
	}
	if waitedFor < want {
		return "", fmt.Sprintf("%d of the %d standbys that are connected are waited for, not %d", waitedFor, len(connected), want)
	}
	slices.Sort(connected)
	return "of the standbys that it names " + strings.Join(connected, ", ") + " are connected", ""
}
