package spec

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"

	"pgchaos/chaos/fault"
	"pgchaos/internal/units"
)

// With at_once, as many lanes of faults go on beside each other. Each lane has nodes of its own. A fault that needs several nodes at once finds
// them in one lane: they are a group, which is never divided. A fault of the network that names several nodes disturbs the
// links of other lanes' nodes, too. So these faults are all in the first lane: there is one at a time.

// named are the nodes that the entry names and acts on itself, and not only on their links.
func (f *RandomFault) named() (all []string) {
	for k := range f.steps {
		s := &f.steps[k].is
		if _, links := s.Parameters().(fault.OnLinks); links {
			continue
		}
		for _, name := range s.targets() {
			if name != wordAny && name != wordOthers {
				all = append(all, name)
			}
		}
	}
	return all
}

// onLinks tells whether a step of the entry is a fault of the network, and whether one names several nodes.
func (f *RandomFault) onLinks() (links, wide bool) {
	for k := range f.steps {
		if _, ok := f.steps[k].is.Parameters().(fault.OnLinks); ok {
			on := f.steps[k].is.targets()
			links, wide = true, wide || len(on) > 1 || slices.Contains(on, wordOthers)
		}
	}
	return links, wide
}

// firstLane tells whether the entry can only be in the first lane.
func (r *Random) firstLane(f *RandomFault) bool {
	links, _ := f.onLinks()
	return links && slices.ContainsFunc(r.Faults, func(o RandomFault) bool {
		_, wide := o.onLinks()
		return wide && o.Weight > 0
	})
}

// fits tells whether a lane with these nodes can have the entry.
func (f *RandomFault) fits(nodes []string) bool {
	return len(f.among(nodes)) > 0 && !slices.ContainsFunc(f.named(), func(name string) bool { return !slices.Contains(nodes, name) })
}

// possible tells whether the lane of that number, with these nodes, can have the entry.
func (r *Random) possible(f *RandomFault, lane int, nodes []string) bool {
	if r.AtOnce <= 1 {
		return len(f.among(nodes)) > 0
	}
	return f.Weight > 0 && f.fits(nodes) && (lane == 0 || !r.firstLane(f))
}

// groups are the nodes that have to be in one lane, for an entry names them together.
func (r *Random) groups(nodes []string) (groups [][]string) {
	for _, name := range nodes {
		groups = append(groups, []string{name})
	}
	for i := range r.Faults {
		named := r.Faults[i].named()
		var joined []string
		groups = slices.DeleteFunc(groups, func(g []string) bool {
			join := slices.ContainsFunc(g, func(name string) bool { return slices.Contains(named, name) })
			if join {
				joined = append(joined, g...)
			}
			return join
		})
		if joined != nil {
			groups = append(groups, joined)
		}
	}
	// In the order of the file.
	for _, g := range groups {
		slices.SortFunc(g, func(a, b string) int { return cmp.Compare(slices.Index(nodes, a), slices.Index(nodes, b)) })
	}
	slices.SortFunc(groups, func(a, b []string) int { return cmp.Compare(slices.Index(nodes, a[0]), slices.Index(nodes, b[0])) })
	return groups
}

// rank is 0 for a group that only the first lane has a use for, 1 for one that all have, with a use that only the first has, 2 for one that all
// have a use for, and 3 for one that no entry can be done to.
func (r *Random) rank(group []string) int {
	first, others := false, false
	for i := range r.Faults {
		if f := &r.Faults[i]; r.possible(f, 0, group) {
			only := r.firstLane(f)
			first, others = first || only, others || !only
		}
	}
	switch {
	case first && !others:
		return 0
	case first:
		return 1
	case others:
		return 2
	}
	return 3
}

// lanes divides the nodes, so that as many lanes as possible have a use for theirs.
func (r *Random) lanes(rng *rand.Rand, nodes []string) [][]string {
	groups := r.groups(nodes)
	var order [][]string
	for _, i := range rng.Perm(len(groups)) {
		order = append(order, groups[i])
	}
	slices.SortStableFunc(order, func(a, b []string) int { return cmp.Compare(r.rank(a), r.rank(b)) })
	lanes := make([][]string, r.AtOnce)
	next := 0
	for i, group := range order {
		lane := next % r.AtOnce
		if i > 0 && r.rank(group) == 0 {
			lane = 0
		} else {
			next++
		}
		lanes[lane] = append(lanes[lane], group...)
	}
	return lanes
}

// worst is the most nodes that are disturbed at once, when the entry is one of the faults.
func (r *Random) worst(f *RandomFault, nodes []string) (worst int) {
	own := f.hits(len(nodes))
	if r.AtOnce <= 1 || r.AtOnce > len(nodes) { // which is reported
		return own
	}
	groups := r.groups(nodes)
	hits := func(lane int, group []string) (most int) {
		for i := range r.Faults {
			if o := &r.Faults[i]; r.possible(o, lane, group) {
				most = max(most, o.hits(len(nodes)))
			}
		}
		return most
	}
	// most is that of so many lanes beside these groups.
	most := func(lanes int, beside ...int) (sum int) {
		var all []int
		for i, group := range groups {
			if !slices.Contains(beside, i) {
				all = append(all, hits(1, group))
			}
		}
		slices.Sort(all)
		for _, n := range all[max(len(all)-lanes, 0):] {
			sum += n
		}
		return sum
	}
	for i, group := range groups {
		if !f.fits(group) {
			continue
		}
		worst = max(worst, own+most(r.AtOnce-1, i))
		for first, other := range groups {
			if first != i && !r.firstLane(f) {
				worst = max(worst, own+hits(0, other)+most(r.AtOnce-2, i, first))
			}
		}
	}
	return worst
}

// atOnce refuses the entries that may meet another fault on the same node, and more lanes than can have a fault.
func (v *validator) atOnce(r *Random, nodes []string) {
	if r.AtOnce <= 1 || r.AtOnce > len(nodes) {
		return
	}
	for i := range r.Faults {
		path := r.path(i)
		if v.d.brokenUnder(path) {
			return
		}
		if name, why := r.Faults[i].meets(); name != "" {
			v.bad(path, "with at_once, this may meet another fault: "+name+" "+why, "write any or the names of nodes, or leave at_once out")
			v.d.distrust("random")
		}
	}
	if v.d.brokenUnder("random") {
		return
	}
	can := 0
	for lane, own := range r.lanes(rand.New(rand.NewPCG(1, randomStream)), nodes) {
		if slices.ContainsFunc(r.Faults, func(f RandomFault) bool { return r.possible(&f, lane, own) }) {
			can++
		}
	}
	if can > 0 && can < r.AtOnce {
		v.bad("random.at_once", fmt.Sprintf("at most %s of this schedule can be in force at once, not %d: two never have the same node, and of those on links between nodes there is one at a time",
			units.Count(int64(can), "fault", "faults"), r.AtOnce), "write a smaller at_once, or other targets")
	}
}

// meets is what the entry names that another fault may have at the same time, and why; "" is nothing.
func (f *RandomFault) meets() (what, why string) {
	for k := range f.steps {
		s := &f.steps[k].is
		_, links := s.Parameters().(fault.OnLinks)
		for _, name := range s.targets() {
			switch {
			case slices.Contains(Roles, name):
				return name, "is a role, and which node has it is known only in the run"
			case name == wordOthers && !links:
				return name, "are all nodes but one"
			case name == wordAny && !links && len(s.targets()) > 1:
				return name, "stands beside the name of a node, which may be of another fault"
			}
		}
	}
	return "", ""
}
