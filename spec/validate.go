package spec

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"pgchaos/chaos/fault"
	"pgchaos/cluster"
	"pgchaos/internal/spell"
	"pgchaos/standbynames"
)

// validator finds what the types allow and the experiment cannot mean. Whatever
// decoding has already found fault with, it leaves alone.
type validator struct {
	e         *Experiment
	d         *decoder
	providers []cluster.Description // those that are known; nil: the provider is not checked
	cycle     int                   // that is looked at, of a timeline that is repeated
	places    map[string][]string   // where each value stands in the file; nil: not looked up yet
}

func (v *validator) validate() {
	e, d := v.e, v.d
	v.name("name", e.Name, "the experiment")
	v.positive("duration", e.Duration)
	v.positive("baseline.median", e.Baseline.Median)
	v.positive("baseline.p95", e.Baseline.P95)
	v.cluster()
	v.load()
	for i := range e.Once() {
		if e.Timeline[i].Repetition < 2 {
			v.step(i)
			v.after(i)
		}
	}
	v.kills()
	v.times()
	v.stepNames()
	v.repeatedNames()
	if !d.brokenUnder("timeline") && !d.brokenUnder("cluster") && !d.brokenUnder("load") && len(e.Cluster.Nodes) > 0 {
		v.impossible()
	}
	if !d.brokenUnder("timeline") && !d.brokenUnder("cluster.nodes") && !d.brokenUnder("load") {
		v.states()
		v.loadStates()
	}
	v.expectations()
	v.aborts()
	endless := slices.ContainsFunc(e.Load, func(w Workload) bool { return !w.Ends() })
	if len(e.Timeline) == 0 && endless && !d.has("duration") && !d.brokenUnder("random") && !d.brokenUnder("timeline") {
		v.bad("load", "nothing says when the load ends: there is no timeline", "write duration: 30s")
	}
}

// bad notes a mistake at a path of the file, unless decoding has already reported one there.
func (v *validator) bad(path, what, right string) {
	if !v.d.brokenOver(path) {
		v.d.problemAt(v.d.at(path), what+v.inCycle(), right)
	}
}

// badIn is bad, at a byte of the value's text.
func (v *validator) badIn(path string, at int, what, right string) {
	if !v.d.brokenOver(path) {
		v.d.problemIn(v.d.at(path), at, what+v.inCycle(), right)
	}
}

// inCycle says in which cycle of the timeline a mistake shows; "" in the first.
func (v *validator) inCycle() string {
	if v.cycle < 2 {
		return ""
	}
	return fmt.Sprintf(", in cycle %d of %d", v.cycle, v.e.Kills)
}

// badKey is bad, at the key rather than at its value.
func (v *validator) badKey(path, what, right string) {
	if key := v.d.keys[path]; key != nil && !v.d.brokenOver(path) {
		v.d.problemAt(key, what+v.inCycle(), right)
		return
	}
	v.bad(path, what, right)
}

var (
	namePattern  = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)
	tablePattern = regexp.MustCompile(`^([a-z_][a-z0-9_]{0,62}\.)?[a-z_][a-z0-9_]{0,62}$`)
	// settingPattern: a parameter of postgresql.conf, with an extension's prefix.
	settingPattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)*$`)
)

const (
	nameRule = "begin with a letter, and use a-z, 0-9, _ and -"
	// maxName is that of a PostgreSQL identifier, in bytes: a node's name is its application_name.
	maxName = 63
)

// name checks a name that the file gives to something.
func (v *validator) name(path, name, of string) {
	switch {
	case name == "" && !v.d.has(path):
		if path != "name" || !v.d.unknown[""] {
			v.bad(path, of+" has no name", "write name: NAME")
		}
	case !namePattern.MatchString(name):
		v.badName(path, shown(name)+" cannot name "+of, nameRule)
	case len(name) > maxName:
		v.badName(path, fmt.Sprintf("the name of %s has %d characters", of, len(name)), "use at most "+strconv.Itoa(maxName))
	}
}

// badName points at the name itself: a value `name: x`, or else the key.
func (v *validator) badName(path, what, right string) {
	if path == "name" || strings.HasSuffix(path, ".name") {
		v.bad(path, what, right)
		return
	}
	v.badKey(path, what, right)
}

func (v *validator) oneOf(path, word string, of ...string) {
	if !slices.Contains(of, word) {
		v.bad(path, fmt.Sprintf("%s cannot be %s", lastKey(path), shown(word)), suggest(word, of, "write one of"))
	}
}

func (v *validator) between(path string, n, least, most int) {
	if n < least || n > most {
		v.bad(path, fmt.Sprintf("%s is %d", lastKey(path), n), fmt.Sprintf("write a number from %d to %d", least, most))
	}
}

// maxTime bounds every duration of an experiment.
const maxTime = Duration(30 * 24 * time.Hour)

// positive checks a duration that has to be more than 0 where it stands.
func (v *validator) positive(path string, d Duration) {
	switch {
	case d > maxTime:
		v.bad(path, fmt.Sprintf("%s is %s", lastKey(path), d), "write at most 720h")
	case d <= 0 && v.d.has(path):
		v.bad(path, lastKey(path)+" is 0", "write a duration of more than 0, or leave it out")
	}
}

func lastKey(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }

func (v *validator) cluster() {
	c := &v.e.Cluster
	if v.providers != nil {
		v.oneOf("cluster.provider", c.Provider, providers(v.providers)...)
	}
	if v.d.has("cluster.postgres") {
		v.between("cluster.postgres", c.Postgres, minPostgres, maxPostgres)
	}
	v.settings("cluster", c.Settings, c.Synchronous != nil)
	v.existing()
	if len(c.Nodes) == 0 {
		if v.e.Cluster.Existing != nil || c.Provider == existingProvider {
			return // existing has reported it
		}
		misspelt := v.d.unknown["cluster"] || v.d.unknown[""] && !v.d.has("cluster")
		if !misspelt && !v.d.brokenUnder("cluster.nodes") {
			v.bad("cluster.nodes", "the cluster has no nodes", "write nodes: [NAME, ...] in it, the primary first")
		}
		return
	}
	seen := map[string]bool{}
	for i, n := range c.Nodes {
		path := v.nodePath(i)
		v.name(path, n.Name, "a node")
		if slices.Contains(slices.Concat(Roles, targets(), []string{fault.Clients}), n.Name) {
			v.badKey(path, "a node cannot be called "+n.Name+", which stands for a role", "choose another name")
		}
		if seen[n.Name] {
			v.bad(path, "there are two nodes "+shown(n.Name), "give each its own name")
		}
		seen[n.Name] = true
		v.settings(path, n.Settings, c.Synchronous != nil && i == 0)
	}
	if c.Nodes[0].Absent && !c.existing() { // whose primary can be any of its nodes
		v.bad(v.nodePath(0)+".absent", "the first node is the primary and cannot be absent", "put another node first")
	}
	v.synchronous("cluster.synchronous", c.Synchronous)
	v.docker("cluster.docker", c.Docker)
	v.regimeCanHold()
}

// nodePath is where a node stands, in a list or in a mapping.
func (v *validator) nodePath(i int) string {
	name := v.e.Cluster.Nodes[i].Name
	if v.e.Cluster.existing() {
		return existingPath + ".nodes." + name
	}
	if path := "cluster.nodes." + name; v.d.has(path) {
		return path
	}
	return "cluster.nodes[" + strconv.Itoa(i) + "]"
}

// settings checks the parameters under PATH.settings.
func (v *validator) settings(path string, settings map[string]string, regime bool) {
	seen := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		at, folded := path+".settings."+name, strings.ToLower(name)
		if other, twice := seen[folded]; twice {
			v.badKey(at, name+" is set twice: PostgreSQL takes "+other+" for the same", "leave one of them out")
		}
		seen[folded] = name
		switch {
		case !settingPattern.MatchString(name):
			v.badKey(at, shown(name)+" is no parameter of postgresql.conf", "write a name such as wal_level")
		case folded == "primary_conninfo":
			v.primaryConninfo(at, path, settings[name])
		case slices.Contains(ownSettings(), folded):
			v.badKey(at, name+" is set by pgchaos itself", "leave it out")
		case folded == "synchronous_standby_names":
			v.badKey(at, name+" is set by the synchronous regime", "write synchronous: {standbys: ...}, which is verified as well")
		case regime && (folded == "synchronous_commit" || folded == "synchronous_standby_names"):
			v.badKey(at, name+" is set by synchronous: as well", "leave one of them out")
		case strings.ContainsAny(settings[name], "\n\r\x00"):
			v.bad(at, "the value of "+name+" has more than one line", "write it on one line")
		}
	}
}

// primaryConninfo checks the one setting that only a configure step may touch, and
// only to take it away.
func (v *validator) primaryConninfo(at, path, value string) {
	switch {
	case !strings.HasPrefix(path, "timeline"):
		v.badKey(at, "primary_conninfo is set by pgchaos itself", "leave it out; follow, rejoin and clone steps decide whom a node follows")
	case value != "":
		v.bad(at, "primary_conninfo can only be taken away here", `write "" to hold the WAL receiver back, or a follow step for another upstream`)
	}
}

func (v *validator) synchronous(path string, s *Synchronous) {
	if s == nil {
		return
	}
	v.oneOf(path+".commit", s.Commit, commits()...)
	standbys, ok := v.standbys(path+".standbys", s.Standbys)
	if !ok {
		return
	}
	for _, name := range standbys.Names {
		if name != "*" {
			v.node(path+".standbys", strings.ToLower(name), "")
		}
	}
}

// standbys reads a synchronous_standby_names; ok is false for one that PostgreSQL
// refuses, or that no commit could ever satisfy.
func (v *validator) standbys(path, text string) (names standbynames.Names, ok bool) {
	names, err := standbynames.Parse(text)
	if err != nil {
		what, right := halves(err)
		v.bad(path, what, right)
		return names, false
	}
	seen := map[string]bool{}
	for _, name := range names.Names {
		folded := strings.ToLower(name)
		if seen[folded] {
			v.bad(path, "the standby "+shown(name)+" is named twice", "name it once")
			return names, false
		}
		seen[folded] = true
	}
	if names.Num > len(names.Names) && !names.All() {
		v.bad(path, fmt.Sprintf("a commit would wait for %d standbys, and %d are named", names.Num, len(names.Names)),
			fmt.Sprintf("write at most %d", len(names.Names)))
		return names, false
	}
	return names, true
}

// regimeCanHold checks that the standbys which a commit waits for at the beginning
// are there at the beginning. In a cluster that was there before any node can be the primary, and each is there, though nobody may read it.
func (v *validator) regimeCanHold() {
	c := v.e.Cluster
	if c.Synchronous == nil || v.d.brokenUnder("cluster.nodes") {
		return
	}
	standbys, err := standbynames.Parse(c.Synchronous.Standbys)
	if err != nil || standbys.Num == 0 {
		return
	}
	present, absent, others := 0, []string(nil), c.Nodes[1:]
	if c.existing() {
		others = c.Nodes
	}
	for _, n := range others {
		switch {
		case standbys.Has(n.Name) && n.Absent && !c.existing():
			absent = append(absent, n.Name)
		case standbys.Has(n.Name):
			present++
		}
	}
	if present = min(present, len(c.Nodes)-1); present >= standbys.Num {
		return
	}
	what := fmt.Sprintf("of these standbys a commit would wait for %d, and %d can be there at the start", standbys.Num, present)
	right := "name standbys other than the primary"
	if absent != nil {
		right = "configure it in a step after " + strings.Join(absent, ", ") + " has been cloned"
	}
	v.bad("cluster.synchronous.standbys", what, right)
}

// node checks that a name is a node's, or one of the roles when they are allowed
// ("" for none, "one" for those that one node holds, "any" for all).
func (v *validator) node(path, name, roles string) {
	names := v.e.Cluster.Nodes.Names()
	if slices.Contains(names, name) || v.d.brokenUnder("cluster.nodes") || len(names) == 0 {
		return
	}
	role := slices.Contains(Roles, name)
	switch {
	case role && roles == "any", role && roles == "one" && name != "replicas":
	case role && roles == "one":
		v.bad(path, "replicas are several nodes, and this needs one", "write any_replica, or a node")
	case role:
		v.badKey(path, "a role, "+name+", cannot stand here", "write a node: "+strings.Join(names, ", "))
	case name == "":
		v.bad(path, "this names no node", "write one of "+strings.Join(names, ", "))
	default:
		known := names
		if roles != "" {
			known = slices.Concat(names, Roles)
		}
		right := "the nodes are " + strings.Join(names, ", ")
		if near := spell.Nearest(name, known); near != "" {
			right = fmt.Sprintf("did you mean %q?", near)
		}
		v.badKey(path, "there is no node "+shown(name), right)
	}
}
