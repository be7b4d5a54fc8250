package pgload

import (
	"context"
	"net"
	"time"

	"pgchaos/record"
	"pgchaos/record/ledger"
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
	Read   = "read"   // rows of one writer; the two newest are held against how far it has come
	Update = "update" // one row, by its key
	TPCB   = "tpcb"   // pgbench's transaction, on pgbench's tables
	SQL    = "sql"    // Work.SQL: one statement, or a transaction of several
	Mix    = "mix"    // Config.Mix: any of the others, by weight
	Script = "script" // Work.Script, in pgbench's language
)

// The targets of a workload. Any other is the name of a node.
const (
	Primary  = "primary"  // whichever node accepts writes
	Replicas = "replicas" // standbys, evenly
	Each     = "each"     // client i on node i modulo their number, whatever its role
)

// The ways in which a client finds its node.
const (
	Hosts    = "hosts"    // it asks one after the other which role it has
	Topology = "topology" // Config.Primary tells who is primary
	URL      = "url"      // Config.URL: whatever stands behind it decides
)

// The protocols.
const (
	Extended = "extended" // statements are prepared, and parameters sent beside them
	Simple   = "simple"   // the values stand in the text of the statement
)

// The reads of a read workload.
const (
	Latest = "latest" // the two newest rows of a writer
	Point  = "point"  // one row, by its key
	Range  = "range"  // rangeRows neighbouring rows
)

// Work is what one operation does. What a Kind does not name is left unread.
type Work struct {
	Kind    string
	Table   string // insert, read, update: [schema.]table; "": DefaultTable, or DefaultUpdateTable
	Serial  bool   // insert, read: int_value comes from the sequence, not from the packed key
	Payload int    // insert, update: bytes of char_value
	// Rows is how many rows each statement of an insert has, 0: 1; and how many there
	// are in an update's table, 0: DefaultRows.
	Rows       int
	Statements int            // insert: statements in each transaction; 0: 1
	Reads      map[string]int // read: the shares of Latest, Point and Range; nil: Latest alone
	Scale      int            // tpcb, script: pgbench's scale factor; 0: 1
	SQL        []string       // sql: one statement, or those of a transaction
	Params     []Param        // sql: what stands for :name
	Script     string         // script: the text
	ScriptName string         // script: whose text that is, for errors
	Set        map[string]string
	// Pipeline is how many of its one statement an insert, read, update or sql sends at
	// once, with one Sync: one implicit transaction. 0: 1.
	Pipeline int
}

// Param is one generator. Its fields are those of spec.Param, which says what they mean.
type Param struct {
	Name, Kind   string
	Min, Max     int64
	Theta, Sigma float64
	Choices      []string
	Length       int
}

// Part is one part of a mix.
type Part struct {
	Name   string
	Weight int // 0: 1
	Work
}

// Config is one workload.
type Config struct {
	Workload  string
	Work             // of a mix only the Kind
	Mix       []Part // mix: what is done
	Target    string
	Endpoints []Endpoint // all nodes, in the order of the experiment file

	User, Password, Database string
	// Cluster is what every session to one of the Endpoints is made with, by libpq's names:
	// sslmode, sslrootcert. Connection goes before it. Without sslmode there is no TLS.
	Cluster map[string]string
	AppName string // application_name: it carries the run's id

	Clients, MaxAbandoned int
	// Connections bounds the connections (on each node, where the target is Each) where
	// there are to be fewer than clients; 0: each client has its own.
	Connections int
	// ConnectTimeout bounds the connecting to one node; 0: 2 s. A node that answers
	// nothing delays a client by so much before it tries the next one, so it should
	// be well below the workload's own time-out.
	ConnectTimeout time.Duration
	// Route is Hosts, Topology or URL; "": Hosts.
	Route string
	// Primary is asked before every operation where the Route is Topology, and must be
	// cheap: the name of the node that is the primary now; "": nobody knows, and the
	// hosts are asked.
	Primary func() string
	// Started names the node whose server was started at a moment, which the server behind a URL says of itself; "": it is not
	// known. nil, and where it is not known: the node is the one that the server's cluster_name names.
	Started func(at time.Time) string
	URL     string // postgres://...; what it leaves out is as in the other routes
	// Pooled: behind the URL is a pooler that gives each transaction a session of a server. The servers can change while the clients'
	// connections stay.
	Pooled bool
	// Connection is further settings of every connection, by libpq's names.
	Connection map[string]string
	// Marked is the only database in which the sessions may do anything; nil: any. A cluster that pgchaos has not built has one.
	Marked *Marked

	Protocol          string // Extended or Simple; "": Extended
	Isolation         string // default_transaction_isolation; "": the server's
	ReadOnly          bool   // default_transaction_read_only
	SynchronousCommit string // "": the server's
	// Retry is how often an operation is begun again after 40001 or 40P01, at most.
	Retry int

	// Panicked is called with the value of a panic of what interrupts an operation, by the
	// goroutine that it came from. nil: it ends the process.
	Panicked func(value any)
	// OnTimeout is Abandon, Cancel or Terminate; "": Abandon. With the other two the
	// load.Config must have a Grace.
	OnTimeout string

	Seed   uint64
	Ledger *ledger.Ledger // insert: gets one writer for each client
	Clock  record.Clock
	// Progress is where inserts publish how far they have come, and where reads find when
	// writes were acknowledged. Source has the positions of the writers that reads are held against; nil:
	// those of Progress. Without Progress reads are not checked.
	Progress *WriterProgress
	Source   ProgressSource

	// Dial connects to an address; nil: TCP or Unix sockets, with keepalive.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

const defaultConnectTimeout = 2 * time.Second
