package fault

import (
	"pgchaos/chaos"
	"pgchaos/cluster/link"
)

// Partition is a black hole between two sides: nothing passes, and nothing is refused. It is taken back by
// letting everything pass again.
type Partition struct {
	Sides `yaml:",inline"`
}

func partition() Kind {
	return onLinks(Kind{
		Name: "partition",
		Doc:  "Lets nothing pass between two sides: nothing answers, and nothing is refused.",
		Manual: Manual{
			Does: "No byte passes between the two sides, in both directions (between) or in one (from, to). No connection is closed or refused. " +
				"New connections are accepted by the operating system and never answered. Other links are not disturbed, and pgchaos itself still reaches every node. " + inKernel + "iptables drops the packets (DROP).",
			Effect: "Clients wait until their own time-out. A standby stops receiving WAL; its receiver gives up after wal_receiver_timeout, and the primary's sender after wal_sender_timeout (60 s each). " +
				"With synchronous replication, commits wait for the standby. Keepalives and tcp_user_timeout do not fire, since the operating system still acknowledges what is sent.",
			Verified: "A new connection through each link gets no answer within 0.3 s, and no byte passes in that time. " + kernelProof,
			Back:     "The data that was held back goes on, and connections that are still open continue. Where one end has gone meanwhile, the other end is closed once it has that data.",
			Example:  "- {at: 4s, partition: {between: [primary, replicas]}, for: 3s}\n- {at: 9s, partition: {between: [pgmaster, [clients, pgslave]]}, for: 2s}\n",
		},
		New:    func() Parameters { return &Partition{} },
		Outage: true, Instead: "disconnect the node from everything",
	})
}

// Action cuts the links.
func (p *Partition) Action(env Env) chaos.Action {
	return p.impose(env, func(w way) link.Rule { return w.rule(link.Shape{BlackHole: true}) }, hangs(probing))
}
