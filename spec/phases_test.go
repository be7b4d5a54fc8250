package spec

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestPhases: a phase begins with a fault, with what takes one back, with a promotion and
// with a step that has a name; not with a step that only waits, asks or prepares.
func TestPhases(t *testing.T) {
	const head = "name: x\ncluster: {nodes: [a, b, c]}\nload: {writes: {kind: insert, clients: 1}}\n"
	const steps = `timeline:
  - {at: 1s, kill: a}
  - {wait: 8s}
  - {promote: b}
  - {verify: {role: {b: primary}}}
  - {name: settled, wait: 1s}
  - {configure: {node: b, settings: {work_mem: 1MB}}}
  - {pause: c, for: 1s}
  - {wait: 2s}
  - {rejoin: a}
  - {sql: {node: b, query: select 1}}
  - {stop_load: writes}
`
	e, _ := mustLoad(t, head+steps, Options{})
	want := []string{"baseline", "kill-a", "promote-b", "settled", "pause-c", "undo-pause-c"}
	if got := e.Phases(); !slices.Equal(got, want) {
		t.Errorf("phases %v, want %v", got, want)
	}
	_, _, err := Load("test.yaml", []byte(head+steps+"expect: [samples of writes during wait > 1]\n"), Options{})
	if got := fmt.Sprint(err); !strings.Contains(got, `no phase begins with the step "wait"`) || !strings.Contains(got, "name: wait") {
		t.Errorf("problems %s", got)
	}
}
