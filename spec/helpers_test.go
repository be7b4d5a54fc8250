package spec

import (
	"github.com/google/go-cmp/cmp"

	"pgchaos/chaos/fault"
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
