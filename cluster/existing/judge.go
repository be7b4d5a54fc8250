package existing

import (
	"cmp"
	"fmt"
	"math"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/cluster"
)

// health wants one primary, and all others streaming from it.
func (e *Examination) health() {
	var primaries []string
	unread, receives := false, false
	var first *Seen // of those that were read: the others are held against it
	for i := range e.Nodes {
		n := &e.Nodes[i]
		switch {
		case n.Error != nil:
			e.add(Bad, n.Name, "mend that first: nothing is known of a node that cannot be read", "it cannot be read: %v", n.Error)
			unread = true
			continue
		case first != nil && n.SystemID != first.SystemID:
			e.add(Bad, n.Name, "check its dsn", "it is of another cluster than %s: its system identifier is %s, and that of %s is %s", first.Name, n.SystemID, first.Name, first.SystemID)
			continue
		case !n.Standby:
			primaries = append(primaries, n.Name)
		case !n.Receives:
			e.add(Bad, n.Name, "let it catch up first", "it is a standby and does not stream")
		}
		if receives = receives || n.Receives; first == nil {
			first = n
		}
	}
	switch {
	case len(primaries) == 0 && unread: // it may be that one, and a second primary would split the cluster
	case len(primaries) == 0 && receives:
		e.add(Bad, "", "name the primary that they stream from among the nodes", "none of the nodes that can be read is the primary")
	case len(primaries) == 0:
		e.add(Bad, "", "name the primary among the nodes, or promote one if there is none", "none of the nodes that can be read is the primary")
	case len(primaries) > 1:
		e.add(Bad, "", "make one of them a standby of the other", "%s accept writes: that is a split brain", strings.Join(primaries, " and "))
	case len(e.Findings) == 0 && len(e.Nodes) > 1: // nothing is wrong with the others
		e.add(Good, primaries[0], "", "it is the primary, and all other nodes stream")
	default:
		e.add(Good, primaries[0], "", "it is the primary")
	}
}

// marked wants the mark.
func (e *Examination) marked(x cluster.Existing) {
	for _, n := range e.Nodes {
		if n.Error == nil && !n.Marked {
			e.add(Bad, "", "if it is a cluster to be broken, run 'pgchaos mark' with the connection string of its primary, once",
				"the database %s is not marked as one that pgchaos may use", x.Nodes[0].DSN.Database)
			return
		}
	}
	if e.primary() != nil {
		e.add(Good, "", "", "the database %s is marked as one that pgchaos may use", x.Nodes[0].DSN.Database)
	}
}

// primary is the node that accepts writes; nil: none was seen.
func (e *Examination) primary() *Seen {
	for i := range e.Nodes {
		if n := &e.Nodes[i]; n.Error == nil && !n.Standby {
			return n
		}
	}
	return nil
}

// What a cluster may have before a run needs --yes-this-may-break: more looks like one that people use.
const (
	mostSessions = 10
	mostBytes    = 10 << 30
)

// writable wants the load's sessions not to be read-only by default: not one of their writes would succeed.
func (e *Examination) writable(x cluster.Existing) {
	p := e.primary()
	if p == nil || !p.ReadOnly || !x.Writes {
		return
	}
	dsn := x.Nodes[0].DSN
	role, database := pgx.Identifier{dsn.User.Name}.Sanitize(), pgx.Identifier{dsn.Database}.Sanitize()
	const reset = " reset default_transaction_read_only"
	e.add(Bad, p.Name, fmt.Sprintf("undo it where it was set: alter role %s%s, or alter database %s%s, or alter role %s in database %s%s, or in the server's configuration", role, reset, database, reset, role, database, reset),
		"new sessions of the role %s in the database %s are read-only (default_transaction_read_only = on), and the load could not write", dsn.User.Name, dsn.Database)
}

// risks looks for signs that people use the cluster.
func (e *Examination) risks(x cluster.Existing) {
	var names []string
	sessions, archives := 0, []string{}
	for i, n := range x.Nodes {
		s := e.Nodes[i]
		names = append(names, n.Name, n.DSN.Address.Host, n.Host, s.ClusterName, n.DSN.Database, n.DSN.User.Name)
		names = append(names, s.Prod...)
		for _, standby := range s.Streams.Standbys {
			names = append(names, standby.Name)
		}
		sessions += s.Sessions
		if s.Archives {
			archives = append(archives, n.Name)
		}
	}
	for _, text := range []string{x.Clients, x.Manager.PgAutoFailover} {
		if dsn, err := cluster.ParseDSN(text); err == nil {
			names = append(names, dsn.Address.Host)
		}
	}
	for _, url := range agents(x.Manager.Patroni) {
		names = append(names, hostOf(url))
	}
	for _, way := range x.Ways {
		names = append(names, way.Config.Host, way.Config.Database)
	}
	seen := map[string]bool{}
	for _, name := range names {
		if strings.Contains(strings.ToLower(name), "prod") && !seen[name] {
			seen[name] = true
			e.add(Risky, "", "check that it is not in production", "the name %q has prod in it", name)
		}
	}
	p := e.primary()
	if p == nil {
		return
	}
	others := fmt.Sprintf("sessions of others on all nodes: %d", sessions)
	if sessions > mostSessions {
		e.add(Risky, "", "look who uses the cluster: select * from pg_stat_activity", "%s, and more than %d look like users", others, mostSessions)
	} else {
		e.add(Good, "", "", "%s", others)
	}
	e.readers(x)
	size := fmt.Sprintf("its databases have %s", sizeText(p.Bytes))
	if p.Bytes > mostBytes {
		e.add(Risky, p.Name, "check whose data that is", "%s, and more than %s look like data that somebody needs", size, sizeText(mostBytes))
	} else {
		e.add(Good, p.Name, "", "%s", size)
	}
	if len(archives) > 0 {
		e.add(Risky, "", "the WAL of the run goes into that archive, too: check whose it is", "archiving is on: %s", strings.Join(archives, ", "))
	} else {
		e.add(Good, "", "", "archiving is off")
	}
}

// readers looks for those who read the WAL of a node, and are no standbys: archives such as pg_receivewal, and subscribers.
func (e *Examination) readers(x cluster.Existing) {
	for _, n := range e.Nodes {
		var names []string
		for i, s := range n.Streams.Standbys {
			named := slices.ContainsFunc(x.Unread, func(u cluster.ExistingNode) bool { return cmp.Or(u.Standby, u.Name) == s.Name })
			if i < len(n.Replays) && !n.Replays[i] && !named {
				names = append(names, s.Name)
			}
		}
		if len(names) > 0 {
			e.add(Risky, n.Name, "look in its pg_stat_replication who needs that", "receivers that are no standbys stream from it, such as an archive, a base backup or a subscriber: %s", strings.Join(names, ", "))
		}
		if len(n.LogicalSlots) > 0 {
			e.add(Risky, n.Name, "look whose they are: a failover loses logical slots, unless they are synchronized to the standbys", "it has logical replication slots: %s", strings.Join(n.LogicalSlots, ", "))
		}
	}
}

// sizeText is a size for a person.
func sizeText(n int64) string {
	for _, u := range []struct {
		of   int64
		name string
	}{{1 << 30, "GB"}, {1 << 20, "MB"}, {1 << 10, "kB"}} {
		if n >= u.of {
			return fmt.Sprintf("%.0f %s", float64(n)/float64(u.of), u.name)
		}
	}
	return fmt.Sprintf("%d bytes", n)
}

// ownConnections is how many sessions pgchaos itself has on a node beside the load.
const ownConnections = 10

// capacity wants enough connections for the load: an error for the lack of one would be no finding.
func (e *Examination) capacity(x cluster.Existing) {
	for _, n := range e.Nodes {
		if n.Error != nil {
			continue
		}
		free, need := n.MaxConnections-n.Connections, ownConnections
		if !n.Standby {
			need += x.Sessions
		}
		if free < need {
			e.add(Bad, n.Name, "lower the clients, or raise max_connections", "it has %d free connections, and the run needs up to %d", free, need)
		} else {
			e.add(Good, n.Name, "", "it has %d free connections, and the run needs up to %d", free, need)
		}
	}
}

// clockBound is the difference of two clocks that misleads nobody who compares the report with a server's log.
const clockBound = time.Second

// connections looks at how pgchaos gets to the nodes, and at their versions and clocks.
func (e *Examination) connections(x cluster.Existing) {
	major, of := 0, "" // the first node that was read
	for i, n := range e.Nodes {
		if n.Error != nil {
			continue
		}
		switch this := n.Version / 10000; {
		case this < 13:
			e.add(Bad, n.Name, "pgchaos needs PostgreSQL 13 or later", "it is PostgreSQL %s", n.Server)
		case major != 0 && this != major:
			e.add(Bad, n.Name, "check its dsn", "it is PostgreSQL %s, and %s is of version %d", n.Server, of, major)
		default:
			if major == 0 {
				major, of = this, n.Name
			}
			e.add(Good, n.Name, "", "it is PostgreSQL %s", n.Server)
		}
		dsn := x.Nodes[i].DSN
		e.encrypted(n.Name, "the connection", "in its dsn", security{dsn.Address.Host, dsn.Settings()["sslmode"], n.Encrypted})
		if ahead := math.Abs(n.Clock.Seconds()); ahead > (clockBound + n.ClockWithin).Seconds() {
			way := "ahead of"
			if n.Clock < 0 {
				way = "behind"
			}
			e.add(Risky, n.Name, "let both keep time by NTP", "its clock is %.1f s %s this machine's: times in its log differ from those in the report", ahead, way)
		} else {
			e.add(Good, n.Name, "", "its clock differs from this machine's by less than %s", clockBound)
		}
	}
}

// security is how a session is secured, and to which host.
type security struct {
	host, mode string
	tls        bool
}

// encrypted wants a connection to another machine to use TLS, and to know whose server that is.
func (e *Examination) encrypted(node, what, where string, of security) {
	mode, host, tls := of.mode, of.host, of.tls
	address, err := netip.ParseAddr(host)
	here := err == nil && address.IsLoopback() || host == "localhost" || strings.HasPrefix(host, "/")
	switch {
	case tls && strings.HasPrefix(mode, "verify-"):
		e.add(Good, node, "", "%s uses TLS, and the server's certificate is verified (sslmode=%s)", what, mode)
	case here:
		e.add(Good, node, "", "%s %s TLS, and does not leave this machine", what, map[bool]string{true: "uses", false: "does not use"}[tls])
	case tls:
		e.add(Risky, node, "write sslmode=verify-full "+where+" to be sure whose server it is", "%s uses TLS, but the server's certificate is not verified (sslmode=%s)", what, mode)
	default:
		e.add(Risky, node, "write sslmode=verify-full "+where, "%s does not use TLS: the network can read it, and answer in the server's place", what)
	}
}

// clients wants the load's way to lead to the primary.
func (e *Examination) clients(s *Seen, x cluster.Existing) {
	p := e.primary()
	switch {
	case s == nil:
		return
	case s.Error != nil:
		e.add(Bad, "", "the load would not get to the cluster", "clients: it cannot be reached: %v", s.Error)
	case p == nil:
	case s.SystemID != p.SystemID:
		e.add(Bad, "", "check clients in cluster.existing", "clients leads to another cluster: its system identifier is %s, and that of %s is %s", s.SystemID, p.Name, p.SystemID)
	case s.Database != p.Database:
		e.add(Bad, "", "let it lead to the database of the nodes' connection strings, which is the marked one", "clients leads to the database %s, and the nodes' connection strings to %s", s.Database, p.Database)
	case s.Standby:
		e.add(Bad, "", "let it lead to the primary", "clients leads to a standby")
	case s.Pooled && x.Prepares && !s.Apart:
		e.add(Bad, "", "write protocol: simple in the workloads, or let the pooler give each client a session (PgBouncer: pool_mode = session), or keep their statements apart (PgBouncer from 1.21 on: max_prepared_statements)",
			"clients leads to a pooler that gives each transaction another session, where prepared statements of one client are met by others")
	case s.Pooled:
		e.add(Good, "", "", "clients leads to the primary, by a pooler that gives each transaction a session: each insert asks which server acknowledges it")
	default:
		e.add(Good, "", "", "clients leads to the primary of this cluster")
	}
	if dsn, err := clientsDSN(x); err == nil && s.Error == nil {
		e.encrypted("", "the connection to clients", "in clients", security{dsn.Address.Host, dsn.Settings()["sslmode"], s.Encrypted})
	}
}

// commands says which nodes' machines run commands.
func (e *Examination) commands(exec cluster.ExecTemplate, x cluster.Existing, failed []error) {
	for i, n := range x.Nodes {
		line := cluster.CommandLine(exec.Argv(n.Host, cluster.TryCommand().Argv))
		if failed[i] != nil {
			e.add(Bad, n.Name, "mend exec in cluster.existing: the faults and what takes them back need it", "the command %s did not succeed: %v", line, failed[i])
		} else {
			e.add(Good, n.Name, "", "the command %s succeeded", line)
		}
	}
}

// proofs names the nodes of which it cannot be shown that their server has ended: something between could have ended the sessions, and no
// command tells whether the server still listens.
func (e *Examination) proofs(x cluster.Existing) {
	if len(x.Ends) == 0 || x.Exec != "" {
		return
	}
	for _, n := range e.Nodes {
		if n.Error == nil && n.Way != nil {
			e.add(Unknown, n.Name, "name an exec in cluster.existing, or write a command that tells it as the proof",
				"it cannot be shown that its server has ended, which is the proof of %s: %v", strings.Join(x.Ends, ", "), n.Way)
		}
	}
}

// delayed names the standbys that replay late. A run waits for them at its end, and not for ever.
func (e *Examination) delayed(x cluster.Existing) {
	for _, n := range e.Nodes {
		switch {
		case n.Error == nil && n.Paused:
			e.add(Bad, n.Name, "on it: select pg_wal_replay_resume(). Somebody has paused it, or a run that was killed: see 'pgchaos clean'", "its replay is paused, so that it does not catch up")
		case n.Error != nil || !n.Standby || n.ApplyDelay == 0:
		case n.ApplyDelay >= x.CatchUp:
			e.add(Unknown, n.Name, "set it to 0 for the run", "its recovery_min_apply_delay is %s, and at its end a run waits %s for a standby to replay: what this one has will not be known", n.ApplyDelay, x.CatchUp)
			e.Warnings = append(e.Warnings, fmt.Sprintf("recovery_min_apply_delay of %s was %s before the load, and the run waits %s at its end for a standby to replay", n.Name, n.ApplyDelay, x.CatchUp))
		default:
			e.add(Good, n.Name, "at its end a run waits for that", "its recovery_min_apply_delay is %s: what is read there is at least as old", n.ApplyDelay)
		}
	}
}

// hostOf is the host of a URL; "": it has none.
func hostOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
