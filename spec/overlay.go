package spec

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// choose makes of the tree of a file that of one of its variants: what the variant and the
// matrix change is laid over it, and the keys of a series are taken away.
func (d *decoder) choose(root *yaml.Node, c *combination) {
	variants, matrix := takeKey(root, "variants"), takeKey(root, "matrix")
	for _, key := range seriesKeys() {
		takeKey(root, key)
	}
	if b := valueOf(root, "baseline"); b != nil && b.Kind == yaml.ScalarNode {
		takeKey(root, "baseline")
	} else if b != nil {
		takeKey(b, "variant")
	}
	if over := valueOf(variants, c.name); over != nil && over.Kind == yaml.MappingNode {
		d.layMapping(root, over, "")
	}
	for _, chosen := range c.values {
		i := keyIndex(matrix, chosen.path)
		if i < 0 {
			continue // it is no mapping, as sweep has reported
		}
		key, values, at := matrix.Content[i], matrix.Content[i+1].Content, chosen.index
		if matrix.Content[i+1].Kind == yaml.MappingNode {
			at = 2*at + 1
		}
		if at < len(values) {
			d.layPath(root, splitPath(chosen.path), key, values[at])
		}
	}
}

// valueOf is the value of a key, nil where a mapping does not have it.
func valueOf(n *yaml.Node, key string) *yaml.Node {
	if i := keyIndex(n, key); i >= 0 {
		return n.Content[i+1]
	}
	return nil
}

// keyIndex is where in a mapping's content a key stands; -1: nowhere.
func keyIndex(n *yaml.Node, key string) int {
	for i := 0; n != nil && n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return i
		}
	}
	return -1
}

// takeKey takes a key out of a mapping, and returns its value.
func takeKey(n *yaml.Node, key string) *yaml.Node {
	i := keyIndex(n, key)
	if i < 0 {
		return nil
	}
	value := n.Content[i+1]
	n.Content = slices.Delete(n.Content, i, i+2)
	return value
}

// lay lays a value over the one that stands in a slot: mappings are joined, key by key, and
// anything else replaces what was there.
func (d *decoder) lay(slot **yaml.Node, over *yaml.Node, path string) {
	base := *slot
	switch {
	case base != nil && base.Kind == yaml.MappingNode && over.Kind == yaml.MappingNode:
		d.layMapping(base, over, path)
	case base != nil && base.Kind == yaml.SequenceNode && over.Kind == yaml.MappingNode:
		d.layEntries(base, over, path)
	default:
		*slot = over
	}
}

// nodesPath is where null stands for a node without settings, and leaves nothing out.
const nodesPath = "cluster.nodes"

func (d *decoder) layMapping(base, over *yaml.Node, path string) {
	for i := 0; i+1 < len(over.Content); i += 2 {
		key, value := over.Content[i], over.Content[i+1]
		if isNull(value) && path != nodesPath {
			takeKey(base, key.Value)
			continue
		}
		if s := mappingSlot(base, key.Value); s != nil {
			d.lay(s, value, strings.TrimPrefix(path+"."+key.Value, "."))
		} else {
			base.Content = append(base.Content, key, value)
		}
	}
}

// layEntries changes single entries of a list, by their numbers, or steps by their names. Null leaves an entry out; the
// others keep their numbers for all of the overlay.
func (d *decoder) layEntries(base, over *yaml.Node, path string) {
	gone := map[*yaml.Node]bool{}
	for i := 0; i+1 < len(over.Content); i += 2 {
		key, value := over.Content[i], over.Content[i+1]
		at, ok := d.index(base, path, key.Value, func(what, right string) { d.problemAt(key, what, right) })
		if !ok {
			return
		}
		if isNull(value) {
			gone[base.Content[at]] = true
			continue
		}
		d.lay(&base.Content[at], value, path+"["+key.Value+"]")
	}
	base.Content = slices.DeleteFunc(base.Content, func(n *yaml.Node) bool { return gone[n] })
}

// layPath lays a value over the one at a path. Key is the path in the file.
func (d *decoder) layPath(root *yaml.Node, segments []string, key, value *yaml.Node) {
	bad := func(what, right string) { d.problemAt(key, what, right) }
	cur, walked := root, ""
	for i, segment := range segments {
		if i == len(segments)-1 && isNull(value) && cur.Kind == yaml.MappingNode && walked != nodesPath {
			takeKey(cur, segment)
			return
		}
		slot := d.slot(cur, walked, segment, madeBy{at: key}, bad)
		switch {
		case slot == nil:
			return
		case i == len(segments)-1:
			d.lay(slot, value, strings.Join(segments, "."))
			return
		case *slot == nil || isNull(*slot):
			*slot = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: key.Line, Column: key.Column}
		}
		cur, walked = *slot, strings.TrimPrefix(walked+"."+segment, ".")
	}
}

func mappingSlot(n *yaml.Node, key string) **yaml.Node {
	if i := keyIndex(n, key); i >= 0 {
		return &n.Content[i+1]
	}
	return nil
}

// copyOf is a tree of its own: decoding changes it.
func copyOf(n *yaml.Node) *yaml.Node {
	own := *n
	own.Content = make([]*yaml.Node, len(n.Content))
	for i, child := range n.Content {
		own.Content[i] = copyOf(child)
	}
	return &own
}
