package cluster_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgchaos/cluster"
	"pgchaos/cluster/local"
	"pgchaos/internal/serverdir"
	"pgchaos/internal/skip"
)

// world is a cluster of real servers, and its way to look at them from outside.
type world struct {
	*cluster.Cluster
	t    *testing.T
	base string
	bin  string
}

// build brings a cluster up, and takes it down at the end of the test.
func build(t *testing.T, cfg cluster.Config) *world {
	t.Helper()
	w := prepare(t, cfg)
	began := time.Now()
	if err := w.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d nodes up in %s, PostgreSQL %s", len(w.Nodes()), time.Since(began).Round(time.Millisecond), w.Version())
	return w
}

// hang is how long something takes that will never end: much longer than anything does on
// a busy machine.
const hang = time.Minute

// prepare makes a cluster that is not up yet. Without PostgreSQL the test is
// skipped, but never in CI.
func prepare(t *testing.T, cfg cluster.Config) *world {
	t.Helper()
	if testing.Short() {
		skip.Test(t, "starts PostgreSQL servers, and -short was given")
	}
	base, err := serverdir.Make("pgchaos-cluster-")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Run = strings.ToLower(strings.ReplaceAll(t.Name(), "/", "-"))
	p, err := local.New(t.Context(), local.Options{Base: filepath.Join(base, "runs"), Run: cfg.Run, Experiment: "test"})
	if err != nil {
		skip.Test(t, "no PostgreSQL on this machine: %v", err)
	}
	if cfg.Log == nil {
		cfg.Log = t.Logf
	}
	c, err := cluster.New(p, cfg)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{Cluster: c, t: t, base: base, bin: p.Installation().BinDir}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*hang)
		defer cancel()
		if t.Failed() {
			for _, n := range c.Nodes() {
				if log, err := n.Log(ctx); err == nil {
					t.Logf("log of %s, its end:\n%s", n.Name(), log[max(0, len(log)-3000):])
				}
			}
		}
		if err := c.Down(ctx); err != nil {
			t.Errorf("take the cluster down: %v", err)
		}
		if err := os.RemoveAll(base); err != nil {
			t.Error(err)
		}
	})
	return w
}

// nodes are node configurations without settings.
func nodes(names ...string) []cluster.NodeConfig {
	configs := make([]cluster.NodeConfig, 0, len(names))
	for _, name := range names {
		configs = append(configs, cluster.NodeConfig{Name: name})
	}
	return configs
}

// psql runs a query by psql, which knows nothing of this module, and returns what
// it prints, lines joined by spaces.
func (w *world) psql(node, query string) string {
	w.t.Helper()
	out, err := w.tryPsql(node, query)
	if err != nil {
		w.t.Fatalf("psql on %s: %s: %v", node, query, err)
	}
	return out
}

func (w *world) tryPsql(node, query string) (string, error) {
	n := w.Node(node)
	user := n.Credentials().Superuser
	ctx, cancel := context.WithTimeout(w.t.Context(), hang)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(w.bin, "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1",
		"-h", n.Address().Host, "-p", fmt.Sprint(n.Address().Port), "-U", user.Name, "-d", n.Credentials().Database, "-c", query)
	cmd.Env = append(os.Environ(), "PGPASSWORD="+user.Password, "PGCONNECT_TIMEOUT=3")
	out, err := cmd.CombinedOutput()
	text := strings.Join(strings.Fields(string(out)), " ")
	if err != nil {
		return text, fmt.Errorf("%w: %s", err, text)
	}
	return text, nil
}

// want fails the test unless psql prints the text.
func (w *world) want(node, query, text string) {
	w.t.Helper()
	if got := w.psql(node, query); got != text {
		w.t.Fatalf("%s: %s: got %q, want %q", node, query, got, text)
	}
}

// eventually waits until psql prints the text.
func (w *world) eventually(node, query, text string) {
	w.t.Helper()
	var got string
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if got, _ = w.tryPsql(node, query); got == text {
			return
		}
	}
	w.t.Fatalf("%s: %s: still %q, want %q", node, query, got, text)
}

// processes counts the processes of the system that belong to a node: those
// whose working directory is its data directory, as every server's is.
func (w *world) processes(node string) int {
	w.t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/cwd")
	if err != nil {
		w.t.Fatal(err)
	}
	count := 0
	for _, link := range links {
		dir, err := os.Readlink(link)
		if err == nil && strings.Contains(dir, w.base+"/") && strings.HasSuffix(dir, "/"+node+"/data") && !zombie(filepath.Dir(link)) {
			count++
		}
	}
	return count
}

func zombie(proc string) bool {
	stat, err := os.ReadFile(filepath.Join(proc, "stat"))
	_, rest, _ := strings.Cut(string(stat), ") ")
	return err != nil || strings.HasPrefix(rest, "Z")
}

// ok fails the test at once on an error.
func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// kill sends a signal to one process, by its number.
func kill(pid string, signal syscall.Signal) error {
	number, err := strconv.Atoi(pid)
	if err != nil {
		return err
	}
	return syscall.Kill(number, signal)
}

// removeFile deletes a file of a node's data directory.
func removeFile(w *world, node, name string) error {
	found, err := filepath.Glob(filepath.Join(w.base, "runs", "*", "*", node, "data", name))
	if err != nil || len(found) != 1 {
		return fmt.Errorf("%s of %s: found %v, %w", name, node, found, err)
	}
	return os.Remove(found[0])
}

// psqlURL runs a query by psql over a connection string.
func (w *world) psqlURL(url, query string) string {
	w.t.Helper()
	cmd := exec.CommandContext(w.t.Context(), filepath.Join(w.bin, "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", query)
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("psql: %v: %s", err, out)
	}
	return strings.TrimSpace(string(out))
}
