package spec

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"gopkg.in/yaml.v3"

	"pgchaos/chaos/fault"
	"pgchaos/internal/units"
)

// Random is a schedule of faults that a generator chooses. Load makes steps of the timeline of it, so that the resolved text has
// no randomness: it can be run again even if a later version chooses differently.
type Random struct {
	Begin   Duration      `yaml:"begin" jsonschema_description:"When the first fault begins, since the load began; 10s by default."`
	Lasts   Duration      `yaml:"lasts" jsonschema_description:"Faults begin within this time after begin; 1m by default. It is counted with the expected time of each fault, so that slow ones move the end."`
	Every   Duration      `yaml:"every" jsonschema_description:"The mean time from the end of one fault to the beginning of the next; 15s by default. The times are exponentially distributed."`
	For     Span          `yaml:"for" jsonschema_description:"How long faults last that can be taken back, chosen evenly between min and max; 2s to 8s by default. A fault's own for wins."`
	AtOnce  int           `yaml:"at_once" jsonschema_description:"How many faults can be in force at once; 1 by default. With more than one, no fault can be of a role: which node has it is known only in the run."`
	Healthy int           `yaml:"healthy" jsonschema_description:"The least number of nodes that have no fault at any moment; half of the nodes by default, rounded up."`
	Heal    Duration      `yaml:"heal" jsonschema_description:"How long the cluster may take after the last fault until one node is the primary and all others stream; 30s by default."`
	Seed    uint64        `yaml:"seed" jsonschema_description:"The seed of the schedule alone. Left out: the seed of the experiment."`
	Faults  []RandomFault `yaml:"faults" jsonschema_description:"What can be chosen, each with a weight."`

	managed bool // the cluster is not ours: its own manager may bring nodes back
}

// Span is a range of times.
type Span struct {
	Min Duration `yaml:"min" jsonschema_description:"The shortest time."`
	Max Duration `yaml:"max" jsonschema_description:"The longest time."`
}

// RandomFault is one fault that can be chosen, and what is done while it is in force and after it. The word any in it stands for a node that is chosen with
// it, and others for all other nodes.
type RandomFault struct {
	Weight    int      `yaml:"weight" jsonschema_description:"How often it is chosen, as against the others; 1 by default, 0 for never."`
	Targets   NodeList `yaml:"targets" jsonschema_description:"The nodes that any can stand for; all by default."`
	Meanwhile []Step   `yaml:"meanwhile" jsonschema_description:"Steps while the fault is in force, each after the end of the one before, or at after it; the first after the fault has taken effect."`
	Then      []Step   `yaml:"then" jsonschema_description:"Steps that follow it, each after the end of the one before; a fault with a for ends when it has been taken back. With at they begin so much later."`

	steps  []entryStep // the fault itself, those while it is in force, and those that follow it
	beside int         // how many go on while it is in force
	at     *yaml.Node  // where the file has it
}

// entryStep is a step of an entry, with any and others in it.
type entryStep struct {
	node *yaml.Node // of which steps are made
	is   Step       // decoded, whatever is wrong with it
	bad  bool       // something is
}

// Schedule is what a file's `random` came to.
type Schedule struct {
	Seed   uint64 // that it was made from
	Faults int
	// incidents are the names of the steps of each fault.
	incidents [][]string
}

// String is what a plan says of the schedule.
func (s *Schedule) String() string {
	return units.Count(int64(s.Faults), "fault", "faults") + " chosen by the seed " + strconv.FormatUint(s.Seed, 10)
}

// The defaults of what `random` may leave out, and its bounds.
const (
	defaultBegin   = Duration(10 * time.Second)
	defaultLasts   = Duration(time.Minute)
	defaultEvery   = Duration(15 * time.Second)
	defaultHeal    = Duration(30 * time.Second)
	defaultLeast   = Duration(2 * time.Second)
	defaultMost    = Duration(8 * time.Second)
	maxWeight      = 1000
	maxIncidents   = 1000
	randomStream   = 0x72616e646f6d // of the generator, apart from those of the load and the roles
	randomAccuracy = 100 * time.Millisecond
	// thenTakes is how long a step of a `then` is expected to take.
	thenTakes = 3 * time.Second
)

// incident is one fault of a schedule.
type incident struct {
	lane  int           // incidents of one lane follow each other; those of several go on at once
	begin time.Duration // expected, since the beginning of the schedule
	fault int           // the number of its entry
	node  string        // that any stands for; "": there is no node
	gap   time.Duration // since the end of the incident before
	lasts time.Duration // the random `for`
}

// incidents chooses the faults. The same generator gives the same ones. Each lane has nodes of its own, so that no two faults meet
// on one, whatever they take.
func (r *Random) incidents(rng *rand.Rand, nodes []string) (all []incident) {
	if r.AtOnce <= 1 {
		return r.lane(rng, 0, nodes)
	}
	for lane, own := range r.lanes(rng, nodes) {
		all = append(all, r.lane(rng, lane, own)...)
	}
	slices.SortStableFunc(all, func(a, b incident) int { return cmp.Compare(a.begin, b.begin) })
	return all
}

// lane chooses faults that follow each other.
func (r *Random) lane(rng *rand.Rand, lane int, nodes []string) (all []incident) {
	total, weights := 0, make([]int, len(r.Faults))
	for i := range r.Faults {
		if f := &r.Faults[i]; r.possible(f, lane, nodes) {
			weights[i] = f.Weight
			total += f.Weight
		}
	}
	var now time.Duration
	for total > 0 && len(all) <= maxIncidents {
		in := incident{lane: lane}
		if len(all) > 0 || lane > 0 {
			in.gap = rounded(min(rng.ExpFloat64()*float64(r.Every), float64(r.Lasts)))
		}
		pick := rng.IntN(total)
		for pick >= weights[in.fault] {
			pick -= weights[in.fault]
			in.fault++
		}
		f := &r.Faults[in.fault]
		if among := f.among(nodes); len(among) > 0 {
			in.node = among[rng.IntN(len(among))]
		}
		in.lasts = max(rounded(float64(r.For.Min)+rng.Float64()*float64(r.For.Max-r.For.Min)), randomAccuracy)
		if now += in.gap; now >= time.Duration(r.Lasts) && (len(all) > 0 || lane > 0) {
			break
		}
		in.begin = now
		now += f.takes(in.lasts)
		all = append(all, in)
	}
	return all
}

// rounded is a time that is easy to read in a plan.
func rounded(d float64) time.Duration {
	return time.Duration(math.Round(d/float64(randomAccuracy))) * randomAccuracy
}

// among are those of the nodes that any can stand for.
func (f *RandomFault) among(nodes []string) (all []string) {
	for _, name := range nodes {
		if (len(f.Targets) == 0 || slices.Contains(f.Targets, name)) && !slices.ContainsFunc(f.steps, func(s entryStep) bool { return s.besideAny(name) }) {
			all = append(all, name)
		}
	}
	return all
}

// besideAny tells whether the step names a node beside any, so that any cannot stand for it.
func (s *entryStep) besideAny(node string) bool {
	on := s.is.targets()
	return slices.Contains(on, wordAny) && slices.Contains(on, node)
}

// takes is how long the fault and what follows it are expected to take.
func (f *RandomFault) takes(lasts time.Duration) (all time.Duration) {
	for k := range f.steps {
		s := &f.steps[k].is
		switch {
		case f.meanwhile(k): // which ought to be over before the fault is
			continue
		case s.For > 0:
			all += time.Duration(s.For)
		case k > 0:
			all += thenTakes
		case f.taken():
			all += lasts
		}
		if w, ok := s.Parameters().(*fault.Wait); ok {
			all += time.Duration(w.Time)
		}
		if s.At != nil {
			all += time.Duration(*s.At)
		}
	}
	return all
}

// meanwhile tells whether the step of that number goes on while the fault is in force.
func (f *RandomFault) meanwhile(step int) bool { return step > 0 && step <= f.beside }

// taken tells whether the fault gets a random `for`.
func (f *RandomFault) taken() bool {
	s := &f.steps[0].is
	if len(s.actions) == 0 || s.For > 0 || len(f.steps) > 1 && f.beside == 0 {
		return false
	}
	maybe, conditional := s.Parameters().(fault.Reversed)
	return s.Kind().Reversible && (!conditional || maybe.Reversed())
}

// The words of an entry that stand for nodes.
const (
	wordAny    = "any"
	wordOthers = "others"
)

// checkRandom finds what the types of `random` allow and it cannot mean. Present are the nodes that are there from the beginning.
func (v *validator) checkRandom(r *Random, present []string) {
	for path, d := range map[string]Duration{
		"random.begin": r.Begin, "random.lasts": r.Lasts, "random.every": r.Every, "random.heal": r.Heal, "random.for.min": r.For.Min, "random.for.max": r.For.Max,
	} {
		v.positive(path, d)
	}
	if r.For.Max < r.For.Min {
		v.bad("random.for", "the longest time, "+r.For.Max.String()+", is shorter than the shortest, "+r.For.Min.String(), "write a max of at least the min")
	}
	if len(r.Faults) == 0 {
		v.bad("random.faults", "there is no fault to choose", "write faults: [{pause: any}]")
	}
	weights := 0
	for i := range r.Faults {
		f := &r.Faults[i]
		path := r.path(i)
		v.between(path+".weight", f.Weight, 0, maxWeight)
		weights += f.Weight
		for k, name := range f.Targets {
			if !slices.Contains(present, name) && len(present) > 0 {
				v.bad(path+".targets", "targets names "+shown(f.Targets[k])+", which is no node that is there from the start", suggest(name, present, "those are"))
			}
		}
		v.randomKeys(path, f)
		v.meanwhile(path, r, f)
		if n := r.worst(f, present); len(present) > 0 && n > len(present)-r.Healthy && !v.d.brokenUnder(path) {
			v.bad(path, "the fault can disturb "+units.Count(int64(n), "node", "nodes")+" at once, and of "+units.Count(int64(len(present)), "node", "nodes")+" "+
				units.Count(int64(r.Healthy), "has", "have")+" to stay healthy", "write a fault of fewer nodes, or a smaller healthy or at_once")
		} else if left := f.leaves(len(present)); left != nil && r.Healthy > 0 && !r.managed && !v.d.brokenUnder(path) {
			right := "bring the node back in then, such as {start: any}, or write a for"
			if left.cutsNodes(len(present)) {
				right = "write a for"
			}
			v.bad(path, "nothing takes the "+left.Action()+" back, so that one node fewer is healthy each time this is chosen", right)
		}
	}
	if len(r.Faults) > 0 && weights == 0 {
		v.bad("random.faults", "every weight is 0, so that no fault can be chosen", "give one of them a weight")
	}
	v.between("random.at_once", r.AtOnce, 1, max(len(present), 1))
	v.atOnce(r, present)
	v.between("random.healthy", r.Healthy, 0, max(len(present)-1, 0))
	if v.d.has("kills") {
		v.badKey("kills", "kills repeats the timeline, and a random schedule cannot be repeated", "leave kills out, and write a longer lasts in random")
	}
}

// meanwhile refuses steps that cannot be over while the fault is in force.
func (v *validator) meanwhile(path string, r *Random, f *RandomFault) {
	if f.beside == 0 || v.d.brokenUnder(path) {
		return
	}
	lasts := f.steps[0].is.For
	if f.taken() {
		lasts = r.For.Min
	}
	if lasts == 0 {
		v.bad(path+".meanwhile", "nothing can be done meanwhile: "+f.steps[0].is.Action()+" does not last", "write the steps in then, or a fault that is taken back, such as pause")
		return
	}
	var ends Duration
	for k := range f.steps {
		if s := &f.steps[k].is; f.meanwhile(k) {
			if s.At != nil {
				ends += *s.At
			}
			ends += s.For
			if w, ok := s.Parameters().(*fault.Wait); ok {
				ends += w.Time
			}
		}
	}
	if ends >= lasts {
		v.bad(path+".meanwhile", "these steps end "+ends.String()+" after the fault has taken effect, and it can be over after "+lasts.String(),
			"write a shorter at or for there, or a for of the fault that is longer")
	}
}

// scheduledKeys are the keys of a step that a fault of a random schedule does not have.
func scheduledKeys() []string { return []string{"at", "after", "when", "within", "repeat", "name"} }

// randomKeys refuses the keys that the schedule itself decides about.
func (v *validator) randomKeys(path string, f *RandomFault) {
	refuse := func(n *yaml.Node, keys ...string) {
		for _, key := range keys {
			if i := keyIndex(n, key); i >= 0 {
				v.d.problemAt(n.Content[i], "a step of a random schedule has no "+key+" of its own: the schedule decides about it", "leave it out")
				v.d.distrust(path)
			}
		}
	}
	refuse(f.steps[0].node, scheduledKeys()...)
	for _, s := range f.steps[1:] {
		refuse(s.node, "after", "repeat", "name")
	}
}
