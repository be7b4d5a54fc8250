package script

import (
	"strings"
	"testing"
)

func TestParseTellsEveryErrorWithItsLine(t *testing.T) {
	_, err := Parse("my.sql", `\set 1x 1 +
select ';
';
\shell ls

\setshell x echo 1
\sleep 1 h
\if 1
\set y 1 + \
  nix(3)
\wait
select 1; \gset
\gset
\endif extra
\endif
\if true
insert into t values ((1, 2);
`)
	want := strings.TrimSpace(`
my.sql:1: \set: invalid variable name "1x"
my.sql:1: \set: syntax error at the end
my.sql:4: not supported: \shell runs commands of the shell
my.sql:6: not supported: \setshell runs commands of the shell
my.sql:7: \sleep: unrecognized time unit, must be us, ms or s: "h"
my.sql:10: \set: unexpected function name "nix"
my.sql:11: invalid command \wait
my.sql:13: \gset must follow an SQL command
my.sql:14: \endif: unexpected argument "extra"
my.sql:15: \endif without matching \if
my.sql:16: \if without matching \endif
my.sql:17: ( without a )
`)
	if err == nil || err.Error() != want {
		t.Errorf("got:\n%v\nwanted:\n%s", err, want)
	}
}

func TestParseRefusesWhatNeverEnds(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "f: there is no command in it",
		"-- nothing\n;":          "f: there is no command in it",
		"select 1;\nselect 'a;":  "f:2: a quote or comment that never ends",
		"select\n\"a;":           "f:2: a quote or comment that never ends",
		"select 1\n/* /* */;":    "f:2: a quote or comment that never ends",
		"select $a$ $b$;":        "f:1: a quote or comment that never ends",
		"select 1;\n\n(select 2": "f:3: ( without a )",
		"\\set a " + strings.Repeat("(", 1000) + "1":          "f:1: \\set: expression nested too deeply",
		"\\set a 1" + strings.Repeat("+1", 20000):             "f:1: \\set: expression of more than 10000 operations",
		"\\set a least(1" + strings.Repeat(",1", 16) + ")":    "f:1: \\set: too many function arguments, maximum is 16 (least)",
		"\\set a 1 < 2 > 3":                                   `f:1: \set: syntax error at ">"`,
		"\\set a :1":                                          `f:1: \set: invalid variable name "1"`,
		"\\set a 9223372036854775808":                         `f:1: \set: bigint constant overflow "9223372036854775808"`,
		"\\set a 1 ? 2":                                       `f:1: \set: unexpected character "?"`,
		"\\sleep 99999999999":                                 `f:1: \sleep: invalid sleep time, must be an integer: "99999999999"`,
		"\\sleep --1":                                         `f:1: \sleep: invalid sleep time, must be an integer: "--1"`,
		"select 1;\n\\if 1\n\\gset\n\\endif":                  `f:3: \gset must follow an SQL command`,
		"\\if 1\nselect 1;\n\\endif\n\\gset":                  `f:4: \gset must follow an SQL command`,
		"\\if 1\n\\else\n\\elif 2\n\\else\n\\endif\nselect 1": "f:3: \\elif after \\else\nf:4: \\else after \\else",
	} {
		if _, err := Parse("f", text); err == nil || err.Error() != want {
			t.Errorf("%.40q: got %v, wanted %s", text, err, want)
		}
	}
}

func TestPrecedence(t *testing.T) {
	for text, want := range map[string]string{
		"2 + 3 * 4 - 10 / 5 % 3":           "12",
		"- 2 * 3":                          "-6",
		"~ 1 + 2":                          "-4", // ~ binds as the other operators of bits
		"~1 | 2":                           "-2",
		"1 + 2 << 3":                       "24",
		"not 1 = 2":                        "true",
		"not true or true":                 "true",
		"true or true and false":           "true",
		"1 = 1 is true":                    "true",
		"not 1 is null":                    "true",
		"-9223372036854775808":             "-9223372036854775808",
		"7 / -2":                           "-3",
		"-7 % 3":                           "-1",
		"5 / 2.0":                          "2.5",
		"int(2.5) + int(3.5)":              "6",
		"1 << 65":                          "2",
		"null and false":                   "NULL",
		"false and null":                   "false",
		"case when null then 1 end":        "NULL",
		"case when 0 then 1 else 2 end":    "2",
		"greatest(1, 2.5, 2)":              "2.5",
		"least(3, null)":                   "NULL",
		"debug(3)":                         "3",
		"mod(9, 4) + abs(-3) + pow(2, 3)":  "12",
		"round":                            "",
		"exp(0) + ln(1) + sqrt(16) + pi()": "8.14159265358979",
	} {
		s, err := Parse("f", "\\set a "+text+"\nselect :a;")
		if err != nil {
			if want != "" {
				t.Errorf("%s: %v", text, err)
			}
			continue
		}
		r := s.NewRun(0, 1, nil, 1)
		if _, err := r.Next(); err != nil || r.Text(0) != "select "+want {
			t.Errorf("%s: got %s, %v, wanted %s", text, r.Text(0), err, want)
		}
	}
}

func TestCheck(t *testing.T) {
	s := parse(t, `\set a :given + :nix
select :a, :b, :given, ':plain', 'x:60', $$:a$$, t:a /* :a */;
select 1 \; select 2;
select 3 \gset p_
select :p_x, :scale, :default_seed, ':p_x';
\sleep :pause
\startpipeline
select :a, ':a'::text;
\endpipeline
`)
	want := `"1a" cannot be the name of a variable
f.sql:1: undefined variable "nix"
f.sql:2: undefined variable "b"
f.sql:2: ":a" in quotes or right behind a word can only be put in with the simple protocol
f.sql:3: statements joined by "\;" can only be sent with the simple protocol
f.sql:6: undefined variable "pause"
f.sql:8: ":a" in quotes or right behind a word can only be put in with the simple protocol`
	if err := s.Check(map[string]string{"given": "1", "1a": "x"}, false); err == nil || err.Error() != want {
		t.Errorf("extended, got:\n%v\nwanted:\n%s", err, want)
	}
	want = `f.sql:7: pipeline mode needs the extended protocol
f.sql:9: pipeline mode needs the extended protocol`
	if err := s.Check(map[string]string{"given": "1", "nix": "1", "b": "1", "pause": "1"}, true); err == nil || err.Error() != want {
		t.Errorf("simple, got:\n%v\nwanted:\n%s", err, want)
	}
	for _, name := range []string{"tpcb-like", "simple-update", "select-only"} {
		s, err := Builtin(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := errorsOf(s.Check(nil, false), s.Check(nil, true)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Builtin("nix"); err == nil {
		t.Error("there is no built-in script called nix")
	}
}

func errorsOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestPlaceholders(t *testing.T) {
	for _, tt := range []struct{ text, sql, vars string }{
		{"select :a", "select $1", "a"},
		{"select :a,:b,:a", "select $1,$2,$3", "a b a"},
		{"select :a::int, b::int, :a ::text", "select $1::int, b::int, $2 ::text", "a a"},
		{"select c[1:2], c[:a:2], f(x := 1, y:=:b)", "select c[1:2], c[$1:2], f(x := 1, y:=$2)", "a b"},
		{"select c[:a : :b]", "select c[$1 : $2]", "a b"},
		{"select t:a, 1:a, a$:a", "select t:a, 1:a, a$:a", ""},
		{"select ':a', \":a\", $$:a$$, $q$:a$q$, e'\\':a', -- :a\n :b /* :a */", "select ':a', \":a\", $$:a$$, $q$:a$q$, e'\\':a', -- :a\n $1 /* :a */", "b"},
		{"select :::a, : a, :", "select :::a, : a, :", ""},
		{"select :é1_", "select $1", "é1_"},
		{"", "", ""},
	} {
		st := Placeholders(tt.text)
		if st.SQL != tt.sql || strings.Join(st.Vars, " ") != tt.vars {
			t.Errorf("%s: got %s with %q", tt.text, st.SQL, st.Vars)
		}
	}
	st := Placeholders("select :a, ':a', :b, :c")
	got := string(st.AppendLiterals(nil, [][]byte{[]byte("it's"), nil, []byte(`a\'b`)}))
	if want := `select  'it''s' , ':a', NULL,  E'a\\''b' `; got != want {
		t.Errorf("got %s, wanted %s", got, want)
	}
}
