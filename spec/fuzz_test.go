package spec

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// seeds are the shipped experiments, the files full of mistakes, and some that are
// odd and right.
func seeds(t interface{ Fatal(...any) }) [][]byte {
	all := [][]byte{
		[]byte("{name: x, cluster: {nodes: {a: , b: {absent: true}}}, timeline: [{clone: b}]}"),
		[]byte("name: x\ncluster: {nodes: [a, b], synchronous: {commit: off, standbys: ANY 1 (b, a)}}\nduration: 0s\nseed: 18446744073709551615"),
		[]byte("name: x\ndescription: |\n  two\n\n  lines\ncluster:\n  nodes: [a]\nload:\n  w:\n    kind: sql\n    sql: >-\n      select\n      1\nduration: ${N}s"),
		[]byte("name: x\ndescription: \"\\t\\u2028\\ufeff $${A} ${N}\"\ncluster: {nodes: [a], postgres: ${N:-15}, settings: {a: ~x, b: 'it''s', c: \"\"}}"),
		[]byte("name: 'null'\ncluster: {nodes: [\"on\", yes]}\ntimeline:\n- {at: 0, pause: yes, for: 1ms}\n- {when: {role: {yes: down}}, sql: {node: on, query: select 1, expect: 1}}\nexpect: [up_in < 1h, nodes_equal]"),
		[]byte("name: x\ncluster: {nodes: [a, b]}\ntimeline: [{configure: {node: b, settings: {primary_conninfo: \"\"}}}, {backup: {node: a, name: k}}, {clone: {node: b, backup: k}}]"),
	}
	for _, pattern := range []string{"testdata/*.yaml", "../experiments/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			all = append(all, readFile(t, file))
		}
	}
	return all
}

// FuzzLoad: no text makes Load panic; every error is a Problems; and what loads
// loads again from its resolved text, as the same.
func FuzzLoad(f *testing.F) {
	for _, text := range seeds(f) {
		f.Add(text, "load.writes.rate=100/s", "3")
		f.Add(text, "timeline[0].at=5s", "a: [b #")
	}
	f.Fuzz(func(t *testing.T, text []byte, set, env string) {
		o := Options{Providers: someProviders(), Getenv: func(string) (string, bool) { return env, env != "" }}
		if set != "" {
			o.Set = []string{set}
		}
		e, resolved, err := Load("fuzz.yaml", text, o)
		if err != nil {
			var problems Problems
			if !errors.As(err, &problems) || len(problems) == 0 {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		if strings.Contains(string(resolved), hidden) {
			return
		}
		again, second, err := Load("again.yaml", resolved, Options{Resolved: true})
		if err != nil {
			t.Fatalf("%v\n%s", err, resolved)
		}
		if diff := cmp.Diff(e, again, sameSteps()); diff != "" {
			t.Fatalf("%s\n%s", diff, resolved)
		}
		if string(resolved) != string(second) {
			t.Errorf("%q became %q", resolved, second)
		}
	})
}
