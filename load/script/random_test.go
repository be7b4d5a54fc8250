package script

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
)

// numbers draws n values of an expression.
func numbers(t *testing.T, expr string, n int) []int {
	t.Helper()
	r := parse(t, "\\set x "+expr+"\nselect :x;").NewRun(0, 1, nil, 1)
	list := make([]int, n)
	for i := range list {
		r.Begin()
		step, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if list[i], err = strconv.Atoi(string(step.Params[0])); err != nil {
			t.Fatal(err)
		}
	}
	return list
}

// The shapes are as the manual of pgbench gives them.
func TestRandomFunctionsHaveTheirShapes(t *testing.T) {
	const n = 200_000
	zipf := func(s float64) float64 { // of the first of ten
		sum := 0.0
		for k := 1; k <= 10; k++ {
			sum += math.Pow(float64(k), -s)
		}
		return 1 / sum
	}
	normal := func(x float64) float64 { return 0.5 * math.Erfc(-x/math.Sqrt2) }
	gauss := func(i, p float64) float64 { // of the i-th of ten, from 0
		at := func(x float64) float64 { return normal(2 * p * (x - 5) / 10) }
		return (at(i+1) - at(i)) / (2*normal(p) - 1)
	}
	exponential := func(i, p float64) float64 {
		return (math.Exp(-p*i/10) - math.Exp(-p*(i+1)/10)) / (1 - math.Exp(-p))
	}
	for _, tt := range []struct {
		expr        string
		first, last float64 // their shares of ten
	}{
		{"random(11, 20)", 0.1, 0.1},
		{"random_gaussian(11, 20, 2.5)", gauss(0, 2.5), gauss(9, 2.5)},
		{"random_gaussian(11, 20, 5)", gauss(0, 5), gauss(9, 5)},
		{"random_exponential(11, 20, 3)", exponential(0, 3), exponential(9, 3)},
		{"random_zipfian(11, 20, 1.001)", zipf(1.001), zipf(1.001) * math.Pow(10, -1.001)},
		{"random_zipfian(11, 20, 1.5)", zipf(1.5), zipf(1.5) * math.Pow(10, -1.5)},
		{"random_zipfian(11, 20, 1000)", 1, 0},
	} {
		var count [10]int
		for _, x := range numbers(t, tt.expr, n) {
			if x < 11 || x > 20 {
				t.Fatalf("%s gave %d", tt.expr, x)
			}
			count[x-11]++
		}
		for i, want := range map[int]float64{0: tt.first, 9: tt.last} {
			// Five standard deviations; the seed is fixed, so that it is this once or never.
			if got, off := float64(count[i])/n, 5*math.Sqrt(want*(1-want)/n)+1e-9; math.Abs(got-want) > off {
				t.Errorf("%s: %d has a share of %.5f, not %.5f", tt.expr, i+11, got, want)
			}
		}
	}
}

// Parameters at the edge neither leave the range nor take for ever.
func TestRandomFunctionsAtTheEdge(t *testing.T) {
	for _, expr := range []string{
		"random(%d, %d)", "random_gaussian(%d, %d, 2)", "random_gaussian(%d, %d, 1/0.0)", "random_exponential(%d, %d, 1e-300)",
		"random_exponential(%d, %d, 1e300)", "random_exponential(%d, %d, 1/0.0)", "random_zipfian(%d, %d, 1.001)", "random_zipfian(%d, %d, 1000)",
	} {
		for _, r := range [][2]int{{0, 0}, {1, 2}, {-5, math.MaxInt64 - 6}, {math.MinInt64, -2}, {math.MaxInt64 - 1, math.MaxInt64}} {
			for _, x := range numbers(t, fmt.Sprintf(expr, r[0], r[1]), 100) {
				if x < r[0] || x > r[1] {
					t.Fatalf(expr+" gave %d", r[0], r[1], x)
				}
			}
		}
	}
}

func TestVariablesOfEveryRun(t *testing.T) {
	s := parse(t, "\\set r random(1, 1000000000)\nselect :client_id, :scale, :random_seed, :default_seed, :r;")
	one := steps(t, s.NewRun(3, 9, nil, 7))
	if !strings.HasPrefix(one[strings.IndexByte(one, '"'):], `"3" "7" "9" "`) {
		t.Errorf("got %s", one)
	}
	if again := steps(t, s.NewRun(3, 9, nil, 7)); again != one {
		t.Errorf("the same seed gave %s, then %s", one, again)
	}
	field := func(line string, i int) string { return strings.Fields(line)[len(strings.Fields(line))-5+i] }
	other := steps(t, s.NewRun(4, 9, nil, 7))
	if field(other, 3) != field(one, 3) {
		t.Errorf("default_seed is each client's own: %s and %s", one, other)
	}
	if field(other, 4) == field(one, 4) {
		t.Errorf("two clients drew the same: %s and %s", one, other)
	}
	given := steps(t, s.NewRun(3, 9, map[string]string{"scale": "0x", "client_id": "c", "default_seed": ""}, 7))
	if field(given, 0) != `"c"` || field(given, 1) != `"0x"` || field(given, 3) != `""` {
		t.Errorf("what is given does not win: %s", given)
	}
}

// A text that outgrows its space does not overwrite the next variable's.
func TestALongTextOverwritesNothing(t *testing.T) {
	s := parse(t, "\\set b 2\nselect :a, :b;\nselect 1 \\gset\nselect :a, :b;")
	r := s.NewRun(0, 1, map[string]string{"a": "1"}, 1)
	if got, want := steps(t, r), "select $1, $2 \"1\" \"2\"\nselect 1\nselect $1, $2 \"1\" \"2\""; got != want {
		t.Fatalf("got %s", got)
	}
	for _, name := range []string{"a", "b"} {
		r = s.NewRun(0, 1, nil, 1)
		if err := r.Set(map[string]string{"a": "b", "b": "a"}[name], []byte("short")); err != nil {
			t.Fatal(err)
		}
		if err := r.Set(name, []byte(strings.Repeat("long", 10))); err != nil {
			t.Fatal(err)
		}
		if got := r.Text(0); !strings.Contains(got, "short") || !strings.Contains(got, "longlong") {
			t.Errorf("got %s", got)
		}
	}
}

func TestVariablesStayAndAreSetFromRows(t *testing.T) {
	r := parse(t, "\\if :n is null\n\\set n 0\n\\endif\n\\set n :n + 1\nselect :n;\nselect 1 \\gset p_\nselect :p_x;").
		NewRun(0, 1, map[string]string{"n": "NULL"}, 1)
	for i := range 3 {
		r.Begin()
		for {
			step, err := r.Next()
			if err != nil {
				t.Fatal(err)
			}
			if step.Kind == Done {
				break
			}
			switch {
			case step.Store == StoreOneRow:
				if err := r.Set(step.Prefix+"x", []byte(strconv.Itoa(10*i))); err != nil {
					t.Fatal(err)
				}
				if err := r.Set(step.Prefix+"nobody_reads", nil); err != nil {
					t.Error(err)
				}
				if err := r.Set(step.Prefix+"?column?", nil); err == nil {
					t.Error("a variable was called p_?column?")
				}
			case step.Line == 5 && string(step.Params[0]) != strconv.Itoa(i+1), step.Line == 7 && string(step.Params[0]) != strconv.Itoa(10*i):
				t.Errorf("time %d, line %d: %q", i, step.Line, step.Params)
			}
		}
	}
}
