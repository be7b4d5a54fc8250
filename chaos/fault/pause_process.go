package fault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/record"
)

// PauseProcess stops processes of one kind (SIGSTOP). It is taken back by letting them go on.
type PauseProcess struct{ OfProcess }

func pauseProcess() Kind {
	return Kind{
		Name: "pause_process", Group: Servers, Doc: "Freezes one kind of process of a server; the rest of the server goes on.",
		Manual: Manual{
			Does: "Sends SIGSTOP to the server's processes of one kind; of client backends, to one of the load's. The others go on.",
			Effect: "It depends on the process. walreceiver: the standby writes no WAL any more, and what the primary has sent lies in its socket; " +
				"synchronous commits that wait for it stall. walsender: its standby gets nothing. startup: the standby receives, " +
				"and does not replay. checkpointer: no checkpoint ends, the WAL grows, and a fast shutdown hangs. walwriter: commits with " +
				"synchronous_commit = off reach the disk later. archiver: no WAL is archived. backend: its client waits, and " +
				"so do those that need a lock that it holds. After wal_sender_timeout or wal_receiver_timeout, 60 s, the other side ends a " +
				"connection that is silent.",
			Verified: "The process table (/proc) shows the processes in state T.",
			Back: "They get SIGCONT, and the process table shows that they run. A process that has ended meanwhile needs nothing. `resume` of " +
				"a local node lets them go on, too.",
			Example: `- {at: 5s, pause_process: {node: pgmaster, process: walsender, standby: pgslave}, for: 4s}`,
		},
		New:   func() Parameters { return &PauseProcess{} },
		Facts: record.Facts{Lasts: true}, Outage: true, Phase: true, Undo: continueProcess(), Reversible: true,
		Needs:        Needs{Process: Running, Connected: true},
		Capabilities: []cluster.Capability{cluster.CanReachFiles},
	}
}

// Effects are those of the kind; only what sends and receives WAL keeps a standby from streaming.
func (p *PauseProcess) Effects(f record.Facts) record.Facts {
	f.Keeps = p.Process != WALSender && p.Process != walReceiver
	return f
}

// Excludes is true of a second one on the same processes. Of backends, each freezes another one.
func (p *PauseProcess) Excludes(inForce Parameters) bool {
	other, same := inForce.(*PauseProcess)
	return same && other.Process == p.Process && p.Process != clientBackend && (other.Standby == p.Standby || other.Standby == "")
}

// Before are the processes. None of them is stopped yet.
func (p *PauseProcess) Before(ctx context.Context, _ Env, n *cluster.Node) (any, error) {
	found, err := p.find(ctx, n)
	if err == nil && slices.ContainsFunc(found, func(one cluster.ServerProcess) bool { return one.Stopped }) {
		err = inForce(n, "the "+p.Detail()+" is stopped")
	}
	return found, err
}

// Action stops them.
func (p *PauseProcess) Action(env Env) chaos.Action {
	return env.Scene.Each(p.Nodes, func(ctx context.Context, act *chaos.Act, n *cluster.Node) error {
		var found []cluster.ServerProcess
		if err := act.Known(&found); err != nil {
			return err
		}
		p.noteProcesses(act, n, found)
		return n.StopProcesses(ctx, found)
	})
}

// continueProcess lets processes go on. Where the run's pgchaos is gone there is nothing to do: they end with their node.
func continueProcess() *chaos.ReversalKind {
	return &chaos.ReversalKind{
		Name: "continue", Asks: true,
		Do: func(ctx context.Context, _ *chaos.Scene, n *cluster.Node, r chaos.Reversal, _ bool) error {
			var found []cluster.ServerProcess
			if err := json.Unmarshal(r.Arguments, &found); err != nil {
				return fmt.Errorf("read which processes they were: %w", err)
			}
			if n.Paused() {
				return errors.New("the whole node is paused; resume it first")
			}
			return n.ContinueProcesses(ctx, found)
		},
	}
}
