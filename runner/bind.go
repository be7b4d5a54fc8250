package runner

import (
	"context"
	"time"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/spec"
)

// loads starts and stops workloads by name, for the steps that do so.
type loads interface {
	startLoad(ctx context.Context, name string) error
	stopLoad(ctx context.Context, name string) error
}

// keepExec keeps what a command of a step wrote on a node, as a chaos.KeepOutput does.
type keepExec func(step, node string, out cluster.Output) (file string, err error)

// bind turns the steps of the file into steps on a cluster that is up.
func bind(steps []spec.Step, scene *chaos.Scene, l loads, keep keepExec) []chaos.Step {
	bound := make([]chaos.Step, 0, len(steps))
	for _, s := range steps {
		b := chaos.Step{
			Name: s.Name, Action: s.Action(), For: time.Duration(s.For), Fault: s.Fault(), SamePhase: !s.BeginsPhase(), Do: bindAction(s, scene, l, keep),
		}
		if s.At != nil {
			at := time.Duration(*s.At)
			b.At = &at
		}
		if s.When != nil {
			b.When = func(ctx context.Context) error {
				return scene.Await(ctx, condition(*s.When), time.Duration(s.Within))
			}
		}
		bound = append(bound, b)
	}
	return bound
}

// bindAction is what a step does.
func bindAction(s spec.Step, scene *chaos.Scene, l loads, keep keepExec) chaos.Action {
	if do := bindMachine(s, scene, keep); do != nil {
		return do
	}
	switch {
	case s.Stop != nil:
		return scene.Stop(s.Stop.Nodes, cluster.StopMode(s.Stop.Mode), time.Duration(s.Stop.Timeout))
	case s.Restart != nil:
		return scene.Restart(s.Restart.Nodes, cluster.StopMode(s.Restart.Mode), time.Duration(s.Restart.Timeout))
	case s.Kill != nil:
		return scene.Kill(s.Kill.Nodes)
	case s.Pause != nil:
		return scene.Pause(s.Pause.Nodes)
	case s.Start != nil:
		return scene.Start(s.Start.Nodes)
	case s.Resume != nil:
		return scene.Resume(s.Resume.Nodes)
	case s.Promote != nil:
		return scene.Promote(s.Promote.Nodes[0])
	case s.Configure != nil:
		return scene.Configure(s.Configure.Nodes, s.Configure.Settings, synchronous(s.Configure.Synchronous))
	case s.Follow != nil:
		return scene.Follow(s.Follow.Nodes, s.Follow.Upstream)
	case s.Rejoin != nil:
		return scene.Rejoin(s.Rejoin.Node, s.Rejoin.Upstream)
	case s.Clone != nil:
		return scene.Clone(s.Clone.Node, s.Clone.Upstream, s.Clone.Backup)
	case s.Backup != nil:
		return scene.Backup(s.Backup.Node, s.Backup.Name)
	case s.StartLoad != nil:
		return forEach(*s.StartLoad, l.startLoad)
	case s.StopLoad != nil:
		return forEach(*s.StopLoad, l.stopLoad)
	case s.Wait != nil:
		return chaos.Wait(time.Duration(*s.Wait))
	case s.SQL != nil:
		return scene.SQL(s.SQL.Nodes, s.SQL.Query, s.SQL.Expect)
	default:
		return scene.Verify(condition(*s.Verify), time.Duration(s.Verify.Within))
	}
}

// bindMachine is what a step does to what is around a server; nil for any other step.
func bindMachine(s spec.Step, scene *chaos.Scene, keep keepExec) chaos.Action {
	switch {
	case s.Disconnect != nil:
		return scene.Disconnect(s.Disconnect.Nodes)
	case s.Connect != nil:
		return scene.Connect(s.Connect.Nodes)
	case s.Limit != nil:
		return scene.Limit(s.Limit.Nodes, cluster.Limits{NanoCPUs: int64(s.Limit.CPUs), Memory: int64(s.Limit.Memory)})
	case s.Exec != nil:
		return scene.Exec(s.Exec.Nodes, s.Exec.Command, s.Exec.Expect, func(node string, out cluster.Output) (string, error) {
			return keep(s.Name, node, out)
		})
	}
	return nil
}

func forEach(workloads []string, do func(context.Context, string) error) chaos.Action {
	return func(ctx context.Context, act *chaos.Act) error {
		for _, w := range workloads {
			if err := do(ctx, w); err != nil {
				return err
			}
			act.Note("%s", w)
		}
		return nil
	}
}

func condition(c spec.Condition) chaos.Condition {
	return chaos.Condition{Role: c.Role, SyncState: c.SyncState, Streaming: c.Streaming, CaughtUp: c.CaughtUp}
}

func synchronous(s *spec.Synchronous) *cluster.Synchronous {
	if s == nil {
		return nil
	}
	return &cluster.Synchronous{Commit: s.Commit, Standbys: s.Standbys}
}
