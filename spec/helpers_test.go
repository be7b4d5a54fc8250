package spec

import (
	"github.com/google/go-cmp/cmp"

	"pgchaos/chaos/fault"
	"pgchaos/cluster"
)

// onB are the parameters of an action on the node b.
var onB = fault.OnNodes{Nodes: NodeList{"b"}}

// does is what a step does.
func does(name string, p fault.Parameters) []action { return NewStep(name, p).actions }

// sameSteps compares steps by their actions' names and parameters.
func sameSteps() cmp.Option {
	return cmp.Options{
		cmp.AllowUnexported(Step{}, action{}),
		cmp.Comparer(func(a, b fault.Kind) bool { return a.Name == b.Name }),
	}
}

// someProviders are a provider whose nodes can do little, and one whose nodes can do all.
func someProviders() []cluster.Description {
	few := []cluster.Capability{cluster.CanRun, cluster.CanFreeze, cluster.CanCommand, cluster.CanReachFiles}
	return []cluster.Description{
		{Name: "local", Summary: "processes of this machine", Capabilities: few, Lacks: "its nodes are processes of one machine"},
		{Name: "docker", Summary: "containers", Capabilities: append(few, cluster.CanCutOff, cluster.CanLimit), Frozen: "no command runs in a paused container"},
	}
}
