package script

import (
	"slices"
	"strings"
	"testing"
)

func TestSplit(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []string
		wrong      string
	}{
		{"one without a semicolon", "create table t (n int)", []string{"create table t (n int)"}, ""},
		{"two, and a comment", "-- first\nselect 1;\n\n/* ; */ select ':x', 2;\n", []string{"select 1", "select ':x', 2"}, ""},
		{"the same twice", "select 1; select 1;", []string{"select 1", "select 1"}, ""},
		{"a function", "create function f() returns int as $$ select 1; $$ language sql; select f();", []string{"create function f() returns int as $$ select 1; $$ language sql", "select f()"}, ""},
		{"an atomic body", "create function f() returns int begin atomic select 1; end; select 2", []string{"create function f() returns int begin atomic select 1; end", "select 2"}, ""},
		{"a command of psql", "select 1;\n\\i other.sql\nselect 2;", nil, "f:2: \\i is a command of psql"},
		{"copy of data", "select 1;\nCOPY t (a)\n FROM stdin;\n", nil, "f:2: COPY FROM STDIN"},
		{"copy of a file", "copy t from '/x'", []string{"copy t from '/x'"}, ""},
		{"a quote without an end", "select 'x", nil, "f:1: a quote or comment that never ends"},
		{"nothing", " -- a comment\n;", nil, "there is no statement"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			all, err := Split("f", tt.text)
			if tt.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), tt.wrong) {
					t.Fatalf("error %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range all {
				got = append(got, s.SQL)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("%q", got)
			}
		})
	}
}
