package fault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/internal/endsession"
	"pgchaos/record"
)

// HoldWAL keeps standbys from receiving WAL. It is taken back by pointing them at their upstream again.
type HoldWAL struct{ OnStandbys }

func holdWAL() Kind {
	return Kind{
		Name: "hold_wal", Group: Replication, Doc: "Ends the WAL receiver of a standby, and keeps it from receiving WAL.",
		Manual: Manual{
			Does: "Empties primary_conninfo of a standby and reloads it. The WAL receiver ends. The standby keeps and replays what it has " +
				"received, and follows nobody.",
			Effect: "The standby falls behind; what the primary acknowledges from then on, it does not have. Nothing waits for it in a " +
				"socket, unlike with `pause`: a promotion of this standby loses those commits. Synchronous commits that need it stall.",
			Verified: "The standby has no WAL receiver (pg_stat_wal_receiver), and its upstream, if that answers, has no WAL sender for it " +
				"(pg_stat_replication). Where another fault lets nothing pass between the two, the upstream cannot know, and only the standby is asked.",
			Back: "primary_conninfo names the upstream of before again. If that node answers, the standby then streams, seen from both " +
				"sides; at the end of the run it is enough that the value is in force. A standby that a step has pointed at another node meanwhile, or that is a primary now, " +
				"stays as it is. If the upstream no longer has the WAL since then, the standby needs a `clone`.",
			Example: "- {at: 4s, hold_wal: pgslave}\n- {at: 7s, kill: pgmaster}\n- {promote: pgslave}                 # it has none of the writes since 4s: they are lost, and the verdict is FAIL",
		},
		New:   func() Parameters { return &HoldWAL{} },
		Facts: record.Facts{Lasts: true, Reloads: true}, Outage: true, Phase: true, Undo: followAgain(), Reversible: true,
		Needs:        Needs{Process: Running, Connected: true},
		Capabilities: []cluster.Capability{cluster.CanRun, cluster.CanReachFiles},
	}
}

// Excludes is true of a second one: the standby follows no node any more that it could be pointed at again.
func (p *HoldWAL) Excludes(inForce Parameters) bool {
	_, same := inForce.(*HoldWAL)
	return same
}

// followed is the upstream of a standby before it was held back.
type followed struct {
	Upstream string `json:"upstream"`
}

// Before is the upstream.
func (p *HoldWAL) Before(_ context.Context, _ Env, n *cluster.Node) (any, error) {
	up := n.Upstream()
	if up == nil {
		return nil, fmt.Errorf("%s follows no node", n.Name())
	}
	return followed{up.Name()}, nil
}

// Action takes the upstream away.
func (p *HoldWAL) Action(env Env) chaos.Action {
	return env.Scene.Each(p.Nodes, func(ctx context.Context, act *chaos.Act, n *cluster.Node) error {
		var before followed
		if err := act.Known(&before); err != nil {
			return err
		}
		standby, err := isStandby(ctx, n)
		if err != nil {
			return err
		}
		if !standby {
			return notStandby(n)
		}
		if _, err := n.Configure(ctx, map[string]string{"primary_conninfo": ""}, nil); err != nil {
			return err
		}
		act.Effective()
		return heldBack(ctx, act, env.Scene.Cluster.Node(before.Upstream), n)
	})
}

// heldBack waits until an upstream has no WAL sender for a standby whose WAL receiver has ended. Where nothing passes between the two,
// the upstream cannot know of that end, and keeps its sender.
func heldBack(ctx context.Context, act *chaos.Act, up, standby *cluster.Node) error {
	blocks := func() (names []string) {
		if relay := up.Relays()[vantage(standby.Name())]; relay != nil {
			names = relay.Blocks()
		}
		return names
	}
	names := blocks()
	if len(names) == 0 {
		err := awaitNoSender(ctx, up, standby.Name())
		switch names = blocks(); {
		case err == nil || !errors.Is(err, errNotYet):
			return err
		case up.Filter() != nil: // it is not known which faults of the network are in force
			act.Note("%s has no WAL receiver; %s still has a WAL sender for it after %s", standby.Name(), up.Name(), senderTimeout)
			return nil
		case len(names) == 0:
			return err
		}
	}
	act.Note("%s has no WAL receiver; %s may still have a WAL sender for it, since nothing passes while %s is in force", standby.Name(), up.Name(), strings.Join(names, " and "))
	return nil
}

// senderTimeout bounds how long a WAL sender may outlive its receiver.
const senderTimeout = 10 * time.Second

// awaitNoSender waits until an upstream has no WAL sender for a standby. One that does not answer is not asked.
func awaitNoSender(ctx context.Context, up *cluster.Node, standby string) error {
	if up.Silenced() || up.Ended(ctx) {
		return nil
	}
	conn, err := up.Connect(ctx, "fault")
	if err != nil {
		return err
	}
	defer endsession.Within(100*time.Millisecond, conn)
	err = until(ctx, senderTimeout, func(ctx context.Context) (gone bool, err error) {
		err = conn.QueryRow(ctx, "select not exists (select from pg_catalog.pg_stat_replication where application_name = $1)", standby).Scan(&gone)
		return gone, err
	})
	if err != nil {
		return fmt.Errorf("wait until %s has no WAL sender for %s: %w", up.Name(), standby, err)
	}
	return nil
}

// followAgain points a standby at its upstream of before. Where the run's pgchaos is gone there is nothing to do: the
// configuration ends with the node.
func followAgain() *chaos.ReversalKind {
	return &chaos.ReversalKind{
		Name: "follow", Asks: true,
		Do: func(ctx context.Context, s *chaos.Scene, n *cluster.Node, r chaos.Reversal, ending bool) error {
			var before followed
			if err := json.Unmarshal(r.Arguments, &before); err != nil {
				return fmt.Errorf("read which node it followed: %w", err)
			}
			up := s.Cluster.Node(before.Upstream)
			if up == nil {
				return fmt.Errorf("there is no node %s, which it followed", before.Upstream)
			}
			// A step may have pointed it at another node, and so may a reversal.
			if n.Upstream() != nil || n.State(ctx).Role == record.RolePrimary {
				return nil
			}
			if ending || up.Silenced() || up.Ended(ctx) {
				return n.PointAt(ctx, up)
			}
			return n.Follow(ctx, up)
		},
	}
}
