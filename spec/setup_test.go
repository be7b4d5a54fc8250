package spec

import (
	"os"
	"slices"
	"strings"
	"testing"
)

func TestSetup(t *testing.T) {
	const head = "name: s\ncluster: {nodes: [a]}\nduration: 1s\nload:\n  w: {kind: insert}\n"
	read := func(name string) ([]byte, error) {
		if text, ok := map[string]string{"schema.sql": "select 1;\nselect 2;\n", "one.sql": "select 1"}[name]; ok {
			return []byte(text), nil
		}
		return nil, os.ErrNotExist
	}
	for _, c := range []struct {
		name, setup string
		want        []string
		file, wrong string
	}{
		{"a file", "schema.sql", []string{"select 1;\nselect 2;\n"}, "schema.sql", ""},
		{"a file of one statement", "one.sql", []string{"select 1\n--\n"}, "one.sql", ""},
		{"a text", "select 1;", []string{"select 1;"}, "", ""},
		{"a list", "[select 1, select 2]", []string{"select 1", "select 2"}, "", ""},
		{"no such file", "none.sql", nil, "", "f:5:10: the setup cannot be read"},
		{"no value", "", nil, "", "load.setup has no value"},
		{"a mapping", "{kind: insert}", nil, "", "load.setup is a mapping"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(head, "load:\n", "load:\n  setup: "+c.setup+"\n", 1)
			e, resolved, err := Load("f", []byte(text), Options{ReadFile: read})
			if c.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), c.wrong) {
					t.Fatalf("error %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(e.Setup, c.want) || e.SetupFile != c.file || len(e.Load) != 1 {
				t.Errorf("setup %q of %q, workloads %v", e.Setup, e.SetupFile, e.Load.Names())
			}
			again, _, err := Load("f", resolved, Options{})
			if err != nil || !slices.Equal(again.Setup, c.want) {
				t.Errorf("read again: %v, %q of\n%s", err, again.Setup, resolved)
			}
		})
	}
}
