package spec

import (
	"bytes"
	"strings"
	"unicode"

	"gopkg.in/yaml.v3"

	"pgchaos/cluster"
	"pgchaos/internal/redact"
)

// hidden stands where a secret was.
const hidden = redact.Hidden

// render writes the tree as YAML, with its secrets removed. The tree is used up.
func render(root *yaml.Node, secrets map[*yaml.Node]string) ([]byte, error) {
	for n, text := range secrets {
		n.Value = text
	}
	hideSecrets(root)
	tidy(root)
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(root); err != nil {
		return nil, err
	}
	if err := enc.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// hideSecrets hides what looks like a credential, and values that are called one.
func hideSecrets(n *yaml.Node) {
	for i, child := range n.Content {
		switch {
		case child.Kind != yaml.ScalarNode:
			hideSecrets(child)
		case n.Kind == yaml.MappingNode && i%2 == 0 || child.Value == "": // a key
		case n.Kind == yaml.MappingNode && redact.SecretName(n.Content[i-1].Value):
			child.Value = redact.Hidden
		default:
			child.Value = (*redact.Redactor)(nil).Text(child.Value)
		}
	}
}

// secretsOf are the secrets that were found, but for those that are a name in the experiment too: the
// report could not be read without them.
func (d *decoder) secretsOf(e *Experiment) (secrets []string) {
	names := map[string]bool{e.Name: true}
	for _, n := range e.Cluster.Nodes {
		names[n.Name] = true
	}
	for _, w := range e.Load {
		names[w.Name], names[w.Table] = true, true
	}
	for _, s := range e.Timeline {
		names[s.Name] = true
	}
	for _, s := range append(d.secrets, e.passwords()...) {
		if !names[s] {
			secrets = append(secrets, s)
		}
	}
	return secrets
}

// leastPassword is the length of a password that is hidden wherever it stands: a shorter one is a part of ordinary words.
const leastPassword = 6

// passwords are those of the connection strings to a cluster that was there before, also where they come from a password file
// or the environment.
func (e *Experiment) passwords() (all []string) {
	x := e.Cluster.Existing
	if x == nil {
		return nil
	}
	texts := []string{x.Clients}
	for i := range e.Load {
		texts = append(texts, e.Load[i].URL)
	}
	for _, n := range x.Nodes {
		texts = append(texts, n.DSN)
	}
	for _, text := range texts {
		if dsn, err := cluster.ParseDSN(text); err == nil && len(dsn.User.Password) >= leastPassword {
			all = append(all, dsn.User.Password)
		}
	}
	return all
}

// tidy gives every scalar a style that yaml.v3 reads back as it was: its plain and
// literal styles lose some line breaks and invisible characters. In a value, what
// looks like a ${VAR} by now is text, and is escaped.
func tidy(n *yaml.Node) {
	for i, child := range n.Content {
		if child.Kind == yaml.ScalarNode && (n.Kind == yaml.SequenceNode || i%2 == 1) {
			child.Value = strings.ReplaceAll(child.Value, "${", "$${")
		}
		tidy(child)
	}
	if n.Kind != yaml.ScalarNode {
		return
	}
	if n.Style == 0 {
		n.Tag = ""
	}
	literal := n.Style&yaml.LiteralStyle != 0 && plainLines(n.Value)
	if !literal && (n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 || strings.ContainsFunc(n.Value, awkward)) {
		n.Style, n.Tag = yaml.DoubleQuotedStyle, "!!str"
	}
}

func awkward(r rune) bool {
	return r != ' ' && !unicode.IsGraphic(r) || r == '\uFEFF' || unicode.Is(unicode.Z, r) && r != ' '
}

// plainLines tells whether a text of several lines can stand in YAML's literal style.
func plainLines(text string) bool {
	for i, line := range strings.Split(text, "\n") {
		if strings.ContainsFunc(line, awkward) || strings.TrimRight(line, " ") != line || i == 0 && strings.TrimLeft(line, " ") != line || i == 0 && line == "" {
			return false
		}
	}
	return !strings.HasSuffix(text, "\n\n")
}
