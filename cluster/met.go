package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"pgchaos/record"
)

// ExistingProvider is the name of the provider of clusters that were there before.
const ExistingProvider = "existing"

// Existing is a cluster that was there before, as an experiment describes it.
type Existing struct {
	Nodes []ExistingNode
	// Unread are the nodes that nothing leads to. They have no DSN.
	Unread []ExistingNode
	// Manager is what can be asked for a switchover.
	Manager ManagerAddress
	// Chooses are the steps in which the manager is to choose the new primary.
	Chooses []string
	Exec    string // how commands run on their machines, for ParseExec; "": none do
	Sync    *Synchronous
	// Ends are the words of the hooks of which only the end of a server is the proof.
	Ends []string
	// Clients is where the load that goes to the primary connects; "": to the nodes.
	Clients string
	// Sessions is how many the load has at most on one node.
	Sessions int
	// Prepares: a workload behind Clients prepares statements.
	Prepares bool
	// Commits: a workload writes with the synchronous_commit that its sessions get from the server. The audit knows that of the nodes' role.
	Commits bool
	// Writes: a workload writes.
	Writes bool
	// Ways are where workloads go otherwise than by the nodes' connection strings and by Clients.
	Ways []Way
	// Rights are those that steps need beyond the rights of every run.
	Rights []Right
	// MinFree is how many bytes must be free on the disks that the servers write to, as far as commands can tell.
	MinFree uint64
	// CatchUp is how long the run waits at its end for a standby to replay what it lacks.
	CatchUp time.Duration
	// Risk: the user has said that this cluster may break, though something speaks against it.
	Risk bool
}

// Right is what a role may do beyond what every run needs.
type Right struct {
	Step  string // that needs it
	What  string // "pg_switch_wal()"
	Has   string // SQL that tells whether the role has it
	Grant string // what gives it to the role, which stands there as {role}
}

// ExecuteRight is the right to call a function of PostgreSQL's that only superusers may call.
func ExecuteRight(function string) Right {
	return Right{What: function, Has: "has_function_privilege('" + function + "', 'execute')", Grant: "grant execute on function " + function + " to {role}, in the database of the run"}
}

// ManagerAddress is where a cluster's manager is asked: one of these, or none.
type ManagerAddress struct {
	Patroni        string // the URL of a REST API
	PgAutoFailover string // the connection string of the monitor
	TLS            ManagerTLS
}

// ManagerTLS are the files by which Patroni's agents and pgchaos know one another over https, as patronictl has them. Without CACert the
// certificates of this machine count.
type ManagerTLS struct {
	CACert   string // certificates of those who sign the agents'
	CertFile string // pgchaos's own; "": it has none
	KeyFile  string // the key of CertFile; "": it is in that file
}

// ExistingNode is one node of it.
type ExistingNode struct {
	Name, Standby, Host string
	DSN                 DSN
}

// Way is how the sessions of a workload get to one server, where the file has a url or a connection of its own for it.
type Way struct {
	Where   string          // in the file, such as load.writes.url
	Config  *pgx.ConnConfig // it can have a password in it
	Commits bool            // the workload writes, with the synchronous_commit that sessions get there
}

// Met tells whether the cluster was there before.
func (c *Cluster) Met() bool { return firstDSN(c.config.Nodes) != nil }

// firstDSN is that of the first node that has one; nil: none has.
func firstDSN(nodes []NodeConfig) *DSN {
	for _, n := range nodes {
		if n.DSN != nil {
			return n.DSN
		}
	}
	return nil
}

// Schema is the schema of the run's tables: public, or in a cluster that was there before one of the run's own.
func (c *Cluster) Schema() string {
	if c.Met() {
		return RunSchema(c.config.Run)
	}
	return "public"
}

// SystemID is the system identifier of a cluster that was there before, once it is met.
func (c *Cluster) SystemID() string { return c.systemID }

// Pooled tells whether clients are led to the cluster by a pooler that gives each transaction a session of a server.
func (c *Cluster) Pooled() bool {
	p, ok := c.provider.(interface{ Pooled() bool })
	return ok && p.Pooled()
}

// Warnings are what the report of a run must say of a cluster that was there before, a sentence each.
func (c *Cluster) Warnings() []string {
	if p, ok := c.provider.(interface{ Warnings() []string }); ok {
		return p.Warnings()
	}
	return nil
}

// Unnamed are the standbys that stream in a cluster that was there before, and that the experiment does not name.
func (c *Cluster) Unnamed() []string {
	if p, ok := c.provider.(interface{ Unnamed() []string }); ok {
		return p.Unnamed()
	}
	return nil
}

// RunSchema is the name of a run's own schema in a cluster that was there before.
func RunSchema(run string) string {
	return "pgchaos_" + strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToLower(run[max(0, len(run)-appRun):]))
}

// SchemaComment is the comment on a run's own schema. Only a schema with it is ever dropped.
func SchemaComment(run string) string { return schemaComment + run }

// meet reads the nodes of a cluster that was there before, puts the primary first, and makes the run's schema. Nothing else
// of it is changed.
func (c *Cluster) meet(ctx context.Context) error {
	nodes := slices.DeleteFunc(slices.Clone(c.nodes), func(n *Node) bool { return !n.Met() })
	states := make([]record.NodeState, len(nodes))
	var wg sync.WaitGroup
	for i, n := range nodes {
		n.built.Store(true)
		wg.Go(func() { states[i] = n.State(ctx) })
	}
	wg.Wait()
	if err := c.learnStandbyNames(ctx, nodes, states); err != nil {
		return err
	}
	primary := -1
	for i, s := range states {
		if !s.Reachable {
			return fmt.Errorf("%s cannot be reached: %s", s.Node, s.Error)
		}
		if s.Role == record.RolePrimary {
			primary = i
		}
	}
	if primary < 0 {
		return errors.New("none of the nodes is a primary")
	}
	for i, n := range nodes {
		n.started.Store(&states[i].ServerStarted)
	}
	c.systemID = states[primary].SystemID
	first := nodes[primary]
	// The primary is first, and those that nothing leads to are last: the load counts only the others.
	unread := slices.DeleteFunc(slices.Clone(c.nodes), (*Node).Met)
	c.nodes = slices.Concat([]*Node{first}, slices.DeleteFunc(nodes, func(n *Node) bool { return n == first }), unread)
	c.version.Store(&states[primary].Version)
	c.learned.begin(states[primary].Timeline)
	return first.makeSchema(ctx)
}

// makeSchema makes the run's schema on the primary, and wants it to be the only one of a run at work. Its comment and its name come in one transaction, so that it is never
// there without what says whose it is.
func (n *Node) makeSchema(ctx context.Context) error {
	conn, err := n.Connect(ctx, "setup")
	if err != nil {
		return err
	}
	defer abandon(conn)
	schema := pgx.Identifier{n.cluster.Schema()}.Sanitize()
	comment := "'" + strings.ReplaceAll(SchemaComment(n.cluster.config.Run), "'", "''") + "'"
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		for _, sql := range []string{"create schema " + schema, "comment on schema " + schema + " is " + comment} {
			if _, err := tx.Exec(ctx, sql); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("make the schema %s on %s: %w", schema, n.Name(), err)
	}
	return n.alone(ctx, conn)
}

// Run is the id of the run.
func (n *Node) Run() string { return n.cluster.config.Run }

// Schema is the schema of the run's tables, as Cluster.Schema.
func (n *Node) Schema() string { return n.cluster.Schema() }

// Unread tells whether nothing leads to the node, of a cluster that was there before.
func (n *Node) Unread() bool { return n.cluster.Met() && !n.Met() }

// Met tells whether the node was there before.
func (n *Node) Met() bool { return n.config.DSN != nil }

// Learned is Named, of a state that was just read: what it shows of the node for the first time is asked for.
func (n *Node) Learned(ctx context.Context, s record.NodeState) record.NodeState {
	if s.Reachable {
		n.serverEnded.Store(false)
		n.started.Store(&s.ServerStarted)
		if s.Role == record.RoleStandby {
			n.standbySince.Store(&s.ServerStarted)
		}
		n.learnStandbyName(ctx, s)
		n.learnTimeline(ctx, s)
	}
	return n.Named(s)
}

// StartedAt names the node whose server was started at a moment, by its own clock: of a cluster that was there before, whose
// nodes need not be called by their cluster_name, and which clients may reach by other addresses. "": it is not known.
func (c *Cluster) StartedAt(at time.Time) string {
	for _, n := range c.nodes {
		if started := n.started.Load(); started != nil && started.Equal(at) {
			return n.Name()
		}
	}
	return ""
}

// Named is a state with the nodes' names in the place of the standbys' application_names.
func (n *Node) Named(s record.NodeState) record.NodeState {
	s.Standbys = slices.Clone(s.Standbys)
	n.cluster.named(&s)
	return s
}

// cannotConnectNow is the SQLSTATE of a server that starts, shuts down or recovers, and lets no session in.
const cannotConnectNow = "57P03"

// SessionEnded notes what ended a session over which a node that was there before was read.
func (n *Node) SessionEnded(err error) {
	if n.Met() && endedByServer(err) {
		n.serverEnded.Store(true)
	}
}

// endedByServer tells whether the server's side closed a connection or said that it ends it. A firewall can reset one or let it
// hang; it cannot close it.
func endedByServer(err error) bool {
	var said *pgconn.PgError
	if errors.As(err, &said) {
		return slices.Contains([]string{adminShutdown, crashShutdown, cannotConnectNow}, said.Code)
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.EPIPE)
}

// The SQLSTATEs by which a server ends a session as it shuts down, or because another of its processes has crashed.
const (
	adminShutdown = "57P01"
	crashShutdown = "57P02"
)

// Refuses tells whether the node's address serves no session to pgchaos: the machine answers, and refuses, or a server says
// that it starts, shuts down or recovers. Others may be served all the while.
func (n *Node) Refuses(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stateTimeout)
	defer cancel()
	conn, err := n.Connect(ctx, "state")
	if err == nil {
		abandon(conn)
		return false
	}
	var said *pgconn.PgError
	if errors.As(err, &said) {
		return said.Code == cannotConnectNow
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

// Silent is nil where the node gives no answer to who connects, neither a session nor a refusal nor an error.
func (n *Node) Silent(ctx context.Context) error {
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), stateTimeout)
	defer cancel()
	conn, err := n.Connect(limited, "state")
	var said *pgconn.PgError
	switch {
	case err == nil:
		abandon(conn)
		return errors.New("its server answers")
	case errors.As(err, &said), errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("it answers, and refuses: %w", err)
	case limited.Err() == nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("it cannot be connected to, and that is no silence: %w", err)
	}
	return nil
}

// AnotherPrimary is nil where a node of the cluster beside this one is the primary.
func (n *Node) AnotherPrimary(ctx context.Context) error {
	for _, other := range n.cluster.nodes {
		if other == n || !other.Met() {
			continue
		}
		if s := other.State(ctx); s.Reachable && s.Role == record.RolePrimary {
			return nil
		}
	}
	return errors.New("no other node is the primary")
}
