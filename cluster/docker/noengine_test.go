package docker

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"
)

func TestNoEngineSaysWhatToDo(t *testing.T) {
	dead := filepath.Join(t.TempDir(), "dead.sock") // of an engine that was killed
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: dead})
	must(t, err)
	l.SetUnlinkOnClose(false)
	must(t, l.Close())
	for name, host := range map[string]string{
		"no socket":                     "unix:///nosuch/docker.sock",
		"a socket without an engine":    "unix://" + dead,
		"a port without an engine":      "tcp://127.0.0.1:1",
		"a machine that has no address": "tcp://nosuch.invalid:2375",
	} {
		t.Run(name, func(t *testing.T) {
			setEngine(t, map[string]string{"DOCKER_HOST": host})
			_, err := New(t.Context(), Options{Run: "x"})
			if !errors.Is(err, ErrNoEngine) {
				t.Fatalf("got %v", err)
			}
			for _, want := range []string{"tried " + host, "which DOCKER_HOST names", "start the engine", "say where it is with DOCKER_HOST"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in: %v", want, err)
				}
			}
		})
	}
}

// TestSilentEngineSaysWhatToDo has an engine that takes connections and hangs.
func TestSilentEngineSaysWhatToDo(t *testing.T) {
	l, err := net.Listen("tcp4", loopback+":0")
	must(t, err)
	defer func() { must(t, l.Close()) }()
	setEngine(t, map[string]string{"DOCKER_HOST": "tcp://" + l.Addr().String()})
	ctx, cancel := context.WithTimeout(t.Context(), connectPatience/100)
	defer cancel()
	_, err = New(ctx, Options{Run: "x"})
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "does not answer") || !strings.Contains(err.Error(), "journalctl -u docker") {
		t.Errorf("got %v", err)
	}
}
