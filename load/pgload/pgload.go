// Package pgload is what a load.Workload does to PostgreSQL: it inserts, reads or
// runs a statement of the user's, finds the primary or a standby by itself, and
// tells for each operation what is certain about it.
//
// Three rules keep the observer out of what it observes. A wait on the server is
// never cancelled unless Config.OnTimeout asks for it: statements run without a
// context, and the CancelRequest that pgx sends after an error of the connection is
// refused where it is dialled.
// Whatever cannot be proved is unknown: only bytes never written, or an ERROR that
// cannot come from a commit, make a failure certain. And the simple protocol is
// never used for an operation, because there an ERROR can follow the commit.
package pgload

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"pgchaos/history"
	"pgchaos/history/ledger"
	"pgchaos/load"
)

// Endpoint is one node that clients may connect to.
type Endpoint struct {
	Node string // its name, as the ledger and the errors tell it
	Host string // a name, an address, or the directory of a Unix socket
	Port int
}

// The kinds of workload.
const (
	Insert = "insert" // each client is one writer, whose every write is in the ledger
	Read   = "read"   // the two newest rows of one writer, held against how far it has come
	SQL    = "sql"    // Config.SQL, without parameters
)

// The targets of a workload. Any other is the name of a node.
const (
	Primary  = "primary"  // whichever node accepts writes
	Replicas = "replicas" // standbys, evenly
	Each     = "each"     // client i on node i modulo their number, whatever its role
)

// Config is one workload.
type Config struct {
	Workload  string
	Kind      string
	Target    string
	Endpoints []Endpoint // all nodes, in the order of the experiment file

	User, Password, Database string
	AppName                  string // application_name: it carries the run's id

	Clients, MaxAbandoned int
	// ConnectTimeout bounds the connecting to one node; 0: 2 s. A node that answers
	// nothing delays a client by so much before it tries the next one, so it should
	// be well below the workload's own time-out.
	ConnectTimeout time.Duration

	Table   string // insert, read: [schema.]table; "": DefaultTable
	Serial  bool   // insert, read: int_value comes from the sequence, not from the packed key
	Payload int    // insert: bytes of char_value
	SQL     string // sql: one statement

	// OnTimeout is Abandon, Cancel or Terminate; "": Abandon. With the other two the
	// load.Config must have a Grace.
	OnTimeout string

	Seed   uint64
	Ledger *ledger.Ledger // insert: gets one writer for each client
	Clock  history.Clock
	// Board is where inserts publish how far they have come, and where reads find when
	// writes were acknowledged. Heads are the heads that reads are held against; nil:
	// the Board's. Without a Board reads are not checked.
	Board *Board
	Heads Heads

	// Dial connects to an address; nil: TCP or Unix sockets, with keepalive.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

const defaultConnectTimeout = 2 * time.Second

// Workload makes the sessions of one load.Workload. Make it with New.
type Workload struct {
	cfg     Config
	sql     string
	dial    pgconn.DialFunc
	writers []*ledger.Writer // insert: by client
	heads   []*head          // insert: where readers see how far each writer is; nil without a Board
	readers []*reader        // read: by client; nil until its first session
	nodes   []*node          // in the order of Config.Endpoints; with a node as target only that

	ctx        context.Context // of every interruption; ends with Close
	cancel     context.CancelFunc
	interrupts sync.WaitGroup

	mu   sync.Mutex // guards what choose needs: first, and the nodes' sessions and failures
	last int        // the node on which a session last came to life
}

// New prepares a workload and its pools; it connects to nothing.
func New(cfg Config) (*Workload, error) {
	if cfg.ConnectTimeout <= 0 {
		cfg.ConnectTimeout = defaultConnectTimeout
	}
	if cfg.Table == "" {
		cfg.Table = DefaultTable
	}
	if cfg.Heads == nil && cfg.Board != nil {
		cfg.Heads = cfg.Board
	}
	w := &Workload{cfg: cfg, dial: cfg.Dial}
	if w.dial == nil {
		w.dial = keptAlive()
	}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	endpoints, err := w.targets()
	err = errors.Join(err, checkOnTimeout(cfg.OnTimeout))
	if err != nil {
		return nil, fmt.Errorf("workload %s: %w", cfg.Workload, err)
	}
	if w.sql, err = w.statement(); err != nil {
		return nil, fmt.Errorf("workload %s: %w", cfg.Workload, err)
	}
	for _, e := range endpoints {
		n, err := newNode(&w.cfg, e, w.dial)
		if err != nil {
			w.Close()
			return nil, fmt.Errorf("workload %s: node %s: %w", cfg.Workload, e.Node, err)
		}
		w.nodes = append(w.nodes, n)
	}
	if cfg.Kind == Insert {
		for range cfg.Clients {
			if err := w.addWriter(); err != nil {
				w.Close()
				return nil, fmt.Errorf("workload %s: %w", cfg.Workload, err)
			}
		}
	}
	if cfg.Kind == Read {
		w.readers = make([]*reader, cfg.Clients)
	}
	return w, nil
}

// addWriter makes the next client's writer, and its head on the board.
func (w *Workload) addWriter() error {
	writer, err := w.cfg.Ledger.AddWriter(w.cfg.Workload)
	if err != nil {
		return err
	}
	var h *head
	if w.cfg.Board != nil {
		h = w.cfg.Board.add(w.cfg.Table, writer.ID())
	}
	w.writers, w.heads = append(w.writers, writer), append(w.heads, h)
	return nil
}

// targets are the endpoints that this workload may connect to.
func (w *Workload) targets() ([]Endpoint, error) {
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

// statement is the one statement that every session prepares.
func (w *Workload) statement() (string, error) {
	switch w.cfg.Kind {
	case Insert:
		if w.cfg.Ledger == nil {
			return "", errors.New("kind insert needs a ledger")
		}
		return insertSQL(w.cfg.Table, w.cfg.Serial)
	case Read:
		return readSQL(w.cfg.Table, w.cfg.Serial)
	case SQL:
		if strings.TrimSpace(w.cfg.SQL) == "" {
			return "", errors.New("kind sql needs a statement")
		}
		return w.cfg.SQL, nil
	}
	return "", fmt.Errorf("kind %q: none of %s, %s, %s", w.cfg.Kind, Insert, Read, SQL)
}

// Writes tells whether the workload writes, so that its outages count for the
// write RTO: insert does, read does not, and of sql everything that cannot be
// seen to be only a query.
func (w *Workload) Writes() bool {
	return w.cfg.Kind == Insert || w.cfg.Kind == SQL && writes(w.cfg.SQL)
}

// Open makes the session of a client; it is the Open of a load.Config.
func (w *Workload) Open(client int) load.Session { return newSession(w, client) }

// canInterrupt tells whether operations are ended on the server at their time-out.
func (w *Workload) canInterrupt() bool {
	return w.cfg.OnTimeout == Cancel || w.cfg.OnTimeout == Terminate
}

// Close closes the pools. It waits for connections in use, so the load.Workload
// must have been closed before.
func (w *Workload) Close() {
	w.cancel()
	w.interrupts.Wait()
	for _, n := range w.nodes {
		n.pool.Close()
	}
}
