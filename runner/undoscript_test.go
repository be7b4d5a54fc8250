package runner

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pgchaos/chaos"
	"pgchaos/cluster"
)

// TestUndoScriptDisarms: what the script has taken back, no dead man's switch takes back once more; where it could not, the switch still waits.
func TestUndoScriptDisarms(t *testing.T) {
	dir := t.TempDir()
	fault, armed := filepath.Join(dir, "fault"), filepath.Join(dir, "armed")
	u := undoScript{path: filepath.Join(dir, UndoScript), of: cluster.Existing{Exec: "{command}", Nodes: []cluster.ExistingNode{{Name: "n1", Host: "n1"}}}}
	arguments, err := json.Marshal(map[string][]string{"argv": {"rm", fault}, "disarm": {"rm", armed}})
	must(t, err)
	must(t, u.intend([]chaos.Reversal{{ID: 1, Kind: "hook_undo", Node: "n1", Arguments: arguments}, {ID: 2, Kind: "resume", Node: "n1"}}))
	must(t, os.WriteFile(armed, nil, 0o600))
	exists := func(path string) bool {
		_, err := os.Stat(path)
		return err == nil
	}
	for _, inForce := range []bool{false, true} {
		if inForce {
			must(t, os.WriteFile(fault, nil, 0o600))
		}
		out, err := exec.Command("sh", u.path).CombinedOutput()
		if (err == nil) != inForce || exists(fault) || exists(armed) == inForce {
			t.Errorf("in force: %v; %v, armed: %v\n%s", inForce, err, exists(armed), out)
		}
	}
	if text, err := os.ReadFile(u.path); err != nil || strings.Count(string(text), "\n") != 3 {
		t.Errorf("%v\n%s", err, text)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
