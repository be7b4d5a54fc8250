package spec

import (
	"errors"
	"strings"
	"testing"
)

const plainFile = "name: y\ncluster: {nodes: [a]}\nload: {w: {kind: insert}}\nduration: 5s\n"

// TestFilesThatAreRead: what editors and other programs make of a right file.
func TestFilesThatAreRead(t *testing.T) {
	wide := func(text string, big bool) string {
		var b strings.Builder
		for _, r := range text { // all of them are ASCII
			if big {
				b.WriteString("\x00" + string(r))
			} else {
				b.WriteString(string(r) + "\x00")
			}
		}
		return b.String()
	}
	for name, text := range map[string]string{
		"a byte order mark":     "\xef\xbb\xbf" + plainFile,
		"UTF-16, little":        "\xff\xfe" + wide(plainFile, false),
		"UTF-16, big":           "\xfe\xff" + wide(plainFile, true),
		"line ends of Windows":  strings.ReplaceAll(plainFile, "\n", "\r\n"),
		"%YAML 1.2":             "# first\n%YAML 1.2\n---\n" + plainFile,
		"%YAML 1.1, Windows":    "%YAML 1.1\r\n---\r\n" + plainFile,
		"the end of a document": plainFile + "...\n",
		"JSON":                  `{"name": "y",` + "\n\t" + `"cluster": {"nodes": ["a"]}, "load": {"w": {"kind": "insert"}}, "duration": "5s"}`,
		"a long line":           plainFile + "description: " + strings.Repeat("x", 200_000),
	} {
		if _, _, err := Load("x.yaml", []byte(text), Options{Providers: someProviders()}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestMessagesAboutTheFile: each has the line and the column, and says what to do.
func TestMessagesAboutTheFile(t *testing.T) {
	for name, tc := range map[string]struct {
		text string
		line int
		col  int
		says string
	}{
		"Latin-1":              {"name: y\ncluster:\n  nodes: [a] # f\xfcr\n", 3, 17, "line 3 is not UTF-8: the byte 0xfc"},
		"Latin-1 at the end":   {"name: y\ndescription: caf\xe9\n", 2, 17, "is not UTF-8"},
		"UTF-16 without mark":  {"n\x00a\x00m\x00e\x00", 1, 1, "as UTF-16 has"},
		"a zero byte":          {"name: y\ndescription: a\x00b\n", 2, 15, "U+0000"},
		"a control character":  {"name: y\ndescription: é\x01b\n", 2, 15, "U+0001"},
		"an archive":           {"\x1f\x8b\x08\x00abc", 1, 1, "is it an experiment?"},
		"%YAML 2.0":            {"%YAML 2.0\n---\n" + plainFile, 1, 1, "no version of YAML"},
		"an unknown directive": {"%FOO bar\n---\n" + plainFile, 1, 1, "this one is unknown; leave the line out"},
		"brackets without end": {"name: " + strings.Repeat("[", 20_000), 1, 1, "nested more than 10,000 deep"},
		"a tab":                {"name: y\ncluster:\n\tnodes: [a]\n", 3, 1, "indented with a tab"},
		"a tab after spaces":   {"name: y\ncluster:\n  \tnodes: [a]\n", 3, 3, "indented with a tab"},
		"an @":                 {"name: y\ndescription: @x\n", 2, 1, "quote a value that begins with @"},
		"a second colon":       {"name: y\ndescription: a: b\n", 2, 1, `": " in it`},
		"braces not closed":    {"name: y\ncluster: {nodes: [a]\nload: {w: {kind: insert}}\n", 2, 1, "close each {"},
		"brackets not closed":  {"name: y\ncluster: {nodes: [a}\n", 2, 1, "close each ["},
		"a quote in braces":    {"name: y\ncluster:\n  synchronous: {standbys: ANY 1 (b, \"any\")}\n", 3, 3, "quotes around a whole value"},
		"quotes not closed":    {"name: y\ndescription: \"x\nduration: 5s\n", 2, 1, "close the quotes"},
		"a backslash":          {"name: y\ndescription: \"\\d\"\n", 2, 1, "backslash"},
		"indented differently": {"name: y\nload:\n    w: {kind: insert}\n  v: {kind: read}\n", 4, 3, "indented alike"},
		"a no-break space":     {"name: y\ncluster:\u00a0{nodes: [a]}\nload: {}\n", 2, 9, "U+00A0"},
		"an empty file":        {"", 1, 1, "the file is empty"},
		"only a text":          {"hello\n", 1, 1, "not a mapping"},
		"a second document":    {plainFile + "---\n" + plainFile, 5, 1, "a second document"},
	} {
		_, _, err := Load("x.yaml", []byte(tc.text), Options{Providers: someProviders()})
		var all Problems
		if !errors.As(err, &all) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		p := all[0]
		if p.Line != tc.line || p.Col != tc.col || p.Right == "" || !strings.Contains(p.String(), tc.says) {
			t.Errorf("%s: %s; want it at %d:%d, with %q", name, p, tc.line, tc.col, tc.says)
		}
	}
}
