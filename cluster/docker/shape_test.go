package docker

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pgchaos/cluster"
	"pgchaos/cluster/link"
)

// TestCommandsForQueues: what tc is to do. The kernel of the tests' engine may lack netem.
func TestCommandsForQueues(t *testing.T) {
	b := cluster.Vantage{From: cluster.FromNode, Node: "b"}
	node := shaped{of: b, addresses: []peer{{address: "172.18.0.3"}, {address: "172.18.0.4"}}}
	clients := shaped{of: cluster.Vantage{From: cluster.FromClients}, addresses: []peer{{address: "172.18.0.1"}, {not: true, address: "172.18.0.0/16"}}}
	both := func(s shaped, shape link.Shape) shaped {
		s.ways = [2]link.Shape{shape, shape}
		return s
	}
	const class = "rate 1000000bps burst 5000 cburst 5000 quantum 60000\n"
	for name, tc := range map[string]struct {
		direction link.Direction
		all       []shaped
		want      string
	}{
		"nothing":           {link.Back, []shaped{node}, ""},
		"another direction": {link.Forward, []shaped{{of: b, addresses: node.addresses, ways: [2]link.Shape{link.Back: {BytesPerSecond: 1}}}}, ""},
		"a bound of what is sent to a node, and of what to clients": {
			link.Back, []shaped{both(node, link.Shape{BytesPerSecond: 1_000_000}), both(clients, link.Shape{BytesPerSecond: 100})},
			"qdisc add dev eth0 root handle 7067: htb direct_qlen 10000\n" +
				"class add dev eth0 parent 7067: classid 7067:10 htb " + class +
				"filter add dev eth0 parent 7067: protocol ip pref 1 u32 match ip dst 172.18.0.3 flowid 7067:10\n" +
				"filter add dev eth0 parent 7067: protocol ip pref 1 u32 match ip dst 172.18.0.4 flowid 7067:10\n" +
				"class add dev eth0 parent 7067: classid 7067:11 htb rate 100bps burst 1600 cburst 1600 quantum 60000\n" +
				"filter add dev eth0 parent 7067: protocol ip pref 1 u32 match ip dst 172.18.0.1 flowid 7067:11\n" +
				"filter add dev eth0 parent 7067: protocol ip pref 2 u32 match ip dst 172.18.0.0/16 flowid 7067:0\n" +
				"filter add dev eth0 parent 7067: protocol ip pref 3 u32 match u32 0 0 flowid 7067:11\n",
		},
		"a bound of what clients send": {
			link.Forward, []shaped{both(clients, link.Shape{BytesPerSecond: 1_000_000})},
			"qdisc add dev pgchaos-in root handle 7067: htb direct_qlen 10000\n" +
				"class add dev pgchaos-in parent 7067: classid 7067:10 htb " + class +
				"filter add dev pgchaos-in parent 7067: protocol ip pref 1 u32 match ip src 172.18.0.1 flowid 7067:10\n" +
				"filter add dev pgchaos-in parent 7067: protocol ip pref 2 u32 match ip src 172.18.0.0/16 flowid 7067:0\n" +
				"filter add dev pgchaos-in parent 7067: protocol ip pref 3 u32 match u32 0 0 flowid 7067:10\n",
		},
		"a bound and a delay": {
			link.Back, []shaped{both(node, link.Shape{BytesPerSecond: 1_000_000, Latency: 20 * time.Millisecond})},
			"qdisc add dev eth0 root handle 7067: htb direct_qlen 10000\n" +
				"class add dev eth0 parent 7067: classid 7067:10 htb " + class +
				"qdisc add dev eth0 parent 7067:10 handle 10: netem limit 100000 delay 20000us\n" +
				"filter add dev eth0 parent 7067: protocol ip pref 1 u32 match ip dst 172.18.0.3 flowid 7067:10\n" +
				"filter add dev eth0 parent 7067: protocol ip pref 1 u32 match ip dst 172.18.0.4 flowid 7067:10\n",
		},
	} {
		if diff := cmp.Diff(tc.want, queues(tc.direction, "", tc.all)); diff != "" {
			t.Errorf("%s: wanted (-), got (+)\n%s", name, diff)
		}
	}
}

func TestDelaysOfTheKernel(t *testing.T) {
	const latency, jitter = 20 * time.Millisecond, 5500 * time.Microsecond
	for want, s := range map[string]link.Shape{
		"":                                 {BytesPerSecond: 1},
		"netem limit 100000 delay 20000us": {Latency: latency, Distribution: link.Normal},
		"netem limit 100000 delay 20000us 5500us":                     {Latency: latency, Jitter: jitter, Distribution: link.Uniform},
		"netem limit 100000 delay 20000us 5500us distribution normal": {Latency: latency, Jitter: jitter, Distribution: link.Normal},
		"netem limit 100000 delay 20000us 5500us distribution pareto": {Latency: latency, Jitter: jitter, Distribution: link.Pareto},
	} {
		if got := netem(s); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestAShapeIsMadeOnce: what another node sends is shaped there.
func TestAShapeIsMadeOnce(t *testing.T) {
	s := link.Shape{Latency: time.Millisecond}
	for of, want := range map[cluster.Vantage][2]bool{
		{From: cluster.FromNode, Node: "b"}: {link.Forward: false, link.Back: true},
		{From: cluster.FromClients}:         {link.Forward: true, link.Back: true},
	} {
		got := shapesHere(cluster.Traffic{Peer: of, Rule: link.Rule{Ways: [2]link.Shape{s, s}}})
		if (got[link.Forward] == s) != want[link.Forward] || (got[link.Back] == s) != want[link.Back] {
			t.Errorf("%s: %+v", of, got)
		}
	}
}

// delays tells whether the engine's kernel can delay. A run that needs it is refused where it cannot.
func delays(t *testing.T, p *Provider) bool {
	t.Helper()
	p.options.Needs = []cluster.Capability{cluster.CanShape, cluster.CanDelay}
	err := p.tryShapes(t.Context())
	if err == nil {
		return true
	}
	for _, says := range []string{"the kernel of the Docker engine cannot delay data", "netem (CONFIG_NET_SCH_NETEM, module sch_netem)", "Specified qdisc kind is unknown", "run the experiment with provider: local"} {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
	if strings.Contains(err.Error(), "throttle") {
		t.Errorf("it can throttle: %v", err)
	}
	return false
}
