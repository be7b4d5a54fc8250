// Package hatest has tests run on the clusters of high-availability managers that scripts/patroni.sh and
// scripts/pg_auto_failover.sh start. Where their programs are not installed, such tests are skipped (internal/skip).
package hatest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"pgchaos/internal/serverdir"
	"pgchaos/internal/skip"
)

// The scripts that start a cluster.
const (
	Patroni        = "patroni.sh"
	PgAutoFailover = "pg_auto_failover.sh"
)

// programs are what a script needs; scripts/setup.sh ha installs them.
var programs = map[string][]string{
	Patroni:        {"patroni", "patronictl", "etcd", "haproxy", "setpriv"},
	PgAutoFailover: {"pg_autoctl", "setpriv"},
}

// A Cluster is one that a script has started.
type Cluster struct {
	// Dir is its directory. Dir/bin has commands that break it: see the head of the script.
	Dir string
	// Env is what Dir/env says, such as WRITE_DSN.
	Env map[string]string

	script string
	asked  time.Time // when Up was called
}

// Up starts a cluster, and ends it with the test. The options are those of the script, such as "nodes=2".
func Up(t testing.TB, script string, options ...string) *Cluster {
	t.Helper()
	for _, program := range programs[script] {
		if !installed(program) {
			skip.Test(t, "no %s: scripts/setup.sh ha installs it", program)
		}
	}
	parent, err := serverdir.Make("pgchaos-ha-")
	if err != nil {
		t.Fatal(err)
	}
	c := &Cluster{Dir: filepath.Join(parent, "c"), script: path(t, script), asked: time.Now()}
	t.Cleanup(func() {
		c.Down(t)
		if err := os.Remove(parent); err != nil {
			t.Error(err)
		}
	})
	c.run(t, c.script, append([]string{"up", c.Dir}, options...)...)
	c.Env = c.read(t)
	return c
}

// Down ends the cluster. Without one it does nothing.
func (c *Cluster) Down(t testing.TB) {
	t.Helper()
	c.run(t, c.script, "down", c.Dir)
}

// Do runs a command of Dir/bin, and returns what it prints. It fails the test if the command fails.
func (c *Cluster) Do(t testing.TB, command, node string) string {
	t.Helper()
	return c.run(t, filepath.Join(c.Dir, "bin", command), node)
}

// Is tells whether a command of Dir/bin that checks something succeeds, such as node-down.
func (c *Cluster) Is(command, node string) bool {
	return exec.Command(filepath.Join(c.Dir, "bin", command), node).Run() == nil
}

func (c *Cluster) run(t testing.TB, program string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, args...).CombinedOutput()
	if err != nil {
		t.Errorf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
		t.FailNow()
	}
	return string(out)
}

// read reads Dir/env, whose lines are assignments of a shell.
func (c *Cluster) read(t testing.TB) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(c.Dir, "env"))
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			env[name] = strings.Trim(value, "'")
		}
	}
	return env
}

func installed(program string) bool {
	if _, err := exec.LookPath(program); err == nil {
		return true
	}
	_, err := os.Stat(filepath.Join("/usr/sbin", program))
	return err == nil
}

// path is where a script is: beside this file's tree. It reads the scripts, so that Go does not take a result from its cache
// when they have changed.
func path(t testing.TB, script string) string {
	t.Helper()
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		t.Fatal("the path of this file is unknown")
	}
	scripts := filepath.Join(filepath.Dir(file), "..", "..", "scripts")
	for _, name := range []string{script, "ha-common.sh"} {
		if _, err := os.ReadFile(filepath.Join(scripts, name)); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(scripts, script)
}
