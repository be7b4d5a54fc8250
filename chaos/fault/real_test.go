package fault_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"pgchaos/chaos"
	"pgchaos/chaos/fault"
	"pgchaos/cluster"
	"pgchaos/cluster/local"
	"pgchaos/cluster/observe"
	"pgchaos/internal/serverdir"
	"pgchaos/internal/skip"
	"pgchaos/record"
)

// scene is a cluster of real servers on which actions are done as a timeline does them, and a way to look at it from outside.
type scene struct {
	*testing.T
	*chaos.Scene
	undo  *chaos.Undo
	clock record.Clock
	steps int
	last  []chaos.Reversal // of the newest step
}

// Intend and Undone are a journal that keeps nothing but the newest line.
func (s *scene) Intend(all []chaos.Reversal) error { s.last = all; return nil }
func (s *scene) Undone(chaos.Reversal)             {}

// build brings a cluster up, with a table, a watcher, and relays on some links. Without PostgreSQL the test is skipped, but never in CI.
func build(t *testing.T, cfg cluster.Config, links ...cluster.Link) *scene {
	t.Helper()
	if testing.Short() {
		skip.Test(t, "starts PostgreSQL servers, and -short was given")
	}
	base, err := serverdir.Make("pgchaos-fault-")
	must(t, err)
	cfg.Run, cfg.Log = strings.ToLower(t.Name()), t.Logf
	p, err := local.New(t.Context(), local.Options{Base: filepath.Join(base, "runs"), Run: cfg.Run, Experiment: "test", Links: links})
	if err != nil {
		skip.Test(t, "no PostgreSQL on this machine: %v", err)
	}
	c, err := cluster.New(p, cfg)
	must(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		if err := errors.Join(c.Down(ctx), os.RemoveAll(base)); err != nil {
			t.Error(err)
		}
	})
	must(t, c.Up(t.Context()))
	s := &scene{T: t, clock: record.StartClock()}
	watch := observe.Start(t.Context(), observe.Nodes(c), s.clock, func(do func()) { do() })
	t.Cleanup(watch.End)
	s.Scene = chaos.NewScene(c, watch, rand.New(rand.NewPCG(1, 2)))
	s.undo = &chaos.Undo{Scene: s.Scene, Kinds: fault.Reversals(), Journal: s}
	s.query("a", "create table public.test_data (i int primary key)")
	s.query("a", "insert into public.test_data select * from generate_series(1, 1000)")
	s.query("a", "grant all on public.test_data to public")
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// try does one action, and returns what the timeline has of it: its parts, and then the step itself. Keys are those that the
// parameters have of the file; the others get their defaults.
func (s *scene) try(action string, p fault.Parameters, keys ...string) ([]record.Event, error) {
	kind, found := fault.Find(action)
	if !found {
		s.Fatalf("there is no action %s", action)
	}
	if d, ok := p.(fault.Defaulted); ok {
		d.Default(func(key string) bool { return slices.Contains(keys, key) })
	}
	s.steps++
	name := fmt.Sprintf("%s-%d", strings.ReplaceAll(action, "_", "-"), s.steps)
	env := fault.Env{Scene: s.Scene, Step: name, KeepOutput: func(string, cluster.Output) (string, error) { return "", nil }}
	line := chaos.Timeline{
		Clock: s.clock, Undo: s.undo, Begin: func(record.Event) {}, End: func(record.Event) {},
		Steps: []chaos.Step{{
			Name: name, Action: action, Facts: kind.Facts, Fault: kind.Outage, Needs: kind.Capabilities,
			Do: p.Action(env), Reverse: kind.Reverse(p, env),
		}},
	}
	err := line.Run(s.Context())
	return line.Events(), err
}

// do is try, and must succeed.
func (s *scene) do(action string, p fault.Parameters, keys ...string) []record.Event {
	s.Helper()
	events, err := s.try(action, p, keys...)
	if err != nil {
		s.Fatalf("%s: %v", action, err)
	}
	for _, m := range events {
		if m.Status != record.EventDone || m.Effective < m.Issued {
			s.Errorf("%s: %+v", action, m)
		}
	}
	return events
}

// heal takes everything back.
func (s *scene) heal() {
	s.Helper()
	must(s, s.undo.Heal(s.Context()))
}

// query runs statements as the superuser, under the server's settings, and returns the last answer's first value.
func (s *scene) query(node, sql string) string {
	s.Helper()
	value, err := s.ask(node, sql)
	if err != nil {
		s.Fatalf("%s: %s: %v", node, sql, err)
	}
	return value
}

func (s *scene) ask(node, sql string) (value string, err error) {
	conn, err := s.Cluster.Node(node).ConnectPlain(s.Context(), "test")
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close(s.Context()) }()
	results, err := conn.PgConn().Exec(s.Context(), sql).ReadAll()
	for _, r := range results {
		if len(r.Rows) > 0 {
			value = string(r.Rows[0][0])
		}
	}
	return value, err
}

// want fails the test unless the query answers so.
func (s *scene) want(node, sql, answer string) {
	s.Helper()
	if got := s.query(node, sql); got != answer {
		s.Errorf("%s: %s: got %q, want %q", node, sql, got, answer)
	}
}

// eventually waits until the query answers so.
func (s *scene) eventually(node, sql, answer string) {
	s.Helper()
	got, err := "", error(nil)
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if got, err = s.ask(node, sql); err == nil && got == answer {
			return
		}
	}
	s.Fatalf("%s: %s: still %q (%v), want %q", node, sql, got, err, answer)
}

// refused wants an error of that SQLSTATE.
func (s *scene) refused(err error, code string) {
	s.Helper()
	var said *pgconn.PgError
	if !errors.As(err, &said) || said.Code != code {
		s.Errorf("error %v, want SQLSTATE %s", err, code)
	}
}

// client is a session of the load's user, under the name of a workload.
func (s *scene) client(node, workload string) *pgx.Conn {
	s.Helper()
	n := s.Cluster.Node(node)
	conn, err := pgx.Connect(s.Context(), n.ConnString(n.Credentials().Load, cluster.LoadApp+workload))
	must(s, err)
	s.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// heldSessions counts the sessions of faults.
const heldSessions = "select count(*) from pg_stat_activity where application_name like 'pgchaos-fault-%'"

// on are the parameters of an action that needs its nodes alone.
func on(nodes ...string) fault.OnNodes { return fault.OnNodes{Nodes: nodes} }
