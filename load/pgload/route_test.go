package pgload

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"pgchaos/internal/skip"
	"pgchaos/load"
	"pgchaos/record"
)

// give writes a file that the server can read, and nobody else.
func (pg *postgres) give(path string, content []byte) {
	pg.t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		pg.t.Fatal(err)
	}
	if attr := as(pg.t, pg.dir); attr.Credential != nil {
		if err := os.Chown(path, int(attr.Credential.Uid), int(attr.Credential.Gid)); err != nil {
			pg.t.Fatal(err)
		}
	}
}

// certificate makes a self-signed certificate for a name or address, as PEM.
func certificate(t *testing.T, host string) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	if ip := net.ParseIP(host); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{host}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
}

// encrypted starts a server that takes nothing but TLS, and writes its certificate, and
// one that is not its own, to files.
func startEncrypted(t *testing.T, host string) (pg *postgres, a *admin, own, other string) {
	pg = startPostgres(t)
	a = pg.admin()
	a.exec("create role loader login")
	cert, key := certificate(t, host)
	pg.give(pg.dir+"/data/server.crt", cert)
	pg.give(pg.dir+"/data/server.key", key)
	pg.give(pg.dir+"/data/pg_hba.conf", []byte("hostssl all loader 127.0.0.1/32 trust\nhost all postgres 127.0.0.1/32 trust\n"))
	a.exec("alter system set ssl = on", "select pg_reload_conf()")
	pg.until("TLS is offered", func() bool {
		return a.number("select count(*) from pg_settings where name = 'ssl' and setting = 'on'") == 1
	})
	own, other = filepath.Join(t.TempDir(), "own.crt"), filepath.Join(t.TempDir(), "other.crt")
	stranger, _ := certificate(t, host)
	for path, content := range map[string][]byte{own: cert, other: stranger} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return pg, a, own, other
}

func TestTLS(t *testing.T) {
	pg, a, own, other := startEncrypted(t, "127.0.0.1")
	defer func() { _ = a.Close(t.Context()) }()
	inTLS := []string{"select 1/(case when ssl then 1 else 0 end) from pg_stat_ssl where pid = pg_backend_pid()"}
	for _, c := range []struct {
		name string
		set  map[string]string
		want record.Outcome
		kind string
		says string
	}{
		{"the whole", map[string]string{"sslmode": "verify-full", "sslrootcert": own}, record.OK, "", ""},
		{"the authority", map[string]string{"sslmode": "verify-ca", "sslrootcert": own}, record.OK, "", ""},
		{"nothing is verified", map[string]string{"sslmode": "require"}, record.OK, "", ""},
		{"preferred", map[string]string{"sslmode": "prefer"}, record.OK, "", ""},
		{"a wrong authority", map[string]string{"sslmode": "verify-full", "sslrootcert": other}, record.Failed, "tls", "only: its certificate is not trusted"},
		{"a wrong authority alone", map[string]string{"sslmode": "verify-ca", "sslrootcert": other}, record.Failed, "tls", "only: its certificate is not trusted"},
		{"none", nil, record.Failed, "28000", "no encryption"},
	} {
		t.Run(c.name, func(t *testing.T) {
			pg.t = t
			cfg := pg.config(SQL)
			cfg.SQL, cfg.Connection = inTLS, c.set
			reply := once(pg.session(cfg))
			expect(t, reply, c.want, c.kind)
			if c.says != "" && (reply.Err == nil || !strings.Contains(reply.Err.Error(), c.says)) {
				t.Errorf("%v, want it to say %q", reply.Err, c.says)
			}
		})
	}
	pg.t = t
	testCancelWithTLS(t, pg, a, own)
	t.Run("the cluster's", func(t *testing.T) {
		pg.t = t
		cfg := pg.config(SQL)
		cfg.SQL, cfg.Cluster = inTLS, map[string]string{"sslmode": "verify-full", "sslrootcert": own}
		expect(t, once(pg.session(cfg)), record.OK, "")
		cfg.Connection = map[string]string{"sslmode": "disable"}
		expect(t, once(pg.session(cfg)), record.Failed, "28000")
	})
}

// testCancelWithTLS: a CancelRequest reaches the server, and not one byte is sent in clear.
func testCancelWithTLS(t *testing.T, pg *postgres, a *admin, own string) {
	cfg := pg.config(SQL)
	cfg.SQL, cfg.OnTimeout = []string{"select pg_sleep(60)"}, Cancel
	cfg.Connection = map[string]string{"sslmode": "verify-full", "sslrootcert": own}
	var mu sync.Mutex
	var firsts []string
	dial := keptAlive()
	cfg.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		return &firstBytes{Conn: conn, note: func(b []byte) {
			mu.Lock()
			defer mu.Unlock()
			firsts = append(firsts, string(b))
		}}, err
	}
	s := pg.session(cfg)
	done := make(chan reply)
	go func() { done <- once(s) }()
	pg.until("the statement runs", func() bool {
		return a.number("select count(*) from pg_stat_activity where application_name = 'pgload' and wait_event = 'PgSleep'") == 1
	})
	if !s.(load.Interrupter).Interrupt() {
		t.Fatal("there is nothing to interrupt")
	}
	expect(t, <-done, record.Unknown, "timeout, cancelled")
	mu.Lock()
	defer mu.Unlock()
	if request := "\x00\x00\x00\x08\x04\xd2\x16\x2f"; len(firsts) != 2 || firsts[0] != request || firsts[1] != request {
		t.Errorf("first bytes sent %q", firsts)
	}
}

type firstBytes struct {
	net.Conn
	note func(b []byte)
	once sync.Once
}

func (f *firstBytes) Write(b []byte) (int, error) {
	f.once.Do(func() { f.note(slices.Clone(b)) })
	return f.Conn.Write(b)
}

// TestURL through the server itself, through HAProxy and through PgBouncer: the inserts
// are the server's by its name, or by when it was started.
func TestURL(t *testing.T) {
	pg := startPostgres(t, "-c", "cluster_name=here")
	a := pg.admin()
	defer func() { _ = a.Close(t.Context()) }()
	a.exec("create role loader login")
	if err := CreateTable(t.Context(), a.Conn, DefaultTable); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		start func(pg *postgres) int
	}{
		{"the server", func(pg *postgres) int { return pg.port }},
		{"HAProxy", startHAProxy},
		{"PgBouncer", startPgBouncer},
	} {
		t.Run(c.name, func(t *testing.T) {
			pg.t = t
			port := c.start(pg)
			cfg := pg.config(Insert)
			cfg.Endpoints = []Endpoint{{Node: "other", Host: "192.0.2.1", Port: 1}}
			cfg.Route, cfg.URL, cfg.OnTimeout = URL, fmt.Sprintf("postgres://127.0.0.1:%d/postgres", port), Cancel
			expect(t, once(pg.session(cfg)), record.OK, "") // by a server that is none of the nodes
			book := pg.book(cfg)
			if all := entries(t, book, len(book.Writers())-1); all[0].Server.Node != "" || all[0].Server.Timeline != 1 {
				t.Errorf("ledger: %+v", all)
			}
			next := pg.config(Insert)
			next.Endpoints = []Endpoint{{Node: "other", Host: "192.0.2.1", Port: 1}, {Node: "here", Host: "192.0.2.2", Port: 1}}
			next.Route, next.URL, next.OnTimeout = cfg.Route, cfg.URL, cfg.OnTimeout
			s := pg.session(next)
			for range 5 {
				reply := once(s)
				if expect(t, reply, record.OK, ""); reply.Node != 2 {
					t.Errorf("node %d, want 2", reply.Node)
				}
			}
			book = pg.book(next)
			for _, e := range entries(t, book, len(book.Writers())-1) {
				if e.Server.Node != "here" {
					t.Errorf("ledger: %+v", e)
				}
			}
			cancelThrough(t, pg, a, next)
			started := a.number("select (extract(epoch from pg_postmaster_start_time()) * 1000000)::bigint")
			known := pg.config(Insert)
			known.Endpoints, known.Route, known.URL, known.OnTimeout = next.Endpoints, next.Route, next.URL, next.OnTimeout
			known.Started = func(at time.Time) string { return map[bool]string{true: "other"}[at.UnixMicro() == started] }
			if reply := once(pg.session(known)); reply.Node != 1 {
				t.Errorf("by when the server was started: node %d, want 1", reply.Node)
			}
		})
	}
}

// cancelThrough: a CancelRequest goes the way of the connection.
func cancelThrough(t *testing.T, pg *postgres, a *admin, cfg Config) {
	t.Helper()
	cfg.Work = Work{Kind: SQL, SQL: []string{"select pg_sleep(60)"}}
	s := pg.session(cfg)
	done := make(chan reply)
	go func() { done <- once(s) }()
	pg.until("the statement runs", func() bool {
		return a.number("select count(*) from pg_stat_activity where wait_event = 'PgSleep'") == 1
	})
	s.(load.Interrupter).Interrupt()
	expect(t, <-done, record.Unknown, "timeout, cancelled")
}

// daemon starts a program that stays, as somebody who is not root, until the test ends.
func (pg *postgres) daemon(port int, program string, args ...string) {
	pg.t.Helper()
	cmd := exec.Command(program, args...)
	cmd.SysProcAttr, cmd.Dir = as(pg.t, pg.dir), pg.dir
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		pg.t.Fatal(err)
	}
	pg.t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // gone already: fine
		_ = cmd.Wait()
		if pg.t.Failed() {
			pg.t.Logf("%s said: %s", program, said.String())
		}
	})
	pg.until(program+" listens", func() bool {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
}

// findProxy skips the test where a program is not installed. In CI it is.
func findProxy(t *testing.T, program string) string {
	t.Helper()
	for _, name := range []string{program, "/usr/sbin/" + program} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	skip.Test(t, "no %s: scripts/setup.sh test installs it", program)
	return ""
}

func startHAProxy(pg *postgres) int {
	program, port := findProxy(pg.t, "haproxy"), freePort(pg.t)
	pg.give(pg.dir+"/haproxy.cfg", fmt.Appendf(nil, `defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen postgres
  bind 127.0.0.1:%d
  server only 127.0.0.1:%d
`, port, pg.port))
	pg.daemon(port, program, "-db", "-f", pg.dir+"/haproxy.cfg")
	return port
}

func startPgBouncer(pg *postgres) int {
	program, port := findProxy(pg.t, "pgbouncer"), freePort(pg.t)
	pg.give(pg.dir+"/users.txt", []byte("\"loader\" \"\"\n"))
	pg.give(pg.dir+"/pgbouncer.ini", fmt.Appendf(nil, `[databases]
postgres = host=127.0.0.1 port=%d dbname=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
auth_type = trust
auth_file = %s/users.txt
pool_mode = session
server_reset_query = discard all
unix_socket_dir =
`, pg.port, port, pg.dir))
	pg.daemon(port, program, pg.dir+"/pgbouncer.ini")
	return port
}

// TestTopology: a session whose node is the primary no longer moves over before its next
// operation, without an error, and back to the hosts when nobody knows.
func TestTopology(t *testing.T) {
	cl := newCluster(t, 3)
	primary := "a"
	cl.cfg.Route, cl.cfg.Primary = Topology, func() string { return primary }
	cl.bubble(t, func(w *Workload) {
		s := w.Open(0)
		for _, step := range []struct {
			why     string
			primary string
			standby [3]bool
			want    int
		}{
			{"at first", "a", [3]bool{false, true, true}, 1},
			{"promoted, and the old one still accepts writes", "b", [3]bool{false, false, true}, 2},
			{"nobody knows, and where it is is as good", "", [3]bool{false, false, true}, 2},
			{"moved on", "c", [3]bool{true, true, false}, 3},
		} {
			primary = step.primary
			for i, standby := range step.standby {
				cl.servers[i].SetStandby(standby)
			}
			if reply := once(s); reply.Outcome != record.OK || reply.Node != step.want {
				t.Errorf("%s: %+v, want node %d", step.why, reply, step.want)
			}
		}
		primary = "a" // a mistake, or it is not ready: nobody else is asked
		if reply := once(s); reply.Outcome != record.Failed || reply.Kind != "read only" || reply.Node != 1 || reply.Pause == 0 {
			t.Errorf("%+v", reply)
		}
		primary = ""
		if reply := once(s); reply.Outcome != record.OK || reply.Node != 3 {
			t.Errorf("nobody knows: %+v", reply)
		}
		s.Close()
	})
}

// TestTopologyOfReplicas: a standby that was promoted is left before it is asked.
func TestTopologyOfReplicas(t *testing.T) {
	cl := newCluster(t, 2)
	primary := "a"
	cl.cfg.Work, cl.cfg.Target = Work{Kind: SQL, SQL: []string{"select 1"}}, Replicas
	cl.cfg.Route, cl.cfg.Primary = Topology, func() string { return primary }
	cl.bubble(t, func(w *Workload) {
		s := w.Open(0)
		for _, want := range []int{2, 1} {
			if reply := once(s); reply.Outcome != record.OK || reply.Node != want {
				t.Errorf("%+v, want node %d", reply, want)
			}
			primary = "b"
			cl.servers[0].SetStandby(true)
			cl.servers[1].SetStandby(false)
		}
		s.Close()
	})
}

func TestWrongRoutes(t *testing.T) {
	for name, c := range map[string]struct {
		change func(c *Config)
		says   string
	}{
		"a host":             {func(c *Config) { c.Connection = map[string]string{"host": "x"} }, "host"},
		"an application":     {func(c *Config) { c.Connection = map[string]string{"application_name": "x"} }, "application_name"},
		"a port in capitals": {func(c *Config) { c.Connection = map[string]string{"PORT": "1"} }, "PORT"},
		"no such mode":       {func(c *Config) { c.Connection = map[string]string{"sslmode": "perhaps"} }, "sslmode"},
		"TLS that is off":    {func(c *Config) { c.Connection = map[string]string{"sslrootcert": "x"} }, "sslmode"},
		"no such file":       {func(c *Config) { c.Connection = map[string]string{"sslmode": "verify-full", "sslrootcert": "/none"} }, "CA"},
		"no such route":      {func(c *Config) { c.Route = "scenic" }, "scenic"},
		"no topology":        {func(c *Config) { c.Route = Topology }, "nobody tells"},
		"no URL":             {func(c *Config) { c.Route = URL }, "no URL"},
		"no URL at all":      {func(c *Config) { c.Route, c.URL = URL, "secret" }, "cannot be read"},
		"a URL's setting":    {func(c *Config) { c.Route, c.URL = URL, "postgres://u:secret@h/d?sslmode=perhaps" }, "url"},
		"a URL's attributes": {func(c *Config) { c.Route, c.URL = URL, "postgres://u:secret@h/d?target_session_attrs=secret" }, "url"},
		"a URL's file":       {func(c *Config) { c.Route, c.URL = URL, "postgres://u:secret@h/d?sslmode=require&sslrootcert=/none" }, "url"},
		"a URL's port":       {func(c *Config) { c.Route, c.URL = URL, "postgres://u:secret@h:x/d" }, "url"},
		"a URL's host": {func(c *Config) {
			c.Route, c.URL, c.Connection = URL, "postgres://h", map[string]string{"host": "x"}
		}, "host"},
		"no such protocol":  {func(c *Config) { c.Protocol = "udp" }, "udp"},
		"no such isolation": {func(c *Config) { c.Isolation = "splendid" }, "splendid"},
		"fewer than none":   {func(c *Config) { c.Retry = -1 }, "-1"},
	} {
		cl := newCluster(t, 1)
		c.change(&cl.cfg)
		_, err := New(cl.cfg)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q in it", name, err, c.says)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error shows the URL: %v", name, err)
		}
	}
}

// TestEnvironmentHasNoSay: what is in libpq's variables is not of the experiment.
func TestEnvironmentHasNoSay(t *testing.T) {
	for name, value := range map[string]string{
		"PGHOST": "elsewhere", "PGSSLMODE": "require", "PGUSER": "somebody", "PGOPTIONS": "-c x=y", "PGTZ": "Mars",
		"PGAPPNAME": "z", "PGTARGETSESSIONATTRS": "standby", "PGSSLROOTCERT": "/none", "PGPASSWORD": "p", "PGCHANNELBINDING": "require",
	} {
		t.Setenv(name, value)
	}
	c := Config{User: "u", Database: "d", AppName: "n", Target: Each}
	for _, c.Route = range []string{Hosts, URL} {
		c.URL = "postgres://host:1"
		cc, err := c.settings(Endpoint{Host: "host", Port: 1})
		if err != nil {
			t.Fatal(err)
		}
		params := fmt.Sprint(cc.RuntimeParams)
		if cc.Host != "host" || cc.Port != 1 || cc.User != "u" || cc.Password != "" || cc.Database != "d" || cc.ValidateConnect != nil ||
			params != map[string]string{Hosts: "map[application_name:n client_min_messages:warning]", URL: "map[application_name:n]"}[c.Route] || c.Route == Hosts && cc.TLSConfig != nil || cc.ChannelBinding != "prefer" {
			t.Errorf("route %s: %s:%s@%s:%d/%s, %s, TLS %v, channel binding %s", c.Route, cc.User, cc.Password, cc.Host, cc.Port, cc.Database,
				params, cc.TLSConfig != nil, cc.ChannelBinding)
		}
	}
}

// TestAURLWithAService: what the service says of the port and of TLS stays, unless the URL or the connection says something else.
func TestAURLWithAService(t *testing.T) {
	file := filepath.Join(t.TempDir(), "services")
	if err := os.WriteFile(file, []byte("[x]\nport=6543\nsslmode=verify-full\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PGSERVICEFILE", file)
	for _, tt := range []struct {
		url, sslmode string
		port         uint16
		verified     bool
	}{
		{"postgres://host?service=x", "", 6543, true},
		{"postgres://host:1?service=x", "", 1, true},
		{"postgres://host?service=x&sslmode=disable", "", 6543, false},
		{"postgres://host?service=x", "disable", 6543, false},
		{"postgres://host", "", 5432, false},
	} {
		c := Config{User: "u", Database: "d", AppName: "n", Target: Each, Route: URL, URL: tt.url}
		if tt.sslmode != "" {
			c.Connection = map[string]string{"sslmode": tt.sslmode}
		}
		cc, err := c.settings(Endpoint{})
		if err != nil {
			t.Fatal(err)
		}
		if verified := cc.TLSConfig != nil && !cc.TLSConfig.InsecureSkipVerify && len(cc.Fallbacks) == 0; cc.Host != "host" || cc.Port != tt.port || verified != tt.verified {
			t.Errorf("%s, %q: %s:%d, verified %v", tt.url, tt.sslmode, cc.Host, cc.Port, verified)
		}
	}
}
