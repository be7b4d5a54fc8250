package fault

import (
	"context"
	"fmt"

	"pgchaos/chaos"
	"pgchaos/cluster/link"
	"pgchaos/internal/units"
)

// Reject refuses new connections between two sides, and resets those that are open.
type Reject struct {
	Sides `yaml:",inline"`
}

func reject() Kind {
	return onLinks(Kind{
		Name: "reject",
		Doc:  "Refuses new connections between two sides, and resets those that are open.",
		Manual: Manual{
			Does: "Resets all open connections between the two sides, and refuses new ones until it is taken back, as a firewall does that rejects packets. It takes between, not from and to. " +
				inKernel + "iptables answers packets with a reset (REJECT --reject-with tcp-reset), and ss -K resets the connections that are open. " +
				"A client on the engine's machine that connects to 127.0.0.1 is accepted by the engine's proxy, and then closed.",
			Effect:   "Clients and standbys see \"connection reset\" at once, and then \"connection refused\". A standby tries again every wal_retrieve_retry_interval (5 s).",
			Verified: "A new connection through each link is refused, and no connection is open. With Docker, a new connection is refused or gets no answer within 1 s, the connections that were open are reset, and " + kernelCounts,
			Back:     "New connections are served again. Those that were reset are gone.",
			Example:  "- {at: 4s, reject: {between: [clients, primary]}, for: 3s}\n",
		},
		New:    func() Parameters { return &Reject{} },
		Outage: true, Instead: "stop the server with mode: immediate",
	})
}

// Check demands both directions.
func (p *Reject) Check() []Mistake { return p.checkBoth("reject") }

// WithoutKeys is one direction.
func (p *Reject) WithoutKeys() []string { return oneDirection() }

// Action refuses and resets.
func (p *Reject) Action(env Env) chaos.Action {
	return p.impose(env, func(way) link.Rule { return link.Rule{Reject: true} }, refuses)
}

// refuses is verified of a link that rejects connections.
func refuses(ctx context.Context, w way) (string, error) {
	met, err := w.relay.Probe(ctx, 1, answering)
	if err != nil {
		return "", err
	}
	if !met.Refused {
		return "", fmt.Errorf("%w: a new connection %s", chaos.ErrNoEffect, met)
	}
	if open := w.relay.Counters().Open; open > 0 {
		return "", fmt.Errorf("%w: %s still open", chaos.ErrNoEffect, units.Count(int64(open), "connection is", "connections are"))
	}
	return "a new connection was refused, and none is open", nil
}
