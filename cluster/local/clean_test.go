package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pgchaos/cluster"
	"pgchaos/internal/skip"
)

func TestRecord(t *testing.T) {
	dir, err := resolveBase(filepath.Join(t.TempDir(), "r"))
	must(t, err)
	must(t, os.Mkdir(dir, 0o711))
	want := runFile{
		Schema: recordSchema, Run: "r", Dir: dir, Experiment: "e", Results: "/results/r", PID: 7, Started: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Kept: true,
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
	rec := runFile{Nodes: []nodeRecord{
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

// TestListAndClean are runs, and things that are none: only what has a record that pgchaos wrote for this very place is
// touched.
func TestListAndClean(t *testing.T) {
	ctx := context.Background()
	dir, err := resolveBase(filepath.Join(t.TempDir(), "base"))
	must(t, err)
	must(t, os.Mkdir(dir, 0o711))
	lay := func(name, content string) {
		file := filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(file), 0o755))
		must(t, os.WriteFile(file, []byte(content), 0o600))
	}
	run := func(name string, change func(r *runFile)) {
		r := runFile{Schema: recordSchema, Run: name, Dir: filepath.Join(dir, name), Experiment: "e", Kept: true, Nodes: []nodeRecord{
			{Name: "n1", Address: cluster.Address{Host: loopback, Port: 20001}, PID: 1, Start: "never"},
		}}
		if change != nil {
			change(&r)
		}
		must(t, os.MkdirAll(filepath.Join(dir, name), 0o711))
		must(t, r.write(filepath.Join(dir, name), false))
	}
	run("whole", nil)
	run("living", nil)
	run("of-another-name", func(r *runFile) { r.Run = "whole" })
	run("of-another-place", func(r *runFile) { r.Dir = "/var/tmp/elsewhere/of-another-place" })
	run("of-an-old-form", func(r *runFile) { r.Dir = "" })
	run("of-another-tool", func(r *runFile) { r.Schema = "tool/1" })
	run("writable", nil)
	must(t, os.Chmod(filepath.Join(dir, "writable"), 0o777))
	doubtful := []string{"half", "huge", "linked", "of-an-old-form", "of-another-name", "of-another-place", "of-another-tool", "piped", "unrecorded", "writable"}
	if os.Geteuid() == 0 {
		run("of-another-user", nil)
		must(t, os.Chown(filepath.Join(dir, "of-another-user", recordFile), 54321, 54321))
		doubtful = append(doubtful, "of-another-user")
	}
	lay("half/run.json", `{"schema":"pgchaos.local/1","run":"ha`)
	lay("huge/run.json", strings.Repeat("x", recordLimit+1))
	lay("unrecorded/nodes/n1/data/PG_VERSION", "15")
	for _, name := range []string{"linked", "piped", "empty"} {
		must(t, os.Mkdir(filepath.Join(dir, name), 0o711))
	}
	must(t, os.Symlink(filepath.Join(dir, "whole", recordFile), filepath.Join(dir, "linked", recordFile)))
	must(t, syscall.Mkfifo(filepath.Join(dir, "piped", recordFile), 0o600))
	lay("dpkg/lock", "")   // as /var/lib/dpkg
	lay("dpkg/status", "") // has them
	lay("foreign/file", "of somebody")
	lay("file", "of somebody")
	must(t, os.Symlink("whole", filepath.Join(dir, "link")))
	lock, err := lockRun(filepath.Join(dir, "living"))
	must(t, err)

	runs, err := List(dir)
	must(t, err)
	got := map[string]Leftover{}
	for _, l := range runs {
		got[l.Run] = l
	}
	for _, name := range doubtful {
		if got[name].Doubt == "" {
			t.Errorf("%s: no doubt: %+v", name, got[name])
		}
		delete(got, name)
	}
	one := func(name string) Leftover {
		return Leftover{Run: name, Dir: filepath.Join(dir, name), Experiment: "e", Kept: true, Nodes: []LeftoverNode{{
			Name: "n1", Address: cluster.Address{Host: loopback, Port: 20001}, Dir: filepath.Join(dir, name, nodesDir, "n1"),
		}}}
	}
	whole, living := one("whole"), one("living")
	living.Alive = true
	if diff := cmp.Diff(map[string]Leftover{"whole": whole, "living": living}, got); diff != "" {
		t.Error(diff)
	}

	before := everythingIn(t, dir)
	for _, name := range append(doubtful, "foreign", "dpkg", "empty", "file", "link") {
		if err := Clean(ctx, dir, name); !errors.Is(err, errNotRun) {
			t.Errorf("clean %q: %v", name, err)
		}
	}
	for name, says := range map[string]string{"living": "running pgchaos", "..": "not the name", "": "not the name", "a/b": "not the name"} {
		if err := Clean(ctx, dir, name); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("clean %q: %v", name, err)
		}
	}
	if err := Clean(ctx, dir, "none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("clean what is not there: %v", err)
	}
	if diff := cmp.Diff(before, everythingIn(t, dir)); diff != "" {
		t.Errorf("what is not a run's was touched: %s", diff)
	}
	must(t, lock.Close())
	must(t, Clean(ctx, dir, "whole"))
	must(t, Clean(ctx, dir, "living"))
	for _, name := range []string{"whole", "living"} {
		if _, err := os.Lstat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left: %v", name, err)
		}
	}
}

// everythingIn is what is in a directory, with sizes and modes.
func everythingIn(t *testing.T, dir string) (all []string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil {
			all = append(all, fmt.Sprintf("%s %v %d", path, info.Mode(), info.Size()))
		}
		return err
	}))
	return all
}

// TestCleanLeavesOthers: a process that only works in the run's directory is named and goes on, whether it is of another
// user or of the servers'; one that was started for a node is of the run.
func TestCleanLeavesOthers(t *testing.T) {
	own, err := serverOwner()
	if err != nil || own == nil {
		skip.Test(t, "needs root, and a user for the servers")
	}
	base, err := resolveBase(testBase(t))
	must(t, err)
	must(t, os.MkdirAll(base, 0o711))
	dir := filepath.Join(base, "r")
	must(t, os.Mkdir(dir, 0o711))
	must(t, runFile{Schema: recordSchema, Run: "r", Dir: dir}.write(dir, false))
	node := filepath.Join(dir, nodesDir, "n1")
	must(t, os.MkdirAll(node, 0o711))
	begin := func(attr *syscall.SysProcAttr, environment ...string) *exec.Cmd {
		cmd := exec.Command("sleep", "600")
		cmd.Dir, cmd.Env, cmd.SysProcAttr = node, environment, attr
		must(t, cmd.Start())
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
		return cmd
	}
	others := []int{begin(&syscall.SysProcAttr{Setsid: true}).Process.Pid, begin(own.attributes()).Process.Pid}
	server := begin(own.attributes(), nodeVariable+"="+node)
	runs, err := List(base)
	must(t, err)
	if len(runs) != 1 || runs[0].Processes != 1 || len(runs[0].Others) != 2 {
		t.Errorf("%+v", runs)
	}
	must(t, Clean(t.Context(), base, "r"))
	if err := server.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Errorf("the node's: %v", err)
	}
	all, err := processes(nil)
	must(t, err)
	for _, other := range others {
		if !slices.ContainsFunc(live(all), func(p process) bool { return p.pid == other }) {
			t.Errorf("process %d is not of the run, and was ended", other)
		}
	}
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory is left: %v", err)
	}
}
