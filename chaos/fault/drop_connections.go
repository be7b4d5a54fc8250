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
			Verified: "At least one connection was reset, and none of those is open.",
			Example:  "- {at: 4s, drop_connections: {between: [clients, primary]}}\n",
		},
		New:    func() Parameters { return &DropConnections{} },
		Outage: true, Phase: true,
		Needs: Needs{Process: Present}, Capabilities: []cluster.Capability{cluster.CanLink}, Instead: "restart the server with mode: immediate",
	}
}

// Check demands both directions.
func (p *DropConnections) Check() []Mistake { return p.checkBoth("drop_connections") }

// Action resets the connections.
func (p *DropConnections) Action(env Env) chaos.Action {
	return p.onLinks(env, func(ctx context.Context, act *chaos.Act, ways []way) error {
		n, err := resetAll(ctx, ways)
		if err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("%w: no connection was open that could be reset", chaos.ErrNotSo)
		}
		act.Note("%s", units.Count(int64(n), "connection was reset", "connections were reset"))
		return nil
	})
}

// resetAll resets the connections of all ways.
func resetAll(ctx context.Context, ways []way) (n int, err error) {
	for _, w := range ways {
		if w.filter == nil {
			n += w.relay.Drop()
			continue
		}
		more, err := w.filter.Reset(ctx, []cluster.Vantage{vantage(w.from)})
		if err != nil {
			return n, fmt.Errorf("on the link %s: %w", w.name, err)
		}
		n += more
	}
	return n, nil
}
