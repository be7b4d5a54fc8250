package fault

import (
	"context"
	"fmt"
	"time"

	"pgchaos/chaos"
	"pgchaos/cluster"
	sleep "pgchaos/internal/wait" // wait is an action
	"pgchaos/record"
)

// KillProcess ends processes of one kind with SIGKILL. The postmaster takes that for a crash.
type KillProcess struct{ OfProcess }

func killProcess() Kind {
	return Kind{
		Name: "kill_process", Group: Servers, Doc: "Kills one kind of process of a server, which then recovers from the crash.",
		Manual: Manual{
			Does: "Sends SIGKILL to the server's processes of one kind, such as its WAL receiver; of client backends, to one of the load's. " +
				"PostgreSQL takes the end of any of its processes by a signal for a crash: the postmaster ends all others, and recovers " +
				"from the WAL. If the startup process of a standby ends so, the whole server ends.",
			Effect: "All clients of the node lose their connections, not only the one whose backend was killed, and are refused with 57P03 " +
				"until the recovery is over. Acknowledged writes stay, except under synchronous_commit = off. A standby reconnects and " +
				"streams again.",
			Verified: "The process is gone from the process table, and the server answers again with a new checkpointer within a minute. After " +
				"the end of a startup process, or with restart_after_crash = off, no process of the server is left.",
			Back:    "A server that has ended is started again. One that has recovered needs nothing.",
			Example: `- {at: 5s, kill_process: {node: pgslave, process: walreceiver}}`,
		},
		New:   func() Parameters { return &KillProcess{} },
		Facts: record.Facts{Kills: true, Restarts: true, Starts: true, Provokes: true}, Outage: true, Phase: true, Undo: startAgain(),
		Needs:        Needs{Process: Running, Connected: true},
		Capabilities: []cluster.Capability{cluster.CanRun, cluster.CanReachFiles},
	}
}

// Effects are those of the kind; the end of a startup process ends the server for good.
func (p *KillProcess) Effects(f record.Facts) record.Facts {
	if p.Process == startupKind {
		return record.Facts{Kills: true, Ends: true, Provokes: true}
	}
	return f
}

// crashTimeout bounds the recovery from a crash.
const crashTimeout = time.Minute

// Action kills the processes, and waits for what the server makes of it.
func (p *KillProcess) Action(env Env) chaos.Action {
	return env.Scene.Each(p.Nodes, func(ctx context.Context, act *chaos.Act, n *cluster.Node) error {
		found, err := p.find(ctx, n)
		if err != nil {
			return err
		}
		before := n.State(ctx)
		if !before.Reachable {
			return fmt.Errorf("read the state of %s before: %s", n.Name(), before.Error)
		}
		p.noteProcesses(act, n, found)
		if err := n.KillProcesses(ctx, found); err != nil {
			return err
		}
		act.Effective()
		return awaitCrash(ctx, act, n, before, p.Process == startupKind)
	})
}

// awaitCrash waits until the server has recovered from the crash of one of its processes, or has ended.
func awaitCrash(ctx context.Context, act *chaos.Act, n *cluster.Node, before record.NodeState, ends bool) error {
	began := time.Now()
	waiting, cancel := context.WithTimeout(ctx, crashTimeout)
	defer cancel()
	for {
		switch state := n.State(ctx); {
		case state.Role == record.RoleDown:
			act.Note("the server has ended")
			return nil
		case state.Reachable && state.CrashedSince(before) && !ends:
			act.Note("the server answered again after %s", time.Since(began).Round(time.Millisecond))
			return nil
		case sleep.For(waiting, 20*time.Millisecond) == nil:
		case ends:
			return fmt.Errorf("%s has not ended within %s of the end of its startup process", n.Name(), crashTimeout)
		default:
			return fmt.Errorf("%s has not recovered from the crash within %s; the last try: %s", n.Name(), crashTimeout, state.Error)
		}
	}
}
