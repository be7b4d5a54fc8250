package cluster

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"pgchaos/cluster/probe"
	"pgchaos/internal/wait"
	"pgchaos/standbynames"
)

// Change is what a new configuration took.
type Change struct {
	Reloaded, Restarted bool
	Detail              string // for a person
}

// reloadTimeout bounds how long a server may take to read its configuration, and
// syncTimeout how long its standbys may take to become what the new regime
// makes of them.
const (
	reloadTimeout = 10 * time.Second
	syncTimeout   = 15 * time.Second
)

// Configure changes settings of the node, and its synchronous regime (nil: leaves
// it). An empty value takes what initdb wrote, or else PostgreSQL's own default.
// The file is checked by PostgreSQL before it is put in place, so that after an
// error the old one is still in force. A running server reloads it, and is restarted (fast) where
// PostgreSQL demands that; the values are then verified in a new session, and
// so is the state of every named standby that is connected.
//
// Sessions that were open before take the new values up to some milliseconds
// later: around a change of the regime there is a band in which commits are
// acknowledged by the old one.
func (n *Node) Configure(ctx context.Context, settings map[string]string, sync *Synchronous) (Change, error) {
	var change Change
	err := n.locked(ctx, "configure", "", func(ctx context.Context) (err error) {
		settings, cut := cutsOff(settings)
		if err := checkSettings("settings", settings); err != nil {
			return err
		}
		next := mergeSettings(n.currentSettings(), settings)
		if sync != nil {
			next["synchronous_commit"] = sync.Commit
			next["synchronous_standby_names"] = sync.Standbys
		}
		names, err := standbynames.Parse(next["synchronous_standby_names"])
		if err != nil {
			return err
		}
		if cut {
			before := n.setUpstream(nil)
			defer func() {
				if err != nil {
					n.setUpstream(before)
				}
			}()
		}
		change, err = n.reconfigure(ctx, next)
		if err != nil || n.running() == nil {
			return err
		}
		if cut {
			change.Detail += "; follows nobody"
			if err := n.awaitCutOff(ctx); err != nil {
				return err
			}
		}
		if sync == nil {
			return nil
		}
		detail, err := n.awaitSync(ctx, names)
		change.Detail += "; " + detail
		return err
	})
	return change, err
}

// reconfigure puts a configuration in place that is made of the node's place and
// the settings, and makes it effective.
func (n *Node) reconfigure(ctx context.Context, next map[string]string) (Change, error) {
	if n.paused.Load() {
		return Change{}, errors.New("it is paused; resume it first")
	}
	n.markLog(ctx)
	if err := n.validate(ctx, renderConf(n.place(), next)); err != nil {
		return Change{}, err
	}
	before := n.swapSettings(next)
	if err := n.writeConf(ctx); err != nil {
		n.swapSettings(before)
		return Change{}, err
	}
	if n.running() == nil {
		return Change{Detail: "written; the server does not run"}, nil
	}
	change, err := n.apply(ctx, changedNames(before, next))
	if err != nil {
		return change, errors.Join(err, n.takeBack(context.WithoutCancel(ctx), before))
	}
	return change, nil
}

// takeBack puts the configuration back that was in force before.
func (n *Node) takeBack(ctx context.Context, before map[string]string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	n.swapSettings(before)
	err := n.writeConf(ctx)
	if err == nil && n.running() == nil {
		err = n.startNormal(ctx)
	} else if err == nil {
		_, err = n.reload(ctx)
	}
	if err != nil {
		return fmt.Errorf("put the old configuration back: %w", err)
	}
	return nil
}

func (n *Node) swapSettings(next map[string]string) (before map[string]string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	before, n.settings = n.settings, maps.Clone(next)
	return before
}

func changedNames(before, next map[string]string) []string {
	var names []string
	for name, value := range next {
		if before[name] != value {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// validate has PostgreSQL read a configuration without starting on it. It finds
// unknown names, values of the wrong kind or out of range, and lists of standbys
// with a wrong syntax, also for a server that does not run.
func (n *Node) validate(ctx context.Context, conf string) error {
	const candidate = "candidate.conf"
	if err := n.put(ctx, n.confDir(), file{candidate, conf}); err != nil {
		return err
	}
	name := path.Join(n.confDir(), candidate)
	err := n.run(ctx, nil, n.program("postgres"), "-D", n.confDir(), "-c", "config_file="+name, "-C", "data_directory")
	var exit *ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("PostgreSQL refuses the configuration: %s", strings.Join(strings.Fields(exit.Stderr), " "))
	}
	return errors.Join(err, n.remove(ctx, name))
}

// apply makes a running server use its new file.
func (n *Node) apply(ctx context.Context, changed []string) (Change, error) {
	conn, err := n.reload(ctx)
	if err != nil {
		return Change{}, err
	}
	defer abandon(conn)
	change := Change{Reloaded: true, Detail: "reloaded"}
	pending, err := pendingRestart(ctx, conn)
	if err != nil {
		return change, err
	}
	if len(pending) > 0 {
		p := n.running()
		if err := n.stop(ctx, StopFast, 0); err != nil {
			return change, fmt.Errorf("restart for %s: %w", strings.Join(pending, ", "), err)
		}
		how := normally
		if p != nil {
			how = p.serve
		}
		if err := n.start(ctx, how); err != nil {
			return change, fmt.Errorf("restart for %s: %w", strings.Join(pending, ", "), err)
		}
		change.Restarted = true
		change.Detail = "restarted, which " + strings.Join(pending, ", ") + " demanded"
	}
	return change, n.verifySettings(ctx, changed)
}

// reload has the server read its file, and returns a session that began after it
// had: the time of the last load, which a session inherits from the postmaster,
// has moved.
func (n *Node) reload(ctx context.Context) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, reloadTimeout)
	defer cancel()
	before, err := n.Connect(ctx, "configure")
	if err != nil {
		return nil, err
	}
	defer abandon(before)
	var loaded time.Time
	if err := before.QueryRow(ctx, "select pg_catalog.pg_conf_load_time()").Scan(&loaded); err != nil {
		return nil, err
	}
	if _, err := before.Exec(ctx, "select pg_catalog.pg_reload_conf()"); err != nil {
		return nil, err
	}
	for {
		conn, err := n.Connect(ctx, "configure")
		if err != nil {
			return nil, err
		}
		var now time.Time
		if err := conn.QueryRow(ctx, "select pg_catalog.pg_conf_load_time()").Scan(&now); err != nil {
			abandon(conn)
			return nil, err
		}
		if now.After(loaded) {
			return conn, nil
		}
		abandon(conn)
		if wait.For(ctx, 2*time.Millisecond) != nil {
			return nil, fmt.Errorf("the server has not read its configuration within %s%s", reloadTimeout, n.complaints(ctx))
		}
	}
}

func pendingRestart(ctx context.Context, conn *pgx.Conn) ([]string, error) {
	rows, err := conn.Query(ctx, "select name from pg_catalog.pg_settings where pending_restart order by name")
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

//go:embed overridden.sql
var overriddenSQL string

// verifySettings is an error when a changed setting is not in force in a
// new session: something stronger than the file has set it, such as ALTER SYSTEM
// (postgresql.auto.conf is read last), ALTER DATABASE or ALTER ROLE.
func (n *Node) verifySettings(ctx context.Context, changed []string) error {
	conn, err := n.ConnectPlain(ctx, "configure")
	if err != nil {
		return err
	}
	defer abandon(conn)
	wanted := n.currentSettings()
	var set, unset []string
	for _, name := range changed {
		if wanted[name] != "" {
			set = append(set, name)
		} else {
			unset = append(unset, name)
		}
	}
	var overridden []string
	for begun := time.Now(); ; {
		rows, _ := conn.Query(ctx, overriddenSQL, set, unset, n.confFile(), n.place().initdbConf()) // CollectRows has its error
		overridden, err = pgx.CollectRows(rows, pgx.RowTo[string])
		// The session has the user's settings: a busy machine can take longer than their statement_timeout.
		if err == nil || !outOfTime(err) || ctx.Err() != nil || time.Since(begun) > reloadTimeout {
			break
		}
	}
	if err != nil {
		return err
	}
	if len(overridden) > 0 {
		return fmt.Errorf("written and read, but not in force: %s", strings.Join(overridden, "; "))
	}
	return nil
}

// outOfTime tells whether a statement ran into statement_timeout (57014) or lock_timeout (55P03).
func outOfTime(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && (refused.Code == "57014" || refused.Code == "55P03")
}

// awaitSync waits until every named standby that is connected is what the names
// make of it, and says how many of them there are.
func (n *Node) awaitSync(ctx context.Context, names standbynames.Names) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, syncTimeout)
	defer cancel()
	conn, err := n.Connect(ctx, "configure")
	if err != nil {
		return "", err
	}
	defer abandon(conn)
	for {
		state, err := probe.Read(ctx, conn, n.Name(), n.cluster.creds.Load.Name)
		if err != nil {
			return "", err
		}
		detail, missing := judge(names, state.Standbys)
		if missing == "" {
			return detail, nil
		}
		if wait.For(ctx, 10*time.Millisecond) != nil {
			return detail, fmt.Errorf("the synchronous regime is not in force after %s: %s", syncTimeout, missing)
		}
	}
}
