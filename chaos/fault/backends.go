package fault

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/internal/endsession"
	"pgchaos/internal/units"
	"pgchaos/internal/wait"
	"pgchaos/record"
)

// OnBackends chooses among the client backends of nodes: all of them, or those for which everything that is given holds.
// Those of pgchaos itself and of other faults are never among them, and on a cluster that was there before only those of the load are,
// unless a user is named: the others are somebody's.
type OnBackends struct {
	OnNodes `yaml:",inline"`

	Workload  string         `yaml:"workload" jsonschema_description:"Of this workload."`
	User      string         `yaml:"user" jsonschema_description:"Of this user. On a cluster that pgchaos has not built only this chooses among the sessions of others, too."`
	State     string         `yaml:"state" jsonschema_description:"In this state, as pg_stat_activity has it: active, idle, idle in transaction."`
	WaitEvent string         `yaml:"wait_event" jsonschema_description:"That wait for this, as pg_stat_activity has it: SyncRep is a commit that waits for a standby."`
	AtLeast   int            `yaml:"at_least" jsonschema_description:"Wait until there are so many, and fail where there never are; 1 by default."`
	Within    units.Duration `yaml:"within" jsonschema_description:"How long to wait for them; 5s by default."`
}

// AmongWorkload is the workload; "" for any.
func (p *OnBackends) AmongWorkload() string { return p.Workload }

// Default is one backend at least, within five seconds.
func (p *OnBackends) Default(has func(key string) bool) {
	if !has("at_least") {
		p.AtLeast = 1
	}
	if !has("within") {
		p.Within = units.Duration(5 * time.Second)
	}
}

// Check demands a backend.
func (p *OnBackends) Check() []Mistake {
	if p.AtLeast < 1 {
		return []Mistake{{"at_least", fmt.Sprintf("at_least is %d", p.AtLeast), "write a number from 1 on"}}
	}
	return nil
}

// Detail is the choice.
func (p *OnBackends) Detail() string {
	var parts []string
	for _, one := range []struct{ word, value string }{{"of the workload ", p.Workload}, {"of the user ", p.User}, {"in the state ", p.State}, {"waiting for ", p.WaitEvent}} {
		if one.value != "" {
			parts = append(parts, one.word+one.value)
		}
	}
	if parts == nil {
		return "client backends"
	}
	return "client backends " + strings.Join(parts, ", ")
}

// TerminateBackends ends backends: `terminate_backends: primary`.
type TerminateBackends struct{ OnBackends }

// CancelBackends cancels what backends do: `cancel_backends: {node: primary, wait_event: SyncRep}`.
type CancelBackends struct{ OnBackends }

// ofOthers is what is said of the sessions of other applications.
const ofOthers = "On a cluster that pgchaos has not built, so are those of other applications, unless the step names a `user`."

func terminateBackends() Kind {
	return Kind{
		Name: "terminate_backends", Group: Sessions, Doc: "Ends client backends, as pg_terminate_backend does.",
		Manual: Manual{
			Does: "Calls pg_terminate_backend for each client backend that is chosen, and reports how many there were. Backends of pgchaos itself and of other faults are left alone. " + ofOthers,
			Effect: "Their clients get 57P01 (terminating connection due to administrator command), and connect again. What was under way is rolled back; " +
				"a commit that was waiting for a standby is durable on the primary alone, and its client never hears of it.",
			Verified: "None of these backends is left in pg_stat_activity. Where fewer than at_least were found, the step fails.",
			Example: `- {at: 5s, terminate_backends: {node: primary, workload: writes}}
`,
		},
		New:   func() Parameters { return &TerminateBackends{} },
		Facts: record.Facts{Sessions: true}, Outage: true, Phase: true,
		Needs: Needs{Process: Running, Connected: true},
	}
}

func cancelBackends() Kind {
	return Kind{
		Name: "cancel_backends", Group: Sessions, Doc: "Cancels what client backends do, as pg_cancel_backend does.",
		Manual: Manual{
			Does: "Calls pg_cancel_backend for each client backend that is chosen and is active, and reports how many statements and waits it has cancelled. Backends of pgchaos itself and of other faults are left alone. " + ofOthers,
			Effect: "A statement ends with 57014 (canceling statement due to user request). A commit that waits for a standby (wait_event: SyncRep) is acknowledged, with a warning " +
				"(01000): it is on the primary alone, and a failover loses it. The audit calls such a write weak.",
			Verified: "None of these backends still does what it did, and the server's log has the message of each cancelled statement or wait: only these are counted. A statement that ended by itself before " +
				"the signal came is not. Where none was cancelled, it chooses and signals again until `within` is over. The step fails where none was cancelled even then, or where fewer than at_least backends were found. Where pgchaos cannot read the log, or `log_line_prefix` is not pgchaos's own, " +
				"the step says how many backends were signalled, and that it is not known how many were cancelled.",
			Cluster: `synchronous: {commit: "on", standbys: "ANY 1 (pgslave, pgslave2)"}`,
			Example: `- {at: 5s, cancel_backends: {node: primary, workload: writes, wait_event: SyncRep}}
`,
		},
		New:   func() Parameters { return &CancelBackends{} },
		Facts: record.Facts{Sessions: true}, Phase: true,
		Needs: Needs{Process: Running, Connected: true},
	}
}

// Whose says in words which sessions are chosen on a cluster that was there before.
func (p *OnBackends) Whose() string {
	if p.User == "" {
		return strings.Replace(p.Detail(), "client backends", "sessions of the load alone", 1)
	}
	return strings.Replace(p.Detail(), "client backends", "sessions of whatever application,", 1)
}

// Statements are the function, for each session that is chosen.
func (p *TerminateBackends) Statements(string) []string {
	return []string{"pg_catalog.pg_terminate_backend(pid) for the " + p.Whose()}
}

// Statements are the function, for each session that is chosen.
func (p *CancelBackends) Statements(string) []string {
	return []string{"pg_catalog.pg_cancel_backend(pid) for the active " + p.Whose()}
}

// Action ends the backends.
func (p *TerminateBackends) Action(env Env) chaos.Action {
	return p.signal(env, signalling{function: "pg_terminate_backend", left: terminatedSQL})
}

// Action cancels what the backends do.
func (p *CancelBackends) Action(env Env) chaos.Action {
	return p.signal(env, signalling{function: "pg_cancel_backend", cancels: true, left: cancelledSQL})
}

// signalling is what is done to backends, and how it is verified.
type signalling struct {
	function string
	cancels  bool   // only what those do that do something
	left     string // counts those that the function has not had an effect on
}

//go:embed backends.sql
var backendsSQL string

//go:embed terminated.sql
var terminatedSQL string

//go:embed cancelled.sql
var cancelledSQL string

// signalledWithin is how long backends may take to notice.
const signalledWithin = 10 * time.Second

// signal does it to the chosen backends of each node.
func (p *OnBackends) signal(env Env, how signalling) chaos.Action {
	return env.Scene.Each(p.Nodes, func(ctx context.Context, act *chaos.Act, n *cluster.Node) error {
		ctx, cancel := context.WithTimeout(ctx, time.Duration(p.Within)+signalledWithin)
		defer cancel()
		conn, err := n.Connect(ctx, "fault")
		if err != nil {
			return err
		}
		defer endsession.Within(time.Second, conn)
		var mark cluster.LogMark
		if how.cancels && n.Can(cluster.CanReachFiles) == nil { // else there is no log that could be read
			if mark, err = cluster.MarkLog(ctx, conn); err != nil {
				return fmt.Errorf("on %s: %w", n.Name(), err)
			}
		}
		waiting, cancel := context.WithTimeout(ctx, time.Duration(p.Within))
		defer cancel()
		var none error
		for { // what backends did can have ended by itself before the signal came
			chosen, err := p.choose(ctx, waiting, env, conn, how)
			if err != nil {
				return cmp.Or(none, fmt.Errorf("on %s: %w", n.Name(), err))
			}
			if err := chosen.await(ctx, conn, how.left); err != nil {
				return fmt.Errorf("on %s: %w", n.Name(), err)
			}
			if !how.cancels {
				act.Note("%s: %s%s ended", n.Name(), units.Count(int64(len(chosen.pids)), "backend", "backends"), p.whose(env))
				act.Number(n.Name(), strconv.Itoa(len(chosen.pids)))
				return nil
			}
			if none = chosen.cancelled(ctx, act, n, mark); !errors.Is(none, chaos.ErrNoEffect) || waiting.Err() != nil {
				return none
			}
		}
	})
}

// cancelled notes how many backends the log proves to be cancelled. It is an error if there is none.
func (c chosen) cancelled(ctx context.Context, act *chaos.Act, n *cluster.Node, since cluster.LogMark) error {
	proven, known := n.Cancelled(ctx, since, c.pids)
	count := 0
	for _, pid := range c.pids {
		if proven[pid] {
			count++
		}
	}
	all := units.Count(int64(len(c.pids)), "backend", "backends")
	switch {
	case !known:
		act.Note("%s: %s signalled; its log does not show how many of them were cancelled", n.Name(), all)
		return nil
	case count == 0:
		return fmt.Errorf("%w: on %s %s got the signal, and none was cancelled: what they did had ended by itself", chaos.ErrNoEffect, n.Name(), all)
	case count < len(c.pids):
		act.Note("%s: %d of %s cancelled; what the others did had ended by itself", n.Name(), count, all)
	default:
		act.Note("%s: %s cancelled", n.Name(), all)
	}
	act.Number(n.Name(), strconv.Itoa(count))
	return nil
}

// chosen are backends, and when each began and began what it did.
type chosen struct {
	pids          []int32
	began, issued []string
}

// loadOnly: the sessions of others are left alone.
func (p *OnBackends) loadOnly(env Env) bool { return p.User == "" && env.Scene.Cluster.Met() }

// whose says so, after a number of backends.
func (p *OnBackends) whose(env Env) string {
	if p.loadOnly(env) {
		return " of the load"
	}
	return ""
}

// missed says that there were not enough backends.
func (p *OnBackends) missed(whose string) string {
	if p.AtLeast == 1 {
		return fmt.Sprintf("no backend%s was found within %s: %s", whose, p.Within, p.Detail())
	}
	return fmt.Sprintf("there were never %d backends%s at the same time within %s: %s", p.AtLeast, whose, p.Within, p.Detail())
}

// choose waits until there are enough backends, as long as the second context allows, and signals them.
func (p *OnBackends) choose(ctx, waiting context.Context, env Env, conn *pgx.Conn, how signalling) (c chosen, err error) {
	workload := ""
	if p.Workload != "" {
		workload = env.Scene.Cluster.AppName(cluster.LoadApp + p.Workload)
	}
	query := strings.ReplaceAll(backendsSQL, "{function}", how.function)
	for {
		rows, err := conn.Query(ctx, query, cluster.FaultApp, env.Scene.Cluster.AppName(""), env.Scene.Cluster.AppName(cluster.LoadApp),
			workload, p.User, p.State, p.WaitEvent, how.cancels, p.AtLeast, p.loadOnly(env))
		if err != nil {
			return c, err
		}
		var pid int32
		var began, issued string
		if _, err := pgx.ForEachRow(rows, []any{&pid, &began, &issued, new(bool)}, func() error {
			c.pids, c.began, c.issued = append(c.pids, pid), append(c.began, began), append(c.issued, issued)
			return nil
		}); err != nil {
			return c, err
		}
		if len(c.pids) > 0 {
			return c, nil
		}
		if wait.For(waiting, 20*time.Millisecond) != nil {
			return c, errors.New(p.missed(p.whose(env)))
		}
	}
}

// await waits until a query counts none of the backends.
func (c chosen) await(ctx context.Context, conn *pgx.Conn, query string) error {
	for {
		var left int
		if err := conn.QueryRow(ctx, query, c.pids, c.began, c.issued).Scan(&left); err != nil {
			return fmt.Errorf("look whether they have noticed: %w", err)
		}
		if left == 0 {
			return nil
		}
		if err := wait.For(ctx, 20*time.Millisecond); err != nil {
			return errors.Join(fmt.Errorf("%d of %s go on as before", left, units.Count(int64(len(c.pids)), "backend", "backends")), err)
		}
	}
}
