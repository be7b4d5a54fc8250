package chaos

import (
	"maps"
	"testing"
)

// TestNumbersOfSeveralNodes: what is no number is left out.
func TestNumbersOfSeveralNodes(t *testing.T) {
	var act Act
	for node, text := range map[string]string{"a": "12", "b": "-3", "c": "12.5", "d": "", "e": "on"} {
		var part Act
		part.Number(node, text)
		act.join(&part)
	}
	if want := map[string]int64{"a": 12, "b": -3}; !maps.Equal(act.numbers, want) {
		t.Errorf("%v, want %v", act.numbers, want)
	}
}
