package report

import (
	"slices"
	"strings"

	"pgchaos/outage"
)

// RecoveryStage is one stage of a recovery in words.
type RecoveryStage struct {
	outage.Stage
	Name string // with what follows it, such as "after 226 ms" or "not known"
	// None and Missed are the words for a stage that does not apply and for one that was not reached; "": nothing is said then.
	None, Missed string
	// Never is set where Missed is the whole sentence. Otherwise it goes on with for how long that was watched, and with Ended:
	// why not longer.
	Never bool
	Ended string
}

// ClusterStages are the stages of a recovery in the order in which they should come.
func ClusterStages(rec *outage.Recovery) []RecoveryStage {
	writable := "writable"
	if rec.NewPrimary != "" {
		writable = rec.NewPrimary + " writable"
	}
	promotion := RecoveryStage{Stage: rec.Promotion, Name: "promotion requested", Missed: "no promotion requested"}
	if rec.Outside {
		promotion.Name = "promoted from outside pgchaos"
	}
	nodes := rec.Nodes
	if len(rec.Missing) > 0 {
		nodes = rec.Missing
	}
	rejoining := strings.Join(nodes, ", ")
	return []RecoveryStage{
		promotion,
		{Stage: rec.Writable, Name: writable, Missed: "no writable primary"},
		{Stage: rec.Redundancy, Name: "redundancy back", None: "redundancy kept", Missed: "redundancy not back"},
		{Stage: rec.Rejoined, Name: rejoining + " rejoined", Missed: rejoining + " not rejoined"},
	}
}

// WorkloadStages are the stages that the clients of one workload saw, in the order in which they should come. Of a workload
// that was not measured there are none.
func WorkloadStages(rec *outage.Recovery, w *outage.WorkloadRecovery) []RecoveryStage {
	if !w.Loaded || w.NotServed {
		return nil
	}
	throughput := RecoveryStage{
		Stage: w.Throughput, Name: "90 % of the throughput back", None: "90 % of the throughput kept", Missed: "throughput not back at 90 %",
	}
	if next := rec.NextOf(w); next != "" {
		throughput.Ended = ", when " + next + " began"
	}
	gone := slices.DeleteFunc(slices.Clone(rec.Nodes), func(n string) bool { return slices.Contains(rec.Kept, n) })
	primary := "the new primary"
	if rec.NewPrimary != "" && rec.NewPrimary == rec.Primary {
		primary = rec.NewPrimary + ", the primary again"
	}
	return []RecoveryStage{
		{Stage: w.FirstError, Name: "first error", Missed: "no error", Never: true},
		{Stage: w.LastOldAck, Name: "last reply from " + strings.Join(gone, ", ")},
		{Stage: w.FirstNewAck, Name: "first reply from " + primary, Missed: "no reply from " + primary},
		throughput,
	}
}
