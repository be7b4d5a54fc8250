package spec

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"pgchaos/chaos/fault"
	"pgchaos/expect"
	"pgchaos/internal/spell"
	"pgchaos/internal/units"
	"pgchaos/standbynames"
	"pgchaos/syncmode"
)

// ModeOf is a mode of synchronous replication as one experiment would have it.
type ModeOf struct {
	syncmode.Mode
	Sets       Synchronous // the settings, where the experiment first has them
	SameAs     string      // the mode listed before that does the same with these standbys; "": none
	Impossible string      // why the experiment cannot be run in it; "": it can
	Of         []string    // the standbys that the names stand for
}

// Modes are the modes of a list, as this experiment would have them.
func (e *Experiment) Modes(modes []syncmode.Mode) (all []ModeOf) {
	regimes := e.regimes()
	for _, m := range modes {
		of := ModeOf{Mode: m, Of: regimes[0].standbys, Sets: Synchronous{Commit: m.Commit, Standbys: m.Standbys(regimes[0].names)}}
		for _, r := range regimes {
			if why := m.Impossible(len(r.standbys)); why != "" {
				of.Impossible = why
			}
		}
		for _, before := range all {
			same := !slices.ContainsFunc(regimes, func(r regime) bool { return !m.Same(before.Mode, len(r.standbys)) })
			if same && of.Impossible == "" && before.Impossible == "" && before.SameAs == "" {
				of.SameAs = before.String()
			}
		}
		all = append(all, of)
	}
	return all
}

// regime is a part of an experiment that says for which standbys commits wait.
type regime struct {
	step     int      // of the timeline; -1: cluster.synchronous
	names    []string // as synchronous_standby_names has them
	standbys []string // the nodes that these can be, without the one whose commits wait
	added    bool     // the file does not have it
}

// regimes are those that a mode replaces: the cluster's own, and those of configure steps. Without any
// in the file it is the cluster's. A step that takes the wait for standbys away stays as it is.
func (e *Experiment) regimes() (all []regime) {
	own := e.Cluster.Synchronous
	if own != nil && waits(own) {
		all = append(all, e.regimeOf(-1, own, e.Cluster.Nodes[:1].Names()))
	}
	for i := range e.Once() {
		if c, ok := e.Timeline[i].Parameters().(*fault.Configure); ok && waits(c.Synchronous) && e.Timeline[i].Repetition < 2 {
			all = append(all, e.regimeOf(e.inFile(i), c.Synchronous, c.Nodes))
		}
	}
	if len(all) > 0 {
		return all
	}
	var standbys []string
	for i, n := range e.Cluster.Nodes {
		if i > 0 && !n.Absent {
			standbys = append(standbys, n.Name)
		}
	}
	return []regime{{step: -1, names: standbys, standbys: standbys, added: true}}
}

// waits tells whether commits wait for standbys.
func waits(s *Synchronous) bool {
	return s != nil && s.Standbys != "" && s.Commit != "local" && s.Commit != "off"
}

// regimeOf is the regime of nodes, which are named, or roles.
func (e *Experiment) regimeOf(step int, s *Synchronous, of []string) regime {
	parsed, _ := standbynames.Parse(s.Standbys) // which is validated
	r := regime{step: step, names: parsed.Names}
	for _, n := range e.Cluster.Nodes {
		if parsed.Has(n.Name) && (len(of) != 1 || of[0] != n.Name) {
			r.standbys = append(r.standbys, n.Name)
		}
	}
	// The node of a role may be any of those that are named, and is no standby of its own.
	if most := len(e.Cluster.Nodes) - 1; len(r.standbys) > most {
		r.standbys = r.standbys[:most]
	}
	return r
}

// InModes has an experiment run in the modes that the words name: in one of them, or with each as a
// variant. The options are those to load the file with from then on; the notes are for the user.
func InModes(file string, text []byte, o Options, words []string) (_ Options, notes []string, _ error) {
	modes, notes, err := parseModes(words)
	if err != nil {
		return o, nil, err
	}
	if root, problems := parse(file, text); problems == nil && valueOf(root, "variants") != nil {
		return o, nil, errors.New("--sync-mode: the experiment has variants of its own; leave --sync-mode out, or take the variants out of the file")
	}
	without := o
	without.Check = nil
	e, _, err := Load(file, text, without)
	if err != nil {
		return o, nil, err
	}
	more, err := e.choosesItself()
	if err != nil {
		return o, nil, err
	}
	notes = append(notes, more...)
	var chosen []ModeOf
	for _, m := range e.Modes(modes) {
		switch {
		case m.Impossible != "":
			return o, nil, fmt.Errorf("--sync-mode %s: %s; 'pgchaos modes FILE' says which modes are possible", m, m.Impossible)
		case m.SameAs != "":
			notes = append(notes, fmt.Sprintf("%s is the same as %s here (%s): only %s is run", m, m.SameAs, units.Count(int64(len(m.Of)), "standby", "standbys"), m.SameAs))
		default:
			chosen = append(chosen, m)
		}
	}
	o.overlay = mapping()
	o.overlayBy = "--sync-mode " + strings.Join(words, ",")
	if len(chosen) == 1 {
		e.overlayOf(chosen[0].Mode, o.overlay)
		return o, notes, nil
	}
	variants := mapping()
	for _, m := range chosen {
		variant := mapping()
		e.overlayOf(m.Mode, variant)
		put(variants, variant, m.String())
	}
	put(o.overlay, variants, "variants")
	return o, notes, nil
}

// parseModes reads the names. What an alias promises and PostgreSQL does not is a note.
func parseModes(words []string) (modes []syncmode.Mode, notes []string, _ error) {
	for _, word := range words {
		if word = strings.TrimSpace(word); word == "" {
			return nil, nil, fmt.Errorf("--sync-mode %q: one of the modes is empty; write them as in async,on/any-1", strings.Join(words, ","))
		}
		m, err := syncmode.Parse(word)
		var bad *syncmode.Error
		if errors.As(err, &bad) {
			right := bad.Right
			if near := spell.Nearest(word, syncmode.Words()); near != "" && bad.Unknown {
				right = fmt.Sprintf("did you mean %q?", near)
			}
			return nil, nil, fmt.Errorf("--sync-mode: %s; %s", bad.What, right)
		}
		if err != nil {
			return nil, nil, err
		}
		for _, a := range syncmode.Aliases() {
			if a.Name == word {
				notes = append(notes, fmt.Sprintf("%s is run as %s. Difference to Oracle: %s", word, m, a.Difference))
			}
		}
		modes = append(modes, m)
	}
	if len(modes) == 0 {
		return nil, nil, errors.New("--sync-mode names no mode; 'pgchaos modes' lists them")
	}
	return modes, notes, nil
}

// choosesItself finds what would make a mode that is chosen from outside meaningless.
func (e *Experiment) choosesItself() (notes []string, _ error) {
	writers, own := 0, []string(nil)
	for i := range e.Load {
		if w := &e.Load[i]; w.writes() {
			writers++
			if w.SynchronousCommit != "" {
				own = append(own, w.Name)
			}
		}
	}
	switch list := strings.Join(own, ", "); {
	case len(own) > 0 && len(own) == writers:
		return nil, fmt.Errorf("--sync-mode: every workload that writes sets synchronous_commit for its sessions (%s), so that all modes would be the same; "+
			"leave synchronous_commit out of the workloads", list)
	case len(own) > 0:
		notes = append(notes, "these workloads set synchronous_commit for their sessions, so that the mode does not apply to them: "+list)
	}
	for i := range e.Once() {
		if awaited, ok, err := e.Timeline[i].Condition(); ok && err == nil && slices.ContainsFunc(awaited.Comparisons(), func(c *expect.Comparison) bool { return c.Quantity == "sync_state" }) {
			return nil, fmt.Errorf("--sync-mode: the step %s waits for a sync_state in a text, which the mode may change; write it as when: {sync_state: {NODE: STATE}}, which follows the mode", e.Timeline[i].Name)
		}
		c, ok := e.Timeline[i].Parameters().(*fault.Configure)
		if !ok {
			continue
		}
		for name := range c.Settings {
			if strings.EqualFold(name, "synchronous_commit") {
				return nil, fmt.Errorf("--sync-mode: the step %s sets synchronous_commit, and would change the mode; write it as `synchronous`, which follows the mode, or leave it out", e.Timeline[i].Name)
			}
		}
	}
	return notes, nil
}

// overlayOf puts into an overlay what has to be different in a mode: the settings, and the states of
// standbys that the timeline waits for.
func (e *Experiment) overlayOf(m syncmode.Mode, into *yaml.Node) {
	regimes := e.regimes()
	for _, r := range regimes {
		path := []string{"cluster", "synchronous"}
		if r.step >= 0 {
			path = []string{"timeline", strconv.Itoa(r.step), "configure", "synchronous"}
		}
		put(into, text(m.Commit), append(path, "commit")...)
		put(into, text(m.Standbys(r.names)), append(path, "standbys")...)
	}
	for i := range e.Once() {
		s := &e.Timeline[i]
		if s.Repetition > 1 {
			continue
		}
		if c, ok := s.Parameters().(*Condition); ok {
			overlayCondition(m, c, regimes, into, "timeline", strconv.Itoa(e.inFile(i)), s.Action())
		}
		if s.When != nil {
			overlayCondition(m, s.When, regimes, into, "timeline", strconv.Itoa(e.inFile(i)), "when")
		}
	}
}

// overlayCondition changes the states of standbys that a condition asks for to those that they have in
// the mode. With FIRST it depends on which others are connected whether a standby is sync or
// potential, so the condition asks whether it streams.
func overlayCondition(m syncmode.Mode, c *Condition, regimes []regime, into *yaml.Node, path ...string) {
	state := "async"
	switch {
	case m.Names && (m.Any || !m.Waits):
		state = "quorum"
	case m.Names:
		state = ""
	}
	streaming := slices.Clone(c.Streaming)
	for _, node := range slices.Sorted(maps.Keys(c.SyncState)) {
		// A standby that the file expects to be asynchronous is one before a step names it, or
		// is not named at all; but where the file names none, the mode does.
		named := slices.ContainsFunc(regimes, func(r regime) bool { return r.added && slices.Contains(r.names, node) })
		if c.SyncState[node] == "async" && !named {
			continue
		}
		at := append(slices.Clone(path), "sync_state", node)
		if state != "" {
			put(into, text(state), at...)
			continue
		}
		put(into, null(), at...)
		if !slices.Contains(streaming, node) {
			streaming = append(streaming, node)
		}
	}
	if len(streaming) > len(c.Streaming) {
		list := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for _, node := range streaming {
			list.Content = append(list.Content, text(node))
		}
		put(into, list, append(slices.Clone(path), "streaming")...)
	}
}

func mapping() *yaml.Node { return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"} }

func null() *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"} }

// text is a text as a value, quoted: on would be true.
func text(value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: value}
}

// put puts a value into a mapping of mappings.
func put(into, value *yaml.Node, path ...string) {
	for _, key := range path[:len(path)-1] {
		next := valueOf(into, key)
		if next == nil {
			next = mapping()
			into.Content = append(into.Content, text(key), next)
		}
		into = next
	}
	into.Content = append(into.Content, text(path[len(path)-1]), value)
}
