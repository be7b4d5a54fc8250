package docker

import (
	"pgchaos/cluster"
	"pgchaos/record"
)

// Describe is what this provider says about itself.
func Describe() cluster.Description {
	return cluster.Description{
		Name: "docker", Summary: "containers",
		Capabilities: []cluster.Capability{
			cluster.CanRun, cluster.CanFreeze, cluster.CanReachFiles, cluster.CanCutOff, cluster.CanLimit, cluster.CanMeasure,
		},
		Frozen:     "no command runs in a paused container",
		Postgres:   "13 or newer, of an image",
		UsageNotes: record.UsageNotes{NoBlock: "the kernel of the Docker engine does not count the blocks of a container"},
	}
}
