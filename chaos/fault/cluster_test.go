package fault_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"pgchaos/cluster"
	"pgchaos/cluster/local"
	"pgchaos/internal/faulttest"
)

// TestFaultsOnRealServers does the faults of processes and replication on local servers, and looks at each from outside.
func TestFaultsOnRealServers(t *testing.T) {
	t.Parallel()
	if testing.Short() && os.Getenv("CI") == "" {
		t.Skip("starts PostgreSQL servers, and -short was given")
	}
	base, err := os.MkdirTemp("", "pgchaos-fault-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(base, 0o755); err != nil { // the servers run as another user
		t.Fatal(err)
	}
	p, err := local.New(t.Context(), local.Options{Base: filepath.Join(base, "runs"), Run: "faults", Experiment: "test"})
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("CI must have PostgreSQL: %v", err)
		}
		t.Skipf("no PostgreSQL on this machine: %v", err)
	}
	c, err := cluster.New(p, faulttest.Config("faults"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Down(context.Background()); err != nil {
			t.Errorf("take the cluster down: %v", err)
		}
		if err := os.RemoveAll(base); err != nil {
			t.Error(err)
		}
	})
	if err := c.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	b := faulttest.New(t, c)
	b.Replication()
	b.Processes()
	b.WrongPrimary()
}
