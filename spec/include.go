package spec

import (
	"errors"
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

// errNoFiles is why a script's file cannot be read.
var errNoFiles = errors.New("files cannot be read here")

// include puts the text of the files that script: names in their place, so that the
// resolved text has all that was run.
func (d *decoder) include(root *yaml.Node, read func(name string) ([]byte, error)) {
	if read == nil {
		read = func(string) ([]byte, error) { return nil, errNoFiles }
	}
	for _, n := range under(under([]*yaml.Node{root}, "load"), "setup") {
		d.includeFile(n, read, "the setup", "write the path of an SQL file, seen from this file; or end each statement with a semicolon")
	}
	for _, w := range under(under([]*yaml.Node{root}, "load"), "") {
		d.includeScript(w, read)
		for _, parts := range under([]*yaml.Node{w}, "mix") {
			if parts.Kind == yaml.SequenceNode {
				for _, part := range parts.Content {
					d.includeScript(part, read)
				}
			}
		}
	}
}

// under are the values of a key in mappings; "" is every key.
func under(nodes []*yaml.Node, key string) (values []*yaml.Node) {
	for _, n := range nodes {
		for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
			if key == "" || n.Content[i].Value == key {
				values = append(values, n.Content[i+1])
			}
		}
	}
	return values
}

func (d *decoder) includeScript(w *yaml.Node, read func(name string) ([]byte, error)) {
	for _, n := range under([]*yaml.Node{w}, "script") {
		d.includeFile(n, read, "the script", "write the path of a file in pgbench's language, seen from this file")
	}
}

// includeFile puts the text of a file in the place of its name. A value with a semicolon
// or with several lines is a text already.
func (d *decoder) includeFile(n *yaml.Node, read func(name string) ([]byte, error), what, right string) {
	name := n.Value
	if n.Kind != yaml.ScalarNode || isNull(n) || d.spoiled[n] || !isFileName(name) {
		return
	}
	text, err := read(name)
	if err != nil {
		d.spoiled[n] = true
		d.problemAt(n, fmt.Sprintf("%s cannot be read: %v", what, err), right)
		return
	}
	d.included[n] = name
	n.Value, n.Style = string(text), yaml.LiteralStyle
	if isFileName(n.Value) {
		n.Value += "\n--\n" // or the resolved text would name a file
	}
}

// isFileName tells a file's name from a text of SQL.
func isFileName(text string) bool {
	text = strings.TrimSpace(text)
	return text != "" && !strings.ContainsAny(text, "\n;")
}

// nameScripts notes which file each script came from.
func (d *decoder) nameScripts(e *Experiment) {
	for i := range e.Load {
		w, path := &e.Load[i], "load."+e.Load[i].Name
		w.ScriptFile = d.included[d.nodes[path+".script"]]
		for j := range w.Mix {
			w.Mix[j].ScriptFile = d.included[d.nodes[fmt.Sprintf("%s.mix[%d].script", path, j)]]
		}
	}
}
