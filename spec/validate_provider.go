package spec

import (
	"cmp"
	"slices"
	"strings"

	"pgchaos/chaos/fault"
	"pgchaos/cluster"
)

// providers are the names of the known providers.
func providers(all []cluster.Description) (names []string) {
	for _, d := range all {
		names = append(names, d.Name)
	}
	return names
}

// provider is what is known about the experiment's provider; nothing, where no provider is known.
func (v *validator) provider() (d cluster.Description, known bool) {
	i := slices.IndexFunc(v.providers, func(d cluster.Description) bool { return d.Name == v.e.Cluster.Provider })
	if i < 0 {
		return d, false
	}
	d = v.providers[i]
	if d.Name == existingProvider {
		d.Capabilities = v.e.Cluster.Existing.able(d.Capabilities)
	}
	return d, true
}

// capable checks that the nodes of the provider can do what an action needs.
func (v *validator) capable(path string, k fault.Kind) {
	d, known := v.provider()
	if !known {
		return // which is reported, unless no provider is known
	}
	for _, c := range k.Capabilities {
		if !d.Can(c) {
			what := "the " + d.Name + " provider cannot " + k.Name + " a node: "
			instead := v.insteadOf(k)
			if d.Name == existingProvider {
				instead = v.insteadOfHook(k)
			}
			v.badKey(path, what+cmp.Or(d.Lacks, `it lacks the capability "`+string(c)+`"`), instead)
			return
		}
		if not, found := d.Unable[c]; found {
			v.badKey(path, "the "+d.Name+" provider cannot "+k.Name+" a node on this machine: "+not.Why, not.Instead+", or "+v.insteadOf(k))
			return
		}
	}
}

// insteadOf is what a user can write where the provider's nodes cannot do what an action needs.
func (v *validator) insteadOf(k fault.Kind) string {
	var able, ways []string
	for _, d := range v.providers {
		if !slices.ContainsFunc(k.Capabilities, func(c cluster.Capability) bool { _, not := d.Unable[c]; return not || !d.Can(c) }) {
			able = append(able, d.Name)
		}
	}
	if len(able) > 0 {
		ways = append(ways, "run it with provider: "+strings.Join(able, " or "))
	}
	if k.Instead != "" {
		ways = append(ways, k.Instead)
	}
	return cmp.Or(strings.Join(ways, ", or "), "leave the step out")
}
