// Package faulttest does faults on a cluster of real servers, for tests of several providers, and looks at each from
// outside: by SQL and the process table of the node.
package faulttest

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"pgchaos/chaos"
	"pgchaos/chaos/fault"
	"pgchaos/cluster"
	"pgchaos/internal/endsession"
	"pgchaos/record"
)

// Bench is a cluster that is up, with nodes a (the primary), b and c.
type Bench struct {
	*testing.T
	*cluster.Cluster

	scene   *chaos.Scene
	journal *journal
	undo    *chaos.Undo // which counts the reversals
}

// Config is what the cluster has to be.
func Config(run string) cluster.Config {
	return cluster.Config{
		Run:   run,
		Nodes: []cluster.NodeConfig{{Name: "a"}, {Name: "b"}, {Name: "c"}},
		Settings: map[string]string{
			"wal_retrieve_retry_interval": "100ms", "shared_buffers": "16MB", "archive_mode": "on", "archive_command": "true",
		},
	}
}

// New is a bench for a cluster that is up.
func New(t *testing.T, c *cluster.Cluster) *Bench {
	b := &Bench{T: t, Cluster: c, journal: &journal{}}
	b.scene = chaos.NewScene(c, &watch{cluster: c, primaries: []string{"a"}}, rand.New(rand.NewPCG(1, 2)))
	b.undo = &chaos.Undo{Scene: b.scene, Kinds: fault.Reversals(), Journal: b.journal}
	return b
}

// watch reads the nodes when it is asked.
type watch struct {
	cluster   *cluster.Cluster
	primaries []string
}

func (w *watch) Fresh(ctx context.Context) (all []record.NodeState) {
	for _, n := range w.cluster.Nodes() {
		all = append(all, n.State(ctx))
	}
	return all
}

func (w *watch) BecamePrimary(node string) { w.primaries = append(w.primaries, node) }
func (w *watch) Primaries() []string       { return w.primaries }

// journal keeps the newest reversals.
type journal struct {
	mu     sync.Mutex
	newest []chaos.Reversal
}

func (j *journal) Intend(all []chaos.Reversal) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.newest = append([]chaos.Reversal(nil), all...)
	return nil
}

func (j *journal) Undone(chaos.Reversal) {}

// Do does one step, as a run would. It returns the event, and how to take the step back.
func (b *Bench) Do(action string, p fault.Parameters) (event record.Event, takeBack func(ending bool), err error) {
	b.Helper()
	kind, found := fault.Find(action)
	if !found {
		b.Fatalf("there is no action %s", action)
	}
	kind = kind.With(p)
	env := fault.Env{Scene: b.scene, Step: action}
	timeline := &chaos.Timeline{
		Steps: []chaos.Step{{
			Name: action, Action: action, Facts: kind.Facts, Fault: kind.Outage, Needs: kind.Capabilities,
			Do: p.Action(env), Reverse: kind.Reverse(p, env),
		}},
		Clock: record.StartClock(), Undo: b.undo, Begin: func(record.Event) {}, End: func(record.Event) {},
	}
	b.journal.newest = nil
	err = timeline.Run(b.Context())
	reversals := b.journal.newest
	takeBack = func(ending bool) {
		b.Helper()
		for _, r := range reversals {
			for range 2 { // it is idempotent
				if err := kind.Undo.Do(b.Context(), b.scene, b.Node(r.Node), r, ending); err != nil {
					b.Fatalf("take %s back: %v", action, err)
				}
			}
		}
	}
	event = timeline.Events()[0]
	b.Logf("%s after %s: %s %v", action, event.Ended-event.Issued, event.Detail, err)
	return event, takeBack, err
}

// Done does one step that has to take effect.
func (b *Bench) Done(action string, p fault.Parameters) (takeBack func(ending bool)) {
	b.Helper()
	event, takeBack, err := b.Do(action, p)
	if err != nil {
		b.Fatalf("%s: %v", action, err)
	}
	if event.Status != record.EventDone || event.Effective < event.Issued {
		b.Fatalf("%s: %+v", action, event)
	}
	return takeBack
}

// NotTwice demands that a fault which is in force is refused, before anything is recorded that would take the first one back.
func (b *Bench) NotTwice(action string, p fault.Parameters) {
	b.Helper()
	if _, _, err := b.Do(action, p); err == nil || !strings.Contains(err.Error(), "already") || b.journal.newest != nil {
		b.Errorf("%s a second time: %v, with the reversals %v", action, err, b.journal.newest)
	}
}

// On are the parameters that name one node.
func On(node string) fault.OnNodes { return fault.OnNodes{Nodes: fault.NodeList{node}} }

// Shell runs a line of shell on a node.
func (b *Bench) Shell(node, line string) (string, error) {
	out, err := b.Node(node).Exec(b.Context(), line)
	return strings.TrimSpace(out.Stdout), err
}

// SQL runs statements on a node under the server's own settings. It returns the first row of the last one, as psql -At prints it.
func (b *Bench) SQL(node, statements string) (string, error) {
	ctx, cancel := context.WithTimeout(b.Context(), 10*time.Second)
	defer cancel()
	conn, err := b.Node(node).ConnectPlain(ctx, "test")
	if err != nil {
		return "", err
	}
	defer endsession.Within(time.Second, conn)
	results, err := conn.PgConn().Exec(ctx, statements).ReadAll()
	if err != nil {
		return "", err
	}
	last := results[len(results)-1]
	if len(last.Rows) == 0 {
		return "", nil
	}
	return string(bytes.Join(last.Rows[0], []byte("|"))), nil
}

// Want waits until a statement answers the text.
func (b *Bench) Want(node, statement, want string) {
	b.Helper()
	b.until(fmt.Sprintf("%s: %s", node, statement), want, func() (string, error) { return b.SQL(node, statement) })
}

// until asks until the answer is the wanted one.
func (b *Bench) until(what, want string, ask func() (string, error)) {
	b.Helper()
	var got string
	var err error
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if got, err = ask(); err == nil && got == want {
			return
		}
	}
	b.Fatalf("%s: %q, %v, expected %q", what, got, err, want)
}

// State is the state of a process in the process table of a node: S, R, T, ...; "" where there is none.
func (b *Bench) State(node, pid string) string {
	b.Helper()
	state, err := b.SQL(node, `select coalesce(split_part(regexp_replace(pg_read_file('/proc/`+pid+`/stat', 0, 1000, true), '^.*\) ', ''), ' ', 1), '')`)
	if err != nil {
		b.Fatalf("look for process %s of %s: %v", pid, node, err)
	}
	return state
}

// PID is the number of a process of a kind.
func (b *Bench) PID(node, backendType string) string {
	b.Helper()
	pid, err := b.SQL(node, "select min(pid) from pg_stat_activity where backend_type = '"+backendType+"'")
	if err != nil || pid == "" {
		b.Fatalf("the %s of %s: %q, %v", backendType, node, pid, err)
	}
	return pid
}

// marker writes a row on the primary a, and returns a query for it, which is 1 where it has arrived.
func (b *Bench) marker() string {
	b.Helper()
	name, err := b.SQL("a", "insert into marker default values returning id")
	if err != nil {
		b.Fatalf("write on a: %s: %v", name, err)
	}
	return "select count(*) from marker where id = " + name
}

// absent fails the test if a query does not answer 0 three times, 100 ms apart.
func (b *Bench) absent(node, query string) {
	b.Helper()
	for range 3 {
		if got, err := b.SQL(node, query); err != nil || got != "0" {
			b.Fatalf("%s: %s: %q, %v, expected 0", node, query, got, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}
