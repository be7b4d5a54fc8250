package docker

import (
	"context"
	_ "embed"
	"fmt"
	"hash/crc32"
	"path"
	"strconv"
	"strings"

	"pgchaos/cluster"
	"pgchaos/cluster/link"
)

// filterScript sets and removes the rules for a node's packets.
//
//go:embed filter.sh
var filterScript string

// closeWays makes the chains of a name what its rules demand, which have these peers. If it is to look, it tries whether they answer.
func (h *host) closeWays(ctx context.Context, f filter, all [][]peer, own *attachment, found []cluster.Verified, look bool) error {
	chain := chainOf(f.name)
	if err := h.endFlap(ctx, chain); err != nil { // which would change the chains meanwhile
		return err
	}
	text, probed, clients := strings.Builder{}, []string{}, false
	fmt.Fprintf(&text, "*filter\n:%[1]s-in - [0:0]\n:%[1]s-out - [0:0]\n", chain)
	for i, r := range f.rules {
		switch {
		case found[i].Down:
			continue
		case r.Peer.From == cluster.FromClients:
			clients, probed = true, append(probed, "-")
		default:
			probed = append(probed, r.Peer.Node+"="+all[i][0].address)
		}
		writeRules(&text, chain, r, all[i])
	}
	text.WriteString("COMMIT\n")
	if !look {
		clients, probed = false, nil
	}
	said, answered, err := h.tryClients(ctx, clients, func() (string, error) {
		return h.inNetwork(ctx, filterScript, append([]string{"set", chain, text.String(), path.Join(h.provider.image.programs, "pg_isready")}, probed...)...)
	})
	if err != nil {
		return err
	}
	for i, r := range f.rules {
		if !look {
			break
		}
		found[i].Answered = answered && r.Peer.From == cluster.FromClients && !found[i].Down
		count(said, r.Peer, &found[i])
		if r.Rule.Reject {
			if found[i].Resets, err = h.reset(ctx, r.Peer, own); err != nil {
				return err
			}
		}
	}
	if every, flaps := periodOf(f.rules); flaps {
		return h.startFlap(ctx, chain, every)
	}
	return nil
}

// chainOf is the name of the chains for the rules of a name. A chain's name has less than 29 bytes.
func chainOf(name string) string {
	return fmt.Sprintf("pgchaos-%08x", crc32.ChecksumIEEE([]byte(name)))
}

// writeRules writes the rules for one peer. A rejected connection is reset on both sides: the packet of a reset itself passes.
func writeRules(to *strings.Builder, chain string, r cluster.Traffic, peers []peer) {
	for _, p := range peers {
		for d, shape := range r.Rule.Ways {
			way, match := chain+"-in", p.matches("-s")
			if link.Direction(d) == link.Back {
				way, match = chain+"-out", p.matches("-d")
			}
			comment := fmt.Sprintf(` -m comment --comment "%s"`, r.Peer)
			switch {
			case r.Rule.Reject:
				fmt.Fprintf(to, "-A %s %s -p tcp ! --tcp-flags RST RST%s -j REJECT --reject-with tcp-reset\n", way, match, comment)
			case shape.BlackHole:
				fmt.Fprintf(to, "-A %s %s%s -j DROP\n", way, match, comment)
			}
		}
	}
}

// reopen removes the chains of a name.
func (h *host) reopen(ctx context.Context, name string) error {
	if err := h.endFlap(ctx, chainOf(name)); err != nil {
		return err
	}
	own, err := h.attachment(ctx, h.server)
	if err == nil && own != nil {
		_, err = h.inNetwork(ctx, filterScript, "end", chainOf(name))
	}
	return err
}

// count reads what the script has found about a peer: lines of iptables with the peer as their comment, which begin with the
// number of packets.
func count(said string, of cluster.Vantage, v *cluster.Verified) {
	for line := range strings.Lines(said) {
		words := strings.Fields(line)
		if len(words) > 0 && strings.Contains(line, "/* "+of.String()+" */") {
			n, err := strconv.ParseInt(words[0], 10, 64)
			if err == nil {
				v.Packets += n
			}
		}
		if len(words) == 3 && words[0] == "answered" && words[1] == of.String() {
			v.Answered = true
		}
	}
}
