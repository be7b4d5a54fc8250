package fault

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/internal/endsession"
	"pgchaos/record"
)

// OnStandbys are the parameters of an action that needs no more than its standbys.
type OnStandbys struct{ OnNodes }

// ForStandbys is true: a primary replays nothing.
func (p *OnStandbys) ForStandbys() bool { return true }

// PauseReplay keeps standbys from replaying what they receive. It is taken back by resuming the replay.
type PauseReplay struct{ OnStandbys }

// ResumeReplay ends a PauseReplay.
type ResumeReplay struct{ OnStandbys }

func pauseReplay() Kind {
	return Kind{
		Name: "pause_replay", Group: Replication, Doc: "Pauses the replay of a standby, which goes on to receive WAL.",
		Manual: Manual{
			Does: "Calls pg_wal_replay_pause() on a standby and waits until the replay stands still. The standby still receives WAL and " +
				"writes it to its disk.",
			Effect: "Readers of the standby see old rows. Commits that wait with remote_apply stall; those that wait with on or " +
				"remote_write do not. After a promotion the standby first replays all that it has received: a pause loses nothing.",
			Verified: "pg_get_wal_replay_pause_state() says paused; before PostgreSQL 14, pg_is_wal_replay_paused() is true.",
			Back: "pg_wal_replay_resume() is called, and the state is no longer paused. On a server that has been promoted or has ended " +
				"meanwhile there is nothing to do.",
			Example: `- {at: 5s, pause_replay: pgslave, for: 4s}`,
		},
		New:   func() Parameters { return &PauseReplay{} },
		Facts: record.Facts{Lasts: true, Keeps: true}, Outage: true, Phase: true, Undo: replayAgain(), Reversible: true,
		Needs:  Needs{Process: Running, Connected: true},
		Rights: []cluster.Right{cluster.ExecuteRight("pg_wal_replay_pause()"), cluster.ExecuteRight("pg_wal_replay_resume()")},
	}
}

func resumeReplay() Kind {
	return Kind{
		Name: "resume_replay", Group: Replication, Doc: "Lets a standby go on to replay.",
		Manual: Manual{
			Does:     "Calls pg_wal_replay_resume() on a standby.",
			Effect:   "The standby replays what it has received meanwhile, and its readers see it. Commits that waited with remote_apply succeed.",
			Verified: "The replay is no longer paused, and no pause is requested.",
			Example:  "- {at: 5s, pause_replay: pgslave}\n- {at: 8s, resume_replay: pgslave}",
		},
		New:   func() Parameters { return &ResumeReplay{} },
		Facts: record.Facts{Lifts: "pause_replay"}, Phase: true,
		Needs:  Needs{Process: Running, Connected: true},
		Rights: []cluster.Right{cluster.ExecuteRight("pg_wal_replay_resume()")},
	}
}

// Statements pauses the replay, and lets it go on when the step is taken back.
func (p *PauseReplay) Statements(string) []string {
	return []string{replayCall("pg_wal_replay_pause"), replayCall("pg_wal_replay_resume") + ", to take it back"}
}

// Statements lets the replay go on.
func (p *ResumeReplay) Statements(string) []string {
	return []string{replayCall("pg_wal_replay_resume")}
}

// Excludes is true of a second one.
func (p *PauseReplay) Excludes(inForce Parameters) bool {
	_, same := inForce.(*PauseReplay)
	return same
}

// Before demands a replay that goes on.
func (p *PauseReplay) Before(ctx context.Context, _ Env, n *cluster.Node) (any, error) {
	conn, standby, err := connectStandby(ctx, n)
	if err != nil {
		return nil, err
	}
	defer endsession.Within(100*time.Millisecond, conn)
	if !standby {
		return nil, notStandby(n)
	}
	state, err := replayState(ctx, conn)
	switch {
	case err != nil:
		return nil, fmt.Errorf("ask whether the replay of %s is paused: %w", n.Name(), err)
	case state != "not paused":
		return nil, inForce(n, "the replay is paused")
	}
	return nil, nil
}

// Action pauses the replay.
func (p *PauseReplay) Action(env Env) chaos.Action {
	return env.Scene.Each(p.Nodes, func(ctx context.Context, _ *chaos.Act, n *cluster.Node) error {
		return setReplay(ctx, n, "pg_wal_replay_pause", "paused")
	})
}

// Action resumes the replay.
func (p *ResumeReplay) Action(env Env) chaos.Action {
	return env.Scene.Each(p.Nodes, func(ctx context.Context, _ *chaos.Act, n *cluster.Node) error {
		return setReplay(ctx, n, "pg_wal_replay_resume", "not paused")
	})
}

// replayAgain lets the replay go on.
func replayAgain() *chaos.ReversalKind {
	return &chaos.ReversalKind{
		Name: "resume_replay", Asks: true,
		Do: func(ctx context.Context, _ *chaos.Scene, n *cluster.Node, _ chaos.Reversal, _ bool) error {
			if n.Ended(ctx) {
				return nil // a server forgets the pause with its end
			}
			conn, standby, err := connectStandby(ctx, n)
			if err != nil {
				return err
			}
			defer endsession.Within(100*time.Millisecond, conn)
			if !standby {
				return nil // a promotion has ended the pause
			}
			return callReplay(ctx, conn, n.Name(), "pg_wal_replay_resume", "not paused")
		},
		Clean: onStayingNodes(func(ctx context.Context, to sessions, r chaos.Reversal) error {
			conn, err := to.ConnectTo(ctx, r.Node)
			if err != nil {
				return err
			}
			defer endsession.Within(100*time.Millisecond, conn)
			if standby, err := isInRecovery(ctx, conn, r.Node); err != nil || !standby {
				return err
			}
			return callReplay(ctx, conn, r.Node, "pg_wal_replay_resume", "not paused")
		}),
	}
}

// replayTimeout bounds how long a replay may take to stand still, or to go on.
const replayTimeout = 10 * time.Second

// setReplay pauses or resumes the replay of a standby, and waits until its state is so.
func setReplay(ctx context.Context, n *cluster.Node, call, want string) error {
	conn, standby, err := connectStandby(ctx, n)
	if err != nil {
		return err
	}
	defer endsession.Within(100*time.Millisecond, conn)
	if !standby {
		return notStandby(n)
	}
	return callReplay(ctx, conn, n.Name(), call, want)
}

// replayCall is the statement that calls a function of the replay.
func replayCall(call string) string { return "select pg_catalog." + call + "()" }

func callReplay(ctx context.Context, conn *pgx.Conn, node, call, want string) error {
	if _, err := conn.Exec(ctx, replayCall(call)); err != nil {
		return fmt.Errorf("%s() on %s: %w", call, node, err)
	}
	var state string
	err := until(ctx, replayTimeout, func(ctx context.Context) (done bool, err error) {
		state, err = replayState(ctx, conn)
		return state == want, err
	})
	if err != nil {
		return fmt.Errorf("after %s() the replay of %s is %q, expected %q: %w", call, node, state, want, err)
	}
	return nil
}

// replayState is "paused", "pause requested" or "not paused".
func replayState(ctx context.Context, conn *pgx.Conn) (state string, err error) {
	query := "select pg_catalog.pg_get_wal_replay_pause_state()"
	if before14(conn) {
		query = "select case when pg_catalog.pg_is_wal_replay_paused() then 'paused' else 'not paused' end"
	}
	err = conn.QueryRow(ctx, query).Scan(&state)
	return state, err
}
