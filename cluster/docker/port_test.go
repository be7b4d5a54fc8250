package docker

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"pgchaos/internal/longtest"
)

// occupy listens on a port of its own until the test ends.
func occupy(t *testing.T) (port int) {
	t.Helper()
	l, err := net.Listen("tcp4", loopback+":0")
	must(t, err)
	t.Cleanup(func() { must(t, l.Close()) })
	return l.Addr().(*net.TCPAddr).Port
}

func TestDrawPortPassesOverWhatIsTaken(t *testing.T) {
	taken, promised := occupy(t), 20_001
	free := func() int { // for a moment it was ours
		l, err := net.Listen("tcp4", loopback+":0")
		must(t, err)
		defer func() { must(t, l.Close()) }()
		return l.Addr().(*net.TCPAddr).Port
	}()
	drawn := []int{promised, taken, promised, free, taken}
	draw := func() (port int) {
		port, drawn = drawn[0], drawn[1:]
		return port
	}
	port, held, err := drawPort(draw, map[int]bool{promised: true}, reserve)
	must(t, err)
	defer held.release()
	if port != free {
		t.Errorf("chose %d; %d is free", port, free)
	}
	if port, _, err := drawPort(func() int { return taken }, nil, reserve); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("all are taken, and it chose %d, %v", port, err)
	}
	broken := func(int) (*reservation, error) { return nil, fs.ErrInvalid }
	if port, _, err := drawPort(func() int { return free }, nil, broken); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("nothing can be reserved, and it chose %d, %v", port, err)
	}
}

// TestPortIsKeptUntilTheStart has somebody else try to take a node's port after it
// was chosen.
func TestPortIsKeptUntilTheStart(t *testing.T) {
	longtest.Only(t)
	t.Parallel()
	asked := occupy(t)
	p := testProvider(t, Options{Ports: map[string]int{"asked": asked}})
	if _, err := p.Host(t.Context(), "asked"); err == nil || !strings.Contains(err.Error(), strconv.Itoa(asked)) || !strings.Contains(err.Error(), "cluster.docker.ports") {
		t.Errorf("somebody else's port: %v", err)
	}
	h := newServer(t, p, "n1")
	if err := tryPort(h.client.Port); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("somebody else could listen on the node's port: %v", err)
	}
	if c, err := net.Dial("tcp4", h.client.String()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("before its start, clients get %v, %v", c, err)
	}
	start(t, h)
	// The error names a program that took the port while the node was down.
	must(t, h.Kill(t.Context()))
	l, err := net.Listen("tcp4", h.client.String())
	must(t, err)
	err = h.Start(t.Context(), []string{"true"})
	if err == nil || !strings.Contains(err.Error(), strconv.Itoa(h.client.Port)) || !strings.Contains(err.Error(), "somebody else listens on that port") {
		t.Errorf("started on somebody else's port: %v", err)
	}
	must(t, l.Close())
	start(t, h)
	other := newServer(t, p, "n2")
	must(t, p.Remove(t.Context()))
	must(t, tryPort(other.client.Port)) // it is nobody's now
}

// TestFullDiskSaysWhatToDo gives a node a volume of 1 MB.
func TestFullDiskSaysWhatToDo(t *testing.T) {
	t.Parallel()
	p := testProvider(t, Options{})
	create := []string{"volume", "create", "-o", "type=tmpfs", "-o", "device=tmpfs", "-o", "o=size=1m", p.prefix() + "n1"}
	for key, value := range p.labels("n1", partData) {
		create = append(create, "--label", key+"="+value)
	}
	docker(t, create...)
	made, err := p.Host(t.Context(), "n1")
	must(t, err)
	h := made.(*host)
	large := func() io.Reader {
		var archive bytes.Buffer
		w := tar.NewWriter(&archive)
		must(t, w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "large", Mode: 0o600, Size: 4 << 20}))
		_, err = w.Write(make([]byte, 4<<20))
		must(t, err)
		must(t, w.Close())
		return &archive
	}
	docker(t, "volume", "create", "--label", labelRun+"="+p.options.Run, p.prefix()+"n2")
	if _, err := p.Host(t.Context(), "n2"); err == nil || !strings.Contains(err.Error(), "there is one of this name already") {
		t.Errorf("on somebody's volume: %v", err)
	}
	err = h.Put(t.Context(), h.Dir(), large())
	if err == nil || !strings.Contains(err.Error(), "the engine's disk is full") || !strings.Contains(err.Error(), "docker system df") {
		t.Errorf("4 MB on a volume of 1: %v", err)
	}
	p.options.Disk = 1 << 20 // as if the run had given it that volume
	err = h.Put(t.Context(), h.Dir(), large())
	if err == nil || !strings.Contains(err.Error(), "own file system, of 1MB, is full") || strings.Contains(err.Error(), "docker system df") {
		t.Errorf("4 MB on the node's own volume of 1: %v", err)
	}
}
