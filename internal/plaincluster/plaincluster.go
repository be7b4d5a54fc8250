// Package plaincluster starts a small cluster that pgchaos has not built, by PostgreSQL's own programs: a primary and its
// standby, with a database and a role that has no more rights than docs/existing.md asks for.
package plaincluster

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/internal/serverdir"
	"pgchaos/internal/skip"
)

// The names of the cluster.
const (
	Database = "shop"
	Role     = "chaos"
	Password = "pl4in-Hunter2" // of the role
)

// Cluster is the primary n1 and its standby n2.
type Cluster struct {
	// Dir has the data directories, and the commands kill and start, each for the name of a node.
	Dir   string
	Ports map[string]int
	// KeepsStatements: the PgBouncer that was started keeps the prepared statements of its clients apart.
	KeepsStatements bool

	bin  string
	cred *syscall.Credential // of the servers; nil: this user's
}

// Start starts one, and ends it with the test.
func Start(t testing.TB) *Cluster {
	t.Helper()
	return start(t, serverdir.Make)
}

// StartOnDisk starts one for what is to wait for a disk: its data lie on one, and no commit is done before they do.
func StartOnDisk(t testing.TB) *Cluster {
	t.Helper()
	c := start(t, serverdir.OnDisk)
	for name := range c.Ports {
		c.SQL(t, name, "postgres", "alter system set fsync = on")
		c.SQL(t, name, "postgres", "select pg_reload_conf()")
	}
	return c
}

func start(t testing.TB, newDir func(pattern string) (string, error)) *Cluster {
	t.Helper()
	dir, err := newDir("pgchaos-plain-")
	if err != nil {
		t.Fatal(err)
	}
	c := &Cluster{Dir: dir, Ports: map[string]int{}}
	t.Cleanup(func() {
		for name := range c.Ports {
			c.end(name)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if c.bin = programs(); c.bin == "" {
		skip.Test(t, "this test needs PostgreSQL's server programs, which 'make test' installs")
	}
	c.becomeServer(t)
	c.commands(t)
	c.build(t)
	return c
}

// programs is the directory of the newest server programs; "": there are none.
func programs() string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // its pattern is right
	slices.Sort(found)
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1])
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path)
	}
	return ""
}

// becomeServer gives the directory to the user of the servers: root may not run them.
func (c *Cluster) becomeServer(t testing.TB) {
	t.Helper()
	must(t, os.Chmod(c.Dir, 0o755))
	if os.Geteuid() != 0 {
		return
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	must(t, err)
	uid, err := strconv.Atoi(u.Uid)
	must(t, err)
	gid, err := strconv.Atoi(u.Gid)
	must(t, err)
	must(t, os.Chown(c.Dir, uid, gid))
	c.cred = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// commands writes what breaks a node and what starts it again. Each is right also where nothing is to be done.
func (c *Cluster) commands(t testing.TB) {
	t.Helper()
	as := ""
	if c.cred != nil {
		as = fmt.Sprintf("setpriv --reuid=%d --regid=%d --clear-groups ", c.cred.Uid, c.cred.Gid)
	}
	for name, text := range map[string]string{
		"kill": `pid=$(head -1 ` + c.Dir + `/"$1"/postmaster.pid) && kill -9 "$pid" || exit
while case "$(ps -o stat= -p "$pid")" in '' | Z*) false ;; esac; do sleep 0.02; done
`,
		"start": `cd ` + c.Dir + ` || exit 1
for i in $(seq 50); do
  # An ended postmaster that nobody has reaped yet would pass for one that runs.
  pid=$(head -1 "$1/postmaster.pid" 2>/dev/null)
  case "$(ps -o stat= -p "${pid:-0}")" in
  '' | Z*) rm -f "$1/postmaster.pid" ;;
  *) exit 0 ;;
  esac
  ` + as + c.bin + `/pg_ctl -D "$1" -l "$1.log" -w -t 30 start >/dev/null 2>&1 </dev/null && exit 0
  sleep 0.1
done
exit 1
`,
	} {
		must(t, os.WriteFile(filepath.Join(c.Dir, name), []byte("#!/bin/sh\n"+text), 0o755))
	}
}

func (c *Cluster) build(t testing.TB) {
	t.Helper()
	c.run(t, "initdb", "--no-sync", "-D", "n1", "-U", "postgres", "-A", "trust")
	c.append(t, "n1/postgresql.conf", `
listen_addresses = '127.0.0.1'
unix_socket_directories = '`+c.Dir+`'
max_connections = 60
shared_buffers = 16MB
fsync = off
dynamic_shared_memory_type = mmap  # which goes with the directory where a server is killed
wal_retrieve_retry_interval = 100ms
`)
	must(t, os.WriteFile(filepath.Join(c.Dir, "n1/pg_hba.conf"), []byte("host "+Database+" "+Role+` 127.0.0.1/32 scram-sha-256
host all all 127.0.0.1/32 trust
host replication all 127.0.0.0/8 trust
`), 0o600))
	c.configure(t, "n1")
	c.Start(t, "n1")
	for _, sql := range []string{
		"create database " + Database,
		"create role " + Role + " login password '" + Password + "'",
		"grant pg_monitor to " + Role,
		"grant create on database " + Database + " to " + Role,
	} {
		c.SQL(t, "n1", "postgres", sql)
	}
	c.SQL(t, "n1", Database, "create table customers as select generate_series(1, 100) as id")
	c.Clone(t, "n2", "n2", c.Ports["n1"])
	c.await(t)
}

// Clone makes another standby of n1, reached by a port of this machine, with an application_name.
func (c *Cluster) Clone(t testing.TB, node, called string, port int) {
	t.Helper()
	c.run(t, "pg_basebackup", "--no-sync", "-c", "fast", "-D", node, "-R", "-d", fmt.Sprintf("host=127.0.0.1 port=%d user=postgres application_name=%s", port, called))
	c.configure(t, node)
	c.Start(t, node)
}

// Another starts a server of another cluster, with a database and a role of the same names.
func (c *Cluster) Another(t testing.TB, node string) {
	t.Helper()
	c.run(t, "initdb", "--no-sync", "-D", node, "-U", "postgres", "-A", "trust")
	c.append(t, node+"/postgresql.conf", `
listen_addresses = '127.0.0.1'
unix_socket_directories = '`+c.Dir+`'
shared_buffers = 16MB
fsync = off
dynamic_shared_memory_type = mmap
`)
	c.configure(t, node)
	c.Start(t, node)
	c.SQL(t, node, "postgres", "create database "+Database)
	c.SQL(t, node, "postgres", "create role "+Role+" superuser login")
}

// configure gives a node a port of its own.
func (c *Cluster) configure(t testing.TB, node string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	c.Ports[node] = l.Addr().(*net.TCPAddr).Port
	must(t, l.Close())
	c.append(t, node+"/postgresql.conf", fmt.Sprintf("port = %d\ncluster_name = '%s'\n", c.Ports[node], node))
}

func (c *Cluster) append(t testing.TB, file, text string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(c.Dir, file), os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteString(text)
	must(t, err)
	must(t, f.Close())
}

// Start starts a node, unless it runs.
func (c *Cluster) Start(t testing.TB, node string) {
	t.Helper()
	if out, err := exec.Command(filepath.Join(c.Dir, "start"), node).CombinedOutput(); err != nil {
		log, _ := os.ReadFile(filepath.Join(c.Dir, node+".log"))
		t.Fatalf("start %s: %v\n%s%s", node, err, out, log)
	}
}

// await waits until the standby streams.
func (c *Cluster) await(t testing.TB) {
	t.Helper()
	for range 300 {
		if c.Get(t, "n1", "postgres", "select count(*)::text from pg_stat_replication where state = 'streaming'") == "1" {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the standby does not stream")
}

// end ends a node with all its processes.
func (c *Cluster) end(node string) {
	if _, err := os.Stat(filepath.Join(c.Dir, node, "postmaster.pid")); err == nil {
		_, _ = c.command("pg_ctl", "-D", node, "-m", "immediate", "-w", "stop").CombinedOutput() // it can be gone
	}
}

func (c *Cluster) command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(c.bin, program), args...)
	cmd.Dir = c.Dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.cred}
	return cmd
}

func (c *Cluster) run(t testing.TB, program string, args ...string) {
	t.Helper()
	if out, err := c.command(program, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
}

// DSN is a connection string of a node for a role; "": the one with few rights.
func (c *Cluster) DSN(node, database, role string) string {
	if role == "" {
		role = Role + ":" + Password
	}
	return fmt.Sprintf("postgres://%s@127.0.0.1:%d/%s", role, c.Ports[node], database)
}

// Connect connects as the superuser.
func (c *Cluster) Connect(t testing.TB, node, database string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), c.DSN(node, database, "postgres"))
	must(t, err)
	return conn
}

// SQL does something as the superuser.
func (c *Cluster) SQL(t testing.TB, node, database, sql string) {
	t.Helper()
	conn := c.Connect(t, node, database)
	_, err := conn.Exec(context.Background(), sql)
	must(t, err)
	must(t, conn.Close(context.Background()))
}

// Get is one value, as the superuser sees it.
func (c *Cluster) Get(t testing.TB, node, database, sql string) (value string) {
	t.Helper()
	conn := c.Connect(t, node, database)
	must(t, conn.QueryRow(context.Background(), sql).Scan(&value))
	must(t, conn.Close(context.Background()))
	return value
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Stop ends a node in an orderly way.
func (c *Cluster) Stop(t testing.TB, node string) {
	t.Helper()
	c.run(t, "pg_ctl", "-D", node, "-m", "fast", "-w", "stop")
}
