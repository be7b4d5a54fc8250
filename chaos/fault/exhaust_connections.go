package fault

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/internal/endsession"
	"pgchaos/record"
)

// ExhaustConnections takes every connection that an ordinary user can have: `exhaust_connections: primary`.
type ExhaustConnections struct{ OnNodes }

func exhaustConnections() Kind {
	return Kind{
		Name: "exhaust_connections", Group: Sessions, Doc: "Takes every connection that a server has left for ordinary users.",
		Manual: Manual{
			Does: "Opens idle sessions as the load's user until PostgreSQL refuses one. Those that superuser_reserved_connections keeps are left: pgchaos reads the node over them. " +
				"The sessions have an application_name that begins with pgchaos-fault-.",
			Effect:   "Clients that are connected go on. Each new one is refused with 53300 (too many clients). A connection that ends can be replaced by one new connection, of whichever client is first.",
			Verified: "A connection of an ordinary user is refused with 53300.",
			Back:     "The sessions are ended (pg_terminate_backend), and none of their name is left. They also end with pgchaos or with the server.",
			Example: `- {at: 5s, for: 3s, exhaust_connections: primary}
`,
		},
		New:   func() Parameters { return &ExhaustConnections{} },
		Facts: record.Facts{Lasts: true, Sessions: true, Refuses: true}, Outage: true, Phase: true, Undo: endSessions(), Reversible: true,
		Needs: Needs{Process: Running, Connected: true},
	}
}

// Excludes is true of a second one: no connection is left that it could take.
func (p *ExhaustConnections) Excludes(inForce Parameters) bool {
	_, same := inForce.(*ExhaustConnections)
	return same
}

// Before is the name of the sessions.
func (p *ExhaustConnections) Before(_ context.Context, env Env, _ *cluster.Node) (any, error) {
	return nameSessions(env), nil
}

// exhaustTimeout bounds how long it may take to open all sessions, and leastReserved is how many connections pgchaos needs then.
const (
	exhaustTimeout = 2 * time.Minute
	leastReserved  = 2
)

// Action opens the sessions.
func (p *ExhaustConnections) Action(env Env) chaos.Action {
	return env.Scene.Each(p.Nodes, func(ctx context.Context, act *chaos.Act, n *cluster.Node) error {
		ctx, cancel := context.WithTimeout(ctx, exhaustTimeout)
		defer cancel()
		app, err := heldBy(act)
		if err != nil {
			return err
		}
		limit, err := ordinaryConnections(ctx, n)
		if err != nil {
			return err
		}
		opened, err := fillUp(ctx, env.Scene, n, app, limit)
		if err != nil {
			return fmt.Errorf("take the connections of %s: %w", n.Name(), err)
		}
		if opened == 0 {
			return fmt.Errorf("%w: %s had no connection left for ordinary users, so that none could be taken", chaos.ErrNoEffect, n.Name())
		}
		act.Note("%s: %d sessions were opened, and the next one was refused (53300)", n.Name(), opened)
		return nil
	})
}

// Statements are none: the sessions do nothing.
func (p *ExhaustConnections) Statements(string) []string {
	return []string{"nothing: it opens sessions until the server refuses one, and holds them"}
}

// ordinaryConnections is how many sessions ordinary users can have at most.
func ordinaryConnections(ctx context.Context, n *cluster.Node) (most int, err error) {
	conn, err := n.Connect(ctx, "fault")
	if err != nil {
		return 0, err
	}
	defer endsession.Within(time.Second, conn)
	var reserved int
	err = conn.QueryRow(ctx, "select pg_catalog.current_setting('max_connections')::int, pg_catalog.current_setting('superuser_reserved_connections')::int").Scan(&most, &reserved)
	if err == nil && reserved < leastReserved {
		err = fmt.Errorf("superuser_reserved_connections of %s is %d, and pgchaos could not reach it any more; set it to %d or more", n.Name(), reserved, leastReserved)
	}
	return most - reserved, err
}

// fillUp opens sessions until one is refused, eight at a time, and holds them.
func fillUp(ctx context.Context, s *chaos.Scene, n *cluster.Node, app string, limit int) (opened int64, err error) {
	var count, full atomic.Int64
	open := func() error {
		conn, err := n.ConnectOrdinary(ctx, app)
		if tooMany(err) {
			full.Store(1)
			return nil
		}
		if err == nil {
			count.Add(1)
			s.Hold(app, conn)
		}
		return err
	}
	err = chaos.AtOnce(8, func(int) error {
		for full.Load() == 0 && count.Load() < int64(limit) {
			if err := open(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return count.Load(), err
	}
	// The refusal before may have been for the sake of a session that was about to end.
	for full.Store(0); full.Load() == 0; {
		if count.Load() > int64(limit) {
			return count.Load(), fmt.Errorf("%d sessions are open, and the server refuses none", count.Load())
		}
		if err := open(); err != nil {
			return count.Load(), err
		}
	}
	return count.Load(), nil
}

// tooMany tells the refusal of a server that has no connection left.
func tooMany(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && refused.Code == "53300"
}
