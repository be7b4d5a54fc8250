package fault

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/internal/units"
	"pgchaos/internal/wait"
	"pgchaos/record"
)

// Switchover exchanges the primary with a standby in good order: `switchover: b`.
type Switchover struct {
	Node        string               `yaml:"node" jsonschema:"required" jsonschema_description:"The standby that becomes the primary: a node or a role."`
	Synchronous *cluster.Synchronous `yaml:"synchronous" jsonschema_description:"What is demanded of the new primary; by default what is demanded of the old one, with the old primary in the place of the new one."`
	Timeout     units.Duration       `yaml:"timeout" jsonschema_description:"How long the old primary may take to shut down; 60s by default."`
}

func switchover() Kind {
	return Kind{
		Name: "switchover", Group: Runbooks, Doc: "Exchanges the primary with a standby in good order: nothing may be lost.",
		Manual: Manual{
			Does: "The standby gets the synchronous_standby_names that fit the nodes without it, and both nodes make a checkpoint, so that little is left to write. Then " +
				"the primary shuts down fast, the standby is promoted as soon as it has received the shutdown checkpoint, and the old primary is started as a standby of it, " +
				"while the other standbys follow it. Each part is an event of its own on the timeline.",
			Effect: "Sessions on the old primary end with 57P01. Writes fail from its shutdown until the new primary is out of recovery, and wait " +
				"until as many synchronous standbys follow as are demanded. No acknowledged write is lost, in asynchronous replication neither.",
			Verified: "The standby streams before anything is done. It has received the last WAL record of the old primary before it is promoted: otherwise the old " +
				"primary is started again, and the step fails. Afterwards the new primary commits a write, all others stream from it, their sync_state is as demanded, and no other node accepts writes.",
			Back: "Nothing takes it back; another switchover exchanges them again. If the step breaks off, the node that was stopped is started at the end of the run.",
			Example: `- {at: 5s, switchover: pgslave}
`,
		},
		New: func() Parameters { return &Switchover{} },
		// What it does to its nodes, its parts say. That the old primary is back at its end, it says itself.
		Facts: record.Facts{Restarts: true}, Outage: true, Phase: true, Undo: startAgain(), One: true,
		Needs:        Needs{Process: Running, Connected: true},
		Capabilities: []cluster.Capability{cluster.CanRun, cluster.CanReachFiles},
	}
}

// Selectors is the node.
func (p *Switchover) Selectors() []string { return oneNode(p.Node) }

// Short is for `switchover: b`.
func (p *Switchover) Short() any { return &p.Node }

// Demanded is what is demanded of the new primary; nil: as of the old one.
func (p *Switchover) Demanded() *cluster.Synchronous { return p.Synchronous }

// Promoted is the node that is promoted.
func (p *Switchover) Promoted() string { return p.Node }

// Default is a minute.
func (p *Switchover) Default(has func(key string) bool) {
	if !has("timeout") {
		p.Timeout = units.Duration(time.Minute)
	}
}

// Detail is what is demanded.
func (p *Switchover) Detail() string {
	if p.Synchronous == nil {
		return "the old primary and the others follow it"
	}
	return "the old primary and the others follow it, " + p.Synchronous.String()
}

// Action exchanges the nodes.
func (p *Switchover) Action(env Env) chaos.Action {
	x := &exchange{scene: env.Scene, sync: p.Synchronous, timeout: time.Duration(p.Timeout)}
	return chaos.Action{
		Prepare: func(ctx context.Context, act *chaos.Act) error {
			both, err := env.Scene.Resolve(ctx, []string{p.Node}, []string{"primary"}) // each of them is one
			if err != nil {
				return err
			}
			x.to, x.old = both[0][0], both[1][0]
			act.On(x.to, x.old)
			return nil
		},
		Ready: x.ready,
		Act: func(ctx context.Context, act *chaos.Act) error {
			act.Mode(cluster.StopFast)
			return x.do(ctx, act)
		},
	}
}

// exchange is a switchover from a primary to a standby.
type exchange struct {
	scene   *chaos.Scene
	old, to *cluster.Node
	sync    *cluster.Synchronous // nil: as is demanded of the old primary
	timeout time.Duration

	others []*cluster.Node
}

// ready does what clients do not notice, so that it is no part of the outage.
func (x *exchange) ready(ctx context.Context, act *chaos.Act) error {
	if x.to == x.old {
		return fmt.Errorf("%s is the primary already", x.to.Name())
	}
	states := x.scene.States(ctx)
	streams := func(s record.StandbyState) bool { return s.Name == x.to.Name() && s.State == "streaming" }
	if primary := record.Primary(states); primary.Node != x.old.Name() || !slices.ContainsFunc(primary.Standbys, streams) {
		return fmt.Errorf("%s does not stream from %s, so that it could lack some of its WAL; wait for that by verify: {streaming: %s}", x.to.Name(), x.old.Name(), x.to.Name())
	}
	x.others = runningStandbys(x.scene, states, x.to, x.old)
	sync, err := demandAfter(x.old.Synchronous(), x.old.Name(), x.to.Name())
	if err != nil {
		return fmt.Errorf("the synchronous replication of %s: %w", x.old.Name(), err)
	}
	if err := readyToLead(ctx, act, x.to, *cmp.Or(x.sync, &sync)); err != nil {
		return err
	}
	// The primary's first: the standby can only make a restartpoint of one that it has replayed.
	if err := x.old.Checkpoint(ctx); err != nil {
		return err
	}
	return x.to.Checkpoint(ctx)
}

// do is the outage, and what restores the redundancy.
func (x *exchange) do(ctx context.Context, act *chaos.Act) error {
	if err := shutDown(ctx, act, x.old, x.timeout); err != nil {
		return err
	}
	if err := x.received(ctx); err != nil {
		return errors.Join(err, x.giveUp(ctx, act))
	}
	if err := lead(ctx, act, x.scene, x.to); err != nil {
		return errors.Join(err, x.giveUp(ctx, act))
	}
	act.Effective()
	behind := []func() error{func() error { return startBehind(ctx, act, x.old, x.to) }}
	for _, other := range x.others {
		behind = append(behind, func() error { return repoint(ctx, act, other, x.to) })
	}
	if err := atOnce(behind...); err != nil {
		return err
	}
	if err := redundancy(ctx, act, x.to); err != nil {
		return err
	}
	return onePrimary(x.scene.States(ctx), x.to.Name())
}

// receiveTimeout is how long a standby may take to have all that its primary has sent before it shut down.
const receiveTimeout = 10 * time.Second

// received waits until the standby has received the last record of the old primary. The promotion replays it.
func (x *exchange) received(ctx context.Context) error {
	last, err := x.old.ShutdownCheckpoint(ctx)
	if err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, receiveTimeout)
	defer cancel()
	for {
		st := x.to.State(ctx)
		if max(st.Received, st.LSN) > last {
			return nil
		}
		if wait.For(waiting, 5*time.Millisecond) != nil {
			return fmt.Errorf("%s has received WAL up to %s only, and the last record of %s begins at %s: nothing was promoted", x.to.Name(), max(st.Received, st.LSN), x.old.Name(), last)
		}
	}
}

// giveUp starts the old primary again where the standby did not take over.
func (x *exchange) giveUp(ctx context.Context, act *chaos.Act) error {
	if st := x.to.State(ctx); !st.Reachable || st.Role != record.RoleStandby {
		return nil // it may accept writes: the end of the run brings the old primary back read-only
	}
	kind := start()
	return act.Part(ctx, chaos.Part{Action: kind.Name, Facts: kind.Facts}, x.old, func(ctx context.Context, part *chaos.Act) error {
		part.Note("as the primary again")
		return x.old.Start(ctx)
	})
}
