package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// history runs a command of history, and returns what it prints on both outputs.
func history(t *testing.T, code int, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if got := run(t.Context(), append([]string{"history"}, args...), nil, &out, &errs); got != code {
		t.Fatalf("%q: exit code %d, want %d\n%s%s", args, got, code, &out, &errs)
	}
	return out.String() + errs.String()
}

// listed are the runs that `history list --format json` prints.
func listed(t *testing.T, args ...string) []keptJSON {
	t.Helper()
	var found historyJSON
	must(t, json.Unmarshal([]byte(history(t, exitPass, append([]string{"list", "--format", "json"}, args...)...)), &found))
	return found.Runs
}

func TestHistory(t *testing.T) {
	where := filepath.Join(t.TempDir(), "a store")
	if out := history(t, exitUsage, "list", "--store", where); !strings.Contains(out, "there is no store") {
		t.Errorf("a store that is not there: %s", out)
	}
	if out := history(t, exitPass, "add", comparedRuns, "--store", where); strings.Count(out, ": added\n") != 6 || !strings.HasPrefix(out, "made the store "+where+"\n") {
		t.Errorf("a series: %s", out)
	}
	if out := history(t, exitPass, "init", "--store", where); out != "the store "+where+" is there already\n" || len(listed(t, "--store", where)) != 6 {
		t.Errorf("init of a store that is there: %s", out)
	}
	if out := history(t, exitPass, "add", comparedRuns+"/1/local", "--store", where); !strings.HasSuffix(out, ": the store has it already\n") {
		t.Errorf("one of its runs again: %s", out)
	}
	for _, tc := range []struct {
		want int
		args []string
	}{
		{6, nil},
		{6, []string{"--experiment", "kill-modes"}},
		{3, []string{"--variant", "quorum"}},
		{0, []string{"--variant", ""}},
		{0, []string{"--cell", "clients=8"}},
		{2, []string{"--limit", "2"}},
		{0, []string{"--verdict", "fail"}},
		{6, []string{"--since", "2026-11-29T04:00:00Z"}},
		{2, []string{"--since", "2026-11-29T04:59:10Z"}},
	} {
		if runs := listed(t, append(tc.args, "--store", where)...); len(runs) != tc.want {
			t.Errorf("%q: %d runs, want %d", tc.args, len(runs), tc.want)
		}
	}
	if out := history(t, exitUsage, "list", "--store", where, "--experiment", "kill-mods"); !strings.Contains(out, `did you mean "kill-modes"?`) {
		t.Errorf("a misspelt experiment: %s", out)
	}
	runs := listed(t, "--store", where)
	newest, oldest := runs[0], runs[5]
	if len(newest.Figures) == 0 || len(newest.Settings) == 0 || newest.Fingerprint == "" || newest.Dir == "" || newest.Started.Before(oldest.Started) {
		t.Errorf("the newest run: %+v", newest)
	}
	show := history(t, exitPass, "show", newest.Run, "--store", where)
	for _, want := range []string{newest.Run, "p99 of writes", "0 writes lost", "not known: too few (", "postgres"} {
		if !strings.Contains(show, want) {
			t.Errorf("show has no %q:\n%s", want, show)
		}
	}
	history(t, exitUsage, "show", newest.Run+"x", "--store", where)
}

// TestHistoryCompletesRuns completes the ids of a store, each once.
func TestHistoryCompletesRuns(t *testing.T) {
	where := t.TempDir()
	history(t, exitPass, "add", comparedRuns+"/1/local", "--store", where)
	id := listed(t, "--store", where)[0].Run
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"show", "--store", where, id[:5]}, id},
		{[]string{"accept", "--store", where, id, ""}, ""},
		{[]string{"show", "--store", where + "-not", ""}, ""},
	} {
		if ids, _ := completions(t, append([]string{"history"}, tc.args...)...); strings.Join(ids, " ") != tc.want {
			t.Errorf("%q: %q, want %q", tc.args, ids, tc.want)
		}
	}
}

// TestHistoryMarks: what is accepted or pinned stays, and can be taken back.
func TestHistoryMarks(t *testing.T) {
	where := t.TempDir()
	history(t, exitPass, "add", comparedRuns, "--store", where)
	runs := listed(t, "--store", where)
	newest, oldest := runs[0], runs[5]
	history(t, exitPass, "accept", oldest.Run, "--why", "a new\ndisk", "--store", where)
	history(t, exitPass, "baseline", newest.Run, "--store", where)
	history(t, exitUsage, "baseline", runs[1].Run, "no-such-run", "--store", where)
	if all := listed(t, "--store", where); all[5].Accepted == nil || all[5].Accepted.Why != "a new\ndisk" || all[5].Accepted.By == "" || all[0].Baseline == nil || all[1].Baseline != nil {
		t.Errorf("marks: %+v, %+v, %+v", all[5].Accepted, all[0].Baseline, all[1].Baseline)
	}
	if out := history(t, exitPass, "list", "--store", where); len(strings.Split(strings.TrimSpace(out), "\n")) != 7 || !strings.Contains(out, "accepted: a new disk") {
		t.Errorf("one line a run, and its mark:\n%s", out)
	}

	if out := history(t, exitPass, "prune", "--keep", "1", "--variant", "quorum", "--dry-run", "--store", where); !strings.Contains(out, "1 run (") || !strings.Contains(out, "stays; accepted") {
		t.Errorf("prune --dry-run: %s", out)
	}
	var pruned prunedJSON
	must(t, json.Unmarshal([]byte(history(t, exitPass, "prune", "--older-than", "0d", "--format", "json", "--store", where)), &pruned))
	if len(pruned.Removed) != 4 || len(pruned.Marked) != 2 || pruned.Left != 2 || pruned.DryRun {
		t.Errorf("pruned: %+v", pruned)
	}
	history(t, exitPass, "baseline", newest.Run, "--undo", "--store", where)
	history(t, exitPass, "accept", oldest.Run, "--undo", "--store", where)
	if all := listed(t, "--store", where); len(all) != 2 || all[1].Accepted != nil || all[0].Baseline != nil {
		t.Errorf("after --undo: %+v", all)
	}
}

// TestHistoryOfADamagedDatabase: it is exit code 1 with the command that mends it, and never an empty list.
func TestHistoryOfADamagedDatabase(t *testing.T) {
	where := t.TempDir()
	history(t, exitPass, "add", comparedRuns, "--store", where)
	accepted := listed(t, "--store", where)[0].Run
	history(t, exitPass, "accept", accepted, "--why", "a new disk", "--store", where)
	must(t, os.WriteFile(filepath.Join(where, "history.db"), bytes.Repeat([]byte("damage"), 10000), 0o600))
	for _, args := range [][]string{{"list"}, {"show", accepted}, {"add", comparedRuns}, {"prune", "--keep", "1"}, {"accept", accepted, "--why", "x"}} {
		if out := history(t, exitFailed, append(args, "--store", where)...); !strings.Contains(out, "'pgchaos history rebuild --store "+where+"'") {
			t.Errorf("%q: %s", args, out)
		}
	}
	if out := history(t, exitPass, "rebuild", "--store", where); !strings.Contains(out, "6 runs") {
		t.Errorf("rebuild: %s", out)
	}
	runs := listed(t, "--store", where)
	if len(runs) != 6 || runs[0].Accepted == nil {
		t.Errorf("after rebuild: %+v", runs)
	}
	// A kept file that has changed since is no evidence.
	must(t, os.WriteFile(filepath.Join(runs[1].Dir, "more"), nil, 0o600))
	if out := history(t, exitFailed, "rebuild", "--store", where); !strings.Contains(out, runs[1].Dir+": its files were changed") || !strings.Contains(out, "5 runs") {
		t.Errorf("a changed file: %s", out)
	}
	if out := history(t, exitPass, "list", "--store", where); !strings.Contains(out, "1 result directory is kept, and not in the database") {
		t.Errorf("the list after it: %s", out)
	}
}
