package local

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
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

// TestSegmentsOfOthers are left alone, and so is what cannot be read.
func TestSegmentsOfOthers(t *testing.T) {
	id, err := unix.SysvShmGet(unix.IPC_PRIVATE, 56, unix.IPC_CREAT|0o600)
	must(t, err)
	defer func() {
		_, err := unix.SysvShmCtl(id, unix.IPC_RMID, nil)
		must(t, err)
	}()
	file := func(line string) string { return "1\n/data\n2\n5432\n/tmp\nlocalhost\n" + line + "\nready\n" }
	for name, text := range map[string]string{
		"another key": file("12345 " + strconv.Itoa(id)), "too short": "1\n/data\n", "no number": file("x y"), "one word": file("12345"),
		"no segment": file("12345 " + strconv.Itoa(1<<30)),
	} {
		dir := t.TempDir()
		pid := filepath.Join(dir, "postmaster.pid")
		must(t, os.WriteFile(pid, []byte(text), 0o600))
		if err := removeSegments(pid, filepath.Join(dir, "none")); (err != nil) != (name == "no number") {
			t.Errorf("%s: %v", name, err)
		}
		if !segmentIsThere(id) {
			t.Fatalf("%s: it removed somebody's segment", name)
		}
	}
}
