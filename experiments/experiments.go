// Package experiments is the experiments that come with pgchaos.
package experiments

import (
	"embed"
	"fmt"
	"path"
	"slices"
	"strings"
)

//go:embed *.yaml
var files embed.FS

// Info is one shipped experiment.
type Info struct {
	Name        string // by which Open finds it
	Description string // its own, in one sentence
	File        string // its file's name, such as quorum-kill.yaml
}

// List is every shipped experiment, by name.
func List() ([]Info, error) {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil, fmt.Errorf("list the shipped experiments: %w", err)
	}
	var infos []Info
	for _, entry := range entries {
		name := strings.TrimSuffix(entry.Name(), path.Ext(entry.Name()))
		text, err := Open(name)
		if err != nil {
			return nil, err
		}
		infos = append(infos, Info{Name: name, Description: description(text), File: entry.Name()})
	}
	slices.SortFunc(infos, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return infos, nil
}

// Open is the text of a shipped experiment, by its name with or without .yaml.
func Open(name string) ([]byte, error) {
	text, err := files.ReadFile(strings.TrimSuffix(name, ".yaml") + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("open the shipped experiment %q: %w", name, err)
	}
	return text, nil
}

// description finds the top-level description, which every shipped experiment has
// on one line; a test holds it against what package spec decodes.
func description(text []byte) string {
	for line := range strings.Lines(string(text)) {
		if after, ok := strings.CutPrefix(line, "description:"); ok {
			return strings.TrimSpace(after)
		}
	}
	return ""
}
