package local

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"pgchaos/cluster"
)

// segmentOf is the number of the System V shared memory that a server holds.
func segmentOf(t *testing.T, h *host) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dataDir(h), "postmaster.pid"))
	must(t, err)
	fields := strings.Fields(strings.Split(string(text), "\n")[6])
	id, err := strconv.Atoi(fields[1])
	must(t, err)
	if !segmentIsThere(id) {
		t.Fatalf("there is no segment %d", id)
	}
	return id
}

func segmentIsThere(id int) bool {
	var is unix.SysvShmDesc
	_, err := unix.SysvShmCtl(id, unix.IPC_STAT, &is)
	return err == nil
}

// TestNoSharedMemoryIsLeft: PostgreSQL's segment outlives a postmaster that is killed.
func TestNoSharedMemoryIsLeft(t *testing.T) {
	ctx := t.Context()
	p := testProvider(t, testBase(t), "segments")
	killed, exited := testServer(t, p, "n1"), testServer(t, p, "n2")
	ids := []int{segmentOf(t, killed), segmentOf(t, exited)}
	must(t, killed.Kill(ctx))
	if segmentIsThere(ids[0]) || !segmentIsThere(ids[1]) {
		t.Error("after a kill: its segment, and its alone, must be gone")
	}
	must(t, start(ctx, killed)) // which has forgotten nothing
	again := segmentOf(t, killed)

	// Nobody of ours ended this one.
	must(t, unix.Kill(exited.newest().pid, unix.SIGKILL))
	<-exited.Life().Ended()
	must(t, p.Remove(ctx))
	if segmentIsThere(again) || segmentIsThere(ids[1]) {
		t.Error("segments have outlived the run")
	}
}

// TestASegmentWhoseFileIsBad is found by the data directory, and the run is then gone as a whole.
func TestASegmentWhoseFileIsBad(t *testing.T) {
	p := testProvider(t, testBase(t), "badfile")
	server := testServer(t, p, "n1")
	id := segmentOf(t, server)
	must(t, unix.Kill(server.newest().pid, unix.SIGKILL))
	<-server.Life().Ended()
	must(t, os.WriteFile(filepath.Join(dataDir(server), "postmaster.pid"), postmasterPID("hunter2 y"), 0o600))
	err := p.Remove(t.Context())
	if !cluster.IsRemark(err) || !strings.Contains(err.Error(), "data/postmaster.pid: its seventh line") {
		t.Errorf("the removal: %v", err)
	}
	if segmentIsThere(id) {
		t.Error("the segment has outlived the run")
	}
	if err := p.Remove(t.Context()); err != nil {
		t.Errorf("once more: %v", err)
	}
}

// aSegment makes a segment of this test's user, which a server could have made.
func aSegment(t *testing.T, key int) int {
	t.Helper()
	id, err := unix.SysvShmGet(key, 56, unix.IPC_CREAT|unix.IPC_EXCL|0o600)
	must(t, err)
	t.Cleanup(func() { _, _ = unix.SysvShmCtl(id, unix.IPC_RMID, nil) }) // gone already: fine
	return id
}

// postmasterPID is such a file, with a seventh line.
func postmasterPID(line string) []byte {
	return []byte("1\n/data\n2\n5432\n/tmp\nlocalhost\n" + line + "\nready\n")
}

// TestSegmentsOfOthers are left alone, whatever the server's user has written into the file, and bad files
// keep nobody from the good ones.
func TestSegmentsOfOthers(t *testing.T) {
	const key = 0x70676368
	id := aSegment(t, key)
	secret := filepath.Join(t.TempDir(), "secret")
	must(t, os.WriteFile(secret, postmasterPID("hunter2 hunter3"), 0o600))
	huge := strings.Repeat("x\n", pidFileLimit)
	ours := strconv.Itoa(key) + " " + strconv.Itoa(id)
	stranger := &owner{name: "stranger", uid: 54321, gid: 54321}
	for _, c := range []struct {
		name string
		own  *owner
		make func(file string) error
		bad  bool
	}{
		{"another key", nil, func(f string) error { return os.WriteFile(f, postmasterPID("12345 "+strconv.Itoa(id)), 0o600) }, false},
		{"the key of private ones", nil, func(f string) error { return os.WriteFile(f, postmasterPID("0 "+strconv.Itoa(id)), 0o600) }, true},
		{"another owner", stranger, func(f string) error { return os.WriteFile(f, postmasterPID(ours), 0o600) }, false},
		{"too short", nil, func(f string) error { return os.WriteFile(f, []byte("1\n/data\n"), 0o600) }, false},
		{"no number", nil, func(f string) error { return os.WriteFile(f, postmasterPID("hunter2 y"), 0o600) }, true},
		{"one word", nil, func(f string) error { return os.WriteFile(f, postmasterPID("12345"), 0o600) }, false},
		{"no segment", nil, func(f string) error { return os.WriteFile(f, postmasterPID("12345 "+strconv.Itoa(1<<30)), 0o600) }, false},
		{"a pipe", nil, func(f string) error { return unix.Mkfifo(f, 0o600) }, true},
		{"a link to an endless file", nil, func(f string) error { return os.Symlink("/dev/zero", f) }, true},
		{"a link to a file of another", nil, func(f string) error { return os.Symlink(secret, f) }, true},
		{"a directory", nil, func(f string) error { return os.Mkdir(f, 0o700) }, true},
		{"a huge file", nil, func(f string) error { return os.WriteFile(f, []byte(huge), 0o600) }, true},
	} {
		dir := t.TempDir()
		must(t, os.Mkdir(filepath.Join(dir, "data"), 0o700))
		must(t, c.make(filepath.Join(dir, "data", "postmaster.pid")))
		must(t, os.Symlink(filepath.Dir(secret), filepath.Join(dir, "link"))) // a directory of somebody else
		must(t, os.Mkdir(filepath.Join(dir, "second"), 0o700))
		good := aSegment(t, key+1)
		must(t, os.WriteFile(filepath.Join(dir, "second", "postmaster.pid"), postmasterPID(strconv.Itoa(key+1)+" "+strconv.Itoa(good)), 0o600))
		err := removeNodeSegments(dir, c.own)
		if (err != nil) != c.bad || cluster.IsRemark(err) != c.bad || err != nil && (!strings.Contains(err.Error(), "data/postmaster.pid") || strings.Contains(err.Error(), "hunter")) {
			t.Errorf("%s: %v", c.name, err)
		}
		if !segmentIsThere(id) {
			t.Fatalf("%s: it removed a segment of another", c.name)
		}
		if segmentIsThere(good) != (c.own != nil) {
			t.Errorf("%s: the good file beside it", c.name)
		}
		_, _ = unix.SysvShmCtl(good, unix.IPC_RMID, nil)
	}
}

// TestNoSharedFilesAreLeft: a killed server's dynamic shared memory is files in /dev/shm, which go with it, also
// if pgchaos did not kill it.
func TestNoSharedFilesAreLeft(t *testing.T) {
	ctx := t.Context()
	p := testProvider(t, testBase(t), "sharedfiles")
	killed, exited := testServer(t, p, "n1"), testServer(t, p, "n2")
	filesOf := func(h *host) []string {
		members, err := h.members()
		must(t, err)
		names := sharedFiles(p.owner, members)
		if len(names) == 0 {
			t.Fatal("the server has no file of shared memory")
		}
		return names
	}
	there := func(names []string) (n int) {
		for _, name := range names {
			if _, err := os.Lstat(filepath.Join(sharedDir, name)); err == nil {
				n++
			}
		}
		return n
	}
	first, second := filesOf(killed), filesOf(exited)
	must(t, killed.Kill(ctx))
	if there(first) != 0 || there(second) != len(second) {
		t.Errorf("after a kill: %d of its files, %d of %d of another server", there(first), there(second), len(second))
	}
	must(t, start(ctx, killed))
	again := filesOf(killed)

	must(t, unix.Kill(exited.newest().pid, unix.SIGSTOP)) // it must not clean up when a child dies
	members, err := exited.members()
	must(t, err)
	for _, m := range members {
		must(t, unix.Kill(m.pid, unix.SIGKILL)) // by somebody else
	}
	<-exited.Life().Ended()
	if there(second) == 0 {
		t.Fatal("the server has cleaned up; the test shows nothing")
	}
	must(t, p.Remove(ctx))
	if there(again)+there(second) != 0 {
		t.Errorf("after the run: %d and %d files", there(again), there(second))
	}
}

// TestSharedFilesOfOthers are left alone: of another user, mapped by a process, of another name.
func TestSharedFilesOfOthers(t *testing.T) {
	name := "PostgreSQL." + strconv.Itoa(4_000_000_000+os.Getpid()%1_000_000)
	file := filepath.Join(sharedDir, name)
	must(t, os.WriteFile(file, make([]byte, 4096), 0o600))
	defer func() { _ = os.Remove(file) }()
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	must(t, err)
	memory, err := unix.Mmap(int(f.Fd()), 0, 4096, unix.PROT_READ, unix.MAP_SHARED)
	must(t, err)
	left := func(why string) {
		if _, err := os.Lstat(file); err != nil {
			t.Fatalf("%s: it was removed", why)
		}
	}
	must(t, removeSharedFiles(nil, []string{name}))
	left("mapped by a process")
	must(t, unix.Munmap(memory))
	must(t, f.Close())
	must(t, removeSharedFiles(&owner{name: "stranger", uid: 54321}, []string{name}))
	left("of another user")
	must(t, removeSharedFiles(nil, []string{"../shm/" + name, name + "x"}))
	left("under another name")
	must(t, removeSharedFiles(nil, []string{name}))
	if _, err := os.Lstat(file); err == nil {
		t.Error("one that nobody has was left")
	}
}

// TestSharedFilesThatNobodyHasMapped: a standby's statistics lie in a segment that no process of it has mapped between
// sessions, so that only the control segment tells of it.
func TestSharedFilesThatNobodyHasMapped(t *testing.T) {
	name := func(i int) string { return sharedFileOf(uint32(4_100_000_000 + 10*(os.Getpid()%1_000_000) + i)) }
	control := make([]byte, controlHeader+40*2)
	for i, word := range map[int]uint32{0: controlMagic, 4: 2, controlHeader: 0, controlHeader + 40: uint32(4_100_000_000 + 10*(os.Getpid()%1_000_000) + 1)} {
		binary.NativeEndian.PutUint32(control[i:], word)
	}
	for i, text := range [][]byte{control, make([]byte, 64), make([]byte, 64)} {
		file := filepath.Join(sharedDir, name(i))
		must(t, os.WriteFile(file, text, 0o600))
		defer func() { _ = os.Remove(file) }()
	}
	must(t, removeSharedFiles(nil, []string{name(0)}))
	for i, want := range []bool{false, false, true} {
		if _, err := os.Lstat(filepath.Join(sharedDir, name(i))); (err == nil) != want {
			t.Errorf("file %d: %v", i, err)
		}
	}
}
