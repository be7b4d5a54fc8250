package fault

import (
	"context"

	"pgchaos/chaos"
)

// WorkloadList is written as one name or a list of names of workloads.
type WorkloadList []string

// OnLoad are the parameters of an action on workloads.
type OnLoad struct {
	Workloads WorkloadList `yaml:"-"`
}

// Selectors are none: the action is done to no node.
func (p *OnLoad) Selectors() []string { return nil }

// Short is for `start_load: writes`, which is the only way to write it.
func (p *OnLoad) Short() any { return &p.Workloads }

// Names are the workloads.
func (p *OnLoad) Names() []string { return p.Workloads }

// StartLoad starts workloads.
type StartLoad struct{ OnLoad }

// StopLoad stops workloads.
type StopLoad struct{ OnLoad }

func startLoad() Kind {
	return Kind{
		Name: "start_load", Group: Load, Doc: "Starts workloads.",
		Manual: Manual{
			Does:     "Starts workloads. A workload that a `start_load` step names does not start with the run.",
			Effect:   "Clients connect and send.",
			Verified: "The workload has started.",
			Example:  `- {at: 5s, start_load: reads}`,
		},
		New: func() Parameters { return &StartLoad{} },
	}
}

func stopLoad() Kind {
	return Kind{
		Name: "stop_load", Group: Load, Doc: "Stops workloads.",
		Manual: Manual{
			Does:     "Stops workloads: no new operation is sent.",
			Effect:   "Operations that are under way still get their answer, within the workload's time-out.",
			Verified: "Every operation of the workload has ended.",
			Example:  `- {at: 10s, stop_load: writes}`,
		},
		New: func() Parameters { return &StopLoad{} },
	}
}

// Action starts the workloads.
func (p *StartLoad) Action(env Env) chaos.Action { return forEach(p.Workloads, env.StartLoad) }

// Action stops the workloads.
func (p *StopLoad) Action(env Env) chaos.Action { return forEach(p.Workloads, env.StopLoad) }

func forEach(workloads []string, do func(context.Context, string) error) chaos.Action {
	return chaos.Action{Act: func(ctx context.Context, act *chaos.Act) error {
		for _, w := range workloads {
			if err := do(ctx, w); err != nil {
				return err
			}
			act.Note("%s", w)
		}
		return nil
	}}
}
