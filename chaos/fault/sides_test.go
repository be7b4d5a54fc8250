package fault

import (
	"reflect"
	"slices"
	"testing"
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
