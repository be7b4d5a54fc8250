package docker

import (
	"testing"
	"time"

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
	startsAtOnce(t, p, c.Node("b"))
	b := faulttest.New(t, c)
	b.Processes(!longtest.Enabled)
	if longtest.Enabled { // those of package fault do the same on processes
		b.Replication()
		b.WrongPrimary()
	}
}

// startsAtOnce starts a server as soon as the engine says that it has ended, which can be before the provider has heard of the end.
func startsAtOnce(t *testing.T, p *Provider, n *cluster.Node) {
	t.Helper()
	h := p.node(n.Name())
	for range 3 {
		must(t, p.engine.ContainerKill(t.Context(), h.server, "KILL"))
		for !n.Down(t.Context()) {
			time.Sleep(time.Millisecond)
		}
		must(t, n.Start(t.Context()))
	}
}
