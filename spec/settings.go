package spec

import (
	"cmp"
	"maps"
	"slices"
	"strconv"

	"pgchaos/chaos/fault"
	"pgchaos/internal/spell"
)

// Setting is one parameter of postgresql.conf in the file.
type Setting struct {
	Path        string // where it stands, such as cluster.settings.work_mem
	Name, Value string
}

// PostgresSettings are all parameters that the file sets, of the cluster, of nodes and
// in configure steps.
func (e *Experiment) PostgresSettings() (all []Setting) {
	add := func(path string, settings map[string]string) {
		for _, name := range slices.Sorted(maps.Keys(settings)) {
			all = append(all, Setting{path + ".settings." + name, name, settings[name]})
		}
	}
	add("cluster", e.Cluster.Settings)
	for _, n := range e.Cluster.Nodes {
		add("cluster.nodes."+n.Name, n.Settings)
	}
	for i := range e.Timeline {
		if c, ok := e.Timeline[i].Parameters().(*fault.Configure); ok {
			add("timeline["+strconv.Itoa(i)+"].configure", c.Settings)
		}
	}
	return all
}

// Finding is a mistake that the file alone does not show, by its path.
type Finding struct{ Path, What, Right string }

// Nearest is the one of the known words that was probably meant by a misspelt one; ""
// when none is near enough.
func Nearest(word string, known []string) string {
	best, most := "", 200
	for len(known) > 0 { // Nearest looks at so many
		part := known[:min(most, len(known))]
		known = known[len(part):]
		if near := spell.Nearest(word, part); near != "" {
			best = spell.Nearest(word, []string{cmp.Or(best, near), near})
		}
	}
	return best
}
