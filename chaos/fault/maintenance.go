package fault

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	// unfinished is a query for the names of what the command leaves where it was not done, with the same parameters; drop removes one
	// of them. It is what was not there before that is removed. "": it leaves nothing.
	unfinished, drop string
}

// run is the action.
func (p *WithTimeout) run(env Env, m maintenance) chaos.Action {
	return env.Scene.Each(p.Nodes, func(ctx context.Context, act *chaos.Act, n *cluster.Node) error {
		app := nameSessions(env).App
		known, err := m.do(ctx, act, n, app, time.Duration(p.Timeout))
		if err != nil { // the server would go on with the command
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), seenWithin)
			defer cancel()
			err = errors.Join(fmt.Errorf("on %s: %w", n.Name(), err), n.EndSessions(ctx, app))
			if known != nil {
				err = errors.Join(err, m.tidy(ctx, n, app, known))
			}
		}
		return err
	})
}

// do runs the command. Known is what was unfinished before it was begun; nil: it was not begun, or leaves nothing.
func (m maintenance) do(ctx context.Context, act *chaos.Act, n *cluster.Node, app string, timeout time.Duration) (known []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout+seenWithin)
	defer cancel()
	conn, err := n.ConnectFault(ctx, app)
	if err != nil {
		return known, err
	}
	defer endsession.Within(time.Second, conn)
	before, err := m.ask(ctx, conn)
	if err != nil {
		return known, err
	}
	if known, err = m.left(ctx, conn); err != nil {
		return nil, err
	}
	// Which commits must wait for no standby: what is proved is what happens on this node.
	if _, err := conn.PgConn().Exec(ctx, fmt.Sprintf("set synchronous_commit = local; set statement_timeout = %d", timeout.Milliseconds())).ReadAll(); err != nil {
		return known, err
	}
	began := time.Now()
	if _, err := conn.PgConn().Exec(ctx, m.command).ReadAll(); err != nil {
		return known, err
	}
	took := time.Since(began).Round(time.Millisecond)
	act.Effective()
	after, err := m.ask(ctx, conn)
	if err != nil {
		return known, err
	}
	if err := m.done(before, after); err != nil {
		return known, err
	}
	act.Note("%s: %s, in %s", n.Name(), strings.NewReplacer("{before}", before, "{after}", after).Replace(m.note), took)
	return known, nil
}

// left are the names of what is unfinished; never nil where the command can leave something.
func (m maintenance) left(ctx context.Context, conn *pgx.Conn) (names []string, err error) {
	if m.unfinished == "" {
		return nil, nil
	}
	rows, err := conn.Query(ctx, m.unfinished, m.args...)
	if err != nil {
		return nil, err
	}
	names, err = pgx.CollectRows(rows, pgx.RowTo[string])
	return append([]string{}, names...), err
}

// dropTimeout bounds how long it may take to remove one unfinished thing.
const dropTimeout = 2 * time.Second

// tidy removes what a command that failed has left, but for what was known before it.
func (m maintenance) tidy(ctx context.Context, n *cluster.Node, app string, known []string) error {
	if n.Ended(ctx) {
		return nil
	}
	conn, err := n.ConnectFault(ctx, app)
	if err != nil {
		return fmt.Errorf("look on %s for what the command has left: %w", n.Name(), err)
	}
	defer endsession.Within(time.Second, conn)
	names, err := m.left(ctx, conn)
	if err != nil {
		return fmt.Errorf("look on %s for what the command has left: %w", n.Name(), err)
	}
	var errs []error
	for _, name := range names {
		if slices.Contains(known, name) {
			continue
		}
		set := fmt.Sprintf("set synchronous_commit = local; set statement_timeout = %d", dropTimeout.Milliseconds())
		if _, err := conn.PgConn().Exec(ctx, set).ReadAll(); err != nil {
			return errors.Join(append(errs, err)...)
		}
		// The drop of another one may have waited, and somebody else may have finished this one in the meantime.
		now, err := m.left(ctx, conn)
		if err != nil {
			return errors.Join(append(errs, fmt.Errorf("look on %s for what the command has left: %w", n.Name(), err))...)
		}
		if !slices.Contains(now, name) {
			continue
		}
		if _, err := conn.PgConn().Exec(ctx, m.drop+name).ReadAll(); err != nil {
			errs = append(errs, fmt.Errorf("the command has left %s on %s, remove it by hand: %w", name, n.Name(), err))
		}
	}
	return errors.Join(errs...)
}

func (m maintenance) ask(ctx context.Context, conn *pgx.Conn) (answer string, err error) {
	err = conn.QueryRow(ctx, m.evidence, m.args...).Scan(&answer)
	return answer, err
}
