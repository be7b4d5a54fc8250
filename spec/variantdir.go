package spec

import (
	"fmt"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// maxDirectory bounds the name of a variant's directory. File systems take 255 bytes, and a run that is
// begun again gets a longer name.
const maxDirectory = 200

// VariantDir is the name of a variant's directory: what can stand in no file's name is a dash.
func VariantDir(name, cell string) string {
	dir := strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return -1
		case r < 0x80 && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-=+,", r)):
			return r
		}
		return '-'
	}, JoinVariant(name, cell))
	if dir == "" {
		return "run"
	}
	return dir
}

// directories wants each combination to have a directory of its own: two in one would overwrite each other. Names of
// variants alone are checked by variantName.
func (v *validator) directories(chosen []combination) {
	if len(v.e.Matrix) == 0 || v.d.brokenUnder("matrix") {
		return
	}
	const right = "give the values labels, as in PATH: {LABEL: VALUE, ...}"
	dirs := map[string]string{}
	for _, c := range chosen {
		name, dir := JoinVariant(c.name, c.cell), VariantDir(c.name, c.cell)
		switch before, taken := dirs[dir]; {
		case taken:
			v.bad("matrix", fmt.Sprintf("the results of %s and of %s would be in one directory, %s", shown(before), shown(name), dir), right)
			return
		case strings.HasPrefix(dir, "."):
			v.bad("matrix", "the directory of "+shown(name)+" would have a name that begins with a dot", right)
			return
		case len(dir) > maxDirectory:
			v.bad("matrix", fmt.Sprintf("the directory of %s would have a name of %d characters", shown(name), len(dir)), right+"; at most "+strconv.Itoa(maxDirectory)+" characters in all")
			return
		}
		dirs[dir] = name
	}
}

// mostCombinations is how far combinations counts.
const mostCombinations = 1_000_000

// combinations is how many runs a round has, or mostCombinations if there are more: the product of many
// lists overflows.
func (e *Experiment) combinations() int {
	n := max(len(e.Variants), 1)
	for _, dim := range e.Matrix {
		n = min(n*max(len(dim.Labels), 1), mostCombinations)
	}
	return n
}

// shortPath is the end of a path of the matrix that no other path of it ends with: "clients", or "reads.clients" where
// the clients of two workloads differ.
func shortPath(matrix *yaml.Node, path string) string {
	segments := splitPath(path)
	for i := len(segments) - 1; i > 0 && len(matrix.Content) <= maxVariants; i-- { // a longer one takes long to look through
		end, unique := strings.Join(segments[i:], "."), true
		for j := 0; j+1 < len(matrix.Content); j += 2 {
			other := matrix.Content[j].Value
			unique = unique && (other == path || !strings.HasSuffix("."+strings.Join(splitPath(other), "."), "."+end))
		}
		if unique {
			return end
		}
	}
	return strings.Join(segments, ".")
}
