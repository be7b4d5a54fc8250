package cluster

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/cluster/probe"
	"pgchaos/internal/endsession"
	"pgchaos/record"
)

// Node is one node of a cluster. Its operations are serialised: one that is
// asked for while another runs waits for it, as long as its context allows.
// State, ResourceSample, Log, Connect and the accessors never wait.
type Node struct {
	cluster      *Cluster
	config       NodeConfig
	host         atomic.Pointer[Host]
	built        atomic.Bool
	paused       atomic.Bool
	leaving      atomic.Bool
	cutOff       atomic.Bool               // from the network
	refuses      atomic.Bool               // standbys: its pg_hba.conf has no line for replication
	started      atomic.Pointer[time.Time] // when the server was started that was last read, of such a node
	serverEnded  atomic.Bool               // the last session over which such a node was read was ended by its server
	standbySince atomic.Pointer[time.Time] // when the server was started that was last read as a standby, of such a node
	nameKnown    atomic.Bool               // its application_name as a standby, of a node that was there before
	incidents    chan Incident

	token chan struct{} // it is in the channel while an operation runs

	passing sync.Mutex // held while the file with passwords for commands is written

	mu       sync.Mutex
	process  *process          // the last one started; nil: none yet
	starting bool              // a process is being started
	settings map[string]string // over the defaults; empty value: PostgreSQL's default
	upstream *Node             // whom primary_conninfo names; nil: nobody
	logSeen  int64             // how far the log had been written when the last start began
	logBegin int64             // where the log of the run begins: earlier ones may have used the node
}

// ErrNotRunning is what stopping, killing or pausing a node returns that does not
// run: such a fault would take nothing away from anybody.
var ErrNotRunning = errors.New("the server does not run")

func newNode(c *Cluster, config NodeConfig) *Node {
	return &Node{
		cluster:   c,
		config:    config,
		incidents: make(chan Incident, 64),
		token:     make(chan struct{}, 1),
		settings:  c.settingsOf(config),
	}
}

// settingsOf are the settings that the configuration gives a node.
func (c *Cluster) settingsOf(config NodeConfig) map[string]string {
	return mergeSettings(mergeSettings(DefaultSettings(c.config.MaxClients), c.config.Settings), config.Settings)
}

// newPassword returns a password of 130 random bits, without a character that anything quotes.
func newPassword() string { return rand.Text() }

// Name is the node's name, which is also its cluster_name and, as a standby, its
// application_name.
func (n *Node) Name() string { return n.config.Name }

// Absent tells whether the node has no data directory yet: it was left out of
// Up, and nobody has cloned it.
func (n *Node) Absent() bool { return !n.built.Load() }

// Address is where pgchaos itself reaches the node. It is zero before Up has made the
// node's host, and never changes afterwards.
func (n *Node) Address() Address {
	return n.addressAt(Vantage{From: FromPgchaos})
}

// ClientAddress is where the clients of the load reach the node.
func (n *Node) ClientAddress() Address {
	return n.addressAt(Vantage{From: FromClients})
}

// addressFrom is where another node reaches this one, or its own programs do.
func (n *Node) addressFrom(peer *Node) Address {
	return n.addressAt(Vantage{From: FromNode, Node: peer.Name()})
}

func (n *Node) addressAt(from Vantage) Address {
	host, err := n.machine()
	if err != nil {
		return Address{}
	}
	return host.Address(from)
}

// Credentials are the run's users; they are the same on every node.
func (n *Node) Credentials() Credentials { return n.cluster.creds }

// ConnString is a connection string (a URL) for the user. It holds the password,
// and does not set synchronous_commit: what the server says counts.
func (n *Node) ConnString(user User, app string) string {
	return n.connString(user, app, n.cluster.creds.Database)
}

func (n *Node) connString(user User, app, database string) string {
	if n.config.DSN != nil {
		return n.config.DSN.For(n.cluster.AppName(app))
	}
	return n.cluster.config.Connection.url(n.Address(), url.UserPassword(user.Name, user.Password), database,
		map[string]string{"application_name": n.cluster.AppName(app)})
}

// Connection is how sessions to the nodes are encrypted; it is the same for all.
func (n *Node) Connection() Connection { return n.cluster.config.Connection }

// abandon ends a session without waiting for the server, which may be frozen.
func abandon(conn *pgx.Conn) { endsession.Within(100*time.Millisecond, conn) }

// stateTimeout bounds one State.
const stateTimeout = 3 * time.Second

// State is what the node says of itself now. It never fails and never hangs:
// what cannot be read is unknown, and Error says why. RoleDown is certain: the
// host says that no process runs. At is left to the caller.
func (n *Node) State(ctx context.Context) record.NodeState {
	state, err := n.readState(ctx)
	if err == nil {
		return state
	}
	state = record.NodeState{Node: n.Name(), Error: err.Error()}
	if n.Down(ctx) {
		state.Role = record.RoleDown
	}
	return state
}

// Silenced tells whether the node is not expected to answer: it is paused or disconnected.
func (n *Node) Silenced() bool { return n.Paused() || n.Disconnected() }

// Down tells whether it is certain that no process of the node runs. Of a node that was there before nobody asks the machine: it
// is down where the server ended the session over which it was read, and refuses each new one. A refusal alone can be that of
// a firewall or of pg_hba.conf, and others may be served all the while.
func (n *Node) Down(ctx context.Context) bool {
	if n.Met() {
		return n.serverEnded.Load() && n.Refuses(ctx)
	}
	host, err := n.processes()
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stateTimeout)
	defer cancel()
	running, err := host.Running(ctx)
	return err == nil && !running
}

// Ended is Down for decisions: where the postmaster has ended and processes of the node are left, it waits for them. They may be commands
// that pgchaos runs on the node, and are no sign of a server.
func (n *Node) Ended(ctx context.Context) bool {
	host, err := n.processes()
	return err == nil && n.down() && n.awaitEnd(ctx, host) == nil && n.down()
}

func (n *Node) readState(ctx context.Context) (record.NodeState, error) {
	ctx, cancel := context.WithTimeout(ctx, stateTimeout)
	defer cancel()
	conn, err := n.Connect(ctx, "state")
	if err != nil {
		return record.NodeState{}, err
	}
	defer abandon(conn)
	state, err := probe.Read(ctx, conn, n.Name(), n.cluster.creds.Load.Name)
	n.cluster.named(&state)
	return state, err
}

// Usage is what the node's processes use now.
func (n *Node) Usage(ctx context.Context) (record.ResourceSample, error) {
	host, err := n.measured()
	if err != nil {
		return record.ResourceSample{}, err
	}
	usage, err := host.Usage(ctx)
	usage.Node = n.Name()
	return usage, err
}

// Log is everything the node's server has logged in this run.
func (n *Node) Log(ctx context.Context) ([]byte, error) {
	host, err := n.files()
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	from := n.logBegin
	n.mu.Unlock()
	return host.Log(ctx, from)
}

// Settings are all that pgchaos wrote into the node's postgresql.conf, but for
// the connection to its upstream, which holds a password. None: the node was there before.
func (n *Node) Settings() map[string]string {
	if n.Met() {
		return nil
	}
	settings := mergeSettings(n.place().settings(), n.currentSettings())
	delete(settings, "primary_conninfo")
	maps.DeleteFunc(settings, func(_, value string) bool { return value == "" })
	return settings
}

func (n *Node) currentSettings() map[string]string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return maps.Clone(n.settings)
}

// Setting is what the node's configuration gives a setting; "" where it has what initdb wrote, or PostgreSQL's default.
func (n *Node) Setting(name string) string { return n.currentSettings()[name] }

// Upstream is the node that this one follows by its configuration; nil: none.
func (n *Node) Upstream() *Node {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.upstream
}

// lock waits until no other operation runs on the node.
func (n *Node) lock(ctx context.Context) (unlock func(), err error) {
	select {
	case n.token <- struct{}{}:
		return func() { <-n.token }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("another operation on the node has not ended: %w", ctx.Err())
	}
}

// machine is the node's host.
func (n *Node) machine() (Host, error) {
	if host := n.host.Load(); host != nil {
		return *host, nil
	}
	return nil, fmt.Errorf("%s has no host yet: the cluster is not up", n.Name())
}

// The paths of a node, as its host sees them. The configuration lies outside the
// data directory, so that no base backup and no pg_rewind can ever bring another
// node's port, upstream or synchronous regime. postgresql.auto.conf cannot be
// moved: what somebody sets by ALTER SYSTEM on a primary, its clones inherit,
// and it overrides what is written here.
//
// They are empty where the host has no files: whatever uses them fails for that reason.
func (n *Node) confDir() string              { return n.path("conf") }
func (n *Node) dataDir() string              { return n.path("data") }
func (n *Node) backupDir(name string) string { return n.path("backups", name) }
func (n *Node) confFile() string             { return path.Join(n.confDir(), confFile) }

func (n *Node) path(below ...string) string {
	files, err := n.files()
	if err != nil {
		return ""
	}
	return path.Join(append([]string{files.Dir()}, below...)...)
}

func (n *Node) program(name string) string {
	files, err := n.files()
	if err != nil {
		return name
	}
	return files.Program(name)
}

// place is where the node is, and whom it follows.
func (n *Node) place() place {
	host, err := n.files()
	if err != nil {
		return place{name: n.Name()}
	}
	p := place{name: n.Name(), data: n.dataDir(), conf: n.confDir(), listen: host.Listen()}
	n.mu.Lock()
	upstream := n.upstream
	n.mu.Unlock()
	if upstream != nil {
		p.conninfo = n.conninfoTo(upstream)
	}
	return p
}

// conninfoTo is the primary_conninfo for an upstream. The file that holds it is
// readable by its owner alone.
func (n *Node) conninfoTo(upstream *Node) string {
	user := n.cluster.creds.Replication
	return n.conninfo(upstream, map[string]string{"user": user.Name, "password": user.Password, "application_name": n.Name()})
}
