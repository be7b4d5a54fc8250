package cluster

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"

	"pgchaos/record"
)

// standbyNames are the application_names by which the nodes of a cluster that was there before stream. Nobody has to give each
// node its own: without one, and without a cluster_name, each is called walreceiver.
type standbyNames struct {
	nodes     map[string][]string // by application_name, in order
	addresses map[string][]string // by node: where its connection string leads
}

// with is the same with another node of that name, in the place of what was known of the node.
func (s *standbyNames) with(name, node string, addresses []string) *standbyNames {
	next := &standbyNames{map[string][]string{}, map[string][]string{}}
	if s != nil {
		next.addresses = maps.Clone(s.addresses)
		for called, nodes := range s.nodes {
			if nodes = slices.DeleteFunc(slices.Clone(nodes), func(n string) bool { return n == node }); len(nodes) > 0 {
				next.nodes[called] = nodes
			}
		}
	}
	next.addresses[node] = addresses
	next.nodes[name] = append(next.nodes[name], node)
	slices.Sort(next.nodes[name])
	return next
}

// could are the nodes that a name can stand for on a node, which is never its own standby.
func (s *standbyNames) could(on, name string) []string {
	return slices.DeleteFunc(slices.Clone(s.nodes[name]), func(node string) bool { return node == on })
}

// of is the node that a line of a node's pg_stat_replication stands for; ok is false where it is none of the cluster's. Several of one
// name are distinguished by the address that the standby connects from, if that is the node's. Else the line says which it can be.
func (s *standbyNames) of(on string, line record.StandbyState) (name string, ok bool) {
	nodes := s.could(on, line.Name)
	if len(nodes) > 1 {
		from := slices.DeleteFunc(slices.Clone(nodes), func(node string) bool { return !slices.Contains(s.addresses[node], line.Address) })
		if len(from) != 1 {
			return line.Name + " (" + strings.Join(nodes, " or ") + ")", false
		}
		nodes = from
	}
	if len(nodes) == 0 {
		return line.Name, false
	}
	return nodes[0], true
}

// apart is an error where a node's standbys cannot be distinguished.
func (s *standbyNames) apart(state record.NodeState) error {
	seen := map[string]bool{}
	for _, line := range state.Standbys {
		nodes := s.could(state.Node, line.Name)
		if len(nodes) < 2 {
			continue
		}
		if name, ok := s.of(state.Node, line); !ok || seen[name] {
			return fmt.Errorf("%s have the same application_name as standbys, %q, and the addresses that they connect from are not those of the file: pg_stat_replication cannot tell them apart; give each its own in its primary_conninfo, and write it as standby: in the file",
				strings.Join(nodes, " and "), line.Name)
		} else {
			seen[name] = true
		}
	}
	return nil
}

// addressesOf are those that the node's connection string leads to, as pg_stat_replication writes them. None: it leads to a socket,
// or the name cannot be looked up.
func addressesOf(ctx context.Context, n *Node) (all []string) {
	ctx, cancel := context.WithTimeout(ctx, stateTimeout)
	defer cancel()
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", n.config.DSN.Address.Host)
	if err != nil {
		return nil
	}
	for _, a := range found {
		all = append(all, netip.AddrFrom16(a.As16()).Unmap().String())
	}
	return all
}
