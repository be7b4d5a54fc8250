package fault

import "testing"

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
