package spec

import (
	"strings"
	"testing"
)

func TestWarnings(t *testing.T) {
	for _, tt := range []struct{ name, sync, steps, want string }{
		{"as anybody would write it", "ANY 1 (b, c)", "- {at: 1s, stop: a}\n- {promote: b}", "promote-b: b waits for no standby"},
		{"configured before", "ANY 1 (b, c)", `- {at: 1s, configure: {node: b, synchronous: {standbys: "ANY 1 (a, c)"}}}` + "\n- {stop: a}\n- {promote: b}", ""},
		{"configured after", "ANY 1 (b, c)", "- {at: 1s, stop: a}\n- {promote: b}\n" + `- {configure: {node: b, synchronous: {standbys: "ANY 1 (a, c)"}}}`, "promote-b: b waits for no standby"},
		{"another configured", "ANY 1 (b, c)", `- {at: 1s, configure: {node: c, synchronous: {standbys: "ANY 1 (a, b)"}}}` + "\n- {stop: a}\n- {promote: b}", "promote-b: b waits for no standby"},
		{"asynchronous", "", "- {at: 1s, stop: a}\n- {promote: b}", ""},
		{"no demand any more", "ANY 1 (b, c)", `- {at: 1s, configure: {node: a, synchronous: {standbys: ""}}}` + "\n- {stop: a}\n- {promote: b}", ""},
		{"a role", "ANY 1 (b, c)", "- {at: 1s, stop: a}\n- {promote: most_advanced}", "c waits for no standby"},
		{"a role, and all configured", "ANY 1 (b, c)", `- {at: 1s, configure: {node: replicas, synchronous: {standbys: "ANY 1 (a, b, c)"}}}` + "\n- {stop: a}\n- {promote: most_advanced}", ""},
		{"no load any more", "ANY 1 (b, c)", "- {at: 1s, stop_load: w}\n- {stop: a}\n- {promote: b}", ""},
		{"the old primary again", "ANY 1 (b, c)", `- {at: 1s, configure: {node: b, synchronous: {standbys: "ANY 1 (a, c)"}}}` + "\n- {stop: a}\n- {promote: b}\n- {rejoin: a}\n- {stop: b}\n- {promote: a}", ""},
	} {
		text := "name: x\ncluster:\n  nodes: [a, b, c]\n"
		if tt.sync != "" {
			text += "  synchronous: {standbys: \"" + tt.sync + "\"}\n"
		}
		text += "load: {w: {kind: insert}}\ntimeline:\n" + tt.steps + "\n"
		e, _, err := Load("x.yaml", []byte(text), Options{Providers: someProviders()})
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := strings.Join(e.Warnings(), "\n"); (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
