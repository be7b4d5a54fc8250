package script

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pgchaos/internal/fakepg"
	"pgchaos/internal/skip"
)

// findPgbench returns the program whose language this package speaks.
func findPgbench(t *testing.T) string {
	t.Helper()
	if path, err := exec.LookPath("pgbench"); err == nil {
		return path
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pgbench") // Debian's place, which is in nobody's PATH
	if len(found) == 0 {
		skip.Test(t, "no pgbench to compare with: 'make test' installs it")
	}
	slices.Sort(found)
	return found[len(found)-1]
}

// pgbench runs a script once by the real program, against a server that answers
// everything with one row, and returns what arrived there. ok: it ran to the end.
func pgbench(t *testing.T, text, protocol string, set map[string]string) (sent []string, ok bool, output string) {
	t.Helper()
	program, dir := findPgbench(t), t.TempDir()
	file := filepath.Join(dir, "f.sql")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	server := &fakepg.Server{Columns: []string{"a", "b"}}
	defer server.Close()
	var mu sync.Mutex
	server.SetAnswer(func(sql string, params [][]byte) fakepg.Answer {
		mu.Lock()
		defer mu.Unlock()
		sent = append(sent, written(sql, params))
		return fakepg.Answer{Rows: [][]string{{"7", "it is"}}}
	})
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			server.Serve(conn)
		}
	}()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	args := []string{"-n", "-t", "1", "-h", "127.0.0.1", "-p", port, "-U", "x", "-M", protocol, "-f", file, "-s", "3"}
	for name, value := range set {
		args = append(args, "-D", name+"="+value)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, append(args, "x")...)
	var out bytes.Buffer
	cmd.Env = append(os.Environ(), "PGSSLMODE=disable", "PGGSSENCMODE=disable")
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	if strings.Contains(out.String(), "connection to server") {
		t.Fatalf("pgbench does not get to the script:\n%s", out.String())
	}
	mu.Lock()
	defer mu.Unlock()
	return slices.Clone(sent), err == nil, out.String()
}

// written is a statement and its parameters as a line.
func written(sql string, params [][]byte) string {
	line := strings.TrimRight(strings.TrimSpace(sql), "; \n")
	for _, p := range params {
		line += fmt.Sprintf(" %q", p)
	}
	return line
}

// ours is what a run of ours sends, answered with the same row.
func ours(t *testing.T, text, protocol string, set map[string]string) (sent []string, err error) {
	t.Helper()
	s, err := Parse("f.sql", text)
	if err != nil {
		return nil, err
	}
	r := s.NewRun(0, 1, set, 3)
	r.Simple = protocol == "simple"
	r.Begin()
	for {
		step, err := r.Next()
		if err != nil || step.Kind == Done {
			return sent, err
		}
		if step.Kind != SQL {
			continue
		}
		if r.Simple {
			sent = append(sent, written(r.Text(step.Stmt), nil))
		} else {
			sent = append(sent, written(s.Statements()[step.Stmt].SQL, step.Params))
		}
		if step.Store != StoreNone {
			for i, column := range []string{"a", "b"} {
				if err := r.Set(step.Prefix+column, []byte([]string{"7", "it is"}[i])); err != nil {
					return sent, err
				}
			}
		}
	}
}

// compare runs a script by both, and wants the same.
func compare(t *testing.T, text, protocol string, set map[string]string) {
	t.Helper()
	want, ok, output := pgbench(t, text, protocol, set)
	got, err := ours(t, text, protocol, set)
	if ok != (err == nil) {
		t.Fatalf("script:\n%s\nours: %v\npgbench:\n%s", text, err, output)
	}
	if slices.Equal(got, want) {
		return
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			next := func(of []string) []string { return of[min(i, len(of)):min(i+1, len(of))] }
			t.Fatalf("%s, statement %d\nours:    %q\npgbench: %q\n%s", protocol, i, next(got), next(want), output)
		}
	}
}

func TestScriptsAsPgbenchRunsThem(t *testing.T) {
	set := map[string]string{"given": "5", "word": "abc", "yes": "y", "default_seed": "42", "nothing": "null", "half": "0.5", "long": strings.Repeat("x", 200)}
	for _, tt := range []struct{ name, text string }{
		{"casts, slices, assignments", "\\set x 3\nselect a::int, b[1:2], :x::text, (c) ::x, f(d := 1, e:=:x);"},
		{"a variable twice", "\\set x 3\nselect :x, :x, -:x, :x+:x;"},
		{"variables of every run", "select :client_id, :scale, :default_seed, :given, :word;"},
		{"texts as values", "\\set a :given + 1\n\\set b not :yes\n\\set c :half * 3\nselect :a, :b, :c, :yes;"},
		{"doubles", "\\set a 1/3.0\n\\set b 1e20\n\\set c 100000.0\n\\set d 1e15 * 10\n\\set e 1/0.0\n\\set f -0.5\n\\set g 1e-5\nselect :a, :b, :c, :d, :e, :f, :g;"},
		{"a long text", "select 1 as a, 2 as b \\gset\n\\set c 3\nselect :a, :b, :c, :long;\nselect 1 \\gset\nselect :a, :b, :c, :long;"},
		{"a name beyond ASCII", "\\set größe 3\nselect :größe;"},
		{"gset", "select 1 as a, 2 as b \\gset\nselect :a, :b;\nselect 1 \\gset p_\n\\set c :p_a + 1\nselect :p_a, :c;"},
		{"aset", "select 1; \\aset p_\nselect :p_b;"},
		{"conditions", "\\if :given = 5 and :yes\nselect 1;\n\\if false\nselect 2;\n\\elif :given\nselect 3;\n\\elif 1/0\nselect 4;\n\\else\nselect 5;\n\\endif\n\\else\nselect 6;\n\\endif\nselect 7"},
		{"quotes", "select ';\\', \"a;\\\"\"\", $$;\\$$, $q$ $$; $q$, E'\\';', e'a''b\\';', $1, a$b$c;\nselect 2;"},
		{"comments within", "select 1 /* ; /* nested */ \\set */ + 2;\nselect 3;"},
		{"a function's body", "create function f() returns int begin atomic select 1; select case when true then 2 end; end;\nselect 1;"},
		{"a semicolon in brackets", "create rule r as on insert to t do (select 1; select 2);\nselect 3;"},
		{"words", "\\SET x 1\n \\set\ty 2 \\\n + 1\nselect :x, :y\n\\sleep 1 us\nselect 2"},
		{"a carriage return", "\\set x 1\r\nselect :x;\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			compare(t, tt.text, "simple", set)
			compare(t, tt.text, "prepared", set)
		})
	}
	for _, tt := range []struct{ name, text string }{
		{"in quotes and comments", "\\set x 3\nselect ':x', $$:x$$, \":x\", a:x, 1:x, 'a:y', :y, ::x /* :x */;"},
		{"NULL", "\\set x null\nselect :x;"},
		{"forced semicolons and colons", "\\set x 3\nselect 1 \\; select 2 \\:x;"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			compare(t, tt.text, "simple", nil)
		})
	}
	t.Run("pipeline", func(t *testing.T) {
		t.Parallel()
		compare(t, "\\startpipeline\nselect 1;\n\\set x 3\nselect :x;\n\\endpipeline\nselect 2;", "prepared", nil)
	})
	// What both refuse, when it is read or when it runs.
	for _, text := range []string{
		"\\set", "\\set x", "\\set 1x 3", "\\set x 1 +", "\\set x (1", "\\set x 1 2", "\\set x 1 < 2 < 3",
		"\\set x 1 is 2", "\\set x nofunction(1)", "\\set x abs()", "\\set x abs(1, 2)", "\\set x least()",
		"\\set x hash()", "\\set x hash(1, 2, 3)", "\\set x permute(1)", "\\set x random(1)", "\\set x pi(1)",
		"\\set x case end", "\\set x case when 1 end", "\\set x 9223372036854775808", "\\set x 1e999", "\\set x 'a'",
		"\\set x :nix", "\\set x 1/0", "\\set x 1%0", "\\set x 9223372036854775807 + 1", "\\set x -9223372036854775808 - 1",
		"\\set x 4611686018427387904 * 2", "\\set x -9223372036854775808 / -1", "\\set x int(1e19)", "\\set x int(9223372036854775808.0)", "\\set x not 1",
		"\\set x 1 and true", "\\set x true + 1", "\\set x random(2, 1)", "\\set x random(-9223372036854775808, 9223372036854775807)",
		"\\set x random_gaussian(1, 2, 1.9)", "\\set x random_zipfian(1, 2, 1)", "\\set x random_zipfian(1, 2, 1001)",
		"\\set x random_exponential(1, 2, 0)", "\\set x permute(1, 0)", "\\set x :word + 1",
		"\\set x least(1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17)",
		"\\sleep", "\\sleep x", "\\sleep 1 h", "\\sleep 1 s s", "\\sleep :word", "\\sleep :nix", "\\sleep 1ms s",
		"\\else", "\\endif", "\\elif 1", "\\if 1", "\\if 1\n\\else\n\\else\n\\endif", "\\if 1\n\\else\n\\elif 1\n\\endif", "\\if",
		"\\endif 1", "\\nonsense", "\\gset", "select 1;\n\\gset a b", "\\set x 1\n\\gset", "select 1 \\gset\n\\gset", "select 1 \\gset 1a",
		"\\endpipeline", "",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			if _, ok, output := pgbench(t, text, "prepared", set); ok {
				t.Fatalf("pgbench takes it:\n%s", output)
			}
			if sent, err := ours(t, text, "prepared", set); err == nil {
				t.Errorf("we take it, and send %q", sent)
			}
		})
	}
}

// TestExpressionsAsPgbenchEvaluatesThem compares the values of expressions that
// nobody has chosen: random trees, of which those are left out that are an error to us.
func TestExpressionsAsPgbenchEvaluatesThem(t *testing.T) {
	findPgbench(t)
	rng := rand.New(rand.NewPCG(7, 7))
	var script strings.Builder
	script.WriteString("\\set i 12345\n\\set d 2.5\n\\set b true\n\\set n null\n\\set m -9223372036854775808\n")
	var lines []string
	for len(lines) < 1500 {
		line := fmt.Sprintf("\\set x %s\nselect %d, :x;\n", expression(rng, 5), len(lines))
		prelude := "\\set i 1\n\\set d 2.5\n\\set b true\n\\set n null\n\\set m -9223372036854775808\n"
		if _, err := ours(t, strings.Replace(prelude, "i 1\n", "i 12345\n", 1)+line, "simple", map[string]string{"default_seed": "-77"}); err != nil {
			continue
		}
		script.WriteString(line)
		lines = append(lines, line)
	}
	defer func() {
		if t.Failed() {
			t.Logf("the statements are\n%s", strings.Join(lines, ""))
		}
	}()
	compare(t, script.String(), "simple", map[string]string{"default_seed": "-77"})
}

// expression writes a random expression down, with as few brackets as chance has it.
func expression(rng *rand.Rand, depth int) string {
	pick := func(of ...string) string { return of[rng.IntN(len(of))] }
	if depth == 0 || rng.IntN(6) == 0 {
		if rng.IntN(2) == 0 {
			return strconv.FormatInt(rng.Int64N(1<<rng.IntN(62)), 10)
		}
		return pick("0", "1", "2", "3", "7", ":i", ":d", ":b", ":n", ":m", "0.5", "1e3", "true", "false", "null", "pi()")
	}
	sub := func() string { return expression(rng, depth-1) }
	switch rng.IntN(12) {
	case 0:
		return "(" + sub() + ")"
	case 1:
		return pick("- ", "+", "~", "not ", "~ ") + sub()
	case 2:
		return sub() + pick(" is null", " is not null", " isnull", " notnull", " is true", " is not false")
	case 3:
		return pick("abs", "int", "double", "hash", "hash_fnv1a", "hash_murmur2", "debug", "sqrt") + "(" + sub() + ")"
	case 4:
		return pick("least", "greatest") + "(" + sub() + ", " + sub() + ", " + sub() + ")"
	case 5:
		return pick("mod", "hash", "hash_fnv1a", "permute") + "(" + sub() + ", " + sub() + ")"
	case 6:
		return "case when " + sub() + " then " + sub() + pick("", " else "+sub()) + " end"
	case 7:
		return "permute(" + sub() + ", abs(" + sub() + ") + 1, " + sub() + ")"
	case 8:
		return sub() + pick(" and ", " or ", " = ", " <> ", " != ", " < ", " <= ", " > ", " >= ") + sub()
	default:
		return sub() + pick(" + ", " - ", " * ", " / ", " % ", " & ", " | ", " # ", " << ", " >> ") + sub()
	}
}
