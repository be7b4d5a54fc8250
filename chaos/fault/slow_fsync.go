package fault

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/internal/endsession"
	"pgchaos/internal/units"
	"pgchaos/record"
)

// SlowFsync makes the flush of WAL slow that commits wait for: `slow_fsync: {node: primary, delay: 20ms}`.
type SlowFsync struct {
	OnNodes `yaml:",inline"`

	Delay units.Duration `yaml:"delay" jsonschema:"required" jsonschema_description:"How much longer a flush takes, up to 100ms."`
}

// The settings by which PostgreSQL waits before a flush: for so many microseconds, if at least so many transactions are open.
const (
	commitDelay    = "commit_delay"
	commitSiblings = "commit_siblings"
)

// mostCommitDelay is PostgreSQL's own limit.
const mostCommitDelay = 100 * time.Millisecond

func slowFsync() Kind {
	return Kind{
		Name: "slow_fsync", Group: Resources, Doc: "Has each commit wait longer for the flush of its WAL, as on a slow disk.",
		Manual: Manual{
			Does: "Sets commit_delay on a primary, with commit_siblings = 0, so that PostgreSQL waits that long before each flush of WAL that a commit needs. It needs no rights on the machine, " +
				"and is the same on every provider. What is not a commit's flush is as fast as before: checkpoints, the WAL writer, and a standby's flush of what it receives.",
			Effect: "Each commit takes that much longer. Commits that wait at the same time share a flush: one that comes when another waits already takes less, " +
				"so that many clients lose less throughput than one.",
			Verified: "fsync is on, a new session sees both settings in force, and four commits in a row take at least three delays: the first one may share a flush that another session waits for already.",
			Back:     "Both settings have the value of before again, in force in new sessions. A server that does not run has it at its next start.",
			Example: `- {at: 5s, for: 5s, slow_fsync: {node: primary, delay: 20ms}}
`,
		},
		New:   func() Parameters { return &SlowFsync{} },
		Facts: record.Facts{Lasts: true, Reloads: true, Sessions: true}, Outage: true, Phase: true, Undo: fastFsync(), Reversible: true,
		Needs:        Needs{Process: Running, Connected: true},
		Capabilities: []cluster.Capability{cluster.CanRun, cluster.CanReachFiles},
	}
}

// Short keeps a node from being written without a delay.
func (p *SlowFsync) Short() any { return nil }

// Check demands a delay that PostgreSQL knows.
func (p *SlowFsync) Check() []Mistake {
	if d := time.Duration(p.Delay); d < time.Microsecond || d > mostCommitDelay {
		return []Mistake{{"delay", fmt.Sprintf("delay is %s", p.Delay), "write a time from 1us to 100ms"}}
	}
	return nil
}

// ForPrimaries is true: no commit of a standby waits for a flush of its own.
func (p *SlowFsync) ForPrimaries() bool { return true }

// Detail is the delay.
func (p *SlowFsync) Detail() string { return "by " + p.Delay.String() }

// Action sets the delay, and measures a commit.
func (p *SlowFsync) Action(env Env) chaos.Action {
	return env.Scene.Each(p.Nodes, func(ctx context.Context, act *chaos.Act, n *cluster.Node) error {
		if err := flushes(ctx, n); err != nil {
			return err
		}
		delay := time.Duration(p.Delay)
		if err := env.Scene.Override(ctx, n, commitSiblings, "0", act.Reversal()); err != nil {
			return err
		}
		if err := env.Scene.Override(ctx, n, commitDelay, strconv.FormatInt(delay.Microseconds(), 10), act.Reversal()); err != nil {
			return err
		}
		least := (commitsInARow - 1) * delay
		took, err := inARow(ctx, n, least)
		if err != nil {
			return err
		}
		said := fmt.Sprintf("%d commits in a row took %s", commitsInARow, took.Round(100*time.Microsecond))
		if took < least {
			return fmt.Errorf("%w: on %s %s, and not %s or more", chaos.ErrNoEffect, n.Name(), said, least)
		}
		act.Note("%s: %s", n.Name(), said)
		return nil
	})
}

// flushes is an error where no commit waits for a flush on the node: a commit takes longer than a short delay anyway.
func flushes(ctx context.Context, n *cluster.Node) error {
	conn, standby, err := connectStandby(ctx, n)
	if err != nil {
		return err
	}
	defer endsession.Within(100*time.Millisecond, conn)
	if standby {
		return fmt.Errorf("%s is a standby, on which no commit waits for a flush of its own", n.Name())
	}
	var fsync string
	if err := conn.QueryRow(ctx, "select pg_catalog.current_setting('fsync')").Scan(&fsync); err != nil {
		return fmt.Errorf("read fsync of %s: %w", n.Name(), err)
	}
	if fsync == "off" {
		return fmt.Errorf("%s has fsync = off, so that no commit waits for a flush; set fsync to on", n.Name())
	}
	return nil
}

// Where other sessions commit, one commit proves nothing: it shares a flush that another session waits for already, and takes less than
// the delay. But one flush comes the delay after the other, and each of several commits in a row needs another one. So of so many, from
// before the first to after the last, all but one take the delay.
const commitsInARow = 4

// inARow is how long several commits in a row take, each of which waits for a flush and for no standby. It tries again where that
// is less than it must be: the WAL writer flushes without a delay, now and then.
func inARow(ctx context.Context, n *cluster.Node, least time.Duration) (took time.Duration, err error) {
	conn, err := n.Connect(ctx, "fault")
	if err != nil {
		return 0, err
	}
	defer endsession.Within(time.Second, conn)
	for tries := 0; tries < 5 && took < least; tries++ {
		began := time.Now()
		for range commitsInARow {
			if _, err := conn.Exec(ctx, "select pg_catalog.pg_logical_emit_message(true, 'pgchaos', 'flush')"); err != nil {
				return 0, err
			}
		}
		took = max(took, time.Since(began))
	}
	return took, nil
}

// fastFsync takes a delay back. Where the run's pgchaos is gone there is nothing to do: the settings end with the node.
func fastFsync() *chaos.ReversalKind {
	return &chaos.ReversalKind{
		Name: "fast_fsync", Asks: true,
		Do: func(ctx context.Context, s *chaos.Scene, n *cluster.Node, r chaos.Reversal, _ bool) error {
			for _, name := range []string{commitDelay, commitSiblings} {
				if err := s.EndOverride(ctx, n, name, r.ID); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
