package report

import (
	"slices"
	"time"

	"pgchaos/history"
)

// phaseUse is what one node used during one phase.
type phaseUse struct {
	node, phase       string
	cpu               float64       // per cent times seconds
	cpuTime           time.Duration // that cpu was summed over
	memory            uint64        // the greatest
	limit             uint64        // 0: none known
	netIn, netOut     transfer
	blockIn, blockOut transfer
	processes         int // the greatest
}

// transfer is a number of bytes that were moved.
type transfer struct {
	bytes uint64
	known bool
}

// add counts what was moved between two readings of a total. A total that has
// become smaller belongs to a node that was started again, and counts from 0.
func (t *transfer) add(before, now *uint64) {
	switch {
	case before == nil || now == nil:
		return
	case *now >= *before:
		t.bytes += *now - *before
	default:
		t.bytes += *now
	}
	t.known = true
}

// traffic is a pair of transfers as docker stats shows it.
func traffic(in, out transfer) string {
	if !in.known && !out.known {
		return "-"
	}
	words := func(t transfer) string {
		if !t.known {
			return "-"
		}
		return decimalBytes(t.bytes)
	}
	return words(in) + " / " + words(out)
}

// usage sums the samples up, by node in the cluster's order and then by phase. A
// sample speaks for the time since the one before of its node; it belongs to the
// phase in which it was taken.
func (r *Result) usage() []phaseUse {
	nodes := make([]string, 0, len(r.Cluster.Nodes))
	for _, n := range r.Cluster.Nodes {
		nodes = append(nodes, n.Name)
	}
	for _, u := range r.Usage {
		if !slices.Contains(nodes, u.Node) {
			nodes = append(nodes, u.Node)
		}
	}
	var all []phaseUse
	for _, node := range nodes {
		all = append(all, r.usageOf(node)...)
	}
	return all
}

// usageOf is what one node used, phase by phase; phases without a sample are left out.
func (r *Result) usageOf(node string) []phaseUse {
	uses := make([]phaseUse, len(r.Phases))
	var before *history.Usage
	for i := range r.Usage {
		u := &r.Usage[i]
		if u.Node != node {
			continue
		}
		if phase, ok := r.phaseAt(u.At); ok {
			uses[phase].node, uses[phase].phase = node, r.Phases[phase].Name
			uses[phase].add(before, u)
		}
		before = u
	}
	return slices.DeleteFunc(uses, func(u phaseUse) bool { return u.node == "" })
}

// add counts one sample; before is nil for a node's first one, which speaks for
// no stretch of time.
func (p *phaseUse) add(before, now *history.Usage) {
	p.memory = max(p.memory, now.MemoryBytes)
	p.processes = max(p.processes, now.Processes)
	if now.MemoryLimit != nil {
		p.limit = *now.MemoryLimit
	}
	if before == nil {
		return
	}
	since := now.At - before.At
	p.cpu += now.CPUPercent * since.Seconds()
	p.cpuTime += since
	p.netIn.add(before.NetIn, now.NetIn)
	p.netOut.add(before.NetOut, now.NetOut)
	p.blockIn.add(before.BlockIn, now.BlockIn)
	p.blockOut.add(before.BlockOut, now.BlockOut)
}
