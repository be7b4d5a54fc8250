package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"pgchaos/standbynames"
)

// Config is how a cluster is set up.
type Config struct {
	// Run is the run's id: every connection's application_name carries it.
	Run string
	// Nodes are the nodes; the first is the primary, every other one a standby of it.
	Nodes []NodeConfig
	// Settings is postgresql.conf of every node, over pgchaos's defaults. An empty
	// value takes PostgreSQL's own default.
	Settings map[string]string
	// Sync is applied to the first primary once its standbys stream; nil: asynchronous.
	Sync *Synchronous
	// Credentials are the users of the cluster. One without a name is made for the run.
	Credentials Credentials
	// Connection is how every session is encrypted; the zero Connection is without TLS.
	Connection Connection
	// MaxClients is how many connections the load will need at one node. It sizes
	// max_connections, on all nodes alike: a standby needs no fewer than its primary.
	MaxClients int
	// Silence is how long a copy from another node may stand still, at least 2 s; 0 is a minute.
	Silence time.Duration
	// Log receives what is done, for a person who wants to watch; nil: nobody does.
	Log func(format string, args ...any)
}

// NodeConfig is one node of a cluster.
type NodeConfig struct {
	Name string
	// Settings are the node's own, over the cluster's.
	Settings map[string]string
	// Absent leaves the node without a data directory until it is cloned.
	Absent bool
	// DSN leads to a server that was there before; nil: the node is built. All nodes of a cluster have one, or none.
	DSN *DSN
	// Standby is the application_name of a node that was there before, as a standby; "": it is asked for.
	Standby string
}

// Synchronous is the replication regime of a primary.
type Synchronous struct {
	Commit   string `yaml:"commit" jsonschema_description:"synchronous_commit; on by default."`
	Standbys string `yaml:"standbys" jsonschema_description:"synchronous_standby_names, such as ANY 1 (a, b); empty is asynchronous."`
}

// String is the two settings, or "asynchronous".
func (s *Synchronous) String() string {
	if s == nil || s.Standbys == "" {
		return "asynchronous"
	}
	return fmt.Sprintf("synchronous_commit = %s, synchronous_standby_names = '%s'", s.Commit, s.Standbys)
}

// Cluster is the nodes of one run. Make it with New, build it with Up.
type Cluster struct {
	provider Provider
	config   Config
	nodes    []*Node
	creds    Credentials
	version  atomic.Pointer[string]
	dialer   dialer  // of pgchaos's own sessions
	learned  learned // of a cluster that was there before
	systemID string  // of such a cluster, once it is met
	// standbyNames are the nodes by their application_names as standbys, of a cluster that was there before.
	standbyNames atomic.Pointer[standbyNames]
}

// upTimeout bounds Up where the caller's context does not.
const upTimeout = 2 * time.Minute

var nodeName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$`)

// New checks the configuration, and makes the run's passwords. Nothing is
// started before Up.
func New(p Provider, cfg Config) (*Cluster, error) {
	var errs []error
	if len(cfg.Nodes) == 0 {
		errs = append(errs, errors.New("a cluster needs at least one node"))
	} else if cfg.Nodes[0].Absent && firstDSN(cfg.Nodes) == nil {
		errs = append(errs, fmt.Errorf("node %s: the first node is the primary and cannot be absent", cfg.Nodes[0].Name))
	}
	errs = append(errs, checkSettings("settings", cfg.Settings))
	if cfg.Sync != nil {
		if _, err := standbynames.Parse(cfg.Sync.Standbys); err != nil {
			errs = append(errs, err)
		}
	}
	c := &Cluster{provider: p, config: cfg}
	for _, nc := range cfg.Nodes {
		if !nodeName.MatchString(nc.Name) {
			errs = append(errs, fmt.Errorf("node %q: a name is 1 to 63 letters, digits, dots, dashes and underscores, and begins with a letter or a digit", nc.Name))
		}
		if c.Node(nc.Name) != nil {
			errs = append(errs, fmt.Errorf("node %s: named twice", nc.Name))
		}
		errs = append(errs, checkSettings("node "+nc.Name, nc.Settings))
		c.nodes = append(c.nodes, newNode(c, nc))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	c.creds = cfg.Credentials.complete()
	if dsn := firstDSN(cfg.Nodes); dsn != nil {
		c.creds = Credentials{Superuser: dsn.User, Load: dsn.User, Replication: dsn.User, Database: dsn.Database}
		c.config.Connection = Connection{Settings: dsn.Settings()}
		c.dialer.ordinary = true
	}
	return c, nil
}

// Node returns the node of that name, or nil.
func (c *Cluster) Node(name string) *Node {
	for _, n := range c.nodes {
		if n.config.Name == name {
			return n
		}
	}
	return nil
}

// Nodes returns all nodes, absent ones too, in the order of the configuration.
func (c *Cluster) Nodes() []*Node { return slices.Clone(c.nodes) }

// Version is the server_version of the first primary; empty before Up.
func (c *Cluster) Version() string {
	if v := c.version.Load(); v != nil {
		return *v
	}
	return ""
}

// Provider is what the provider says about itself.
func (c *Cluster) Provider() Description { return c.provider.Describe() }

// appRun is how much of the run's id an application_name carries: its end, which
// tells runs apart. PostgreSQL keeps 63 bytes of the name, and what it cut off
// could not be looked for.
const appRun = 24

// OwnApp begins the application_name of every session of pgchaos.
const OwnApp = "pgchaos/"

// LoadApp begins the names by which the connections of a run's workloads are known, for AppName; the workload's name follows.
const LoadApp = "load/"

// AppName is the application_name of a connection of this cluster's run.
func (c *Cluster) AppName(app string) string { return AppName(c.config.Run, app) }

// AppName is the application_name of a connection of a run.
func AppName(run, app string) string {
	return OwnApp + run[max(0, len(run)-appRun):] + "/" + app
}

// Down ends every process and deletes every file of the run. It is idempotent,
// and its error names whatever is left.
func (c *Cluster) Down(ctx context.Context) error {
	for _, n := range c.nodes {
		n.expectExit()
	}
	return c.provider.Remove(ctx)
}

// Up makes hosts for all nodes, builds the primary, clones the standbys that are
// not absent, and returns once each of them streams and the synchronous regime
// is in force. After an error, Down removes what had been made.
func (c *Cluster) Up(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, upTimeout)
	defer cancel()
	if err := c.makeHosts(ctx); err != nil {
		return err
	}
	if c.Met() {
		return c.meet(ctx)
	}
	primary := c.nodes[0]
	if err := primary.initialise(ctx); err != nil {
		return err
	}
	var standbys []*Node
	for _, n := range c.nodes[1:] {
		if !n.config.Absent {
			standbys = append(standbys, n)
		}
	}
	if err := c.cloneAll(ctx, primary, standbys); err != nil {
		return err
	}
	if err := c.settleOnDisk(ctx, primary); err != nil {
		return err
	}
	return c.synchronise(ctx, primary, standbys)
}

// synchronise puts the first regime in force. One that waits for more standbys
// than there are would never acknowledge a commit.
func (c *Cluster) synchronise(ctx context.Context, primary *Node, standbys []*Node) error {
	if c.config.Sync == nil {
		return nil
	}
	names, err := standbynames.Parse(c.config.Sync.Standbys)
	if err != nil {
		return err
	}
	var there int
	for _, n := range standbys {
		if names.Has(n.Name()) {
			there++
		}
	}
	if there < names.Num {
		return fmt.Errorf("synchronous standbys %q wait for %d, and %d of those named are there: no commit would ever be acknowledged", c.config.Sync.Standbys, names.Num, there)
	}
	change, err := primary.Configure(ctx, nil, c.config.Sync)
	if err != nil {
		return err
	}
	c.logf("%s: %s", primary.Name(), change.Detail)
	return nil
}

func (c *Cluster) makeHosts(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, n := range c.nodes {
		if c.Met() && !n.Met() {
			continue // nothing leads to it
		}
		group.Go(func() error {
			host, err := c.provider.Host(ctx, n.config.Name)
			if err != nil {
				return fmt.Errorf("make room for %s: %w", n.config.Name, err)
			}
			n.host.Store(&host)
			go n.hear(host)
			return nil
		})
	}
	return group.Wait()
}

// cloneAll makes all backups before it starts any standby: a backup needs two
// WAL senders for a moment, a standby keeps one.
func (c *Cluster) cloneAll(ctx context.Context, primary *Node, standbys []*Node) error {
	if len(standbys) == 0 {
		return nil
	}
	most, err := primary.backupsAtOnce(ctx)
	if err != nil {
		return err
	}
	release, err := primary.keepWAL(ctx)
	if err != nil {
		return err
	}
	defer release()
	backups, bctx := errgroup.WithContext(ctx)
	backups.SetLimit(max(1, most))
	for _, n := range standbys {
		backups.Go(func() error {
			unlock, err := n.lock(bctx)
			if err != nil {
				return err
			}
			defer unlock()
			return n.copyFrom(bctx, primary)
		})
	}
	if err := backups.Wait(); err != nil {
		return err
	}
	starts, sctx := errgroup.WithContext(ctx)
	for _, n := range standbys {
		starts.Go(func() error {
			unlock, err := n.lock(sctx)
			if err != nil {
				return err
			}
			defer unlock()
			return n.startStandby(sctx, primary)
		})
	}
	return starts.Wait()
}

// settleOnDisk makes durable what initdb wrote without any sync, so that the run
// neither rests on files that a power loss would take, nor pays for writing them
// back; a checkpoint syncs only what the server itself has written. The standbys
// need nothing: a server that begins on a base backup syncs its whole data
// directory first (SyncDataDirectory in src/backend/storage/file/fd.c).
func (c *Cluster) settleOnDisk(ctx context.Context, primary *Node) error {
	conn, err := primary.Connect(ctx, "setup")
	if err != nil {
		return err
	}
	defer abandon(conn)
	if _, err := conn.Exec(ctx, "checkpoint"); err != nil {
		return fmt.Errorf("checkpoint %s: %w", primary.Name(), err)
	}
	return primary.run(ctx, nil, primary.program("initdb"), "--sync-only", "-D", primary.dataDir())
}

func (c *Cluster) logf(format string, args ...any) {
	if c.config.Log != nil {
		c.config.Log(format, args...)
	}
}

// loopback tells whether a server that listens on host can be reached from its
// own machine alone.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// drain reads a reader to its end, so that its writer can finish.
func drain(r io.ReadCloser) error {
	_, err := io.Copy(io.Discard, r)
	return errors.Join(err, r.Close())
}
