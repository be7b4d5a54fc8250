package local

import (
	"pgchaos/cluster"
	"pgchaos/record"
)

// Describe is what this provider says about itself.
func Describe() cluster.Description {
	return cluster.Description{
		Name: "local", Summary: "processes of this machine",
		Capabilities: []cluster.Capability{cluster.CanRun, cluster.CanFreeze, cluster.CanReachFiles, cluster.CanMeasure},
		Lacks:        "its nodes are processes of one machine",
		Postgres:     "13 or newer, the newest installed",
		OwnProcesses: true,
		UsageNotes: record.UsageNotes{
			NoNet:    "the nodes are processes of one machine, which counts network traffic as a whole and not for each process",
			BlockOut: "bytes written to files; fewer bytes can reach the disk, or later",
		},
	}
}
