package docker

import (
	"context"
	"fmt"
	"strings"

	"pgchaos/cluster"
)

// Reset resets the open connections with peers.
func (h *host) Reset(ctx context.Context, peers []cluster.Vantage) (all cluster.Resets, err error) {
	own, err := h.attachment(ctx, h.server)
	for _, p := range peers {
		if err != nil || own == nil {
			break
		}
		var more cluster.Resets
		more, err = h.reset(ctx, p, own)
		all.Reset += more.Reset
		all.Left += more.Left
	}
	if err != nil {
		return all, fmt.Errorf("reset the connections of %s: %w", h.name, err)
	}
	return all, nil
}

func (h *host) reset(ctx context.Context, of cluster.Vantage, own *attachment) (cluster.Resets, error) {
	peers, err := h.peers(ctx, of, own)
	if err != nil || len(peers) == 0 {
		return cluster.Resets{}, err
	}
	args := []string{"reset", "-"}
	for _, p := range peers {
		if p.not {
			args = append(args, "not dst "+p.address+" and not dst 127.0.0.0/8") // what is in the container itself is no client
			continue
		}
		args = append(args, "dst "+p.address)
	}
	said, err := h.inNetwork(ctx, filterScript, args...)
	return resetsOf(said), err
}

// resetsOf reads what the script says about connections: lines of ss after the moment, "before", "reset" or "after". A connection
// that was opened meanwhile is in "after" only.
func resetsOf(said string) (r cluster.Resets) {
	before := map[string]bool{}
	for line := range strings.Lines(said) {
		words := strings.Fields(line) // before ESTAB 0 0 172.18.0.2:5432 172.18.0.1:41234
		if len(words) < 6 || words[1] != "ESTAB" {
			continue
		}
		switch ends := words[4] + " " + words[5]; words[0] {
		case "before":
			before[ends] = true
		case "reset":
			r.Reset++
		case "after":
			if before[ends] {
				r.Left++
			}
		}
	}
	return r
}
