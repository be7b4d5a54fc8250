package pgload

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgchaos/internal/fakepg"
	"pgchaos/load"
	"pgchaos/record"
	"pgchaos/record/ledger"
)

// cluster is some fake servers, named a, b, c..., of which a is the primary.
type cluster struct {
	servers []*fakepg.Server
	network fakepg.Network
	ledger  *ledger.Ledger
	path    string
	cfg     Config
	cancels int // CancelRequests that the first server may have been sent
}

func newCluster(t testing.TB, n int) *cluster {
	t.Helper()
	c := &cluster{network: fakepg.Network{}, path: filepath.Join(t.TempDir(), "ledger.bin")}
	var err error
	if c.ledger, err = ledger.Create(c.path, "test"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.ledger.Close() }) // where the test has not done so itself
	for i := range n {
		s := &fakepg.Server{}
		s.SetStandby(i > 0)
		c.servers = append(c.servers, s)
		c.network[fmt.Sprintf("host%d:5432", i)] = s
		c.cfg.Endpoints = append(c.cfg.Endpoints, Endpoint{Node: string(rune('a' + i)), Host: fmt.Sprintf("host%d", i), Port: 5432})
	}
	c.cfg.Workload, c.cfg.Kind, c.cfg.Target = "writes", Insert, Primary
	c.cfg.Clients, c.cfg.ConnectTimeout, c.cfg.Payload = 1, 300*time.Millisecond, 20
	c.cfg.Ledger, c.cfg.Dial = c.ledger, c.network.Dial
	return c
}

// book closes the ledger, and opens what it has left.
func (c *cluster) book(t *testing.T) *ledger.Book {
	t.Helper()
	if err := c.ledger.Close(); err != nil {
		t.Fatal(err)
	}
	return openBook(t, c.path)
}

func openBook(t *testing.T, path string) *ledger.Book {
	t.Helper()
	b, err := ledger.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	if b.Damage != nil || !b.Closed {
		t.Errorf("damage %q, closed %v", b.Damage, b.Closed)
	}
	return b
}

// entries are all that a writer has sent.
func entries(t *testing.T, b *ledger.Book, writer int) (all []ledger.Entry) {
	t.Helper()
	for e, err := range b.Entries(writer, 1, record.MaxSeq) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

// counts are the writes of all writers by outcome.
func counts(b *ledger.Book) (sum [record.Outcomes]int64) {
	for _, a := range b.Writers() {
		for outcome, n := range a.Count() {
			sum[outcome] += n
		}
	}
	return sum
}

func (c *cluster) answers(a fakepg.Answer) {
	c.servers[0].SetAnswer(func(string, [][]byte) fakepg.Answer { return a })
}

// bubble runs a test in virtual time against a workload, and then checks what must
// hold of every one of them: not one CancelRequest but those asked for, and no connection left.
func (c *cluster) bubble(t *testing.T, test func(w *Workload)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c.cfg.Clock = record.StartClock()
		w, err := New(c.cfg)
		if err != nil {
			t.Fatal(err)
		}
		test(w)
		w.Close()
		for _, n := range w.nodes {
			if n.sessions != 0 {
				t.Errorf("node %s counts %d sessions after the last has closed", n.name, n.sessions)
			}
		}
		time.Sleep(20 * time.Second) // pgx cleans up in the background, for up to 15 s
		for i, s := range c.servers {
			if n := s.Cancels(); n != 0 && (i > 0 || n != c.cancels) {
				t.Errorf("server %d was sent %d CancelRequests", i, n)
			}
			if n := s.Open(); n != 0 {
				t.Errorf("%d connections to server %d are still open", n, i)
			}
			s.Close()
		}
	})
}

// reply is the outcome of an operation.
type reply struct {
	record.Op
	Pause time.Duration
}

// do does one operation in a session.
func do(ctx context.Context, s load.Session) (r reply) {
	r.Pause = s.Do(ctx, &r.Op)
	return r
}

// once does one operation in a session, and settles it.
func once(s load.Session) reply {
	r := do(context.Background(), s)
	r.Done = time.Second
	s.Settle(&r.Op, false)
	return r
}

// TestOutcomes goes through every outcome of an insert, end to end.
func TestOutcomes(t *testing.T) {
	for _, c := range []struct {
		why    string
		answer fakepg.Answer
		want   record.Outcome
		kind   string
		stays  bool // the connection
	}{
		{"acknowledged", fakepg.Answer{Delay: time.Minute}, record.OK, "", true},
		{"the wait for the standbys was cancelled", fakepg.Answer{Notice: &fakepg.Notice{Code: "01000", Routine: "SyncRepWaitForLSN"}}, record.Weak, "01000", true},
		{"another warning", fakepg.Answer{Notice: &fakepg.Notice{Code: "01000", Routine: "exec_stmt_raise"}}, record.OK, "", true},
		{"another code of the wait", fakepg.Answer{Notice: &fakepg.Notice{Code: "57P01", Routine: "SyncRepWaitForLSN"}}, record.OK, "", true},
		{"terminated in the wait", fakepg.Answer{Notice: &fakepg.Notice{Code: "57P01", Routine: "SyncRepWaitForLSN"}, Hang: true}, record.Unknown, "eof", false},
		{"no row was stored", fakepg.Answer{Tag: "INSERT 0 0"}, record.Failed, "no row", true},
		{"ERROR", fakepg.Answer{Code: "23505"}, record.Failed, "23505", true},
		{"demoted", fakepg.Answer{Code: "25006"}, record.Failed, "25006", false},
		{"cancelled", fakepg.Answer{Code: "57014"}, record.Unknown, "57014", false},
		{"FATAL", fakepg.Answer{Code: "57P01", Severity: "FATAL"}, record.Unknown, "57P01", false},
		{"closed instead of an answer", fakepg.Answer{Hang: true}, record.Unknown, "eof", false},
		{"closed after CommandComplete: the commit comes with Sync", fakepg.Answer{HangAfter: true}, record.Unknown, "eof", false},
		{"ERROR in a transaction that is still open", fakepg.Answer{Code: "23505", TxStatus: 'E'}, record.Failed, "23505", false},
		{"success in a transaction that is still open", fakepg.Answer{TxStatus: 'T'}, record.Failed, "transaction left open", false},
	} {
		t.Run(c.why, func(t *testing.T) {
			cl := newCluster(t, 1)
			cl.answers(c.answer)
			cl.bubble(t, func(w *Workload) {
				s := w.Open(0)
				reply := once(s)
				if reply.Outcome != c.want || reply.Kind != c.kind || (reply.Err == nil) != (c.want == record.OK) {
					t.Errorf("%v %q (%v), want %v %q", reply.Outcome, reply.Kind, reply.Err, c.want, c.kind)
				}
				synctest.Wait()
				if stays := cl.servers[0].Open() == 1; stays != c.stays {
					t.Errorf("the connection is kept: %v, want %v", stays, c.stays)
				}
				if cl.servers[0].SetAnswer(nil); once(s).Outcome != record.OK {
					t.Error("the session does not recover")
				}
				s.Close()
				e := entries(t, cl.book(t), 0)[0]
				answered := c.kind != "eof"
				if e.Outcome != c.want || (e.Server.Node == "a") != answered {
					t.Errorf("ledger: %+v", e)
				}
			})
		})
	}
}

// TestCannotConnect: such an operation has certainly failed, and gets no sequence number.
func TestCannotConnect(t *testing.T) {
	for _, c := range []struct {
		why     string
		prepare func(c *cluster)
		kind    string
	}{
		{"refused everywhere", func(c *cluster) { c.servers[0].SetRefuse(true); c.servers[1].SetRefuse(true) }, "connection refused"},
		{"primary dead, standby read-only", func(c *cluster) { c.servers[0].SetRefuse(true) }, "read only"},
		{"primary set read-only", func(c *cluster) { c.servers[0].SetReadOnly(true) }, "read only"},
		{"black holes", func(c *cluster) { c.servers[0].SetSilent(true); c.servers[1].SetSilent(true) }, "timeout"},
		{"accepted by the kernel, but the server is frozen", func(c *cluster) {
			c.servers[0].SetStartup(&fakepg.Answer{Delay: time.Second})
			c.servers[1].SetRefuse(true)
		}, "connection refused"},
		{"starting up", func(c *cluster) {
			c.servers[0].SetStartup(&fakepg.Answer{Code: "57P03"})
			c.servers[1].SetRefuse(true)
		}, "57P03"},
		{"too many connections", func(c *cluster) { c.servers[0].SetStartup(&fakepg.Answer{Code: "53300"}) }, "53300"},
		{"no such table", func(c *cluster) {
			c.servers[0].SetParse(func(string) fakepg.Answer { return fakepg.Answer{Code: "42P01"} })
		}, "42P01"},
		{"dies while the statement is prepared", func(c *cluster) {
			c.servers[0].SetParse(func(string) fakepg.Answer { return fakepg.Answer{Hang: true} })
		}, "eof"},
	} {
		t.Run(c.why, func(t *testing.T) {
			cl := newCluster(t, 2)
			c.prepare(cl)
			cl.bubble(t, func(w *Workload) {
				s := w.Open(0)
				began := time.Now()
				reply := once(s)
				if reply.Outcome != record.Failed || reply.Kind != c.kind || reply.Err == nil {
					t.Errorf("%v %q: %v", reply.Outcome, reply.Kind, reply.Err)
				}
				if took := time.Since(began); took > 600*time.Millisecond {
					t.Errorf("took %v: a node may take ConnectTimeout, no more", took)
				}
				if reply.Pause < 5*time.Millisecond || reply.Pause > 10*time.Millisecond {
					t.Errorf("first pause %v", reply.Pause)
				}
				for range 10 {
					reply = once(s)
				}
				if reply.Pause < 250*time.Millisecond || reply.Pause > 500*time.Millisecond {
					t.Errorf("eleventh pause %v", reply.Pause)
				}
				for _, server := range cl.servers {
					server.SetRefuse(false)
					server.SetSilent(false)
					server.SetReadOnly(false)
					server.SetStartup(nil)
					server.SetParse(nil)
				}
				time.Sleep(time.Second) // frozen ones wake up
				if reply := once(s); reply.Outcome != record.OK {
					t.Errorf("afterwards: %v %v", reply.Outcome, reply.Err)
				}
				s.Close()
				if n := cl.book(t).Writers()[0].Issued; n != 1 {
					t.Errorf("%d sequence numbers were used, want that of the one that could be sent", n)
				}
			})
		})
	}
}

// TestNothingSentIsCertain: the server is gone, and not a byte of the write left.
func TestNothingSentIsCertain(t *testing.T) {
	cl := newCluster(t, 1)
	cl.bubble(t, func(w *Workload) {
		s := w.Open(0)
		once(s)
		cl.servers[0].Kill()
		synctest.Wait()
		if reply := once(s); reply.Outcome != record.Failed || reply.Kind != "closed" {
			t.Errorf("%v %q: %v", reply.Outcome, reply.Kind, reply.Err)
		}
		if e := entries(t, cl.book(t), 0)[1]; e.Outcome != record.Failed || e.Server != (ledger.Server{}) {
			t.Errorf("ledger: %+v", e)
		}
		s.Close()
	})
}

// TestNewPrimaryIsFound after a switch-over that leaves the old primary running.
func TestNewPrimaryIsFound(t *testing.T) {
	cl := newCluster(t, 3)
	cl.bubble(t, func(w *Workload) {
		s := w.Open(0)
		once(s)
		cl.servers[0].SetStandby(true)
		cl.answers(fakepg.Answer{Code: "25006"})
		if reply := once(s); reply.Kind != "25006" || reply.Outcome != record.Failed || reply.Pause != 0 {
			t.Errorf("%+v", reply)
		}
		if reply := once(s); reply.Kind != "read only" || reply.Pause == 0 {
			t.Errorf("nobody is primary: %+v", reply)
		}
		cl.servers[2].SetStandby(false)
		cl.servers[2].SetIdentity("7", 2)
		if reply := once(s); reply.Outcome != record.OK {
			t.Errorf("%+v", reply)
		}
		s.Close()
		all := entries(t, cl.book(t), 0)
		for i, want := range []ledger.Server{{Node: "a", SystemID: "1", Timeline: 1}, {Node: "a", SystemID: "1", Timeline: 1}, {Node: "c", SystemID: "7", Timeline: 2}} {
			if all[i].Server != want || all[i].Outcome != []record.Outcome{record.OK, record.Failed, record.OK}[i] {
				t.Errorf("ledger: %+v, want %+v", all[i], want)
			}
		}
	})
}

// TestOneOutageAfterAnother: the backoff begins anew, and an operation without a
// sequence number records nothing under the one before.
func TestOneOutageAfterAnother(t *testing.T) {
	cl := newCluster(t, 1)
	cl.bubble(t, func(w *Workload) {
		s := w.Open(0)
		for round := range 2 {
			cl.servers[0].SetRefuse(false)
			if reply := once(s); reply.Outcome != record.OK {
				t.Fatalf("%+v", reply)
			}
			cl.servers[0].SetRefuse(true)
			cl.servers[0].Kill()
			synctest.Wait()
			for _, want := range []string{"closed", "connection refused", "connection refused", "connection refused"} {
				reply := once(s)
				if reply.Kind != want {
					t.Errorf("round %d: %+v, want %s", round, reply, want)
				}
				if want == "closed" && reply.Pause != 0 || reply.Pause > 40*time.Millisecond {
					t.Errorf("round %d: pause %v", round, reply.Pause)
				}
			}
		}
		book := cl.book(t)
		if n := counts(book); book.Writers()[0].Issued != 4 || n[record.OK] != 2 || n[record.Failed] != 2 {
			t.Errorf("ledger: %v", n)
		}
		s.Close()
	})
}

// TestBlackHoleIsAskedLast: only the first session pays for a node that does not
// answer, or a failover would be as slow for every client.
func TestBlackHoleIsAskedLast(t *testing.T) {
	for _, c := range []struct {
		why, target string
		apart       time.Duration
	}{
		{"the primary was last found elsewhere", Primary, time.Minute},
		{"a standby has just not answered", Replicas, 0},
	} {
		t.Run(c.why, func(t *testing.T) {
			cl := newCluster(t, 2)
			cl.cfg.Clients, cl.cfg.Target = 3, c.target
			cl.bubble(t, func(w *Workload) {
				cl.servers[0].SetSilent(true)
				cl.servers[1].SetStandby(c.target == Replicas)
				sessions := make([]load.Session, 0, 5)
				for i, want := range []time.Duration{300 * time.Millisecond, 0, 0} {
					began := time.Now()
					s := w.Open(i)
					sessions = append(sessions, s)
					if reply := once(s); reply.Outcome != record.OK || time.Since(began) != want {
						t.Errorf("client %d: %v after %v", i, reply.Outcome, time.Since(began))
					}
					time.Sleep(c.apart)
				}
				for _, s := range sessions {
					s.Close()
				}
				synctest.Wait()
			})
		})
	}
}

func TestWrongConfigs(t *testing.T) {
	for why, change := range map[string]func(c *Config){
		"no endpoints":        func(c *Config) { c.Endpoints = nil },
		"unknown target":      func(c *Config) { c.Target = "z" },
		"unknown kind":        func(c *Config) { c.Kind = "upsert" },
		"no statement":        func(c *Config) { c.Kind = SQL },
		"no ledger":           func(c *Config) { c.Ledger = nil },
		"a table of a server": func(c *Config) { c.Table = "a.b.c" },
		"an empty schema":     func(c *Config) { c.Table = ".b" },
	} {
		c := newCluster(t, 1)
		change(&c.cfg)
		if _, err := New(c.cfg); err == nil {
			t.Errorf("%s: no error", why)
		}
	}
}

// TestWhoAnswered: the node's number is its place among all endpoints; nobody's is
// known where several refused.
func TestWhoAnswered(t *testing.T) {
	tests := []struct {
		name, target string
		prepare      func(c *cluster)
		client, want int
	}{
		{"the primary", Primary, func(*cluster) {}, 0, 1},
		{"the primary is another", Primary, func(c *cluster) { c.servers[0].SetStandby(true); c.servers[2].SetStandby(false) }, 0, 3},
		{"nobody", Primary, func(c *cluster) { c.servers[0].SetRefuse(true) }, 0, 0},
		{"each its own", Each, func(*cluster) {}, 1, 2},
		{"each its own, which refuses", Each, func(c *cluster) { c.servers[1].SetRefuse(true) }, 1, 2},
		{"a node", "c", func(*cluster) {}, 0, 3},
		{"it answered with an error", "c", func(c *cluster) {
			c.servers[2].SetAnswer(func(string, [][]byte) fakepg.Answer { return fakepg.Answer{Code: "25006"} })
		}, 0, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cl := newCluster(t, 3)
			cl.cfg.Target, cl.cfg.Clients = tt.target, 3
			tt.prepare(cl)
			cl.bubble(t, func(w *Workload) {
				s := w.Open(tt.client)
				for range 2 { // connecting, and connected
					if reply := once(s); reply.Node != tt.want {
						t.Errorf("node %d, want %d (%v %v)", reply.Node, tt.want, reply.Outcome, reply.Err)
					}
				}
				s.Close()
				synctest.Wait()
			})
		})
	}
}

// slowStart is a connection whose first write returns long after it has been done. It sees
// whether somebody reads already when a statement is sent.
type slowStart struct {
	net.Conn
	begun   atomic.Bool
	readers atomic.Int32
	stolen  *atomic.Bool
}

func (c *slowStart) Read(b []byte) (int, error) {
	c.readers.Add(1)
	defer c.readers.Add(-1)
	return c.Conn.Read(b)
}

func (c *slowStart) Write(b []byte) (int, error) {
	if parse := b[0] == 'P'; parse && c.readers.Load() > 0 {
		c.stolen.Store(true)
	}
	n, err := c.Conn.Write(b)
	if !c.begun.Swap(true) {
		time.Sleep(30 * time.Millisecond)
	}
	return n, err
}

// TestNobodyElseReads: pgx begins to read in the background where a write takes long, as on
// a busy machine, and would get the answers that come over the same connection.
func TestNobodyElseReads(t *testing.T) {
	cl := newCluster(t, 1)
	cl.cfg.Target = "a" // whom nobody asks anything while connecting
	var stolen atomic.Bool
	dial := cl.cfg.Dial
	cl.cfg.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		return &slowStart{Conn: conn, stolen: &stolen}, err
	}
	cl.bubble(t, func(w *Workload) {
		s := w.Open(0)
		defer s.Close()
		if reply := once(s); reply.Outcome != record.OK || stolen.Load() {
			t.Errorf("%+v, read by somebody else: %v", reply, stolen.Load())
		}
	})
}
