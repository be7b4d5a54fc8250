package runner

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgchaos/chaos"
	"pgchaos/cluster"
)

// hostileJournal writes what a user can write who is not the one that runs clean.
func hostileJournal(t *testing.T, dir string, all ...chaos.Reversal) {
	t.Helper()
	j, err := createJournal(dir, "run-1", "", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(j.Intend(all), j.close(), os.Chmod(filepath.Join(dir, JournalFile), 0o666)); err != nil {
		t.Fatal(err)
	}
}

// nodeThatRuns notes what is run on it.
type nodeThatRuns struct {
	cleanedHost
	ran *[]string
}

func (n nodeThatRuns) Exec(_ context.Context, c cluster.Command) (cluster.Output, error) {
	*n.ran = append(*n.ran, strings.Join(c.Argv, " "))
	return cluster.Output{}, nil
}

// TestAHostileJournal names commands, marks, processes and paths that are not the run's. Nothing of that is obeyed.
func TestAHostileJournal(t *testing.T) {
	victim := filepath.Join(t.TempDir(), "victim")
	if err := os.WriteFile(victim, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	args := func(v any) json.RawMessage {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	dir := t.TempDir()
	hostileJournal(t, dir,
		chaos.Reversal{ID: 1, Kind: "exec_undo", Node: "a", Arguments: args(map[string]any{"command": "rm -f " + victim, "environment": []string{"PATH=/tmp"}})},
		chaos.Reversal{ID: 2, Kind: "end_burning", Node: "a", Arguments: args(map[string]any{"mark": "postgres"})},
		chaos.Reversal{ID: 3, Kind: "end_burning", Node: "a", Arguments: args(map[string]any{"mark": "pgchaos-burn-aaaaaaaaaaaaaaaa\nx"})},
		chaos.Reversal{ID: 4, Kind: "end_burning", Node: "a", Arguments: args(map[string]any{"mark": "$(rm -f " + victim + ")"})},
		chaos.Reversal{ID: 5, Kind: "continue", Node: "a", Arguments: args([]map[string]any{{"pid": os.Getpid()}})},
		chaos.Reversal{ID: 6, Kind: "resume", Node: "../../victim"},
		chaos.Reversal{ID: 7, Kind: "empty_disk", Node: "a", Arguments: args(map[string]any{"dir": filepath.Dir(victim)})},
		chaos.Reversal{ID: 8, Kind: "make_slot", Node: "a", Arguments: args("no object")},
		chaos.Reversal{ID: 9, Kind: "exec_undo", Node: "a", Arguments: args([]string{"no", "object"})},
	)
	var said, ran []string
	nodes := leftNodes(func(node string) any {
		if node == "a" {
			return nodeThatRuns{cleanedHost{node, &said}, &ran}
		}
		return nil
	})
	done, doubt, err := TakeBack(t.Context(), left(dir, nodes), false)
	if len(said)+len(ran)+len(done.Done) > 0 {
		t.Errorf("said %q, ran %q, done %q", said, ran, done.Done)
	}
	if doubt != "" || err == nil || strings.Count(err.Error(), "exec_undo a was not done") != 2 {
		t.Errorf("the commands are not named: %q, %v", doubt, err)
	}
	if err == nil || !strings.Contains(err.Error(), "is no mark of busy processes") {
		t.Errorf("a mark that is none: %v", err)
	}
	if _, err := os.Stat(victim); err != nil {
		t.Error(err)
	}
}

// TestAJournalThatIsExchanged is another user's when it is read, and our own afterwards.
func TestAJournalThatIsExchanged(t *testing.T) {
	dir := t.TempDir()
	hostileJournal(t, dir, chaos.Reversal{ID: 1, Kind: "exec_undo", Node: "a", Arguments: json.RawMessage(`{"command":"true"}`)})
	all, end, doubt := standing(dir, "run-1")
	if len(all) != 1 || doubt != "" {
		t.Fatalf("%v, %q", all, doubt)
	}
	if err := errors.Join(os.Remove(filepath.Join(dir, JournalFile)), os.WriteFile(filepath.Join(dir, JournalFile), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if left, untrusted := trusted(dir, end.own(), all); len(left) > 0 || len(untrusted) != 1 {
		t.Errorf("%v, %v", left, untrusted)
	}
}

// TestAHostileLeadToTheClustersUser: what a run's directory says of another directory removes nothing there that is not of the run.
func TestAHostileLeadToTheClustersUser(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	for _, tc := range []struct{ name, lead, access string }{
		{"another run's directory", other, `{"run":"run-2"}`},
		{"a directory without a run", other, ""},
		{"a way over ..", dir + "/../" + filepath.Base(filepath.Dir(other)) + "/" + filepath.Base(other), `{"run":"run-2"}`},
		{"a relative way", "../" + filepath.Base(other), `{"run":"run-2"}`},
		{"a link", filepath.Join(dir, "link"), `{"run":"run-2"}`},
		{"no directory", "/dev/null", ""},
	} {
		_ = os.Remove(filepath.Join(dir, "link"))
		lead, err := json.Marshal(clusterUser{"run-1", tc.lead})
		if err := errors.Join(err, os.Symlink(other, filepath.Join(dir, "link")), os.WriteFile(filepath.Join(dir, UserFile), lead, 0o600),
			os.WriteFile(filepath.Join(dir, AccessFile), []byte(`{"run":"run-1"}`), 0o600)); err != nil {
			t.Fatal(err)
		}
		_ = os.Remove(filepath.Join(other, AccessFile))
		want := []string{JournalFile, Passfile}
		if tc.access != "" {
			want = append([]string{AccessFile}, want...)
			if err := os.WriteFile(filepath.Join(other, AccessFile), []byte(tc.access), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range []string{JournalFile, Passfile} {
			if err := os.WriteFile(filepath.Join(other, name), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_ = RemoveAccess(dir, "run-1") // an error says what cannot be a directory
		entries, err := os.ReadDir(other)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range entries {
			got = append(got, e.Name())
		}
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: there is %v, and was %v", tc.name, got, want)
		}
	}
}
