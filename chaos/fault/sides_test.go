package fault

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgchaos/cluster/link"
)

// TestEveryFaultOfTheNetworkNamesItsLinks: without that, none of them would lead through a relay.
func TestEveryFaultOfTheNetworkNamesItsLinks(t *testing.T) {
	n := 0
	for _, k := range Kinds() {
		if _, ok := k.New().(interface{ checkBoth(string) []Mistake }); !ok {
			continue
		}
		n++
		if _, ok := k.New().(OnLinks); !ok {
			t.Errorf("%s does not say which links it is about", k.Name)
		}
	}
	if n != 7 {
		t.Errorf("%d faults of the network", n)
	}
}

// TestDirections: of a fault in one direction the directions are named in which something is sent, and of any other the connections.
func TestDirections(t *testing.T) {
	ways := []way{
		{name: "b -> a", from: "b", to: "a", meant: [2]bool{link.Forward: true}}, {name: "a -> b", from: "a", to: "b", meant: [2]bool{link.Back: true}},
		{name: "clients -> a", from: Clients, to: "a", meant: [2]bool{link.Forward: true}},
	}
	one := &Sides{From: NodeList{"b", Clients}, To: NodeList{"a"}}
	if got := one.directions(ways); got != "b -> a, clients -> a" {
		t.Errorf("one direction: %q", got)
	}
	both := &Sides{Between: []NodeList{{"b"}, {"a"}}}
	if got := both.directions([]way{{name: "b -> a", meant: [2]bool{true, true}}, {name: "a -> b", meant: [2]bool{true, true}}}); got != "b -> a, a -> b" {
		t.Errorf("both: %q", got)
	}
	out := &Sides{From: NodeList{"a"}, To: NodeList{Clients}}
	if got := out.directions([]way{{name: "clients -> a", from: Clients, to: "a", meant: [2]bool{link.Back: true}}}); got != "a -> clients" {
		t.Errorf("to clients: %q", got)
	}
}

// TestTheWordsOfAShortForm are shown where it takes no node.
func TestTheWordsOfAShortForm(t *testing.T) {
	for name, want := range map[string]string{
		"rolling_restart": "rolling_restart: in_place, rolling_restart: switchover, rolling_restart: leave, rolling_restart: {primary: PRIMARY, ...}",
		"stop":            "stop: NODE, stop: {node: NODE, ...}", "wait": "wait: DURATION", "stop_load": "stop_load: WORKLOAD",
		"manager_switchover": "manager_switchover: NODE, manager_switchover: {...}", "exec": "exec: {node: NODE, command: COMMAND, ...}",
	} {
		k, _ := Find(name)
		if got := strings.Join(k.Forms(), ", "); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestTheManualNamesTheSidesThatAFaultTakes: one that is refused is no parameter.
func TestTheManualNamesTheSidesThatAFaultTakes(t *testing.T) {
	for _, k := range Kinds() {
		wrong := func(s Sides) (mistakes int, taken bool) {
			p := k.New()
			sides := reflect.ValueOf(p).Elem().FieldByName("Sides")
			if !sides.IsValid() {
				return 0, false
			}
			sides.Set(reflect.ValueOf(s))
			return len(p.(Checked).Check()), true
		}
		both, has := wrong(Sides{Between: []NodeList{{"a"}, {"b"}}})
		one, _ := wrong(Sides{From: NodeList{"a"}, To: NodeList{"b"}})
		if !has {
			continue
		}
		names := map[string]Key{}
		for _, key := range k.Keys() {
			names[key.Name] = key
		}
		for key, taken := range map[string]bool{"between": both <= one, "from": one <= both, "to": one <= both} {
			got, listed := names[key]
			if listed != taken {
				t.Errorf("%s takes %s: %v, and the manual lists it: %v", k.Name, key, taken, listed)
			}
			if listed && got.Required != (both != one) {
				t.Errorf("%s: the manual has %s required: %v", k.Name, key, got.Required)
			}
		}
		if p, ok := k.New().(WithoutKeys); ok && slices.Contains(p.WithoutKeys(), "between") == (both < one) {
			t.Errorf("%s: without %q", k.Name, p.WithoutKeys())
		}
	}
}
