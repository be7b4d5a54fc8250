package cluster

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pgchaos/record"
)

// addressed is a host that can be connected to, and nothing else.
type addressed struct{}

func (addressed) Name() string            { return "a" }
func (addressed) Address(Vantage) Address { return Address{Host: "192.0.2.1", Port: 5432} }

// measuring is one whose use of resources can be measured, too.
type measuring struct{ addressed }

func (measuring) Usage(context.Context) (record.ResourceSample, error) {
	return record.ResourceSample{Processes: 3}, nil
}

// nodeOn is the only node of a cluster.
func nodeOn(t *testing.T, h Host) *Node {
	t.Helper()
	c, err := New(nil, Config{Run: "r", Nodes: []NodeConfig{{Name: "a"}}})
	if err != nil {
		t.Fatal(err)
	}
	n := c.Nodes()[0]
	n.host.Store(&h)
	n.built.Store(true)
	return n
}

// TestAnAbsentCapabilityIsAnError: whatever is done to a node that cannot do it says so, and
// nothing panics.
func TestAnAbsentCapabilityIsAnError(t *testing.T) {
	n := nodeOn(t, addressed{})
	for name, tt := range map[string]struct {
		lacks Capability
		do    func(ctx context.Context) error
	}{
		"start":      {CanRun, n.Start},
		"stop":       {CanRun, func(ctx context.Context) error { return n.Stop(ctx, StopFast, time.Second) }},
		"restart":    {CanRun, func(ctx context.Context) error { return n.Restart(ctx, StopFast, time.Second, func() {}) }},
		"kill":       {CanRun, n.Kill},
		"pause":      {CanFreeze, n.Pause},
		"resume":     {CanFreeze, n.Resume},
		"disconnect": {CanCutOff, n.Disconnect},
		"connect":    {CanCutOff, n.Reconnect},
		"limit":      {CanLimit, func(ctx context.Context) error { return n.SetLimits(ctx, Limits{}) }},
		"limits":     {CanLimit, func(ctx context.Context) error { _, err := n.Limits(ctx); return err }},
		"usage":      {CanMeasure, func(ctx context.Context) error { _, err := n.Usage(ctx); return err }},
		"disk":       {CanFill, func(context.Context) error { _, err := n.OwnFileSystem(); return err }},
		"exec":       {CanCommand, func(ctx context.Context) error { _, err := n.Exec(ctx, "true"); return err }},
		"log":        {CanReachFiles, func(ctx context.Context) error { _, err := n.Log(ctx); return err }},
		"configure":  {CanReachFiles, func(ctx context.Context) error { _, err := n.Configure(ctx, nil, nil); return err }},
		"backup":     {CanReachFiles, func(ctx context.Context) error { return n.Backup(ctx, "b") }},
		"build":      {CanReachFiles, n.initialise},
	} {
		t.Run(name, func(t *testing.T) {
			var lacks *LacksError
			if err := tt.do(t.Context()); !errors.As(err, &lacks) || lacks.Lacks != tt.lacks {
				t.Errorf("%v, want it to lack %s", err, tt.lacks)
			}
		})
	}
	if n.Down(t.Context()) || n.down() {
		t.Error("it is down for certain, though nobody can look")
	}
	if got := n.Address().String(); got != "192.0.2.1:5432" {
		t.Errorf("its address is %s", got)
	}
	want := `disconnect a: pgchaos cannot cut it off from the network: the provider of this node lacks the capability "network"; use a provider that has it ('pgchaos providers' lists them)`
	if err := n.Disconnect(t.Context()); err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
}

func TestAPresentCapabilityIsUsed(t *testing.T) {
	if use, err := nodeOn(t, measuring{}).Usage(t.Context()); err != nil || use.Processes != 3 || use.Node != "a" {
		t.Errorf("%+v, %v", use, err)
	}
	if diff := cmp.Diff([]Capability{CanMeasure}, Capabilities(measuring{})); diff != "" {
		t.Error(diff)
	}
	if all := Capabilities(addressed{}); len(all) > 0 {
		t.Errorf("a host without any has %q", all)
	}
	names := map[Capability]bool{}
	for _, c := range capabilities {
		if names[c.name] || c.without == "" || slices.Contains(Capabilities(addressed{}), c.name) {
			t.Errorf("capability %q", c.name)
		}
		names[c.name] = true
	}
}
