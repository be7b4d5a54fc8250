package hatest

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// TestPatroni starts a cluster, looks at it by nothing but its addresses, breaks it by each command, and looks for what is left.
func TestPatroni(t *testing.T) {
	t.Parallel()
	c := Up(t, Patroni, "nodes=2", "synchronous_mode=true", "loop_wait=2", "retry_timeout=3", "ttl=20")
	if got := answer(t, c.Env["DSN_n1"], "select pg_is_in_recovery()::text"); got != "false" {
		t.Errorf("n1 in recovery: %s, want the leader", got)
	}
	if got := answer(t, c.Env["DSN_n2"], "select pg_is_in_recovery()::text"); got != "true" {
		t.Errorf("n2 in recovery: %s, want a standby", got)
	}
	if got := answer(t, c.Env["DSN_n2"], "select status from pg_stat_wal_receiver"); got != "streaming" {
		t.Errorf("n2's WAL receiver: %s, want streaming", got)
	}
	checkRole(t, c.Env["WRITE_DSN"])
	if got := answer(t, c.Env["WRITE_DSN"], "select string_agg(application_name || ' ' || sync_state, ',') from pg_stat_replication"); got != "n2 sync" {
		t.Errorf("standbys: %s, want n2 sync", got)
	}
	for name, want := range map[string]string{"WRITE_DSN": "127.0.0.11 false", "READ_DSN": "127.0.0.12 true", "MULTIHOST_DSN": "127.0.0.11 false"} {
		if got := answer(t, c.Env[name], "select concat_ws(' ', host(inet_server_addr()), pg_is_in_recovery()::text)"); got != want {
			t.Errorf("%s leads to %s, want %s", name, got, want)
		}
	}
	checkREST(t, c.Env["REST_n1"]+"/leader", http.StatusOK)
	checkREST(t, c.Env["REST_n2"]+"/leader", http.StatusServiceUnavailable)
	checkREST(t, c.Env["REST_n2"]+"/sync", http.StatusOK)

	on := filepath.Join(c.Dir, "bin", "on")
	for _, command := range []string{"agent-runs", "resume-manager", "pause-manager", "manager-paused", "resume-manager", "manager-runs"} {
		c.run(t, on, "n1", command)
	}
	hangAgent(t, c)
	if os.Getuid() == 0 {
		cutLink(t, c)
	}
	c.Do(t, "kill-node", "n2")
	if !c.Is("node-down", "n2") || c.Is("node-down", "n1") {
		t.Error("n2 was killed: node-down must hold for it, and not for n1")
	}
	left := processes(t, c)
	if out := c.run(t, c.script, "status", c.Dir); !strings.Contains(out, "n2: ended") || !strings.Contains(out, "Leader") {
		t.Errorf("status:\n%s", out)
	}
	c.Down(t)
	checkNothingLeft(t, c, left)
}

// checkRole checks that the role of the load may do what it must, and not more.
func checkRole(t *testing.T, dsn string) {
	t.Helper()
	const rights = `select concat_ws(' ', r.rolsuper::text, pg_has_role('pg_monitor', 'usage')::text,
		has_database_privilege(current_database(), 'create')::text, current_database()) from pg_roles r where r.rolname = current_user`
	if got, want := answer(t, dsn, rights), "false true true chaos"; got != want {
		t.Errorf("superuser, pg_monitor, create, database: %s, want %s", got, want)
	}
	answer(t, dsn, "create schema pgchaos_test; create table pgchaos_test.t (i int); select 'made'")
}

// hangAgent stops the leader's Patroni: its REST interface no longer answers, and PostgreSQL does.
func hangAgent(t *testing.T, c *Cluster) {
	t.Helper()
	c.Do(t, "hang-agent", "n1")
	if !c.Is("agent-hangs", "n1") || c.Is("agent-hangs", "n2") {
		t.Error("n1's agent was stopped: agent-hangs must hold for it, and not for n2's")
	}
	client := http.Client{Timeout: 300 * time.Millisecond}
	if response, err := client.Get(c.Env["REST_n1"] + "/leader"); err == nil {
		_ = response.Body.Close()
		t.Error("the REST interface of a hanging agent answers")
	}
	answer(t, c.Env["DSN_n1"], "insert into pgchaos_test.t values (0); select 'written'")
	c.Do(t, "resume-agent", "n1")
	if c.Is("agent-hangs", "n1") || !c.Is("agent-runs", "n1") {
		t.Error("n1's agent runs again: agent-runs must hold for it, and agent-hangs must not")
	}
	checkREST(t, c.Env["REST_n1"]+"/leader", http.StatusOK)
}

// cutLink cuts the link between the leader and those who replicate from it: a row does not reach n2 until it is mended.
func cutLink(t *testing.T, c *Cluster) {
	t.Helper()
	c.Do(t, "cut-link", "n1")
	if !c.Is("link-cut", "n1") || c.Is("link-cut", "n2") {
		t.Error("n1's link was cut: link-cut must hold for it, and not for n2's")
	}
	answer(t, c.Env["DSN_n1"], "set synchronous_commit = local; insert into pgchaos_test.t values (1); select 'written'")
	time.Sleep(time.Second)
	if got := answer(t, c.Env["DSN_n2"], "select count(*) from pgchaos_test.t where i = 1"); got != "0" {
		t.Errorf("n2 has %s rows that were written after the cut, want 0", got)
	}
	c.Do(t, "mend-link", "n1")
	if c.Is("link-cut", "n1") {
		t.Error("n1's link was mended, and link-cut holds")
	}
	until(t, "the row reaches n2", func() bool {
		return answer(t, c.Env["DSN_n2"], "select count(*) from pgchaos_test.t where i = 1") == "1"
	})
	c.Do(t, "cut-link", "n2") // down takes it back
}

func checkREST(t *testing.T, address string, want int) {
	t.Helper()
	client := http.Client{Timeout: 5 * time.Second}
	got := 0
	for range 20 { // its state is that of its last loop
		response, err := client.Get(address)
		if err == nil {
			_ = response.Body.Close()
			if got = response.StatusCode; got == want {
				return
			}
		}
		time.Sleep(500 * time.Millisecond)
	}
	t.Errorf("%s answers %d, want %d", address, got, want)
}

// answer is the last value that SQL returns.
func answer(t *testing.T, dsn, sql string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	results, err := conn.PgConn().Exec(ctx, sql).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	rows := results[len(results)-1].Rows
	if len(rows) != 1 {
		t.Fatalf("%s returns %d rows, want 1", sql, len(rows))
	}
	return string(rows[0][0])
}

// until waits for a condition.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within a minute", what)
		}
	}
}

// processes are the ids of the processes that work in the cluster's directory or name it, which must be some.
func processes(t *testing.T, c *Cluster) []string {
	t.Helper()
	var ids []string
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, process := range all {
		work, _ := os.Readlink(filepath.Join(process, "cwd"))
		line, _ := os.ReadFile(filepath.Join(process, "cmdline"))
		if strings.HasPrefix(work, c.Dir) || strings.Contains(string(line), c.Dir) {
			ids = append(ids, filepath.Base(process))
		}
	}
	return ids
}

// checkNothingLeft checks that neither processes, listeners, packet filters, shared memory nor files are left of a cluster
// that had processes before.
func checkNothingLeft(t *testing.T, c *Cluster, before []string) {
	t.Helper()
	if len(before) < 10 {
		t.Errorf("the cluster had %d processes, want at least 10", len(before))
	}
	if ids := processes(t, c); len(ids) > 0 {
		t.Errorf("processes are left: %s", strings.Join(ids, " "))
	}
	for name, dsn := range c.Env {
		at, err := url.Parse(dsn)
		if err != nil || at.Port() == "" || strings.Contains(at.Host, ",") {
			continue
		}
		if conn, err := net.DialTimeout("tcp", at.Host, time.Second); err == nil {
			_ = conn.Close()
			t.Errorf("something listens at %s, which was %s", at.Host, name)
		}
	}
	if _, err := os.Stat(c.Dir); !os.IsNotExist(err) {
		t.Errorf("%s is left: %v", c.Dir, err)
	}
	if out, err := exec.Command("iptables", "-S").CombinedOutput(); err == nil && strings.Contains(string(out), c.Dir) {
		t.Errorf("rules are left:\n%s", out)
	}
	checkMemory(t, c, before)
}

// checkMemory checks that no System V shared memory is left of these processes. The kernel gives the id of a process again,
// and keeps what servers of other tests have left: so a segment that is older than the cluster is none of it.
func checkMemory(t *testing.T, c *Cluster, processes []string) {
	t.Helper()
	out, err := os.ReadFile("/proc/sysvipc/shm")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line) // key shmid perms size cpid lpid nattch uid gid cuid cgid atime dtime ctime rss swap
		if len(f) < 14 || !slices.Contains(processes, f[4]) {
			continue
		}
		if made, err := strconv.ParseInt(f[13], 10, 64); err != nil || made >= c.asked.Unix() {
			t.Errorf("shared memory is left: %s", line)
		}
	}
}
