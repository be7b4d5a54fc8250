package docker

import (
	"testing"

	"pgchaos/cluster"
	"pgchaos/internal/faulttest"
	"pgchaos/internal/longtest"
)

// TestFaultsOnContainers does the faults of processes and replication on containers, as the test of chaos/fault does on processes of
// this machine.
func TestFaultsOnContainers(t *testing.T) {
	t.Parallel()
	p := testProvider(t, Options{})
	c, err := cluster.New(p, faulttest.Config(p.options.Run))
	must(t, err)
	must(t, c.Up(t.Context()))
	b := faulttest.New(t, c)
	b.Processes(!longtest.Enabled)
	if longtest.Enabled { // those of package fault do the same on processes
		b.Replication()
		b.WrongPrimary()
	}
}
