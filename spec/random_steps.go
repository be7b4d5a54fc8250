package spec

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"pgchaos/internal/units"
	"pgchaos/record"
)

// randomFault decodes an entry. Its steps are decoded with the timeline, when they have been made.
func (d *decoder) randomFault(n *yaml.Node, into *RandomFault, path string) {
	step := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: n.Line, Column: n.Column}
	*into = RandomFault{Weight: 1, at: n}
	d.sameOrigin(step, n)
	var meanwhile, then []*yaml.Node
	d.mapping(n, path, "a mapping such as {weight: 2, pause: any}", func(key string, value *yaml.Node, path string) {
		switch key {
		case "weight":
			d.value(value, reflect.ValueOf(&into.Weight).Elem(), path)
		case "targets":
			d.value(value, reflect.ValueOf(&into.Targets).Elem(), path)
		case "meanwhile":
			meanwhile = d.entrySteps(value, path)
		case "then":
			then = d.entrySteps(value, path)
		default:
			step.Content = append(step.Content, d.keys[path], value)
		}
	})
	for _, n := range slices.Concat([]*yaml.Node{step}, meanwhile, then) {
		into.steps = append(into.steps, entryOf(n))
	}
	into.beside = len(meanwhile)
}

// entrySteps are the steps of a list in an entry; nil where it is none.
func (d *decoder) entrySteps(list *yaml.Node, path string) []*yaml.Node {
	d.nodes[path] = list
	if list.Kind != yaml.SequenceNode {
		d.wrongKind(list, path, "a list of steps")
		return nil
	}
	for k, n := range list.Content {
		if n.Kind != yaml.MappingNode {
			d.wrongKind(n, path+"["+strconv.Itoa(k)+"]", "a step such as {start: any}")
			return nil
		}
	}
	return list.Content
}

// entryOf decodes a step of an entry.
func entryOf(n *yaml.Node) entryStep {
	s, d := entryStep{node: n}, newDecoder("")
	d.value(n, reflect.ValueOf(&s.is).Elem(), "")
	s.bad = len(d.problems) > 0
	return s
}

// scratchStep decodes a step and forgets what is wrong with it.
func scratchStep(n *yaml.Node) Step { return entryOf(n).is }

// path is where the file has the entry of that number.
func (r *Random) path(i int) string { return "random.faults[" + strconv.Itoa(i) + "]" }

// takeRandom takes `random` out of the file, and puts steps into the timeline. Secrets are the texts without secrets of values.
func (d *decoder) takeRandom(root *yaml.Node, o Options, secrets map[*yaml.Node]string) *Schedule {
	key := keyIndex(root, "random")
	if key < 0 {
		return nil
	}
	d.keys["random"] = root.Content[key]
	n := takeKey(root, "random")
	r := &Random{}
	d.value(n, reflect.ValueOf(r).Elem(), "random")
	for i := range r.Faults {
		if f := &r.Faults[i]; len(f.steps) == 0 { // it is nothing, which is reported
			f.at, f.steps = n, []entryStep{entryOf(&yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: n.Line, Column: n.Column})}
		}
	}
	nodes := presentNodes(root)
	r.managed = child(root, "cluster", "existing") != nil
	r.fillDefaults(d, len(nodes))
	if i := keyIndex(root, "kills"); i >= 0 {
		d.keys["kills"], d.nodes["kills"] = root.Content[i], root.Content[i+1]
	}
	(&validator{e: &Experiment{}, d: d}).checkRandom(r, nodes)
	timeline := valueOf(root, "timeline")
	if timeline == nil || isNull(timeline) {
		takeKey(root, "timeline")
		timeline = &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Line: n.Line, Column: n.Column}
		root.Content = append(root.Content, scalarAt("timeline", d.keys["random"]), timeline)
	}
	if timeline.Kind != yaml.SequenceNode || d.brokenUnder("random") || len(nodes) == 0 {
		return nil // which is reported, or will be
	}
	schedule := &Schedule{Seed: d.randomSeed(root, r, o)}
	all := r.incidents(rand.New(rand.NewPCG(schedule.Seed, randomStream)), nodes)
	if o.rehearsal {
		all = r.eachOnce(nodes)
	}
	if len(all) > maxIncidents {
		(&validator{e: &Experiment{}, d: d}).bad("random.every", fmt.Sprintf("the schedule would have more than %d faults", maxIncidents), "write a longer every, or a shorter lasts")
		return nil
	}
	schedule.Faults = len(all)
	w := &scheduleWriter{d: d, r: r, nodes: nodes, timeline: timeline, secrets: secrets}
	schedule.incidents = w.write(all)
	return schedule
}

// eachOnce is a schedule that has each entry once. It shows what is wrong with those that a seed never chooses.
func (r *Random) eachOnce(nodes []string) (all []incident) {
	for i := range r.Faults {
		in := incident{fault: i, gap: time.Duration(r.Every), lasts: time.Duration(r.For.Min)}
		if among := r.Faults[i].among(nodes); len(among) > 0 {
			in.node = among[len(among)-1]
		}
		all = append(all, in)
	}
	return all
}

// randomSeed is the seed of the schedule. That of the experiment is written into the file, so that the result has it.
func (d *decoder) randomSeed(root *yaml.Node, r *Random, o Options) uint64 {
	if d.has("random.seed") {
		return r.Seed
	}
	var ofFile uint64
	if n := valueOf(root, "seed"); n != nil {
		scratch := newDecoder("")
		scratch.value(n, reflect.ValueOf(&ofFile).Elem(), "")
		if o.Seed == 0 && ofFile != 0 || len(scratch.problems) > 0 && !isNull(n) { // which will be reported
			return max(ofFile, 1)
		}
		takeKey(root, "seed")
	}
	seed := o.Seed
	if seed == 0 {
		seed = max(o.ChosenSeed, 1)
	}
	root.Content = append(root.Content, scalarAt("seed", d.keys["random"]), scalarAt(strconv.FormatUint(seed, 10), d.keys["random"]))
	return seed
}

// presentNodes are the nodes that are there from the beginning, as far as they can be read.
func presentNodes(root *yaml.Node) (names []string) {
	n := valueOf(valueOf(root, "cluster"), "nodes")
	if n == nil {
		met := child(root, "cluster", "existing", "nodes")
		for i := 0; met != nil && met.Kind == yaml.MappingNode && i+1 < len(met.Content); i += 2 {
			names = append(names, met.Content[i].Value)
		}
		return names
	}
	var nodes Nodes
	newDecoder("").value(n, reflect.ValueOf(&nodes).Elem(), nodesPath)
	for _, one := range nodes {
		if !one.Absent {
			names = append(names, one.Name)
		}
	}
	return names
}

func (r *Random) fillDefaults(d *decoder, nodes int) {
	fill(d, "random.begin", &r.Begin, defaultBegin)
	fill(d, "random.lasts", &r.Lasts, defaultLasts)
	fill(d, "random.every", &r.Every, defaultEvery)
	fill(d, "random.at_once", &r.AtOnce, 1)
	fill(d, "random.heal", &r.Heal, defaultHeal)
	if !d.has("random.for.max") {
		r.For.Max = max(defaultMost, r.For.Min)
	}
	if !d.has("random.for.min") {
		r.For.Min = min(defaultLeast, r.For.Max)
	}
	fill(d, "random.healthy", &r.Healthy, (nodes+1)/2)
}

// The names of the steps that a schedule makes.
const (
	randomName  = "random-"
	randomBegin = "random-begin"
	randomHeal  = "random-heal"
)

// scheduleWriter writes a schedule as steps of a timeline.
type scheduleWriter struct {
	d        *decoder
	r        *Random
	nodes    []string
	timeline *yaml.Node
	secrets  map[*yaml.Node]string
}

// write adds the steps where the schedule begins, and returns the names of each fault's. Each begins after the end of the one before it in its
// lane, so that no two of a lane overlap, whatever they take. After steps while a fault is in force the next one waits for the fault and all of these.
func (w *scheduleWriter) write(all []incident) (incidents [][]string) {
	at := w.beginsAt()
	add := func(step *yaml.Node) {
		w.timeline.Content = slices.Insert(w.timeline.Content, at, step)
		at++
	}
	add(w.made(w.d.keys["random"], "name", randomBegin, "at", w.r.Begin.String(), "wait", "100ms"))
	ends := map[int]string{} // of the last incident, by lane
	for i, in := range all {
		end := cmp.Or(ends[in.lane], randomBegin)
		f := &w.r.Faults[in.fault]
		gap := in.gap
		var names []string
		for k := range f.steps {
			step, decoded := w.filled(f.steps[k].node, in.node), &f.steps[k].is
			name := w.name(i+1, decoded, names)
			names = append(names, name)
			if k > 0 {
				gap = 0
				if decoded.At != nil && !f.steps[k].bad { // else the mistake is found where it stands
					gap = time.Duration(*decoded.At)
					takeKey(step, "at")
				}
			}
			head := []string{"name", name, "after", end}
			if gap > 0 {
				head = append(head, "at", units.Duration(gap).String())
			}
			lasts := decoded.For > 0
			end = name
			if k == 0 && f.taken() {
				head, lasts = append(head, "for", units.Duration(in.lasts).String()), true
			}
			if lasts {
				end = record.UndoPrefix + name
			}
			switch {
			case f.beside == 0:
			case k == 0:
				end = name
			case k == f.beside: // what comes next waits for the end of the fault and for these steps, whichever is later
				end = randomName + strconv.Itoa(i+1) + "-*"
			}
			step.Content = append(w.made(f.at, head...).Content, step.Content...)
			w.d.generated["timeline["+strconv.Itoa(at)+"]"] = w.r.entryPath(in.fault, k)
			add(step)
		}
		incidents, ends[in.lane] = append(incidents, names), end
	}
	end := cmp.Or(ends[0], randomBegin)
	if len(ends) > 1 {
		end = record.AfterAll
	}
	heal := w.made(w.d.keys["random"], "name", randomHeal, "after", end)
	heal.Content = append(heal.Content, scalarAt("verify", w.d.keys["random"]), w.made(w.d.keys["random"], "all_streaming", "true", "within", w.r.Heal.String()))
	w.timeline.Content = append(w.timeline.Content, heal)
	return incidents
}

// entryPath is where the file has a step of an entry.
func (r *Random) entryPath(entry, step int) string {
	f := &r.Faults[entry]
	switch {
	case step == 0:
		return r.path(entry)
	case f.meanwhile(step):
		return r.path(entry) + ".meanwhile[" + strconv.Itoa(step-1) + "]"
	}
	return r.path(entry) + ".then[" + strconv.Itoa(step-1-f.beside) + "]"
}

// name is the name of a step of the incident of that number, such as random-3-kill. Taken are the names of its other steps.
func (w *scheduleWriter) name(number int, s *Step, taken []string) string {
	base := randomName + strconv.Itoa(number)
	if action := s.Action(); action != "" {
		base += "-" + strings.ReplaceAll(action, "_", "-")
	}
	name := base
	for n := 2; slices.Contains(taken, name); n++ {
		name = base + "-" + strconv.Itoa(n)
	}
	return name
}

// beginsAt is where in the timeline the beginning of the schedule stands: before the first step of the sequence that is later.
func (w *scheduleWriter) beginsAt() int {
	for i, n := range w.timeline.Content {
		if s := scratchStep(n); s.At != nil && s.After == "" && *s.At > w.r.Begin {
			return i
		}
	}
	return len(w.timeline.Content)
}

// made is a mapping of keys and values, alternately.
func (w *scheduleWriter) made(at *yaml.Node, all ...string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Style: yaml.FlowStyle, Line: at.Line, Column: at.Column}
	w.d.sameOrigin(n, at)
	for _, text := range all {
		one := scalarAt(text, at)
		w.d.sameOrigin(one, at)
		n.Content = append(n.Content, one)
	}
	return n
}

func scalarAt(text string, at *yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Value: text, Line: at.Line, Column: at.Column}
}

// sameOrigin notes that a node comes from the same flag as another one, if that comes from one.
func (d *decoder) sameOrigin(n, of *yaml.Node) {
	if flag, ok := d.origin[of]; ok {
		d.origin[n] = flag
	}
}

// filled is a copy of a step, with a node in the place of any, and all other nodes in the place of others.
func (w *scheduleWriter) filled(template *yaml.Node, node string) *yaml.Node {
	own := *template
	own.Content = nil
	w.d.sameOrigin(&own, template)
	if w.d.spoiled[template] {
		w.d.spoiled[&own] = true
	}
	if text, secret := w.secrets[template]; secret {
		w.secrets[&own] = text
	}
	switch {
	case own.Kind == yaml.MappingNode:
		own.Style = yaml.FlowStyle
		for i, child := range template.Content {
			if i%2 == 1 && isOthers(child) {
				own.Content = append(own.Content, w.others(child, node))
				continue
			}
			own.Content = append(own.Content, w.filled(child, node))
			if i%2 == 1 && template.Content[i-1].Value == "between" {
				w.sides(own.Content[i], child, node)
			}
		}
	case own.Kind == yaml.SequenceNode:
		for _, child := range template.Content {
			if isOthers(child) {
				own.Content = append(own.Content, w.others(child, node).Content...)
				continue
			}
			own.Content = append(own.Content, w.filled(child, node))
		}
	case own.Value == wordAny && own.Style == 0:
		own.Value = node
	}
	return &own
}

// sides fills in the two sides of a network, where others stands for one side and not for several.
func (w *scheduleWriter) sides(n, template *yaml.Node, node string) {
	if template.Kind != yaml.SequenceNode {
		return
	}
	n.Content = nil
	for _, side := range template.Content {
		if isOthers(side) {
			n.Content = append(n.Content, w.others(side, node))
			continue
		}
		n.Content = append(n.Content, w.filled(side, node))
	}
}

func isOthers(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Style == 0 && n.Value == wordOthers
}

// others is the list of all nodes but one.
func (w *scheduleWriter) others(at *yaml.Node, node string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Style: yaml.FlowStyle, Line: at.Line, Column: at.Column}
	w.d.sameOrigin(n, at)
	for _, name := range w.nodes {
		if name != node {
			one := scalarAt(name, at)
			w.d.sameOrigin(one, at)
			n.Content = append(n.Content, one)
		}
	}
	return n
}
