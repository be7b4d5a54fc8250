package fault

import (
	"context"
	"fmt"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/internal/units"
)

// DropConnections resets the open connections between two sides, once.
type DropConnections struct {
	Sides `yaml:",inline"`
}

func dropConnections() Kind {
	return Kind{
		Name: "drop_connections", Group: Networks,
		Doc: "Resets the open connections between two sides, once.",
		Manual: Manual{
			Does:     "Resets every connection that is open between the two sides, in both directions. New connections are served at once. It takes between, not from and to. " + inKernel + "ss -K resets them.",
			Effect:   "Clients see \"connection reset\". Their transactions are rolled back, unless the COMMIT had arrived: its answer is lost then. A standby connects again.",
			Verified: "At least one connection was reset, and none of those that were open is open afterwards. With Docker, ss lists them before and after.",
			Example:  "- {at: 4s, drop_connections: {between: [clients, primary]}}\n",
		},
		New:    func() Parameters { return &DropConnections{} },
		Outage: true, Phase: true,
		Needs: Needs{Process: Present}, Capabilities: []cluster.Capability{cluster.CanLink}, Instead: "restart the server with mode: immediate",
	}
}

// Check demands both directions.
func (p *DropConnections) Check() []Mistake { return p.checkBoth("drop_connections") }

// WithoutKeys is one direction.
func (p *DropConnections) WithoutKeys() []string { return oneDirection() }

// Action resets the connections.
func (p *DropConnections) Action(env Env) chaos.Action {
	return p.onLinks(env, func(ctx context.Context, act *chaos.Act, ways []way) error {
		n, err := resetAll(ctx, ways)
		if err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("%w: no connection was open that could be reset", chaos.ErrNoEffect)
		}
		act.Note("%s", units.Count(int64(n), "connection was reset", "connections were reset"))
		return nil
	})
}

// resetAll resets the connections of all ways.
func resetAll(ctx context.Context, ways []way) (n int, err error) {
	var all cluster.Resets
	for _, w := range ways {
		if w.filter == nil {
			all.Reset += w.relay.Drop()
			continue
		}
		more, err := w.filter.Reset(ctx, []cluster.Vantage{vantage(w.from)})
		if err != nil {
			return all.Reset, fmt.Errorf("on the link %s: %w", w.name, err)
		}
		all.Reset += more.Reset
		all.Left += more.Left
	}
	return all.Reset, stillOpen(all)
}

// stillOpen is an error where connections were to be reset by the kernel, and are open.
func stillOpen(r cluster.Resets) error {
	if r.Left == 0 {
		return nil
	}
	left := units.Count(int64(r.Left), "connection is", "connections are")
	if r.Reset == 0 {
		return fmt.Errorf("%w: %s still open, and none was reset: the kernel of the engine's machine lacks CONFIG_INET_DIAG_DESTROY, without which ss -K resets nothing", chaos.ErrNoEffect, left)
	}
	return fmt.Errorf("%w: %s still open", chaos.ErrNoEffect, left)
}
