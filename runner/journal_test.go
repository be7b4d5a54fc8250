package runner

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pgchaos/record"
	"pgchaos/record/ledger"
	"pgchaos/report"
)

// TestJournal: what had begun, what was over, and what was seen, whatever moment the
// file was cut off at.
func TestJournal(t *testing.T) {
	dir := t.TempDir()
	zero := time.Date(2026, 11, 23, 6, 45, 0, 0, time.UTC)
	j, err := createJournal(dir, "run-1", "", zero)
	if err != nil {
		t.Fatal(err)
	}
	stop := record.Event{Name: "stop-b", Action: "stop", Issued: time.Second, Fault: true}
	stopped := stop
	stopped.Effective, stopped.Ended, stopped.Status, stopped.Nodes = 2*time.Second, 3*time.Second, record.EventDone, []string{"b"}
	crash := record.Event{Name: "crash-a", Action: "crash", Issued: 1500 * time.Millisecond, Status: record.EventSeen}
	kill := record.Event{Name: "kill-a", Action: "kill", Issued: 4 * time.Second, Fault: true}
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
		Run: "run-1", Started: zero, KeepsForks: true, Events: []record.Event{stopped, crash, kill},
		Phases: []record.Phase{
			{Name: record.Baseline, End: time.Second},
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
	j.begin(kill) // after the end: nothing is reported, and nothing breaks

	file := filepath.Join(dir, JournalFile)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, whole[:len(whole)-20], 0o644); err != nil {
		t.Fatal(err)
	}
	want.Events, want.Phases = want.Events[:2], want.Phases[:2]
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
	if err := os.WriteFile(filepath.Join(dir, JournalFile), []byte(`{"schema":"pgchaos.timeline/3"}`+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadJournal(dir); err == nil {
		t.Error("a form of the future was read")
	}
	if _, err := createJournal(dir, "run-1", "", time.Now()); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a journal was written over: %v", err)
	}
	dir = t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, JournalFile), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadJournal(dir); err == nil || !strings.Contains(err.Error(), "not a regular file") { // and does not wait for a writer
		t.Errorf("a pipe: %v", err)
	}
}

// TestDamagedJournal: every change of a line is known, and of those before it nothing is lost; but what
// a kill has torn off is no damage.
func TestDamagedJournal(t *testing.T) {
	dir := t.TempDir()
	j, err := createJournal(dir, "run-1", "", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		m := record.Event{Name: fmt.Sprint("step-", i), Action: "kill", Issued: time.Duration(i) * time.Second}
		j.begin(m)
		m.Status, m.Ended = record.EventDone, m.Issued+time.Millisecond
		j.end(m)
	}
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, JournalFile)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(whole, []byte("\n"))
	lines = lines[:len(lines)-1]
	without := func(i int) []byte { return bytes.Join(append(slices.Clone(lines[:i]), lines[i+1:]...), nil) }
	swapped := slices.Clone(lines)
	swapped[3], swapped[4] = swapped[4], swapped[3]
	for _, c := range []struct {
		name   string
		text   []byte
		damage string
	}{
		{"whole", whole, ""},
		{"torn", whole[:len(whole)-9], ""},
		{"torn at the end of a line", bytes.Join(lines[:5], nil), ""},
		{"another digit", bytes.Replace(whole, []byte(`"issued_ns":2000000000`), []byte(`"issued_ns":2000000001`), 1), "line 6"},
		{"another word", bytes.Replace(whole, []byte(`"status":"done"`), []byte(`"status":"seen"`), 1), "line 3"},
		{"a line is missing", without(3), "line 4"},
		{"a line stands twice", bytes.Join(slices.Insert(slices.Clone(lines), 3, lines[3]), nil), "line 5"},
		{"lines in another order", bytes.Join(swapped, nil), "line 4"},
		{"a line without its checksum", bytes.Replace(whole, lines[4], append(bytes.Split(lines[4], []byte(`,"crc"`))[0], "}\n"...), 1), "line 5"},
		{"no text", bytes.Replace(whole, lines[2], []byte("\x00\x01\n"), 1), "line 3"},
	} {
		if err := os.WriteFile(file, c.text, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := ReadJournal(dir)
		if err != nil || (c.damage == "") != (got.Damage == "") || !strings.Contains(got.Damage, c.damage) {
			t.Errorf("%s: damage %q, error %v", c.name, got.Damage, err)
		}
	}
}

// TestDamageBesideAResult: the report of a whole result says what is wrong with the other files.
func TestDamageBesideAResult(t *testing.T) {
	dir := t.TempDir()
	j, err := createJournal(dir, "run-1", "", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	m := record.Event{Name: "kill-a", Action: "kill", Issued: time.Second}
	j.begin(m)
	m.Status, m.Ended = record.EventDone, 2*time.Second
	j.end(m)
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Create(filepath.Join(dir, LedgerFile), "run-1")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, LedgerFile))
	if err != nil {
		t.Fatal(err)
	}
	whole := report.Result{
		Run: "run-1", Stage: report.StageChecked, Timeline: []record.Event{m, {Name: "never", Status: record.EventSkipped}},
		LedgerFile: &report.LedgerFile{Bytes: info.Size()},
	}
	for _, c := range []struct {
		name   string
		change func(r *report.Result)
		want   string
	}{
		{"whole", func(*report.Result) {}, ""},
		{"a step is missing", func(r *report.Result) {
			r.Timeline = append(r.Timeline, record.Event{Name: "x", Status: record.EventDone})
		}, "the same steps"},
		{"another status", func(r *report.Result) { r.Timeline[0].Status = record.EventFailed }, "the same steps"},
		{"another size", func(r *report.Result) { r.LedgerFile.Bytes++ }, "bytes, and had"},
		{"writes are missing", func(r *report.Result) { r.LedgerFile.Workloads = []report.Written{{Workload: "w", Issued: 3, OK: 3}} }, "3 writes of w"},
	} {
		r := whole
		r.Timeline, r.LedgerFile = slices.Clone(whole.Timeline), &report.LedgerFile{Bytes: whole.LedgerFile.Bytes}
		c.change(&r)
		damage := strings.Join(Damage(dir, &r), "; ")
		if (c.want == "") != (damage == "") || !strings.Contains(damage, c.want) {
			t.Errorf("%s: %q", c.name, damage)
		}
	}
	if damage := Damage(t.TempDir(), &whole); damage != nil {
		t.Errorf("the result alone: %q", damage)
	}
}
