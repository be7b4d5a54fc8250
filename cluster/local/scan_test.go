package local

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

func TestFamily(t *testing.T) {
	self := os.Getpid()
	proc := func(pid, parent int, dir string) process {
		return process{identity: identity{pid: pid, start: uint64(pid)}, parent: parent, group: pid, state: 'S', dir: dir, server: true}
	}
	command := proc(2500, 1, "/base/run/nodes/n1") // an orphan of a command
	command.server, command.node = false, "/base/run/nodes/n1"
	stranger := proc(2600, 1, "/base/run/nodes/n1/data") // of the servers' user, and not started for the node
	stranger.server = false
	elsewhere := proc(2700, 1, "/base/run/nodes/n1") // started for another node
	elsewhere.server, elsewhere.node = false, "/base/run/nodes/n10"
	shell := proc(50, 1, "/base/run/nodes/n1")
	shell.terminal = true
	foreign := proc(4000, 1, "/base/run/nodes/n1")
	foreign.uid = 7
	sudo := proc(4001, 1000, "/base/run/nodes/n1") // started by the server
	sudo.uid = 7
	grouped := proc(61, 1, "/")
	grouped.group = 60
	all := []process{
		proc(1, 0, "/"),
		proc(5, 1, "/base/run/nodes/n1"), // an ancestor of ours, started from there
		proc(self, 5, "/base/run/nodes/n1"),
		proc(1002, 1001, "/elsewhere"), // a grandchild, before its parent in the table
		proc(1001, 1000, "/base/run/nodes/n1/data"),
		proc(1000, self, "/base/run/nodes/n1/data"),
		proc(2000, 1, "/base/run/nodes/n1 (deleted)"), // an orphan
		proc(2001, 2000, "/"),
		proc(3000, 1, "/base/run/nodes/n10/data"), // another node, whose name begins alike
		shell, foreign, sudo, command, stranger, elsewhere,
		proc(51, 50, "/base/run/nodes/n1x"),
		grouped,
	}
	for _, tt := range []struct {
		name string
		family
		want []int
	}{
		{"directory", family{dir: "/base/run/nodes/n1"}, []int{1001, 1000, 2000, 2500, 1002, 4001, 2001}},
		{"root first", family{dir: "/base/run/nodes/n1", roots: []identity{{1000, 1000}}}, []int{1000, 1001, 2000, 2500, 4001, 1002, 2001}},
		{"root alone", family{roots: []identity{{1000, 1000}}}, []int{1000, 1001, 4001, 1002}},
		{"the number is another's now", family{roots: []identity{{1000, 999}}}, nil},
		{"group", family{group: 60}, []int{61}},
		{"nobody", family{}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.of(all)
			same := len(got) == len(tt.want)
			for i := 0; same && i < len(got); i++ {
				same = got[i].pid == tt.want[i]
			}
			if !same {
				t.Errorf("got %v, want %v", numbersOf(got), tt.want)
			}
		})
	}
}

func TestOthers(t *testing.T) {
	proc := func(pid, parent, uid int, dir string) process {
		return process{identity: identity{pid: pid, start: uint64(pid)}, parent: parent, uid: uid, state: 'S', dir: dir, server: true}
	}
	gone := proc(5, 1, 7, "/base/run")
	gone.state = 'Z'
	shell := proc(6, 1, 3, "/base/run")
	shell.terminal = true
	stranger := proc(8, 1, 3, "/base/run/nodes/a")
	stranger.server = false
	all := []process{
		stranger, proc(1, 0, 0, "/"), proc(2, 1, 3, "/base/run/nodes/a"), proc(3, 2, 7, "/base/run"), proc(4, 1, 7, "/base/run/nodes/a"),
		gone, shell, proc(7, 1, 7, "/base/run2"), proc(os.Getpid(), 1, 7, "/base/run"),
	}
	if got := someNumbers(numbersOf(family{dir: "/base/run", uid: 3}.others(all))); got != "8 4 6" {
		t.Errorf("got%s", got)
	}
}

func TestOwnIdentityIsNotAnothers(t *testing.T) {
	id, ok := identityOf(os.Getpid())
	if !ok {
		t.Fatal("this process is not in the table")
	}
	// The signal would end this test if it were sent.
	id.start++
	if err := id.signal(syscall.SIGKILL); err != nil {
		t.Error(err)
	}
}

// A postmaster that sees its children die begins a recovery, and writes to its files.
func TestEndKillsAParentBeforeItSeesItsChildrenDie(t *testing.T) {
	saw := filepath.Join(t.TempDir(), "saw")
	parent := exec.Command("bash", "-c", `for i in {1..50}; do sleep 1000 & done; echo ready; wait -n; echo > "$0"`, saw)
	ready, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := ready.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	id, ok := identityOf(parent.Process.Pid)
	if !ok {
		t.Fatal("the parent is not in the process table")
	}
	waited := make(chan error, 1)
	go func() { waited <- parent.Wait() }()
	if err := end(t.Context(), nil, family{roots: []identity{id}}); err != nil {
		t.Error(err)
	}
	if err := <-waited; err == nil {
		t.Error("the parent ended by itself")
	}
	if _, err := os.Stat(saw); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the parent saw a child die and went on (%v)", err)
	}
}
