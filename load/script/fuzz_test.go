package script

import (
	"strings"
	"testing"
	"time"
)

// FuzzParse: no text makes Parse panic or go on for ever, what it accepts runs to an
// end, and every error says where.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"\\set a 1 + :b * -2\nselect :a::int, ':a' /* c */;", "\\if 1\nselect 1 \\gset x_\n\\elif 2\n\\else\n\\sleep 1 us\n\\endif",
		"\\startpipeline\nselect 1 \\; select 2;\n\\endpipeline", "\\set a case when random(1, 2) = 1 then permute(1, 10) else hash(:c) end",
		"create function f() begin atomic select 1; end;", "\\set a \\\n 1\r\n", "\\set a random_zipfian(1, 10, 1.001)", "$a$ $b$ $a$; e'\\''",
		"\\set m -9223372036854775808\n\\set a :m / -1 + (:m % -1) << 64 + abs(:m)", "\\\\\\",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 10_000 {
			return
		}
		began := time.Now()
		defer func() {
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("it took %v", took)
			}
		}()
		s, err := Parse("f", text)
		if err != nil {
			for line := range strings.SplitSeq(err.Error(), "\n") {
				if !strings.HasPrefix(line, "f:") {
					t.Fatalf("an error without a place: %q", line)
				}
			}
			return
		}
		_ = s.Check(nil, false)
		r := s.NewRun(1, 2, map[string]string{"a": "1", "b": "x"}, 1)
		for _, simple := range []bool{false, true} {
			r.Simple = simple
			r.Begin()
			steps := 0
			for ; ; steps++ {
				step, err := r.Next()
				if err != nil || step.Kind == Done {
					break
				}
				if step.Kind == SQL {
					_ = r.Text(step.Stmt)
					_ = r.Set(step.Prefix+"x", []byte("1"))
				}
			}
			if steps > len(text) {
				t.Fatalf("%d steps of %d bytes", steps, len(text))
			}
		}
	})
}

// FuzzPlaceholders: with the names put back, the statement is the text that it was;
// and what a literal holds cannot get out of it.
func FuzzPlaceholders(f *testing.F) {
	for _, text := range []string{
		"select :a::int, b[1:2], :c := ':d', \":e\" -- :f\n /* :g /* :h */ */ $$:i$$ $t$:j$t$ e'\\':k' t:l 1:m :::n :o:p", "$1:a", "a$$:b", ":a'0", "'x':a'y'",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		st := Placeholders(text)
		if len(st.pieces) > len(text)+1 {
			t.Fatal("more pieces than characters")
		}
		var whole strings.Builder
		params := 0
		for _, p := range st.pieces {
			whole.WriteString(p.text)
			if p.name != "" {
				whole.WriteString(":" + p.name)
			}
			if p.param >= 0 {
				if st.Vars[p.param] != p.name || p.param != params {
					t.Fatalf("parameter %d is %q, not %q", p.param, st.Vars[p.param], p.name)
				}
				params++
			}
		}
		if whole.String() != text || params != len(st.Vars) {
			t.Fatalf("%q became %q, with %d of %d parameters", text, whole.String(), params, len(st.Vars))
		}
		// The parameters stand outside of everything quoted: put in as literals, each
		// is a token of its own.
		values := make([][]byte, len(st.Vars))
		for i := range values {
			values[i] = []byte(`'\; --`)
		}
		literals := string(st.AppendLiterals(nil, values))
		found := 0
		for i := 0; i < len(literals); {
			end, _ := token(literals, i)
			if literals[i:end] == `E'''\\; --'` {
				found++
			}
			i = end
		}
		if found < len(values) {
			t.Fatalf("%q: %d of %d literals are seen as such in %q", text, found, len(values), literals)
		}
	})
}
