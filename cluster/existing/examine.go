package existing

import (
	"cmp"
	"context"
	"crypto/tls"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"pgchaos/cluster"
)

// Weight says what a Finding means for a run.
type Weight int

// The weights. The zero Weight is none.
const (
	Good    Weight = iota + 1 // it is as it should be
	Unknown                   // something will not be known of this cluster
	Risky                     // the run is refused, unless the user says that the cluster may break
	Bad                       // the run is refused
)

// Finding is one thing that was looked at.
type Finding struct {
	Node   string // "": it is about the cluster
	What   string // a sentence
	Right  string // what would be right; "": nothing is to be done
	Weight Weight
}

func (f Finding) String() string {
	text := f.What
	if f.Node != "" {
		text = f.Node + ": " + text
	}
	if f.Right != "" {
		text += "; " + f.Right
	}
	return text
}

// Examination is all that was looked at. Nothing is changed by it.
type Examination struct {
	Findings []Finding
	Warnings []string // for the report of a run that begins all the same
	Unnamed  []string // standbys that stream, and that the file does not name
	Nodes    []Seen   // in the order of the experiment
	others   []string // agents of Patroni that the cluster names, and the file does not
	Pooled   bool     // a pooler gives each transaction of clients a session of a server
}

// Refused is why a run must not begin; nil: it may. Risk tells that the user accepts what is Risky.
func (e Examination) Refused(risk bool) error {
	var errs []error
	for _, f := range e.Findings {
		if f.Weight == Bad || f.Weight == Risky && !risk {
			err := errors.New(f.String())
			if f.Weight == Risky {
				err = fmt.Errorf("%w; add --yes-this-may-break if it may", err)
			}
			errs = append(errs, err)
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return fmt.Errorf("this cluster is not used: %w", errors.Join(errs...))
}

func (e *Examination) add(w Weight, node, right, format string, args ...any) {
	e.Findings = append(e.Findings, Finding{Node: node, What: fmt.Sprintf(format, args...), Right: right, Weight: w})
}

// Seen is a node as it was seen.
type Seen struct {
	Name     string
	Error    error // why it could not be read
	SystemID string
	Database string // that the session was in
	Standby  bool
	Version  int    // server_version_num
	Server   string // server_version
	Marked   bool
	Senders  int // standbys that stream from it
	Receives bool
	Streams  cluster.MetStandby // as whom, and who streams from it
	Replays  []bool             // which of those are standbys, and no receivers of another kind

	Pooled         bool  // a pooler gives each transaction a session
	Apart          bool  // and keeps the prepared statements of clients apart
	Way            error // why something between may end a session in the server's place; nil: nothing can
	Encrypted      bool  // the session uses TLS
	ClusterName    string
	Rights         []bool // as rights has them
	Creates        bool   // the role may make schemas
	SyncNames      string // synchronous_standby_names
	SyncCommit     string // synchronous_commit of new sessions of the role
	ReadOnly       bool   // default_transaction_read_only of new sessions of the role
	Archives       bool
	Sessions       int // of others
	Others         []cluster.OtherRun
	Prod           []string // databases of the server that have prod in their names
	LogicalSlots   []string
	MaxConnections int    // those that are for superusers are taken off
	Connections    int    // that are taken
	DataDir        string // "": the role may not read it
	ApplyDelay     time.Duration
	Paused         bool  // its replay
	Bytes          int64 // of all databases that the role can measure
	Clock          time.Duration
	ClockWithin    time.Duration // how exactly Clock, which is what its clock is ahead of ours, is known
}

// examineTimeout bounds how long one node is looked at.
const examineTimeout = 10 * time.Second

// Examine looks at a cluster before a run. It only reads; on the nodes' machines it runs the program true.
func Examine(ctx context.Context, x cluster.Existing) Examination {
	e := Examination{Nodes: make([]Seen, len(x.Nodes))}
	commands := make([]error, len(x.Nodes))
	exec, err := parseExec(x.Exec)
	if err != nil {
		e.add(Bad, "", "", "exec: %v", err)
	}
	var wg sync.WaitGroup
	for i, n := range x.Nodes {
		wg.Go(func() { e.Nodes[i] = look(ctx, n.Name, n.DSN, false) })
		if exec != nil {
			wg.Go(func() { commands[i] = tryExec(ctx, machine{n.Name, n.Host, exec}) })
		}
	}
	var clients *Seen
	if x.Clients != "" {
		wg.Go(func() { clients = lookClients(ctx, x) })
	}
	ways := make([]wayEnd, len(x.Ways))
	for i, way := range x.Ways {
		wg.Go(func() { ways[i] = follow(ctx, way) })
	}
	wg.Wait()
	e.judge(x)
	e.distinguished(ctx, x)
	e.steps(ctx, x)
	e.managed(ctx, x)
	e.clients(clients, x)
	e.ways(ways, x)
	e.Pooled = clients != nil && clients.Pooled
	if exec != nil {
		e.commands(*exec, x, commands)
	}
	e.free(ctx, exec, x, commands)
	return e
}

// judge adds what there is to say of the nodes as they were seen.
func (e *Examination) judge(x cluster.Existing) {
	e.health()
	e.marked(x)
	e.otherRuns()
	e.writable(x)
	e.risks(x)
	e.rights()
	e.synchronous(x)
	e.capacity(x)
	e.connections(x)
	e.proofs(x)
	e.delayed(x)
}

// distinguished wants to know which node a standby is.
func (e *Examination) distinguished(ctx context.Context, x cluster.Existing) {
	var nodes []cluster.MetStandby
	for i, n := range x.Nodes {
		s := e.Nodes[i].Streams
		if seen := e.Nodes[i]; n.Standby != "" && seen.Error == nil && seen.Receives && seen.Rights[0] && !strings.EqualFold(n.Standby, s.Name) {
			e.add(Bad, n.Name, fmt.Sprintf("write standby: %s, or leave it out", s.Name), "its application_name as a standby is %q, and the file says standby: %s", s.Name, n.Standby)
		}
		s.Node, s.Host, s.Name = n.Name, n.DSN.Address.Host, cmp.Or(n.Standby, s.Name)
		nodes = append(nodes, s)
	}
	for _, n := range x.Unread {
		if n.Standby != "" {
			nodes = append(nodes, cluster.MetStandby{Node: n.Name, Name: n.Standby})
		}
	}
	others, err := cluster.Distinguish(ctx, nodes)
	if err != nil {
		e.add(Bad, "", "", "%v", err)
		return
	}
	e.unnamed(others[:len(x.Nodes)], x)
}

// beginReading is how a transaction begins that reads, on every node: no standby lets one begin that is serializable.
const beginReading = "begin isolation level read committed read only"

// beginLook begins one whatever the defaults of the role and the database are: a time can be written in ways that cannot be read.
func beginLook() []string {
	return []string{beginReading, "set local search_path = pg_catalog", "set local datestyle = 'ISO'"}
}

//go:embed look.sql
var lookSQL string

// look looks at the server behind a connection string. Pooled: a pooler may be between, as before the load's clients.
func look(ctx context.Context, name string, dsn cluster.DSN, pooled bool) Seen {
	s := Seen{Name: name}
	ctx, cancel := context.WithTimeout(ctx, examineTimeout)
	defer cancel()
	conn, err := connect(ctx, dsn, "doctor", pooled)
	if err != nil {
		s.Error = err
		return s
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // which was only to read
	// One transaction, and settings of its own: in a pooler the next one can have another session, and this session another client.
	for _, sql := range beginLook() {
		if _, s.Error = conn.Exec(ctx, sql); s.Error != nil {
			return s
		}
	}
	var comment, standbys string
	var delay int64 // in ms
	s.Error = conn.QueryRow(ctx, lookSQL, cluster.OwnApp+"%").Scan(&s.SystemID, &s.Database, &s.Standby, &s.Version, &s.Server, &comment, &s.Senders, &s.Receives,
		&s.Encrypted, &s.ClusterName, &s.Creates, &s.SyncNames, &s.SyncCommit, &s.Archives, &s.Sessions, &s.MaxConnections, &s.Connections, &s.DataDir, &s.Bytes, &standbys, &delay, &s.Paused, &s.Prod, &s.LogicalSlots)
	s.ApplyDelay = time.Duration(delay) * time.Millisecond
	s.Marked = strings.Contains(comment, Mark)
	if pooled { // pg_stat_ssl is of the pooler's own session
		_, s.Encrypted = conn.PgConn().Conn().(*tls.Conn)
	}
	if s.Error != nil {
		return s
	}
	if s.Error = s.readStandbys(standbys); s.Error != nil {
		return s
	}
	if s.Standby {
		if s.Streams.Name, s.Error = cluster.StandbyName(ctx, conn, name); s.Error != nil {
			return s
		}
	}
	for _, r := range rights {
		has := false
		if err := conn.QueryRow(ctx, "select "+r.has).Scan(&has); err != nil {
			s.Error = err
			return s
		}
		s.Rights = append(s.Rights, has)
	}
	if s.Others, s.Error = cluster.OtherRuns(ctx, conn, ""); s.Error != nil {
		return s
	}
	if s.ReadOnly, s.Error = readOnlyByDefault(ctx, dsn); s.Error != nil {
		return s
	}
	if s.Way, s.Error = cluster.Straight(ctx, conn); s.Error != nil {
		return s
	}
	s.Error = s.readClock(ctx, conn)
	return s
}

// readOnlyByDefault tells whether the sessions of the load cannot write, since the server, the role or the database makes them read-only. It takes
// a session without the settings of a run's own.
func readOnlyByDefault(ctx context.Context, dsn cluster.DSN) (is bool, err error) {
	conn, end, err := beginReadingAt(ctx, dsn)
	if err != nil {
		return false, err
	}
	defer end()
	return is, conn.QueryRow(ctx, "select pg_catalog.current_setting('default_transaction_read_only') = 'on'").Scan(&is)
}

// beginReadingAt begins a transaction that only reads, in a session without the settings of a run's own. The returned function ends both.
func beginReadingAt(ctx context.Context, dsn cluster.DSN) (conn *pgx.Conn, end func(), err error) {
	conn, err = connect(ctx, dsn, "doctor", true)
	if err != nil {
		return nil, nil, err
	}
	end = func() { _ = conn.Close(context.WithoutCancel(ctx)) }
	if _, err := conn.Exec(ctx, beginReading); err != nil {
		end()
		return nil, nil, err
	}
	return conn, end, nil
}

// readClock compares the server's clock with ours. The shortest of a few questions is the most exact one.
func (s *Seen) readClock(ctx context.Context, conn *pgx.Conn) error {
	for i := range 5 {
		var there time.Time
		asked := time.Now()
		if err := conn.QueryRow(ctx, "select clock_timestamp()").Scan(&there); err != nil {
			return err
		}
		took := time.Since(asked)
		if i == 0 || took/2 < s.ClockWithin {
			s.Clock, s.ClockWithin = there.Sub(asked.Add(took/2)), took/2
		}
	}
	return nil
}

// protocolViolation is the SQLSTATE by which PgBouncer refuses start-up parameters (disconnect_client in its objects.c).
const protocolViolation = "08P01"

// connect opens a session. It leaves no prepared statement behind in a pooler. Where it is not to be pooled, it begins with a
// setting, as all sessions of a run do: a pooler refuses that.
func connect(ctx context.Context, dsn cluster.DSN, app string, pooled bool) (*pgx.Conn, error) {
	cfg, err := pgx.ParseConfig(dsn.For(cluster.OwnApp + app))
	if err != nil {
		return nil, errors.New("its connection string cannot be used")
	}
	cfg.DefaultQueryExecMode = pgx.QueryExecModeExec
	if !pooled {
		cfg.RuntimeParams["default_transaction_read_only"] = "on"
		cfg.RuntimeParams["default_transaction_isolation"] = "read committed" // no standby lets one begin that is serializable
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &pg) && pg.Code == protocolViolation && !pooled:
		return nil, fmt.Errorf("connect as %s: %w: a pooler such as PgBouncer is there; let the node's dsn lead to the server itself, and clients to the pooler", dsn, err)
	case err != nil:
		return nil, fmt.Errorf("connect as %s: %w", dsn, err)
	}
	return conn, nil
}
