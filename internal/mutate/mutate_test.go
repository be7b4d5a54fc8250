package main

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// sample has one of each thing that can be mutated, beside its tests, which miss some.
const sample = `package sample

func small(n int) bool { return n < 10 }

func kind(n int, odd bool) string {
	if n == 0 {
		return "zero"
	}
	switch {
	case n < 0, n > 1000:
		return "far"
	case odd && small(n):
		return "odd"
	}
	sum := 0
	for i := 0; i < n; i++ {
		if i%2 == 1 {
			sum++
			continue
		}
		sum += 2
	}
	switch sum % 3 {
	case 1, 2:
		return "some"
	default:
		return "none"
	}
}
`

func TestMutants(t *testing.T) {
	var mutants []mutant
	if _, err := mutate("sample.go", []byte(sample), &mutants); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range mutants {
		got = append(got, m.fn+": "+m.what)
	}
	want := []string{
		"small: n < 10  =>  n <= 10",
		"kind: if n == 0  =>  if true",
		"kind: if n == 0  =>  if false",
		"kind: case n < 0, n > 1000  =>  (no such case)",
		"kind: case n < 0, n > 1000  =>  case true",
		"kind: return \"far\"  =>  (nothing)",
		"kind: case odd && small(n)  =>  (no such case)",
		"kind: case odd && small(n)  =>  case true",
		"kind: return \"odd\"  =>  (nothing)",
		"kind: n < 0  =>  n <= 0",
		"kind: n > 1000  =>  n >= 1000",
		"kind: odd && small(n)  =>  without odd",
		"kind: odd && small(n)  =>  without small(n)",
		"kind: for i < n  =>  for false",
		"kind: i < n  =>  i <= n",
		"kind: if i%2 == 1  =>  if true",
		"kind: if i%2 == 1  =>  if false",
		"kind: continue  =>  (nothing)",
		"kind: case 1, 2  =>  (no such case)",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// module writes a module of the sample, its tests, and what is known to be equivalent.
func module(t *testing.T, tests, equivalents string) (dir, path string) {
	t.Helper()
	dir = t.TempDir()
	path = filepath.Join(dir, "equivalents.txt")
	for name, text := range map[string]string{
		"go.mod": "module sample\n\ngo 1.24\n", "sample.go": sample, "equivalents.txt": equivalents,
		"sample_test.go": "package sample\n\nimport \"testing\"\n\nfunc TestKind(t *testing.T) {\n" + tests + "\n}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir, path
}

// each is a test of every rule but of the numbers at the bounds of being far.
const each = `
	for _, c := range []struct{ n int; odd bool; want string }{
		{0, false, "zero"}, {-5, false, "far"}, {2000, false, "far"}, {3, true, "odd"}, {3, false, "some"},
		{9, true, "odd"}, {10, true, "none"}, {4, false, "none"}, {2, false, "none"}, {11, false, "some"},
	} {
		if got := kind(c.n, c.odd); got != c.want {
			t.Errorf("%d: %s, want %s", c.n, got, c.want)
		}
	}`

func TestSurvivors(t *testing.T) {
	const first, second = "sample.go kind: n < 0  =>  n <= 0\n  0 has been answered before\n", "sample.go kind: n > 1000  =>  n >= 1000\n  for the sake of this test\n"
	for name, c := range map[string]struct {
		tests, equivalents string
		code               int
		says               string
	}{
		"survivors are named with their place": {each, first, 1, "sample.go:10 kind: n > 1000  =>  n >= 1000\n"},
		"all that survive are equivalent":      {each, first + second, 0, "19 mutants: 2 survive, 2 of them known to be equivalent\n"},
		"one that is seen is no equivalent":    {each, first + second + "sample.go kind: n < 0  =>  n == 0\n  gone\n", 1, "no such survivor: sample.go kind: n < 0  =>  n == 0\n"},
		"tests that fail by themselves":        {"t.Error(1)", "", 2, "fail as it is"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, path := module(t, c.tests, c.equivalents)
			var out bytes.Buffer
			code := run(t.Context(), []string{"-known", path, dir}, &out, &out)
			if code != c.code || !strings.Contains(out.String(), c.says) {
				t.Errorf("exit code %d, want %d, and %q in\n%s", code, c.code, c.says, &out)
			}
		})
	}
}

func TestReadKnownWantsReasons(t *testing.T) {
	for name, text := range map[string]string{"no reason": "a.go f: x  =>  y\n", "no mutant": "# only\n  because\n"} {
		path := filepath.Join(t.TempDir(), "known")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if k, err := readKnown(path); err == nil {
			t.Errorf("%s: %v", name, k)
		}
	}
}
