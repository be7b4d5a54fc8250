package words

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// private are words and phrases that once were a dialect of this tree: a reader had to learn
// them. The field has its own words for all that they named.
var private = regexp.MustCompile(`(?i)\b(rooms?|census|heads|felt|told|market|cables?|tally|tallies|story|stories|vectors|fates?|astray|grudges?|whoever|unplug\w*|plugs? (it|in|out)|nobody said|of nobody|bec[ao]mes? of|that of which|one for which no|(a|its|their|the|whose|my) turn)\b`)

// allowed are the places where such a word has its plain meaning, with the reason.
var allowed = []struct{ place, text, reason string }{
	{"internal/mutate/mutants.go", "heads", "the heads of switch cases"},
	{"cluster/cluster.go", "make room for", "the usual phrase for disk space and memory"},
	{"docs/", "cannot be told from", "the usual phrase for two things that look the same"},
	{"cluster/conf.go", "could not be told from", "the same"},
	{"spec/schema_text.go", "as a pulled cable would", "it compares with a real cable"},
	{"docs/", "network cable", "it compares with a real cable"},
}

// TestPlainWords looks at every message, comment and name in the code, every name of a file, and
// every page for users.
func TestPlainWords(t *testing.T) {
	for _, wrong := range find(t, "../..") {
		t.Error(wrong)
	}
}

// TestPrivateWordsAreSeen shows that the search can fail.
func TestPrivateWordsAreSeen(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"a.go":       "package a\n\nimport \"errors\"\n\nvar Err = errors.New(\"there is no machine room\")\n",
		"b.go":       "package a\n\ntype MarketRoom struct{}\n",
		"told.go":    "package a\n",
		"a_test.go":  "package a\n\nfunc TestClientsFelt() {}\n",
		"docs/a.md":  "It says what becomes of it.\n",
		"README.md":  "The network cable is cut.\n",
		"comment.go": "package a\n\n// A says what becomes\n// of it.\nconst A = 1\n",
		"private.go": "package a\n\ntype spareRoom struct{}\n",
		"field.go":   "package a\n\ntype a struct{ whoFelt int }\n",
		"local.go":   "package a\n\nfunc f() { heads := 1; _ = heads }\n",
		"range.go":   "package a\n\nfunc g() {\n\tfor _, story := range []int{} {\n\t\t_ = story\n\t}\n}\n",
		"allowed.go": "package a // headroom and cabling are other words\n\nvar ahead = \"turned\"\n",
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var places []string
	for _, wrong := range find(t, root) {
		place, _, _ := strings.Cut(wrong, ":")
		places = append(places, place)
	}
	slices.Sort(places)
	if want := []string{"README.md", "a.go", "a_test.go", "b.go", "comment.go", "docs/a.md", "field.go", "local.go", "private.go", "range.go", "told.go"}; !slices.Equal(slices.Compact(places), want) {
		t.Errorf("seen in %q, want %q", places, want)
	}
}

func find(t *testing.T, root string) (wrong []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name := entry.Name(); path != root && (strings.HasPrefix(name, ".") || slices.Contains([]string{"testdata", "dist", "bin", "results"}, name)) {
				return filepath.SkipDir
			}
			return nil
		}
		place, err := filepath.Rel(root, path)
		if err != nil || strings.HasPrefix(place, filepath.Join("internal", "words")) {
			return err
		}
		report := func(where, text string) {
			if found := privateIn(place, text); found != "" {
				wrong = append(wrong, where+": \""+found+"\" is a private word: "+around(text, found))
			}
		}
		switch filepath.Ext(path) {
		case ".go":
			report(place+": its name", strings.ReplaceAll(strings.TrimSuffix(entry.Name(), ".go"), "_", " "))
			return searchGo(path, place, report)
		case ".md":
			text, err := os.ReadFile(path)
			for i, line := range strings.Split(string(text), "\n") {
				report(place+":"+strconv.Itoa(i+1), line)
			}
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return wrong
}

// searchGo looks at the messages, the comments and the declared names of a file. The strings of
// a test are not looked at: they are often input that the test wants refused.
func searchGo(path, place string, report func(where, text string)) error {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, nil, parser.ParseComments)
	if err != nil {
		return err
	}
	test := strings.HasSuffix(path, "_test.go")
	at := func(n ast.Node) string { return place + ":" + strconv.Itoa(files.Position(n.Pos()).Line) }
	name := func(names ...*ast.Ident) {
		for _, n := range names {
			report(at(n), apart(n.Name))
		}
	}
	names := func(left ...ast.Expr) {
		for _, e := range left {
			if n, is := e.(*ast.Ident); is {
				name(n)
			}
		}
	}
	for _, group := range file.Comments {
		// A phrase may run over the end of a line.
		report(at(group), strings.Join(strings.Fields(group.Text()), " "))
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.BasicLit:
			if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING && !test {
				for line := range strings.Lines(text) {
					report(at(n), line)
				}
			}
		case *ast.FuncDecl:
			name(n.Name)
		case *ast.TypeSpec:
			name(n.Name)
		case *ast.Field:
			name(n.Names...)
		case *ast.ValueSpec:
			name(n.Names...)
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				names(n.Lhs...)
			}
		case *ast.RangeStmt:
			if n.Tok == token.DEFINE {
				names(n.Key, n.Value)
			}
		}
		return true
	})
	return nil
}

// privateIn is the first private word of a text that is not allowed there, or "".
func privateIn(place, text string) string {
	for _, a := range allowed {
		if strings.HasPrefix(place, a.place) {
			text = strings.ReplaceAll(text, a.text, "")
		}
	}
	return private.FindString(text)
}

// around is the part of a text that shows a word and what stands around it.
func around(text, word string) string {
	at := strings.Index(text, word)
	return strings.ToValidUTF8(strings.TrimSpace(text[max(0, at-60):min(len(text), at+len(word)+60)]), "")
}

var camel = regexp.MustCompile(`[A-Z]?[a-z]+|[A-Z]+`)

// apart takes a name apart into its words.
func apart(name string) string { return strings.Join(camel.FindAllString(name, -1), " ") }
