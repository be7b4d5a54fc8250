package fault

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/internal/endsession"
	"pgchaos/internal/wait"
)

// Sessions that a fault holds open on a server. They are found and ended by their application_name, which the journal has.

// held names the sessions of one step on one node.
type held struct {
	App string `json:"application_name"`
}

// nameSessions is a new name for sessions of the step. PostgreSQL keeps 63 bytes of an application_name.
func nameSessions(env Env) held {
	const most = 28
	return held{cluster.FaultApp + env.Step[:min(most, len(env.Step))] + "-" + strings.ToLower(rand.Text()[:8])}
}

// heldBy is the name that the reversal of an act on one node has.
func heldBy(act *chaos.Act) (app string, err error) {
	return appOf(act.Known)
}

// appOf decodes the name.
func appOf(decode func(any) error) (app string, err error) {
	var h held
	if err := decode(&h); err != nil {
		return "", fmt.Errorf("read the name of the sessions: %w", err)
	}
	if !strings.HasPrefix(h.App, cluster.FaultApp) {
		return "", fmt.Errorf("%q is no application_name of a fault's sessions", h.App)
	}
	return h.App, nil
}

// appIn is the name that a reversal has.
func appIn(r chaos.Reversal) (app string, err error) {
	return appOf(func(into any) error { return json.Unmarshal(r.Arguments, into) })
}

// endSessions ends the sessions that a fault holds. Where their pgchaos is gone, a server has seen their connections end, unless a statement goes
// on in one.
func endSessions() *chaos.ReversalKind {
	return &chaos.ReversalKind{
		Name: "end_sessions", Asks: true,
		Do: func(ctx context.Context, s *chaos.Scene, n *cluster.Node, r chaos.Reversal, _ bool) error {
			app, err := appIn(r)
			if err != nil {
				return err
			}
			s.Drop(app)
			return n.EndSessions(ctx, app)
		},
		Clean: onStayingNodes(func(ctx context.Context, to sessions, r chaos.Reversal) error {
			app, err := appIn(r)
			if err != nil {
				return err
			}
			conn, err := to.ConnectTo(ctx, r.Node)
			if cluster.NobodyListens(err) {
				return nil
			}
			if err != nil {
				return err
			}
			defer endsession.Within(100*time.Millisecond, conn)
			return cluster.EndSessions(ctx, conn, r.Node, app)
		}),
	}
}

// holdOne opens the one session of an act on a node, and does something in it. It stays open until it is taken back.
func holdOne(ctx context.Context, env Env, act *chaos.Act, n *cluster.Node, begin func(context.Context, *pgx.Conn) error) (app string, err error) {
	if app, err = heldBy(act); err != nil {
		return "", err
	}
	conn, err := n.ConnectFault(ctx, app)
	if err != nil {
		return "", err
	}
	env.Scene.Hold(app, conn)
	if err := begin(ctx, conn); err != nil {
		env.Scene.Drop(app)
		return "", fmt.Errorf("on %s: %w", n.Name(), err)
	}
	return app, nil
}

// seenWithin is how long a server may take to show what a session of a fault does.
const seenWithin = 10 * time.Second

// awaitShown asks another session of the server until the answer is not "", and returns it. The query has the
// application_name as $1.
func awaitShown(ctx context.Context, n *cluster.Node, what, query, app string, more ...any) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, seenWithin)
	defer cancel()
	conn, err := n.Connect(ctx, "fault")
	if err != nil {
		return "", err
	}
	defer endsession.Within(time.Second, conn)
	for {
		var shown string
		if err := conn.QueryRow(ctx, query, append([]any{app}, more...)...).Scan(&shown); err != nil {
			return "", fmt.Errorf("look for %s on %s: %w", what, n.Name(), err)
		}
		if shown != "" {
			return shown, nil
		}
		if wait.For(ctx, 20*time.Millisecond) != nil {
			return "", fmt.Errorf("%s does not show %s within %s", n.Name(), what, seenWithin)
		}
	}
}

// relation quotes the name of a table, which is in the schema of the run's tables where none is named.
func relation(env Env, table string) string {
	return tableIn(env.Scene.Cluster.Schema(), table)
}

// wrongTable says what is wrong with the name of a table.
func wrongTable(table string) []Mistake {
	parts := strings.Split(table, ".")
	for _, part := range parts {
		if part == "" || len(parts) > 2 {
			return []Mistake{{"table", fmt.Sprintf("%q names no table", table), "write TABLE or SCHEMA.TABLE, such as test_data"}}
		}
	}
	return nil
}
