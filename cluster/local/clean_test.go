package local

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pgchaos/cluster"
)

func TestRecord(t *testing.T) {
	dir := t.TempDir()
	want := record{
		Schema: recordSchema, Run: "r", Experiment: "e", Results: "/results/r", PID: 7, Started: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Kept: true,
		Nodes: []nodeRecord{{Name: "n1", Address: cluster.Address{Host: loopback, Port: 20001}, PID: 8, Start: "boot/9"}},
	}
	must(t, want.write(dir, true))
	must(t, want.write(dir, false))
	got, err := readRecord(dir)
	must(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	entries, err := os.ReadDir(dir)
	must(t, err)
	if len(entries) != 1 {
		t.Errorf("%v: more than %s", entries, recordFile)
	}

	blocked := t.TempDir()
	must(t, os.Mkdir(filepath.Join(blocked, recordFile), 0o700))
	if err := want.write(blocked, true); err == nil {
		t.Error("wrote over a directory")
	}
	entries, err = os.ReadDir(blocked)
	must(t, err)
	if len(entries) != 1 {
		t.Errorf("%v: an attempt in vain leaves something", entries)
	}
}

func TestIdentitiesOfARecord(t *testing.T) {
	self, ok := identityOf(os.Getpid())
	if !ok {
		t.Fatal("this process is not in the table")
	}
	rec := record{Nodes: []nodeRecord{
		{Name: "right", PID: self.pid, Start: self.token()},
		{Name: "the number is another's now", PID: self.pid, Start: identity{self.pid, self.start + 1}.token()},
		{Name: "the number alone", PID: self.pid},
		{Name: "never started"},
	}}
	if got := rec.identities(); len(got) != 1 || got[0] != self {
		t.Errorf("got %v, want %v alone", got, self)
	}
}

func TestListWithoutBase(t *testing.T) {
	runs, err := List(filepath.Join(t.TempDir(), "none"))
	if err != nil || runs != nil {
		t.Errorf("got %v, %v", runs, err)
	}
}

// TestListAndClean are the states that a pgchaos can be killed in, and things
// that are none of its own.
func TestListAndClean(t *testing.T) {
	ctx := context.Background()
	base := filepath.Join(t.TempDir(), "base")
	must(t, os.Mkdir(base, 0o711))
	lay := func(name, content string) {
		file := filepath.Join(base, name)
		must(t, os.MkdirAll(filepath.Dir(file), 0o755))
		must(t, os.WriteFile(file, []byte(content), 0o600))
	}
	must(t, os.Mkdir(filepath.Join(base, "empty"), 0o711))
	lay("half/run.json", `{"schema":"pgchaos.local/1","run":"ha`)
	lay("half/lock", "")
	lay("unrecorded/lock", "")
	lay("unrecorded/nodes/n1/data/PG_VERSION", "15")
	lay("whole/run.json", `{"run":"whole","experiment":"e","kept":true,"later":1,"nodes":[{"name":"n1","address":{"host":"127.0.0.1","port":20001},"pid":1,"start":"never"}]}`)
	lay("living/lock", "")
	lay("foreign/file", "of somebody")
	lay("file", "of somebody")
	must(t, os.Symlink("whole", filepath.Join(base, "link")))
	lock, err := lockRun(filepath.Join(base, "living"))
	must(t, err)

	runs, err := List(base)
	must(t, err)
	dir, err := resolveBase(base)
	must(t, err)
	want := []Leftover{
		{Run: "empty"}, {Run: "half"}, {Run: "living", Alive: true}, {Run: "unrecorded"},
		{Run: "whole", Experiment: "e", Kept: true, Nodes: []LeftoverNode{{
			Name: "n1", Address: cluster.Address{Host: loopback, Port: 20001}, Dir: filepath.Join(dir, "whole", nodesDir, "n1"),
		}}},
	}
	for i := range want {
		want[i].Dir = filepath.Join(dir, want[i].Run)
	}
	if diff := cmp.Diff(want, runs); diff != "" {
		t.Error(diff)
	}

	for name, says := range map[string]string{
		"foreign": "not a run", "file": "not a run", "link": "not a run", "living": "running pgchaos",
		"..": "not the name", "": "not the name", "a/b": "not the name",
	} {
		if err := Clean(ctx, base, name); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("clean %q: %v", name, err)
		}
	}
	if err := Clean(ctx, base, "none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("clean what is not there: %v", err)
	}
	must(t, lock.Close())
	for _, run := range want {
		must(t, Clean(ctx, base, run.Run))
	}
	entries, err := os.ReadDir(base)
	must(t, err)
	if len(entries) != 3 {
		t.Errorf("%v is left, want what is not ours", entries)
	}
	for _, name := range []string{"link", "file"} {
		must(t, os.Remove(filepath.Join(base, name)))
	}
	must(t, os.RemoveAll(filepath.Join(base, "foreign")))
	must(t, os.Mkdir(filepath.Join(base, "last"), 0o711))
	must(t, Clean(ctx, base, "last"))
	if _, err := os.Stat(base); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the empty base stays: %v", err)
	}
}
