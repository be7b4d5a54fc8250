package spec

import (
	"bytes"
	"regexp"
	"strings"
	"unicode"

	"gopkg.in/yaml.v3"
)

// hidden stands where a secret was.
const hidden = "***"

// render writes the tree as YAML, with its secrets removed. The tree is used up.
func render(root *yaml.Node, secrets map[*yaml.Node]string) ([]byte, error) {
	for n, text := range secrets {
		n.Value = text
	}
	hideSecrets(root, false)
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

var (
	secretSetting = regexp.MustCompile(`(?i)password|passphrase|secret`)
	// A password in a connection string, in a connection URI, and in an ALTER ROLE.
	connPassword = regexp.MustCompile(`(?i)(password\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s']+)`)
	uriPassword  = regexp.MustCompile(`(://[^\s:/@]*:)([^\s@/]+)@`)
	rolePassword = regexp.MustCompile(`(?i)(password\s+)('(?:[^']|'')*')`)
)

// hideSecrets replaces what must not be kept: settings that are called a password,
// and passwords within other settings and within SQL.
func hideSecrets(n *yaml.Node, settings bool) {
	if n.Kind == yaml.SequenceNode {
		for _, child := range n.Content {
			hideSecrets(child, false)
		}
	}
	if n.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i].Value, n.Content[i+1]
		switch {
		case value.Kind != yaml.ScalarNode:
			hideSecrets(value, key == "settings" || key == "connection")
		case value.Value == "":
		case settings && secretSetting.MatchString(key) && key != "password_encryption":
			value.Value = hidden
		case settings || key == "sql" || key == "query" || key == "url":
			text := connPassword.ReplaceAllString(value.Value, "${1}"+hidden)
			text = uriPassword.ReplaceAllString(text, "${1}"+hidden+"@")
			value.Value = rolePassword.ReplaceAllString(text, "${1}'"+hidden+"'")
		}
	}
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
