package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"pgchaos/chaos/fault"
	"pgchaos/cluster"
)

func newFaultsCommand() *cobra.Command {
	l := listing[fault.Kind]{
		all:  fault.Kinds,
		name: func(k fault.Kind) string { return k.Name },
		find: func(name string) (fault.Kind, error) {
			k, ok := fault.Find(name)
			if !ok {
				return k, unknownWord("fault", name, faultNames())
			}
			return k, nil
		},
		text: faultsText, explain: faultText, markdown: faultsMarkdown, json: writeFaultsJSON,
	}
	return l.command(&cobra.Command{
		Use:   "faults [NAME]",
		Short: "List the faults and other steps that a timeline can have, or explain one",
		Example: `  pgchaos faults                  every fault, and which providers can do it
  pgchaos faults kill             what it does, its parameters, how it is verified and taken back, an example
  pgchaos faults --format json    for other programs`,
	})
}

func faultNames() (names []string) {
	for _, k := range fault.Kinds() {
		names = append(names, k.Name)
	}
	return names
}

// able are the providers whose nodes have what an action needs, the default one first.
func able(k fault.Kind) (names []string) {
	for _, d := range descriptions() {
		if !slices.ContainsFunc(k.Capabilities, func(c cluster.Capability) bool { return !d.Can(c) }) {
			names = append(names, d.Name)
		}
	}
	return names
}

// inGroups calls each for every group that has some of the actions, in the order of the groups.
func inGroups(kinds []fault.Kind, each func(g fault.Group, of []fault.Kind)) {
	for _, g := range fault.Groups() {
		var of []fault.Kind
		for _, k := range kinds {
			if k.Group == g {
				of = append(of, k)
			}
		}
		if len(of) > 0 {
			each(g, of)
		}
	}
}

// starred is the action's name, with a star if `for` can take it back.
func starred(k fault.Kind) string {
	if k.Reversible {
		return k.Name + " *"
	}
	return k.Name
}

// faultsText lists actions for a terminal.
func faultsText(kinds []fault.Kind) string {
	var b strings.Builder
	inGroups(kinds, func(g fault.Group, of []fault.Kind) {
		var rows [][]string
		for _, k := range of {
			rows = append(rows, []string{"", starred(k), k.Doc, strings.Join(able(k), ", ")})
		}
		b.WriteString(string(g) + "\n")
		writeWrapped(&b, []int{0, 22, 66, 14}, rows) // the empty column indents
		b.WriteString("\n")
	})
	b.WriteString("* can be taken back after a time: add `for: 5s` beside it. At the right: the providers that can do it.\n'pgchaos faults NAME' explains one, with an example.\n")
	return b.String()
}

// explanation is a part of the text about an action.
type explanation struct{ title, text string }

func explanations(k fault.Kind) []explanation {
	all := []explanation{
		{"What it does", k.Manual.Does},
		{"What PostgreSQL and clients see", k.Manual.Effect},
		{"How the effect is verified", k.Manual.Verified},
	}
	if k.Manual.Back != "" {
		all = append(all, explanation{"How it is taken back", k.Manual.Back})
	}
	return all
}

// providersText says which providers can do an action, and what else can be done without them.
func providersText(k fault.Kind) string {
	text := strings.Join(able(k), ", ")
	if k.Instead != "" && len(able(k)) < len(providers()) {
		text += "; elsewhere: " + k.Instead
	}
	return text
}

// faultExample is an experiment with the action, for the first provider that can do it on every machine.
func faultExample(k fault.Kind) string {
	provider := ""
	for i, d := range descriptions() {
		if !slices.ContainsFunc(k.Capabilities, func(c cluster.Capability) bool { return !d.Can(c) || d.Depends[c] != "" }) {
			if i > 0 {
				provider = d.Name
			}
			break
		}
	}
	return k.Example(provider)
}

// faultText explains one action for a terminal.
func faultText(k fault.Kind) string {
	var b strings.Builder
	writeWrapped(&b, []int{100}, [][]string{{k.Name + ": " + k.Doc}})
	for _, e := range explanations(k) {
		b.WriteString("\n" + e.title + "\n")
		for _, line := range wrapped(e.text, 98) {
			b.WriteString("  " + line + "\n")
		}
	}
	b.WriteString("\nForms\n")
	for _, form := range k.Forms() {
		b.WriteString("  " + form + "\n")
	}
	if k.Reversible {
		b.WriteString("  {" + k.Forms()[0] + ", for: DURATION}, which takes it back after that time\n")
	}
	if keys := k.Keys(); len(keys) > 0 {
		b.WriteString("\nParameters\n")
		var rows [][]string
		for _, key := range keys {
			name, about := keyTexts(key)
			rows = append(rows, []string{"", name, about})
		}
		writeWrapped(&b, []int{0, 16, 80}, rows)
	}
	b.WriteString("\nProviders\n  " + providersText(k) + "\n\nExample\n\n" + faultExample(k))
	return b.String()
}

// keyTexts are the name of a parameter, and a text with its meaning, type and default.
func keyTexts(key fault.Key) (name, about string) {
	name, about = key.Name, key.About
	if !strings.Contains(strings.ToLower(about), strings.ToLower(key.Type)) {
		about = strings.TrimSpace(about + " " + sentence(key.Type))
	}
	if name == "" {
		name = "(the value)"
	}
	switch {
	case key.Required:
		about += " Required."
	case key.Default != "":
		about += " Default: " + key.Default + "."
	}
	return name, about
}

// faultsMarkdown is the table and the chapters of docs/faults.md.
func faultsMarkdown(kinds []fault.Kind) string {
	var b strings.Builder
	b.WriteString("| group | fault | what it does | providers |\n|---|---|---|---|\n")
	inGroups(kinds, func(g fault.Group, of []fault.Kind) {
		for _, k := range of {
			star := ""
			if k.Reversible {
				star = " \\*"
			}
			fmt.Fprintf(&b, "| %s | [`%s`](#%s)%s | %s | %s |\n", g, k.Name, k.Name, star, k.Doc, strings.Join(able(k), ", "))
		}
	})
	b.WriteString("\n\\* can be taken back after a time: add `for: 5s` beside it.\n")
	inGroups(kinds, func(g fault.Group, of []fault.Kind) {
		b.WriteString("\n## " + string(g) + "\n")
		for _, k := range of {
			faultMarkdown(&b, k)
		}
	})
	return b.String()
}

// faultMarkdown is the chapter of one action.
func faultMarkdown(b *strings.Builder, k fault.Kind) {
	fmt.Fprintf(b, "\n### %s\n\n%s Providers: %s.\n\n", k.Name, k.Doc, providersText(k))
	for _, e := range explanations(k) {
		fmt.Fprintf(b, "- **%s.** %s\n", e.title, e.text)
	}
	b.WriteString("\n| parameter | meaning |\n|---|---|\n")
	for _, key := range k.Keys() {
		name, about := keyTexts(key)
		fmt.Fprintf(b, "| `%s` | %s |\n", name, strings.ReplaceAll(about, "|", "\\|"))
	}
	var forms []string
	for _, form := range k.Forms() {
		forms = append(forms, "`"+form+"`")
	}
	fmt.Fprintf(b, "\nWritten as %s.\n\n```yaml\n%s```\n", strings.Join(forms, " or "), faultExample(k))
}

// listedFault is an action as --format json prints it.
type listedFault struct {
	Group      string      `json:"group"`
	Name       string      `json:"name"`
	About      string      `json:"about"`
	Does       string      `json:"does"`
	Effect     string      `json:"effect"`
	Verified   string      `json:"verified"`
	Back       string      `json:"back,omitempty"`
	Reversible bool        `json:"reversible"`
	Providers  []string    `json:"providers"`
	Instead    string      `json:"instead,omitempty"`
	Forms      []string    `json:"forms"`
	Parameters []listedKey `json:"parameters"`
	Example    string      `json:"example"`
}

// listedKey is a parameter as --format json prints it.
type listedKey struct {
	Name     string `json:"name"` // "" for the value itself
	Type     string `json:"type"`
	Required bool   `json:"required"`
	Default  string `json:"default,omitempty"`
	About    string `json:"about,omitempty"`
}

func writeFaultsJSON(out io.Writer, kinds []fault.Kind) error {
	content := struct {
		Schema string        `json:"schema"`
		Faults []listedFault `json:"faults"`
	}{Schema: "pgchaos.faults/1"}
	inGroups(kinds, func(g fault.Group, of []fault.Kind) {
		for _, k := range of {
			l := listedFault{
				Group: string(g), Name: k.Name, About: k.Doc, Does: k.Manual.Does, Effect: k.Manual.Effect, Verified: k.Manual.Verified, Back: k.Manual.Back,
				Reversible: k.Reversible, Providers: able(k), Instead: k.Instead, Forms: k.Forms(), Parameters: []listedKey{}, Example: faultExample(k),
			}
			for _, key := range k.Keys() {
				l.Parameters = append(l.Parameters, listedKey{Name: key.Name, Type: key.Type, Required: key.Required, Default: key.Default, About: key.About})
			}
			content.Faults = append(content.Faults, l)
		}
	})
	in := json.NewEncoder(out)
	in.SetIndent("", "  ")
	in.SetEscapeHTML(false)
	return in.Encode(content)
}
