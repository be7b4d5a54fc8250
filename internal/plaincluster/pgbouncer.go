package plaincluster

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"pgchaos/internal/skip"
)

// newer tells whether a PgBouncer keeps the prepared statements of its clients apart where transactions are pooled.
func newer(program string) bool {
	out, err := exec.Command(program, "--version").Output()
	var major, minor int
	_, scanned := fmt.Sscanf(string(out), "PgBouncer %d.%d", &major, &minor)
	return err == nil && scanned == nil && (major > 1 || minor >= 21)
}

// PgBouncer starts one before a node, with a pool_mode, and ends it with the test. It returns its port. The command repool has it lead
// to the server at another port.
func (c *Cluster) PgBouncer(t testing.TB, node, mode string) (port int) {
	t.Helper()
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		program = "/usr/sbin/pgbouncer" // where Debian has it, and few look
	}
	if _, err := os.Stat(program); err != nil {
		skip.Test(t, "this test needs pgbouncer, which 'make test' installs")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	port = l.Addr().(*net.TCPAddr).Port
	must(t, l.Close())
	users, file := filepath.Join(c.Dir, "users"), filepath.Join(c.Dir, "pgbouncer.ini")
	must(t, os.WriteFile(users, []byte(fmt.Sprintf("%q %q\n%q \"\"\n", Role, Password, "postgres")), 0o644))
	must(t, os.WriteFile(file, []byte(fmt.Sprintf(`[databases]
* = host=127.0.0.1 port=%d
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
auth_type = trust
auth_file = %s
pool_mode = %s
server_login_retry = 1
unix_socket_dir =
`, c.Ports[node], port, users, mode)), 0o644))
	if c.KeepsStatements = newer(program); c.KeepsStatements {
		ini, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
		must(t, err)
		_, err = ini.WriteString("max_prepared_statements = 100\n")
		must(t, err)
		must(t, ini.Close())
	}
	cmd := exec.Command(program, "-q", file)
	cmd.Dir, cmd.SysProcAttr = c.Dir, &syscall.SysProcAttr{Credential: c.cred}
	must(t, cmd.Start())
	must(t, os.WriteFile(filepath.Join(c.Dir, "repool"), []byte(fmt.Sprintf(`#!/bin/sh
sed -i "s/port=[0-9]*/port=$1/" %s && kill -HUP %d
`, file, cmd.Process.Pid)), 0o755))
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()         // it was killed
	})
	for range 200 {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			must(t, conn.Close())
			return port
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("pgbouncer does not listen")
	return 0
}
