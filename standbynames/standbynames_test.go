package standbynames

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]Names{
		"":                         {},
		"*":                        {Num: 1, Names: []string{"*"}},
		`"*"`:                      {Num: 1, Names: []string{"*"}},
		"a":                        {Num: 1, Names: []string{"a"}},
		" b ":                      {Num: 1, Names: []string{"b"}},
		"a, B":                     {Num: 1, Names: []string{"a", "B"}},
		"1, 2":                     {Num: 1, Names: []string{"1", "2"}},
		"2":                        {Num: 1, Names: []string{"2"}},
		"2 (a, b)":                 {Num: 2, Names: []string{"a", "b"}},
		"2(3,4)":                   {Num: 2, Names: []string{"3", "4"}},
		"First 2 (a, b, c)":        {Num: 2, Names: []string{"a", "b", "c"}},
		"any 2(a,b)":               {Any: true, Num: 2, Names: []string{"a", "b"}},
		"ANY 1 (*)":                {Any: true, Num: 1, Names: []string{"*"}},
		`ANY 1 ("a-b", "c""d, e")`: {Any: true, Num: 1, Names: []string{"a-b", `c"d, e`}},
		`"any", "FIRST"`:           {Num: 1, Names: []string{"any", "FIRST"}},
		`ANY 1 ("first", c)`:       {Any: true, Num: 1, Names: []string{"first", "c"}},
		"first_, anyone":           {Num: 1, Names: []string{"first_", "anyone"}},
		"été, a$b, _x":             {Num: 1, Names: []string{"été", "a$b", "_x"}},
		`""`:                       {Num: 1, Names: []string{""}},
	} {
		got, err := Parse(text)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%q: %v %s", text, err, diff)
		}
	}
	if n, _ := Parse("ANY 1 (PgSlave)"); !n.Has("pgslave") || n.Has("other") || n.All() {
		t.Error("names are not compared as PostgreSQL does")
	}
	if n, _ := Parse("x, *"); !n.Has("anybody") || !n.All() {
		t.Error("* is not every standby")
	}
}

func TestWhatPostgreSQLRefuses(t *testing.T) {
	for text, says := range map[string]string{
		" ":                   "a name is missing at the end",
		"first":               `"first" in double quotes`,
		"ANY":                 `"ANY" in double quotes`,
		"first, a":            `"first" in double quotes`,
		"a, first":            `in double quotes: "first"`,
		"ANY 1 (first, c)":    `in double quotes: "first"`,
		"FIRST 1 (c, Any)":    `in double quotes: "Any"`,
		"ANY 1":               "no list of standbys",
		"ANY 1 a":             "no list of standbys",
		"ANY (a)":             "no number of standbys follows it",
		"ANY 1 (a":            "is not closed",
		"ANY 1 ()":            "a name is missing before )",
		"1 ()":                "a name is missing before )",
		"a,":                  "a name is missing at the end",
		",":                   "a name is missing before ,",
		"a b":                 "no comma stands before b",
		"SOME 1 (a)":          "no comma stands before 1",
		"a-b":                 `the character "-" cannot stand without double quotes`,
		"1a":                  "no comma stands before a",
		"(b)":                 "a name is missing before (",
		"ANY 0 (a)":           "cannot wait for 0 standbys",
		"ANY 99999999999 (a)": "cannot wait for 99999999999 standbys",
		`"a`:                  "is not closed",
		"ANY 1 (a) b":         "b follows the end of the list",
		"ANY 1 (a))":          ") follows the end of the list",
		"a; b":                `the character ";"`,
		"ANY 1 (a, b) (c)":    "( follows the end of the list",
		"a\vb":                `the character "\v"`,
		`"a" "b"`:             "no comma stands before b",
		"ANY ANY 1 (a)":       "no number of standbys follows it",
	} {
		got, err := Parse(text)
		var bad *Error
		if !errors.As(err, &bad) || bad.What == "" || bad.Right == "" || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %+v, %v; want %s", text, got, err, says)
		}
	}
}

// FuzzQuotedNames: every name that stands in double quotes is read as it is.
func FuzzQuotedNames(f *testing.F) {
	f.Add("first")
	f.Add(`a-"b`)
	f.Add("")
	f.Fuzz(func(t *testing.T, name string) {
		n, err := Parse(`ANY 1 (x, "` + strings.ReplaceAll(name, `"`, `""`) + `")`)
		if err != nil || len(n.Names) != 2 || n.Names[1] != name {
			t.Errorf("%q: %+v, %v", name, n, err)
		}
	})
}

// TestString: what is written is read again as it was.
func TestString(t *testing.T) {
	for _, text := range []string{"", "ANY 2 (a, b)", "FIRST 1 (*)", `ANY 1 ("a-b", "c""d, e", "any", "1", "", x)`} {
		n, err := Parse(text)
		if err != nil || n.String() != text {
			t.Errorf("%s became %s (%v)", text, n, err)
		}
	}
	if n, _ := Parse("a, b"); n.String() != "FIRST 1 (a, b)" {
		t.Error(n)
	}
}
