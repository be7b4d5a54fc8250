package spec

import (
	"slices"
	"testing"
)

// TestLabelsOfAMatrix: a value is named by as much of its path as tells it from the others.
func TestLabelsOfAMatrix(t *testing.T) {
	const text = `name: x
cluster: {nodes: [a, b]}
load: {reads: {kind: read}, writes: {kind: insert}}
duration: 5s
matrix: {load.reads.clients: [1, 2], load.writes.clients: [3], load.writes.timeout: [1s]}
`
	s, err := LoadSeries("x.yaml", []byte(text), Options{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for i := range s.Variants {
		names = append(names, s.Variants[i].Cell)
	}
	if want := []string{"reads.clients=1, writes.clients=3, timeout=1s", "reads.clients=2, writes.clients=3, timeout=1s"}; !slices.Equal(names, want) {
		t.Errorf("%q, want %q", names, want)
	}
	if dir := VariantDir("", names[0]); dir != "reads.clients=1,writes.clients=3,timeout=1s" {
		t.Errorf("the directory is %s", dir)
	}
}
