package report

import (
	"slices"
	"time"

	"pgchaos/record"
)

// PhaseUse is what one node used during one phase.
type PhaseUse struct {
	Node, Phase       string
	CPU               float64       // per cent times seconds
	CPUTime           time.Duration // that CPU was summed over
	Memory            uint64        // the greatest
	Limit             uint64        // 0: none known
	NetIn, NetOut     Transfer
	BlockIn, BlockOut Transfer
	Processes         int // the greatest
}

// Transfer is a number of bytes that were moved.
type Transfer struct {
	Bytes uint64
	Known bool
}

// add counts what was moved between two readings of a total. A total that has
// become smaller belongs to a node that was started again, and counts from 0.
func (t *Transfer) add(before, now *uint64) {
	switch {
	case before == nil || now == nil:
		return
	case *now >= *before:
		t.Bytes += *now - *before
	default:
		t.Bytes += *now
	}
	t.Known = true
}

// UseByPhase sums the samples up, by node in the cluster's order and then by phase. A
// sample speaks for the time since the one before of its node; it belongs to the
// phase in which it was taken.
func (r *Result) UseByPhase() []PhaseUse {
	nodes := make([]string, 0, len(r.Cluster.Nodes))
	for _, n := range r.Cluster.Nodes {
		nodes = append(nodes, n.Name)
	}
	for _, u := range r.Usage {
		if !slices.Contains(nodes, u.Node) {
			nodes = append(nodes, u.Node)
		}
	}
	var all []PhaseUse
	for _, node := range nodes {
		all = append(all, r.usageOf(node)...)
	}
	return all
}

// usageOf is what one node used, phase by phase; phases without a sample are left out.
func (r *Result) usageOf(node string) []PhaseUse {
	uses := make([]PhaseUse, len(r.Phases))
	var before *record.ResourceSample
	for i := range r.Usage {
		u := &r.Usage[i]
		if u.Node != node {
			continue
		}
		if phase, ok := r.phaseAt(u.At); ok {
			uses[phase].Node, uses[phase].Phase = node, r.Phases[phase].Name
			uses[phase].add(before, u)
		}
		before = u
	}
	return slices.DeleteFunc(uses, func(u PhaseUse) bool { return u.Node == "" })
}

// add counts one sample; before is nil for a node's first one, which speaks for
// no stretch of time.
func (p *PhaseUse) add(before, now *record.ResourceSample) {
	p.Memory = max(p.Memory, now.MemoryBytes)
	p.Processes = max(p.Processes, now.Processes)
	if now.MemoryLimit != nil {
		p.Limit = *now.MemoryLimit
	}
	if before == nil {
		return
	}
	since := now.At - before.At
	p.CPU += now.CPUPercent * since.Seconds()
	p.CPUTime += since
	p.NetIn.add(before.NetIn, now.NetIn)
	p.NetOut.add(before.NetOut, now.NetOut)
	p.BlockIn.add(before.BlockIn, now.BlockIn)
	p.BlockOut.add(before.BlockOut, now.BlockOut)
}

// phaseAt is the phase that a moment belongs to.
func (r *Result) phaseAt(at time.Duration) (index int, ok bool) {
	for i, p := range r.Phases {
		if at > p.Start && at <= p.End {
			return i, true
		}
	}
	return 0, false
}
