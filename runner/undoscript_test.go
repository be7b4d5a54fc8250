package runner

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

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

// TestUndoScriptGoesBackwards: the last change is taken back first. Where the script cannot be written, nothing may be changed.
func TestUndoScriptGoesBackwards(t *testing.T) {
	dir := t.TempDir()
	j, err := createJournal(dir, "run-1", "", time.Now())
	must(t, err)
	j.script = &undoScript{path: filepath.Join(dir, UndoScript), of: cluster.Existing{Exec: "{command}", Nodes: []cluster.ExistingNode{{Name: "n1", Host: "n1"}}}}
	says := func(word string) []chaos.Reversal {
		arguments, err := json.Marshal(map[string][]string{"argv": {"echo", word}})
		must(t, err)
		return []chaos.Reversal{{ID: 1, Kind: "hook_undo", Node: "n1", Arguments: arguments}}
	}
	must(t, j.Intend(says("first")))
	must(t, j.Intend(says("last")))
	if out, err := exec.Command("sh", j.script.path).CombinedOutput(); err != nil || string(out) != "last\nfirst\n" {
		t.Errorf("%v\n%s", err, out)
	}
	j.script.path = filepath.Join(dir, "gone", UndoScript)
	if err := j.Intend(says("more")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	must(t, j.close())
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
