// Package pgload runs the operations of a workload on PostgreSQL: inserts, reads, updates,
// and statements and scripts of the user. It finds the primary or a standby by itself,
// and says of each operation what its answer proves.
//
// Two rules keep the observer out of what it observes. A wait on the server is
// never cancelled unless Config.OnTimeout asks for it: statements run without a
// context, and the CancelRequest that pgx sends after an error of the connection is
// refused where it is dialled.
// Whatever cannot be proved is unknown: only bytes never written, a transaction whose
// COMMIT was never sent, or an ERROR that cannot come from a commit, make a failure
// certain.
package pgload

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"

	"pgchaos/load"
)

// Workload makes the sessions of one load.Workload. Make it with New.
type Workload struct {
	cfg        Config
	dial       pgconn.DialFunc
	simple     bool
	statements []statement // of all parts; begin and commit are the first two
	parts      []*part     // one, unless it is a mix
	weights    int         // of all parts
	nodes      []*node     // in the order of Config.Endpoints; with a node or a URL as target only that
	slots      []*slots    // where connections are shared: by node for Each, else one; nil elsewhere

	staleness staleness // of its reads

	ctx        context.Context // of every interruption; ends with Close
	cancel     context.CancelFunc
	interrupts sync.WaitGroup

	mu     sync.Mutex // guards what choose needs: first, and the nodes' sessions and failures
	last   int        // the node on which a session last came to life
	opened []uint64   // sessions by client
	open   int        // sessions that have not been closed
	conns  int64      // connections ever made
}

// New prepares a workload and its pools; it connects to nothing.
func New(cfg Config) (*Workload, error) {
	w := &Workload{cfg: cfg, dial: cfg.Dial, simple: cfg.Protocol == Simple}
	if w.cfg.ConnectTimeout <= 0 {
		w.cfg.ConnectTimeout = defaultConnectTimeout
	}
	if w.cfg.Source == nil && cfg.Progress != nil {
		w.cfg.Source = cfg.Progress
	}
	w.opened = make([]uint64, max(cfg.Clients, 1))
	if w.dial == nil {
		w.dial = keptAlive()
	}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	if err := w.prepare(); err != nil {
		w.Close()
		return nil, fmt.Errorf("workload %s: %w", cfg.Workload, err)
	}
	return w, nil
}

// Check tells what New would refuse of a Config whose cluster there is not yet: its
// Ledger, its Primary and whom it connects as are left unread.
func Check(cfg Config) error {
	cfg.Primary = func() string { return "" }
	w := &Workload{cfg: cfg, simple: cfg.Protocol == Simple}
	endpoints, err := w.plan()
	if err == nil {
		_, err = w.cfg.settings(endpoints[0])
	}
	if err != nil {
		return fmt.Errorf("workload %s: %w", cfg.Workload, err)
	}
	return nil
}

// plan checks the Config, and makes the parts and their statements.
func (w *Workload) plan() ([]Endpoint, error) {
	endpoints, err := w.targets()
	err = errors.Join(err, checkOnTimeout(w.cfg.OnTimeout), w.cfg.check())
	if err != nil {
		return nil, err
	}
	w.statements = []statement{newStatement("begin"), newStatement("commit")}
	return endpoints, w.addParts()
}

// prepare makes what the Config asks for.
func (w *Workload) prepare() error {
	endpoints, err := w.plan()
	if err != nil {
		return err
	}
	for _, e := range endpoints {
		n, err := w.newNode(e)
		if err != nil {
			return fmt.Errorf("node %s: %w", e.Node, err)
		}
		w.nodes = append(w.nodes, n)
	}
	w.share()
	for _, p := range w.parts { // the last thing, for nothing is undone of it
		if err := p.addWriters(); err != nil {
			return err
		}
	}
	return nil
}

// share makes the slots of connections that several clients use.
func (w *Workload) share() {
	queues := 1
	if w.cfg.Target == Each {
		queues = len(w.nodes)
	}
	if n := w.cfg.Connections; n <= 0 || n*queues >= w.cfg.Clients {
		return
	}
	for range queues {
		w.slots = append(w.slots, newSlots(w, w.cfg.Connections))
	}
}

// targets are the endpoints that this workload may connect to.
func (w *Workload) targets() ([]Endpoint, error) {
	if w.cfg.Route == URL {
		return []Endpoint{{}}, nil
	}
	if len(w.cfg.Endpoints) == 0 {
		return nil, errors.New("no endpoints")
	}
	switch w.cfg.Target {
	case Primary, Replicas, Each:
		return w.cfg.Endpoints, nil
	}
	i := slices.IndexFunc(w.cfg.Endpoints, func(e Endpoint) bool { return e.Node == w.cfg.Target })
	if i < 0 {
		return nil, fmt.Errorf("target %q: neither %s, %s, %s nor a node", w.cfg.Target, Primary, Replicas, Each)
	}
	return w.cfg.Endpoints[i : i+1], nil
}

// check refuses what cannot be meant.
func (c *Config) check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !slices.Contains([]string{"", Extended, Simple}, c.Protocol) {
		bad("protocol %q: neither %s nor %s", c.Protocol, Extended, Simple)
	}
	if !slices.Contains([]string{"", "read committed", "repeatable read", "serializable"}, c.Isolation) {
		bad("isolation %q: none of read committed, repeatable read, serializable", c.Isolation)
	}
	if c.Retry < 0 || c.Connections < 0 {
		bad("%d retries, %d connections: less than none", c.Retry, c.Connections)
	}
	switch c.Route {
	case "", Hosts:
	case Topology:
		if c.Primary == nil {
			bad("route %s: nobody tells who is primary", c.Route)
		}
	case URL:
		if c.URL == "" {
			bad("route %s: there is no URL", c.Route)
		}
	default:
		bad("route %q: none of %s, %s, %s", c.Route, Hosts, Topology, URL)
	}
	return errors.Join(errs...)
}

// Writes tells whether the workload writes, so that its outages count for the
// write RTO: an insert, an update and tpcb do, a read does not, and of sql, of a
// script and of a mix everything that cannot be seen to be only queries.
func (w *Workload) Writes() bool {
	return slices.ContainsFunc(w.parts, func(p *part) bool { return p.writes() })
}

// Pollable tells whether an event loop can wait for the answers: it has to have the
// sockets themselves, one for each client, without TLS upon them.
func (w *Workload) Pollable() bool {
	if w.slots != nil || w.cfg.Dial != nil {
		return false
	}
	for _, n := range w.nodes {
		cc := n.pool.Config().ConnConfig
		encrypted := func(f *pgconn.FallbackConfig) bool { return f.TLSConfig != nil }
		if cc.TLSConfig != nil || slices.ContainsFunc(cc.Fallbacks, encrypted) {
			return false
		}
	}
	return true
}

// Open makes the session of a client; it is the Open of a load.Config.
func (w *Workload) Open(client int) load.Session {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.opened[client]++
	w.open++
	return newSession(w, client, w.opened[client])
}

// leftOpen is called by each session that closes. With the last one the connections that
// they shared are closed: who has stopped does not keep a server from anything.
func (w *Workload) leftOpen() {
	w.mu.Lock()
	w.open--
	none := w.open == 0
	w.mu.Unlock()
	if none {
		for _, p := range w.slots {
			p.closeFree()
		}
	}
}

// canInterrupt tells whether operations are ended on the server at their time-out.
func (w *Workload) canInterrupt() bool {
	return w.cfg.OnTimeout == Cancel || w.cfg.OnTimeout == Terminate
}

// Close closes the pools. It waits for connections in use, so the load.Workload
// must have been closed before.
func (w *Workload) Close() {
	w.cancel()
	w.interrupts.Wait()
	for _, p := range w.slots {
		p.closeFree()
	}
	for _, n := range w.nodes {
		n.pool.Close()
	}
}
