package runner

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pgchaos/history"
)

// TestJournal: what had begun, what was over, and what was seen, whatever moment the
// file was cut off at.
func TestJournal(t *testing.T) {
	dir := t.TempDir()
	zero := time.Date(2026, 11, 23, 6, 45, 0, 0, time.UTC)
	j, err := createJournal(dir, "run-1", zero)
	if err != nil {
		t.Fatal(err)
	}
	stop := history.Mark{Name: "stop-b", Action: "stop", Issued: time.Second, Fault: true}
	stopped := stop
	stopped.Effective, stopped.Ended, stopped.Status, stopped.Nodes = 2*time.Second, 3*time.Second, history.MarkDone, []string{"b"}
	crash := history.Mark{Name: "crash-a", Action: "crash", Issued: 1500 * time.Millisecond, Status: history.MarkSeen}
	kill := history.Mark{Name: "kill-a", Action: "kill", Issued: 4 * time.Second, Fault: true}
	j.begin(stop)
	j.end(crash)
	j.end(stopped)
	j.begin(kill)

	read := func() Journal {
		t.Helper()
		got, err := ReadJournal(dir) // while it is open, as after a SIGKILL
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	want := Journal{
		Run: "run-1", Started: zero, KeepsForks: true, Marks: []history.Mark{stopped, crash, kill},
		Phases: []history.Phase{
			{Name: baseline, End: time.Second},
			{Name: "stop-b", Start: time.Second, End: 4 * time.Second},
			{Name: "kill-a", Start: 4 * time.Second},
		},
	}
	if diff := cmp.Diff(want, read()); diff != "" {
		t.Error(diff)
	}
	if last := read().Last(); last != 4*time.Second {
		t.Errorf("last %s", last)
	}
	if err := errors.Join(j.close(), j.close()); err != nil {
		t.Error(err)
	}
	j.begin(kill) // after the end: nobody is told, and nothing breaks

	file := filepath.Join(dir, JournalFile)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, whole[:len(whole)-20], 0o644); err != nil {
		t.Fatal(err)
	}
	want.Marks, want.Phases = want.Marks[:2], want.Phases[:2]
	want.Phases[1].End = 0
	if diff := cmp.Diff(want, read()); diff != "" {
		t.Error(diff)
	}
}

func TestJournalRefuses(t *testing.T) {
	dir := t.TempDir()
	if _, err := ReadJournal(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no journal: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, JournalFile), []byte(`{"schema":"pgchaos.timeline/2"}`+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadJournal(dir); err == nil {
		t.Error("a form of the future was read")
	}
	if _, err := createJournal(dir, "run-1", time.Now()); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a journal was written over: %v", err)
	}
}
