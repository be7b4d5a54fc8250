package existing

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"pgchaos/cluster"
	observed "pgchaos/record"
)

// syncs are the primary's settings, and what the file demands. n2 and n3 stream as s2 and s3.
func syncs(names, commit, demand, demandedCommit string) func(*Seen, *cluster.Existing) {
	return func(s *Seen, x *cluster.Existing) {
		s.SyncNames, s.SyncCommit, x.Sync = names, commit, &cluster.Synchronous{Standbys: demand, Commit: demandedCommit}
		x.Commits = true
	}
}

// streams is a line of pg_stat_replication.
func streams(name string, standby bool) func(*Seen, *cluster.Existing) {
	return func(s *Seen, _ *cluster.Existing) {
		s.Streams.Standbys, s.Replays = []observed.StandbyState{{Name: name, State: "streaming"}}, []bool{standby}
	}
}

// TestRefusals: each thing that speaks against a run alone refuses it, with what to do; nothing but the user's word outweighs
// what is only risky.
func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		name  string
		dsn   string // "": of a host that is verified
		but   func(*Seen, *cluster.Existing)
		want  string // "": it is not refused
		never bool   // not with --yes-this-may-break either
	}{
		{name: "nothing", but: func(*Seen, *cluster.Existing) {}},
		{name: "ten gigabytes", but: func(s *Seen, _ *cluster.Existing) { s.Bytes = mostBytes }},
		{name: "more", but: func(s *Seen, _ *cluster.Existing) { s.Bytes = 11 << 30 }, want: "its databases have 11 GB, and more than 10 GB look like data that somebody needs; check whose data that is"},
		{name: "archiving", but: func(s *Seen, _ *cluster.Existing) { s.Archives = true }, want: "archiving is on: n1; the WAL of the run goes into that archive, too: check whose it is"},
		{name: "ten sessions", but: func(s *Seen, _ *cluster.Existing) { s.Sessions = mostSessions }},
		{name: "eleven", but: func(s *Seen, _ *cluster.Existing) { s.Sessions = 11 }, want: "sessions of others on all nodes: 11, and more than 10 look like users; look who uses the cluster"},
		{name: "a cluster's name", but: func(s *Seen, _ *cluster.Existing) { s.ClusterName = "Main-PROD" }, want: `the name "Main-PROD" has prod in it; check that it is not in production`},
		{name: "a database beside", but: func(s *Seen, _ *cluster.Existing) { s.Prod = []string{"production"} }, want: `the name "production" has prod in it`},
		{name: "a standby's name", but: streams("prod-2", true), want: `the name "prod-2" has prod in it`},
		{name: "a standby", but: streams("n2", true)},
		{name: "an archive", but: streams("barman", false), want: "n1: receivers that are no standbys stream from it, such as an archive, a base backup or a subscriber: barman; look in its pg_stat_replication who needs that"},
		{name: "an archive that the file names", but: func(s *Seen, x *cluster.Existing) {
			streams("vault", false)(s, x)
			x.Unread = []cluster.ExistingNode{{Name: "v", Standby: "vault"}}
		}},
		{name: "logical slots", but: func(s *Seen, _ *cluster.Existing) { s.LogicalSlots = []string{"cdc"} }, want: "n1: it has logical replication slots: cdc; look whose they are: a failover loses logical slots"},
		{name: "the proxy's name", but: func(_ *Seen, x *cluster.Existing) { x.Clients = "postgres://prod-lb:5000/x" }, want: `the name "prod-lb" has prod in it`},
		{name: "clients without TLS", but: func(_ *Seen, x *cluster.Existing) { x.Clients = "postgres://db9:5000/x?sslmode=disable" }, want: "the connection to clients does not use TLS: the network can read it, and answer in the server's place; write sslmode=verify-full in clients"},
		{name: "clients on this machine", but: func(_ *Seen, x *cluster.Existing) { x.Clients = "postgres://127.0.0.9:5000/x?sslmode=disable" }},
		{name: "a name that looks like this machine", but: func(_ *Seen, x *cluster.Existing) { x.Clients = "postgres://127.example.com/x?sslmode=disable" }, want: "the connection to clients does not use TLS"},
		{name: "no TLS", but: func(s *Seen, _ *cluster.Existing) { s.Encrypted = false }, want: "does not use TLS: the network can read it, and answer in the server's place; write sslmode=verify-full in its dsn"},
		{name: "TLS with anybody", dsn: "postgres://chaos@db1/chaos?sslmode=require", but: func(*Seen, *cluster.Existing) {}, want: "the server's certificate is not verified (sslmode=require); write sslmode=verify-full"},
		{name: "no TLS on this machine", dsn: "postgres://chaos@localhost/chaos?sslmode=disable", but: func(s *Seen, _ *cluster.Existing) { s.Encrypted = false }},
		{name: "TLS with anybody on this machine", dsn: "postgres://chaos@127.0.0.1/chaos?sslmode=prefer", but: func(*Seen, *cluster.Existing) {}},
		{name: "a clock behind", but: func(s *Seen, _ *cluster.Existing) { s.Clock = -3 * time.Second }, want: "its clock is 3.0 s behind this machine's: times in its log differ from those in the report; let both keep time by NTP"},
		{name: "a clock that may be right", but: func(s *Seen, _ *cluster.Existing) { s.Clock, s.ClockWithin = 1200*time.Millisecond, time.Second }},
		{name: "another run", but: func(s *Seen, _ *cluster.Existing) {
			s.Others = []cluster.OtherRun{{Run: "x-20300101-000000-abcd", Schema: "pgchaos_x", Database: "chaos", Sessions: 7}}
		}, want: "another run of pgchaos is at work on this cluster, and each would see what the other one breaks: x-20300101-000000-abcd, with the schema pgchaos_x and sessions (7); wait for its end; where its pgchaos was killed, 'pgchaos clean x-20300101-000000-abcd' ends its sessions", never: true},
		{name: "another run in another database", but: func(s *Seen, _ *cluster.Existing) {
			s.Others = []cluster.OtherRun{{Run: "0101-000000-abcd", Database: "other", Sessions: 7}}
		}, want: "another run of pgchaos, whose id ends with 0101-000000-abcd, has sessions (7) in the database other of this cluster"},
		{name: "what a killed run has left", but: func(s *Seen, _ *cluster.Existing) {
			s.Others = []cluster.OtherRun{{Run: "x-20300101-000000-abcd", Schema: "pgchaos_x", Database: "chaos"}}
		}},
		{name: "sessions that are read-only", but: func(s *Seen, x *cluster.Existing) { s.ReadOnly, x.Writes = true, true }, want: "n1: new sessions of the role chaos in the database chaos are read-only (default_transaction_read_only = on), and the load could not write; undo it where it was set: alter role \"chaos\" reset default_transaction_read_only, or alter database", never: true},
		{name: "sessions that are read-only, and a load that only reads", but: func(s *Seen, _ *cluster.Existing) { s.ReadOnly = true }},
		{name: "no mark", but: func(s *Seen, _ *cluster.Existing) { s.Marked = false }, want: "is not marked as one that pgchaos may use; if it is a cluster to be broken, run 'pgchaos mark'", never: true},
		{name: "as demanded", but: syncs("ANY 1 (s2, s3)", "on", "1 (n2, n3)", "")},
		{name: "more than demanded", but: syncs("2 (s2, S3)", "remote_apply", "1 (n2, n3)", "on")},
		{name: "fewer standbys", but: syncs("1 (s2, s3)", "on", "2 (n2, n3)", ""), want: `its synchronous_standby_names is "1 (s2, s3)", and the file demands more: "2 (n2, n3)"`, never: true},
		{name: "any standby", but: syncs("*", "on", "1 (n2, n3)", ""), want: `its synchronous_standby_names is "*", and the file demands more`, never: true},
		{name: "a standby that the file does not name", but: syncs("other, s2", "on", "n2", ""), want: `its synchronous_standby_names is "other, s2"`, never: true},
		{name: "a role that waits for nobody", but: syncs("s2", "local", "n2", ""), want: "the role chaos has synchronous_commit = local, and the file demands on: its commits would not wait as demanded", never: true},
		{name: "a role that waits for nobody, and no workload commits so", but: func(s *Seen, x *cluster.Existing) {
			syncs("s2", "local", "n2", "")(s, x)
			x.Commits = false
		}},
		{name: "not for the replay", but: syncs("s2", "on", "n2", "remote_apply"), want: "synchronous_commit = on, and the file demands remote_apply", never: true},
		{name: "as much as is demanded", but: syncs("s2", "remote_write", "n2", "remote_write")},
		{name: "no schema", but: func(s *Seen, _ *cluster.Existing) { s.Creates = false }, want: "may not make a schema", never: true},
		{name: "an old version", but: func(s *Seen, _ *cluster.Existing) { s.Version = 120009 }, want: "pgchaos needs PostgreSQL 13 or later", never: true},
		{name: "no primary", but: func(s *Seen, _ *cluster.Existing) { s.Standby, s.Receives = true, true }, want: "none of the nodes that can be read is the primary; name the primary that they stream from among the nodes", never: true},
		{name: "nobody to stream from", but: func(s *Seen, _ *cluster.Existing) { s.Standby = true }, want: "is the primary; name the primary among the nodes, or promote one if there is none", never: true},
	} {
		dsn, err := cluster.ParseDSN(strings.TrimSpace(tt.dsn + map[bool]string{true: "postgres://chaos@db1/chaos?sslmode=verify-full"}[tt.dsn == ""]))
		if err != nil {
			t.Fatal(err)
		}
		seen := Seen{Name: "n1", SystemID: "7", Version: 150004, Server: "15.4", Marked: true, Encrypted: true, Rights: []bool{true, true, true, true}, Creates: true, MaxConnections: 97}
		x := cluster.Existing{Nodes: []cluster.ExistingNode{{Name: "n1", Host: "n1", DSN: dsn}}}
		tt.but(&seen, &x)
		e := Examination{Nodes: []Seen{seen}}
		if x.Sync != nil {
			for _, node := range []string{"n2", "n3"} {
				standby := seen
				standby.Name, standby.Standby, standby.Receives = node, true, true
				standby.Streams.Name = "s" + node[1:]
				x.Nodes = append(x.Nodes, cluster.ExistingNode{Name: node, Host: node, DSN: dsn})
				e.Nodes = append(e.Nodes, standby)
			}
		}
		e.judge(x)
		if x.Clients != "" {
			e.clients(&Seen{SystemID: seen.SystemID}, x)
		}
		err = e.Refused(false)
		if (err != nil) != (tt.want != "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
		if accepted := e.Refused(true); (accepted != nil) != tt.never {
			t.Errorf("%s, which may break: %v", tt.name, accepted)
		}
		if tt.want != "" && !tt.never && !strings.Contains(err.Error(), "; add --yes-this-may-break if it may") {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// TestOfAnotherCluster: each node is held against the first one that was read.
func TestOfAnotherCluster(t *testing.T) {
	primary := func(name, system string) Seen {
		return Seen{Name: name, SystemID: system, Version: 150004, Server: "15.4"}
	}
	standby := func(name, system string) Seen {
		return Seen{Name: name, SystemID: system, Version: 150004, Server: "15.4", Standby: true, Receives: true}
	}
	unread := Seen{Name: "n1", Error: errors.New("wrong password")}
	for name, tt := range map[string]struct {
		nodes []Seen
		want  string
	}{
		"the one between":           {[]Seen{primary("n1", "1"), primary("n2", "2"), standby("n3", "1")}, "n2: it is of another cluster than n1: its system identifier is 2, and that of n1 is 1; check its dsn\nn1: it is the primary"},
		"beside one that is unread": {[]Seen{unread, primary("n2", "2"), standby("n3", "1")}, "n1: it cannot be read: wrong password; mend that first: nothing is known of a node that cannot be read\nn3: it is of another cluster than n2: its system identifier is 1, and that of n2 is 2; check its dsn\nn2: it is the primary"},
		"the primary":               {[]Seen{standby("n1", "1"), primary("n2", "2")}, "n2: it is of another cluster than n1: its system identifier is 2, and that of n1 is 1; check its dsn\nnone of the nodes that can be read is the primary; name the primary that they stream from among the nodes"},
	} {
		e := Examination{Nodes: tt.nodes}
		e.health()
		var lines []string
		for _, f := range e.Findings {
			lines = append(lines, f.String())
		}
		if got := strings.Join(lines, "\n"); !strings.Contains(got, tt.want) {
			t.Errorf("%s: it says\n%s", name, got)
		}
	}
	old := standby("n3", "1")
	old.Version, old.Server = 140002, "14.2"
	e := Examination{Nodes: []Seen{unread, primary("n2", "1"), old}}
	e.connections(cluster.Existing{Nodes: make([]cluster.ExistingNode, 3)})
	if got := e.Refused(true); got == nil || !strings.Contains(got.Error(), "it is PostgreSQL 14.2, and n2 is of version 15") {
		t.Error(got)
	}
}

// TestAStandbyReadHalfway: nothing is said of the name of a standby whose session ended before its rights were read.
func TestAStandbyReadHalfway(t *testing.T) {
	e := Examination{Nodes: []Seen{{Name: "n1", Standby: true, Receives: true, Error: errors.New("the session has ended")}}}
	e.distinguished(t.Context(), cluster.Existing{Nodes: []cluster.ExistingNode{{Name: "n1", Standby: "other"}}})
	if len(e.Findings) > 0 {
		t.Errorf("%v", e.Findings)
	}
}

// TestCommitsOfAWay: the synchronous_commit at the end of a way refuses the run only where a workload commits with it.
func TestCommitsOfAWay(t *testing.T) {
	for _, commits := range []bool{true, false} {
		e := Examination{Nodes: []Seen{{Name: "n1", SystemID: "7", Database: "chaos", Marked: true}}}
		x := cluster.Existing{
			Nodes: []cluster.ExistingNode{{Name: "n1"}, {Name: "n2"}}, Sync: &cluster.Synchronous{Standbys: "n2"},
			Ways: []cluster.Way{{Where: "load.w.url", Config: &pgx.ConnConfig{Config: pgconn.Config{Host: "127.0.0.1"}}, Commits: commits}},
		}
		e.ways([]wayEnd{{servers: []wayServer{{systemID: "7", database: "chaos", marked: true, commit: "off"}}}}, x)
		if err := e.Refused(false); (err != nil) != commits || commits && !strings.Contains(err.Error(), "load.w.url has synchronous_commit = off") {
			t.Errorf("commits %v: %v", commits, err)
		}
	}
}

// TestDelayed: what a standby that replays late means for a run.
func TestDelayed(t *testing.T) {
	for _, tt := range []struct {
		seen Seen
		want Weight // 0: nothing is said
	}{
		{Seen{Standby: true}, 0},
		{Seen{ApplyDelay: time.Hour}, 0}, // of a primary
		{Seen{Standby: true, Paused: true}, Bad},
		{Seen{Standby: true, ApplyDelay: time.Second}, Good},
		{Seen{Standby: true, ApplyDelay: 30 * time.Second}, Unknown},
		{Seen{Standby: true, ApplyDelay: time.Hour, Error: errors.New("the session has ended")}, 0},
	} {
		e := Examination{Nodes: []Seen{tt.seen}}
		e.delayed(cluster.Existing{CatchUp: 30 * time.Second})
		if len(e.Findings) != min(1, int(tt.want)) || tt.want > 0 && e.Findings[0].Weight != tt.want || (tt.want == Unknown) != (len(e.Warnings) == 1) {
			t.Errorf("%+v: %v, %q", tt.seen, e.Findings, e.Warnings)
		}
	}
}
