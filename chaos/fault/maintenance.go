package fault

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/internal/endsession"
	"pgchaos/internal/units"
)

// maintenanceTimeout is how long a command of maintenance may take, where the step does not say.
const maintenanceTimeout = 5 * time.Minute

// WithTimeout are the parameters of a command that may take long.
type WithTimeout struct {
	OnNodes `yaml:",inline"`

	Timeout units.Duration `yaml:"timeout" jsonschema_description:"How long it may take; 5m by default. It is cancelled then, and the step fails."`
}

// Default is five minutes.
func (p *WithTimeout) Default(has func(key string) bool) {
	if !has("timeout") {
		p.Timeout = units.Duration(maintenanceTimeout)
	}
}

// OnTable are the parameters of a command on one table.
type OnTable struct {
	WithTimeout `yaml:",inline"`

	Table string `yaml:"table" jsonschema:"required" jsonschema_description:"The table, such as test_data or myschema.orders."`
}

// Short keeps a node from being written without a table.
func (p *OnTable) Short() any { return nil }

// Check demands a table.
func (p *OnTable) Check() []Mistake { return wrongTable(p.Table) }

// Detail is the table.
func (p *OnTable) Detail() string { return p.Table }

// ForPrimaries is true: a standby can change no table.
func (p *OnTable) ForPrimaries() bool { return true }

// maintenance runs a command on nodes, each in a session of its own. A query tells before and afterwards what the command
// changes, and done judges the two answers.
type maintenance struct {
	command string
	// evidence is a query for one text; args are its parameters.
	evidence string
	args     []any
	done     func(before, after string) error
	// note is what is said about it, where {before} and {after} are the two answers.
	note string
}

// run is the action.
func (p *WithTimeout) run(env Env, m maintenance) chaos.Action {
	return env.Scene.Each(p.Nodes, func(ctx context.Context, act *chaos.Act, n *cluster.Node) error {
		app := nameSessions(env).App
		err := m.do(ctx, act, n, app, time.Duration(p.Timeout))
		if err != nil { // the server would go on with the command
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), seenWithin)
			defer cancel()
			err = errors.Join(fmt.Errorf("on %s: %w", n.Name(), err), n.EndSessions(ctx, app))
		}
		return err
	})
}

func (m maintenance) do(ctx context.Context, act *chaos.Act, n *cluster.Node, app string, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout+seenWithin)
	defer cancel()
	conn, err := n.ConnectFault(ctx, app)
	if err != nil {
		return err
	}
	defer endsession.Within(time.Second, conn)
	before, err := m.ask(ctx, conn)
	if err != nil {
		return err
	}
	// Which commits must wait for no standby: what is proved is what happens on this node.
	if _, err := conn.PgConn().Exec(ctx, fmt.Sprintf("set synchronous_commit = local; set statement_timeout = %d", timeout.Milliseconds())).ReadAll(); err != nil {
		return err
	}
	began := time.Now()
	if _, err := conn.PgConn().Exec(ctx, m.command).ReadAll(); err != nil {
		return err
	}
	took := time.Since(began).Round(time.Millisecond)
	act.Effective()
	after, err := m.ask(ctx, conn)
	if err != nil {
		return err
	}
	if err := m.done(before, after); err != nil {
		return err
	}
	act.Note("%s: %s, in %s", n.Name(), strings.NewReplacer("{before}", before, "{after}", after).Replace(m.note), took)
	return nil
}

func (m maintenance) ask(ctx context.Context, conn *pgx.Conn) (answer string, err error) {
	err = conn.QueryRow(ctx, m.evidence, m.args...).Scan(&answer)
	return answer, err
}
