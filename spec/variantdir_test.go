package spec

import (
	"slices"
	"strings"
	"testing"
)

// TestNullInAMatrix leaves the key out.
func TestNullInAMatrix(t *testing.T) {
	const text = "name: x\ncluster: {nodes: [a]}\nload: {writes: {kind: insert, rate: 50/s}}\nduration: 5s\nmatrix: {load.writes.rate: [null, 100/s]}\n"
	s, err := LoadSeries("x.yaml", []byte(text), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if closed, open := s.Variants[0].Load[0], s.Variants[1].Load[0]; closed.Open() || open.Rate != 100 || s.Variants[0].Cell != "rate=null" {
		t.Errorf("%s has a rate of %s, and the other one %s", &s.Variants[0], closed.Rate, open.Rate)
	}
}

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

// TestSecretInAMatrix: the name of a directory must not show it.
func TestSecretInAMatrix(t *testing.T) {
	const head = "name: x\ncluster: {nodes: [a]}\nload: {writes: {kind: insert}}\nduration: 5s\nmatrix: {cluster.settings.x.y: "
	o := Options{Getenv: func(string) (string, bool) { return "hunter2hunter2", true }}
	_, err := LoadSeries("x.yaml", []byte(head+"[plain, \"${DB_PASSWORD}\"]}\n"), o)
	if err == nil || !strings.Contains(err.Error(), "give it a label") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("without a label: %v", err)
	}
	s, err := LoadSeries("x.yaml", []byte(head+"{plain: 1, secret: \"${DB_PASSWORD}\"}}\n"), o)
	if err != nil || s.Variants[1].String() != "secret" || strings.Contains(string(s.Variants[1].Text), "hunter2") {
		t.Errorf("with labels: %v", err)
	}
}
