package script

import (
	"fmt"
	"strings"
	"testing"
)

// steps runs a script once and writes down what it says is to be done.
func steps(t *testing.T, r *Run) string {
	t.Helper()
	var out []string
	r.Begin()
	for range 1000 {
		s, err := r.Next()
		if err != nil {
			return strings.Join(append(out, "error: "+err.Error()), "\n")
		}
		switch s.Kind {
		case Done:
			return strings.Join(out, "\n")
		case SQL:
			line := r.script.Statements()[s.Stmt].SQL
			for _, p := range s.Params {
				if p == nil {
					line += " NULL"
				} else {
					line += fmt.Sprintf(" %q", p)
				}
			}
			out = append(out, line)
		case Sleep:
			out = append(out, "sleep "+s.D.String())
		default:
			out = append(out, fmt.Sprintf("pipeline %d", s.Kind))
		}
	}
	t.Fatal("the script never ends")
	return ""
}

func parse(t *testing.T, text string) *Script {
	t.Helper()
	s, err := Parse("f.sql", text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRun(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"a variable and a statement", "\\set a 1 + 2\nselect :a;", `select $1 "3"`},
		{"several lines, no semicolon at the end", "select\n 1", "select\n 1"},
		{"a command ends a statement", "select 1\n\\sleep 3 ms\nselect 2;", "select 1\nsleep 3ms\nselect 2"},
		{"a command goes on behind a backslash", "\\set a 1 + \\\n 2\nselect :a;", `select $1 "3"`},
		{"with a carriage return, too", "\\set a 1 + \\\r\n 2\r\nselect :a;\r\n", `select $1 "3"`},
		{"comments are no statements", "-- a; b\n/* ; /* \\x ; */ */\nselect 1; -- end\n", "select 1"},
		{"a semicolon in quotes", "select ';', \";\", $$;$$, $a$ $$;\\ $a$, e'\\';';", "select ';', \";\", $$;$$, $a$ $$;\\ $a$, e'\\';'"},
		{"a semicolon in brackets", "create rule r as on insert to t do (select 1; select 2); select 3;",
			"create rule r as on insert to t do (select 1; select 2)\nselect 3"},
		{"a function's body", "create or replace function f() returns int begin atomic select case when true then 1 end; end; select 1;",
			"create or replace function f() returns int begin atomic select case when true then 1 end; end\nselect 1"},
		{"a semicolon that is forced", "select 1 \\; select 2;", "select 1 ; select 2"},
		{"NULL is no text", "\\set a null\nselect :a;", "select $1 NULL"},
		{"if", "\\if 1\nselect 1;\n\\else\nselect 2;\n\\endif\nselect 3;", "select 1\nselect 3"},
		{"elif", "\\if false\nselect 1;\n\\elif 0.5\nselect 2;\n\\elif true\nselect 3;\n\\else\nselect 4;\n\\endif", "select 2"},
		{"else", "\\if false\nselect 1;\n\\elif null\nselect 2;\n\\else\nselect 4;\n\\endif", "select 4"},
		{"nothing of an if", "\\if 0\n\\if 1\nselect 1;\n\\else\nselect 2;\n\\endif\n\\endif\nselect 3;", "select 3"},
		{"a condition behind the one taken is not evaluated", "\\if 1\nselect 1;\n\\elif 1/0\n\\endif", "select 1"},
		{"sleeps", "\\set a '5'\n", ""},
		{"pipeline", "\\startpipeline\nselect 1;\n\\syncpipeline\nselect 2;\n\\endpipeline",
			"pipeline 3\nselect 1\npipeline 4\nselect 2\npipeline 5"},
		{"a pipeline left open", "\\startpipeline\nselect 1;", "pipeline 3\nselect 1\nerror: f.sql: end of script reached with pipeline open"},
		{"twice a pipeline", "\\startpipeline\n\\startpipeline", "pipeline 3\nerror: f.sql:2: \\startpipeline: already in pipeline mode"},
		{"no pipeline", "\n\\endpipeline", "error: f.sql:2: pipeline: not in pipeline mode"},
		{"gset in a pipeline", "\\startpipeline\nselect 1 \\gset\n\\endpipeline", "pipeline 3\nerror: f.sql:2: \\gset: not allowed in pipeline mode"},
		{"an undefined variable", "select :nix;", `error: f.sql:1: SQL: undefined variable "nix"`},
		{"a parameter that is no number", "\\set a random_gaussian(1, 2, sqrt(-1))", "error: f.sql:1: \\set a: gaussian parameter must be at least 2.000000 (not NaN)"},
		{"a division by zero", "select 1;\n\\set a 1/0", "select 1\nerror: f.sql:2: \\set a: division by zero"},
	} {
		if tt.name == "sleeps" {
			tt.text = "\\set a 5\n\\sleep 1\n\\sleep 2us\n\\sleep 3 MS\n\\sleep :a\n\\sleep :a us\n\\sleep -4\n"
			tt.want = "sleep 1s\nsleep 2µs\nsleep 3ms\nsleep 5s\nsleep 5µs\nsleep 0s"
		}
		t.Run(tt.name, func(t *testing.T) {
			if got := steps(t, parse(t, tt.text).NewRun(0, 1, nil, 1)); got != tt.want {
				t.Errorf("got:\n%s\nwanted:\n%s", got, tt.want)
			}
		})
	}
}
