package cluster

import (
	"cmp"
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
// node its own: without one, and without a cluster_name, each is called walreceiver. Standbys that the file does not name, or that
// nothing leads to, can have the name of a node, too.
type standbyNames struct {
	nodes     map[string][]string // by application_name, in order
	addresses map[string][]string // by node: where its connection string leads, and where it streamed from when it was the only one of its name
	shared    map[string]bool     // the names by which standbys stream that are none of the nodes
}

// clone is a copy to be changed; of nil, an empty one.
func (s *standbyNames) clone() *standbyNames {
	next := &standbyNames{map[string][]string{}, map[string][]string{}, map[string]bool{}}
	if s != nil {
		next.nodes, next.addresses, next.shared = maps.Clone(s.nodes), maps.Clone(s.addresses), maps.Clone(s.shared)
	}
	return next
}

// with is the same with another node of that name, in the place of what was known of the node.
func (s *standbyNames) with(name, node string, addresses []string) *standbyNames {
	next := s.clone()
	for called, nodes := range next.nodes {
		next.nodes[called] = slices.DeleteFunc(slices.Clone(nodes), func(n string) bool { return n == node })
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

// only is the node that a name stands for on a node; ok is false where it can stand for several, or for a standby that is none of the nodes.
func (s *standbyNames) only(on, name string) (node string, ok bool) {
	nodes := s.could(on, name)
	if len(nodes) != 1 || s.shared[name] {
		return name, false
	}
	return nodes[0], true
}

// standbyOf is what a line of pg_stat_replication stands for.
type standbyOf struct {
	name  string
	known bool // it is the name of a node
	// could are the nodes that it can be, where it is not known which; none: it is that of another standby.
	could []string
}

// of is what the lines of a node's pg_stat_replication stand for, in their order. Where a name alone does not tell, the address does that the
// standby connects from, if it is the node's. The only line of a name needs no address: that of a connection string need not be the one
// that a standby has.
func (s *standbyNames) of(on string, lines []record.StandbyState) []standbyOf {
	all := make([]standbyOf, len(lines))
	count, seen := map[string]int{}, map[string]bool{}
	for _, line := range lines {
		count[line.Name]++
	}
	for i, line := range lines {
		node, ok := s.only(on, line.Name)
		if !ok || count[line.Name] > 1 {
			node, ok = s.at(on, line)
		}
		all[i], seen[node] = standbyOf{name: node, known: ok}, seen[node] || ok
	}
	for i, line := range lines {
		if all[i].known {
			continue
		}
		all[i].could = slices.DeleteFunc(s.could(on, line.Name), func(node string) bool { return seen[node] })
		_, called := s.addresses[line.Name]
		switch c := all[i].could; {
		case len(c) == 0 && called: // a node has that name, and is another one
			all[i].name = line.Name + " (another)"
		case len(c) == 1:
			all[i].name = line.Name + " (" + c[0] + " or another)"
		case len(c) > 1:
			all[i].name = line.Name + " (" + strings.Join(c, " or ") + ")"
		}
	}
	return all
}

// at is the node of a line's name that has the line's address.
func (s *standbyNames) at(on string, line record.StandbyState) (node string, ok bool) {
	from := slices.DeleteFunc(s.could(on, line.Name), func(node string) bool { return !slices.Contains(s.addresses[node], line.Address) })
	if len(from) != 1 {
		return line.Name, false
	}
	return from[0], true
}

// met is the same after a look at a node's standbys when the cluster is met. It is an error where they cannot be distinguished. A standby that is
// none of the nodes shares its name from then on, and a node that is the only one of its name is known by its address from then on.
func (s *standbyNames) met(state record.NodeState) (*standbyNames, error) {
	next, seen := s.clone(), map[string]bool{}
	for i, of := range s.of(state.Node, state.Standbys) {
		line := state.Standbys[i]
		switch {
		case of.known && seen[of.name], len(of.could) > 0:
			return nil, cannotTell(state.Node, s.could(state.Node, line.Name), line)
		case of.known:
			seen[of.name] = true
			if line.Address != "" && !slices.Contains(s.addresses[of.name], line.Address) {
				next.addresses[of.name] = append(slices.Clone(s.addresses[of.name]), line.Address)
			}
		case len(s.could(state.Node, line.Name)) > 0:
			next.shared[line.Name] = true
		}
	}
	return next, nil
}

// cannotTell is why a cluster is not used whose standbys cannot be distinguished: a line of them is hidden from a role without pg_monitor, but
// for its name.
func cannotTell(on string, nodes []string, line record.StandbyState) error {
	name, right := line.Name, "give each its own in its primary_conninfo, and write it as standby: in the file"
	if line.Address == "" {
		right = "no address is shown, which a role without pg_monitor does not see: grant it to the role of the file; or " + right
	}
	if len(nodes) == 1 {
		return fmt.Errorf("several standbys stream from %s with the application_name of %s, %q, and the addresses that they connect from do not tell which of them is %s: %s; or wait for wal_sender_timeout, if one is left of a connection that broke",
			on, nodes[0], name, nodes[0], right)
	}
	return fmt.Errorf("%s have the same application_name as standbys, %q, and the addresses that they connect from are not those of the file: pg_stat_replication cannot tell them apart; %s",
		strings.Join(nodes, " and "), name, right)
}

// addressesOf are those of the host of a node's connection string, as pg_stat_replication writes them. None: it leads to a socket,
// or the name cannot be looked up.
func addressesOf(ctx context.Context, host string) (all []string) {
	ctx, cancel := context.WithTimeout(ctx, stateTimeout)
	defer cancel()
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil
	}
	for _, a := range found {
		all = append(all, netip.AddrFrom16(a.As16()).Unmap().String())
	}
	return all
}

// MetStandby is a node of a cluster that was there before, as it was seen before the cluster is met.
type MetStandby struct {
	Node, Host string
	// Name is its application_name as a standby; "": it is the primary, and the file does not say it.
	Name     string
	Standbys []record.StandbyState // its lines of pg_stat_replication, with application_names
}

// Distinguish looks which nodes the standbys of a cluster are, and is an error where they cannot be distinguished. Others are, for each node, the
// lines of its pg_stat_replication that are none of the nodes, by their index.
func Distinguish(ctx context.Context, nodes []MetStandby) (others [][]int, err error) {
	var names *standbyNames
	for _, n := range nodes {
		names = names.with(cmp.Or(n.Name, n.Node), n.Node, addressesOf(ctx, n.Host))
	}
	others = make([][]int, len(nodes))
	for i, n := range nodes {
		if _, err := names.met(record.NodeState{Node: n.Node, Standbys: n.Standbys}); err != nil {
			return nil, err
		}
		for line, of := range names.of(n.Node, n.Standbys) {
			if !of.known { // met has refused those that can be one of several nodes
				others[i] = append(others[i], line)
			}
		}
	}
	return others, nil
}
