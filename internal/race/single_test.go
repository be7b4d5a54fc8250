package race

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// starts are functions and methods that run code beside the caller's: of a sync.WaitGroup and what is like it, of timers and
// contexts, of tests, of HTTP servers.
var starts = []string{"Go", "AfterFunc", "Parallel", "RunParallel", "Serve", "ListenAndServe", "NewServer", "NewTLSServer", "Notify"}

// TestSingleStartsNothing compares the Makefile's list of packages that `make test` runs without the race detector with what their
// files and their tests do. A race needs two goroutines: where none is started, the detector finds nothing.
func TestSingleStartsNothing(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^SINGLE := (.*)$`).FindSubmatch(makefile)
	if line == nil {
		t.Fatal("the Makefile has no SINGLE")
	}
	listed := strings.Fields(string(line[1]))
	for name, started := range started(t) {
		if name == "internal/race" { // its tests need the detector
			continue
		}
		switch is := slices.Contains(listed, "./"+name); {
		case is && started != "":
			t.Errorf("%s starts what runs beside it: take it off SINGLE in the Makefile\n%s", name, started)
		case !is && started == "":
			t.Errorf("neither %s nor its tests start anything: add it to SINGLE in the Makefile", name)
		}
	}
}

// started has a line for each package with tests: where it or a test of it starts something, or "".
func started(t *testing.T) map[string]string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Dir,GoFiles,CgoFiles,TestGoFiles,XTestGoFiles", "pgchaos/...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath, Dir                              string
			GoFiles, CgoFiles, TestGoFiles, XTestGoFiles []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		if len(p.TestGoFiles)+len(p.XTestGoFiles) == 0 {
			continue
		}
		name := strings.TrimPrefix(p.ImportPath, "pgchaos/")
		all[name] = ""
		for _, file := range slices.Concat(p.GoFiles, p.CgoFiles, p.TestGoFiles, p.XTestGoFiles) {
			text, err := os.ReadFile(filepath.Join(p.Dir, file))
			if err != nil {
				t.Fatal(err)
			}
			if all[name] = startsSomething(t, filepath.Join(name, file), string(text)); all[name] != "" {
				break
			}
		}
	}
}

// startsSomething is where a file first starts what runs beside it, or "".
func startsSomething(t *testing.T, name, text string) (where string) {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, text, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		is := false
		switch n := n.(type) {
		case *ast.GoStmt:
			is = true
		case *ast.CallExpr:
			called, method := n.Fun.(*ast.SelectorExpr)
			is = method && slices.Contains(starts, called.Sel.Name)
		}
		if is && where == "" {
			where = files.Position(n.Pos()).String()
		}
		return where == ""
	})
	return where
}

// TestWhatStartsIsSeen shows that the search can fail.
func TestWhatStartsIsSeen(t *testing.T) {
	for statement, want := range map[string]string{
		"go f()":                           "x.go:4:2",
		"var g sync.WaitGroup; g.Go(f)":    "x.go:4:24",
		"t.Parallel()":                     "x.go:4:2",
		"time.AfterFunc(1, f)":             "x.go:4:2",
		"httptest.NewServer(nil)":          "x.go:4:2",
		"if x { for range y { go f() } }":  "x.go:4:23",
		"f(); goes.On(); _ = \"go f()\"":   "",
		"defer func() { Parallel(1) }()":   "",
		"defer func() { a.b.Go(\"c\") }()": "x.go:4:17",
	} {
		if got := startsSomething(t, "x.go", "package x\n\nfunc a() {\n\t"+statement+"\n}\n"); got != want {
			t.Errorf("%s: %q, want %q", statement, got, want)
		}
	}
}
