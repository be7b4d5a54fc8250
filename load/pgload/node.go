package pgload

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// node is one endpoint and the pool of connections to it. Each node has a pool of
// its own, rather than one pool having a list of hosts, so that it is known who
// answered, that standbys are loaded evenly, and that a node which does not answer
// is not asked first by every client again.
type node struct {
	name   string
	number int // in Config.Endpoints, counted from 1, as history.Op tells it
	pool   *pgxpool.Pool
	// sessions are connected, or about to be. Workload.mu guards both.
	sessions int
	failed   time.Time // when connecting last failed
}

// forever switches a feature of the pool off that has no off.
const forever = 10_000 * time.Hour

// newNode makes the pool of an endpoint.
func (w *Workload) newNode(e Endpoint) (*node, error) {
	cfg := &w.cfg
	cc, err := cfg.settings(e)
	if err != nil {
		return nil, err
	}
	pc, err := pgxpool.ParseConfig("host=localhost user=none dbname=none sslmode=disable") // for its defaults
	if err != nil {
		return nil, err
	}
	cc.StatementCacheCapacity, cc.DescriptionCacheCapacity = 0, 0
	cc.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil }
	cc.DialFunc = dialer(w.dial)
	pc.ConnConfig = cc
	pc.MinConns, pc.MinIdleConns = 0, 0
	pc.MaxConns = int32(cfg.Clients + cfg.MaxAbandoned)
	pc.MaxConnLifetime, pc.MaxConnLifetimeJitter = forever, 0
	pc.MaxConnIdleTime, pc.HealthCheckPeriod = forever, forever
	pc.ShouldPing = func(context.Context, pgxpool.ShouldPingParams) bool { return false }
	pc.PrepareConn = func(_ context.Context, c *pgx.Conn) (bool, error) {
		// A connection whose attempt was given up on the moment it came to life.
		return !netConnOf(c.PgConn()).broken.Load(), nil
	}
	pool, err := pgxpool.NewWithConfig(context.Background(), pc)
	return &node{name: e.Node, number: 1 + slices.Index(cfg.Endpoints, e), pool: pool}, err
}

// acquire connects, or takes a connection that there is. Where a write took long while it was
// being made, pgx may still read from it, for nobody; and would get our answers.
func (n *node) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	pooled, err := n.pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	if err = pooled.Conn().PgConn().SyncConn(ctx); err != nil {
		_ = pooled.Conn().Close(ctx) // it is of no use
		pooled.Release()
		return nil, err
	}
	return pooled, nil
}

// connectBackoff is how long a node that could not be connected to is asked after all
// others.
const connectBackoff = time.Second

// choose reserves a place on the node that a client should try next, among those
// it has not tried; nil when it has tried all. Primaries are looked for from the
// node on where the last session came to life, in the order of the file; standbys
// are taken by the fewest sessions. Where the topology tells who is primary, nobody is
// asked but that one, or everybody but that one.
func (w *Workload) choose(client int, tried map[*node]bool) *node {
	w.mu.Lock()
	defer w.mu.Unlock()
	primary := ""
	if w.cfg.Route == Topology {
		primary = w.cfg.Primary()
	}
	if w.cfg.Target == Each {
		n := w.nodes[client%len(w.nodes)]
		if tried[n] {
			return nil
		}
		n.sessions++
		return n
	}
	var best *node
	var least [3]int
	first := w.last
	if w.cfg.Target == Replicas {
		first = client % len(w.nodes)
	}
	for i, n := range w.nodes {
		if tried[n] || primary != "" && (w.cfg.Target == Primary && n.name != primary || w.cfg.Target == Replicas && n.name == primary) {
			continue
		}
		var rank [3]int
		if time.Since(n.failed) < connectBackoff {
			rank[0] = 1
		}
		if w.cfg.Target == Replicas {
			rank[1] = n.sessions
		}
		rank[2] = (i - first + len(w.nodes)) % len(w.nodes)
		if best == nil || less(rank, least) {
			best, least = n, rank
		}
	}
	if best != nil {
		best.sessions++
	}
	return best
}

func less(a, b [3]int) bool {
	for i := range a {
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return false
}

// leave gives a place on a node back.
func (w *Workload) leave(n *node) {
	w.mu.Lock()
	n.sessions--
	w.mu.Unlock()
}

// tried notes how connecting to a node ended; a failure gives the place back.
func (w *Workload) tried(n *node, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		n.sessions--
		n.failed = time.Now()
		return
	}
	n.failed = time.Time{}
	for i := range w.nodes {
		if w.nodes[i] == n {
			w.last = i
		}
	}
}

// connectError is that no node took a client.
type connectError struct{ errs []error }

func (e *connectError) Error() string {
	said := make([]string, len(e.errs))
	for i, err := range e.errs {
		said[i] = err.Error()
	}
	return strings.Join(said, "; ")
}

func (e *connectError) Unwrap() []error { return e.errs }

// refusal is why one node did not take a client.
type refusal struct {
	node string
	err  error
}

// Error leaves out what pgx says around the cause: addresses and users, once for
// each attempt, of a cluster whose nodes have names.
func (e *refusal) Error() string {
	why := kindOf(e.err)
	var pgErr *pgconn.PgError
	if errors.As(e.err, &pgErr) {
		why = pgErr.Error()
	} else if bad := untrusted(e.err); bad != nil {
		why = "its certificate is not trusted: " + bad.Error()
	} else if why == kindOther {
		why = e.err.Error()
	}
	if e.node == "" { // a URL, which may have a password in it
		return why
	}
	return e.node + ": " + why
}

func (e *refusal) Unwrap() error { return e.err }
