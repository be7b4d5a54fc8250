package spec

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// generators are the kinds of parameters, each with the keys that it takes; those
// without any are written as the word alone.
func generators() map[string][]string {
	return map[string][]string{
		"sequence": {"min"}, "uniform": {"min", "max"}, "zipfian": {"min", "max", "theta"}, "gaussian": {"min", "max", "sigma"},
		"choice": nil, "text": nil, "now": nil, "client": nil, "uuid": nil,
	}
}

// generatorKinds are in the order in which messages list them.
func generatorKinds() []string {
	return []string{"sequence", "uniform", "zipfian", "gaussian", "choice", "text", "now", "client", "uuid"}
}

const (
	defaultTheta = 1.2
	defaultSigma = 2.5 // pgbench's advice for random_gaussian
)

// param decodes one generator: a word (now), or a mapping of a word to what it needs:
// {uniform: {min: 1, max: 100}}, {choice: [red, green]}, {text: 20}.
func (d *decoder) param(n *yaml.Node, p *Param, path string) {
	d.nodes[path] = n
	wanted := "a generator: one of " + strings.Join(generatorKinds(), ", ")
	switch {
	case n.Kind == yaml.AliasNode || d.spoiled[n]:
		d.distrust(path)
	case n.Kind == yaml.ScalarNode && !isNull(n):
		p.Kind = n.Value
	case n.Kind == yaml.MappingNode && len(n.Content) == 2:
		d.mapping(n, path, wanted, func(key string, value *yaml.Node, path string) {
			p.Kind = key
			d.generator(value, p, path)
		})
	default:
		d.wrongKind(n, path, wanted)
	}
}

// generator decodes what belongs to one kind.
func (d *decoder) generator(n *yaml.Node, p *Param, path string) {
	switch keys := generators()[p.Kind]; {
	case p.Kind == "choice":
		d.value(n, reflect.ValueOf(&p.Choices).Elem(), path)
	case p.Kind == "text":
		d.value(n, reflect.ValueOf(&p.Length).Elem(), path)
	case len(keys) > 0:
		d.nodes[path] = n
		d.mapping(n, path, "a mapping with the keys "+strings.Join(keys, ", "), func(key string, value *yaml.Node, path string) {
			fields := map[string]any{"min": &p.Min, "max": &p.Max, "theta": &p.Theta, "sigma": &p.Sigma}
			if !slices.Contains(keys, key) {
				d.fail(d.keys[path], path, fmt.Sprintf("unknown key %s of %s", shown(key), p.Kind), suggest(key, keys, "the keys here are"))
				return
			}
			d.value(value, reflect.ValueOf(fields[key]).Elem(), path)
		})
	default:
		d.nodes[path] = n // validation tells that there is no such kind, or that it takes nothing
	}
}

var paramPattern = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// params checks the generators of a workload, and that its statements use them.
func (v *validator) params(path string, w *Workload) {
	for i := range w.Params {
		p := &w.Params[i]
		at := path + ".params." + p.Name
		if v.d.brokenUnder(at) {
			continue
		}
		if !paramPattern.MatchString(p.Name) {
			v.badName(at, shown(p.Name)+" cannot name a parameter", "begin with a letter, and use a-z, 0-9 and _")
		}
		if !slices.Contains(generatorKinds(), p.Kind) {
			v.bad(at, "there is no generator "+shown(p.Kind), suggest(p.Kind, generatorKinds(), "write one of"))
			continue
		}
		v.generator(at, p)
		if !slices.ContainsFunc(w.SQL, func(sql string) bool { return uses(sql, p.Name) }) && !v.d.brokenUnder(path+".sql") {
			v.badKey(at, "no statement uses :"+p.Name, "write it into one, or leave the parameter out")
		}
	}
}

// generator checks one generator's bounds.
func (v *validator) generator(at string, p *Param) {
	below := at + "." + p.Kind
	switch p.Kind {
	case "uniform", "zipfian", "gaussian":
		if p.Max < p.Min || !v.d.has(below+".max") {
			v.bad(below, fmt.Sprintf("%s goes from %d to %d", p.Kind, p.Min, p.Max), "write {min: 1, max: 1000}")
		}
	case "choice":
		if len(p.Choices) == 0 {
			v.bad(below, "there is nothing to choose from", "write choice: [red, green]")
		}
	case "text":
		v.between(below, p.Length, 1, maxPayload)
	case "now", "client", "uuid":
		if v.d.has(below) {
			v.bad(below, p.Kind+" takes no value", "write "+p.Name+": "+p.Kind)
		}
	}
	if p.Kind == "zipfian" && (p.Theta <= 1 || p.Theta > 1000) {
		v.bad(below+".theta", fmt.Sprintf("theta is %g", p.Theta), "write a number above 1, at most 1000")
	}
	if p.Kind == "gaussian" && (p.Sigma < 2 || p.Sigma > 1000) {
		v.bad(below+".sigma", fmt.Sprintf("sigma is %g", p.Sigma), "write a number from 2 to 1000")
	}
}

// fillDefaults fills in what a generator left out.
func (p *Param) fillDefaults(d *decoder, path string) {
	switch p.Kind {
	case "sequence", "uniform":
		fill(d, path+"."+p.Kind+".min", &p.Min, 1)
	case "zipfian":
		fill(d, path+".zipfian.min", &p.Min, 1)
		fill(d, path+".zipfian.theta", &p.Theta, defaultTheta)
	case "gaussian":
		fill(d, path+".gaussian.min", &p.Min, 1)
		fill(d, path+".gaussian.sigma", &p.Sigma, defaultSigma)
	}
}

// uses tells whether a statement has :name in it.
func uses(sql, name string) bool {
	for rest := sql; ; {
		i := strings.Index(rest, ":"+name)
		if i < 0 {
			return false
		}
		rest = rest[i+1+len(name):]
		if rest == "" || !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", rune(rest[0])) {
			return true
		}
	}
}
