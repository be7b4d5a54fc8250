package main

import (
	"os"
	"strings"
	"testing"
)

// TestHealedMeansEveryNode: `streaming: replicas` holds while a node is dead, for that one is no replica then. What users copy for an existing
// cluster wants every node.
func TestHealedMeansEveryNode(t *testing.T) {
	for _, file := range []string{"../../docs/existing.md", "../../scripts/ha-common.sh"} {
		text, err := os.ReadFile(file)
		must(t, err)
		found := false
		for line := range strings.Lines(string(text)) {
			if strings.Contains(line, "name: healed") {
				found = true
				if !strings.Contains(line, "verify: {all_streaming: true, ") {
					t.Errorf("%s: %s", file, line)
				}
			}
		}
		if !found {
			t.Errorf("%s: no step is called healed", file)
		}
	}
}
