package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pgchaos/internal/plaincluster"
	"pgchaos/record"
	"pgchaos/report"
)

// TestAForwardThatEndsIsNoServerThatEnds: n2 is reached by a forwarded port. Where that ends, its clients' sessions end and new ones are
// refused, as if the server were gone; where the server is gone, the forward goes on to accept clients. The node's machine tells.
func TestAForwardThatEndsIsNoServerThatEnds(t *testing.T) {
	m := meet(t)
	m.mark()
	closed := filepath.Join(m.Dir, "closed")
	port := relayFrom(t, "127.0.0.1", m.Ports["n2"], closed)
	dumb := filepath.Join(m.Dir, "dumb")
	must(t, os.WriteFile(dumb, []byte("#!/bin/sh\ntest \"$1\" != grep && exec \"$@\"\n"), 0o755))
	file := fmt.Sprintf(`
name: forwarded
cluster:
  provider: existing
  existing:
    nodes:
      n1: {dsn: "%[1]s"}
      n2: {dsn: "%[2]s"}
    exec: "%[3]s/way {command}"
    hooks:
      close: {do: "touch %[4]s", undo: "rm -f %[4]s", proof: down, within: 1s}
      kill: {do: "%[3]s/kill {node}", undo: "%[3]s/start {node}", proof: down}
load:
  writes: {kind: insert, clients: 2, rate: 50/s}
timeline:
  - {name: closed, on_error: continue, close: n2}
  - {name: open, exec: {node: n1, command: "rm %[4]s"}}
  - {name: healed, verify: {streaming: replicas, within: 30s}}
  - {name: killed, on_error: continue, kill: n2, for: 100ms}
  - {name: whole, verify: {streaming: replicas, within: 30s}}
`, m.DSN("n1", plaincluster.Database, ""), strings.Replace(m.DSN("n2", plaincluster.Database, ""), fmt.Sprint(m.Ports["n2"]), fmt.Sprint(port), 1), m.Dir, closed)
	must(t, os.Chmod(m.Dir, 0o777))
	for _, c := range []struct {
		way    string // by which commands run
		closed string // what is said of the forward that ends
		killed string // what is said of the server that is killed; "": it is proved
	}{
		{"/usr/bin/env", fmt.Sprintf("its server listens at 127.0.0.1:%d on its machine all the same, and only the way to it is closed", m.Ports["n2"]), ""},
		{dumb, "its machine does not tell whether the server listens", "its machine does not tell whether the server listens"},
	} {
		_ = os.Remove(filepath.Join(m.Dir, "way")) // that of the case before
		must(t, os.Symlink(c.way, filepath.Join(m.Dir, "way")))
		out := m.out + "-" + filepath.Base(c.way)
		code, stdout, stderr := m.run("run", m.write("forwarded.yaml", strings.ReplaceAll(file, "kill: {do", map[bool]string{true: "kill: {within: 1s, do", false: "kill: {do"}[c.killed != ""])), "--out", out)
		if code == exitPass || code == exitUsage {
			t.Fatalf("exit code %d\n%s\n%s", code, stdout, stderr)
		}
		r, err := report.Read(out)
		must(t, err)
		for name, why := range map[string]string{"closed": c.closed, "killed": c.killed} {
			e := eventNamed(t, r, func(e record.Event) bool { return e.Name == name })
			if done := e.Status == record.EventDone; done != (why == "") || !strings.Contains(e.Error, why) {
				t.Errorf("by %s: %s: %s, %q, want %q", c.way, name, e.Status, e.Error, why)
			}
		}
		m.unchanged()
	}

	// Without an exec nothing can tell, and that is said beforehand.
	head, _, _ := strings.Cut(file, "timeline:")
	head = strings.Replace(head, fmt.Sprintf("    exec: %q\n", m.Dir+"/way {command}"), "", 1)
	head = strings.NewReplacer("proof: down, within: 1s", `proof: down, exec: "{command}"`, "proof: down}", `proof: down, exec: "{command}"}`).Replace(head)
	code, stdout, stderr := m.run("doctor", m.write("without.yaml", head+"duration: 5s\n"))
	const says = "unknown  n2: it cannot be shown that its server has ended, which is the proof of close, kill: its sessions go through a forwarded port, a proxy or " +
		"address translation (they begin at "
	if code != exitInconclusive || !strings.Contains(stdout, says) || strings.Contains(stdout, "n1: it cannot be shown") {
		t.Errorf("doctor without an exec: exit code %d\n%s\n%s", code, stdout, stderr)
	}
}

// relayFrom is a port of this machine behind which a server is that sees its clients come from an address. While a file is there, the port
// refuses all clients.
func relayFrom(t *testing.T, address string, port int, closed string) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	r := &relay{at: l.Addr().String(), listener: l, open: map[net.Conn]bool{},
		dialer: net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}, to: fmt.Sprintf("127.0.0.1:%d", port)}
	go r.serve(l)
	ended := make(chan struct{})
	var watcher sync.WaitGroup
	watcher.Go(func() {
		for {
			_, err := os.Stat(closed)
			r.set(t, err != nil)
			select {
			case <-ended:
				r.set(t, false)
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	})
	t.Cleanup(func() {
		close(ended)
		watcher.Wait()
	})
	return l.Addr().(*net.TCPAddr).Port
}

type relay struct {
	at, to string
	dialer net.Dialer

	mu       sync.Mutex
	listener net.Listener // nil: the port is closed
	open     map[net.Conn]bool
}

// set opens or closes the port.
func (r *relay) set(t *testing.T, open bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case open && r.listener == nil:
		l, err := net.Listen("tcp", r.at)
		if err != nil {
			t.Error(err)
			return
		}
		r.listener = l
		go r.serve(l)
	case !open && r.listener != nil:
		_ = r.listener.Close() // it was open
		r.listener = nil
		for conn := range r.open {
			_ = conn.Close() // it may have ended
		}
		clear(r.open)
	}
}

func (r *relay) serve(l net.Listener) {
	for {
		client, err := l.Accept()
		if err != nil {
			return
		}
		server, err := r.dialer.Dial("tcp", r.to)
		if err != nil {
			_ = client.Close() // as a forward does whose server is gone
			continue
		}
		r.mu.Lock()
		r.open[client], r.open[server] = true, true
		if r.listener != l {
			_, _ = client.Close(), server.Close()
		}
		r.mu.Unlock()
		pass := func(to, from net.Conn) {
			_, _ = io.Copy(to, from) // until one of them ends
			_, _ = to.Close(), from.Close()
		}
		go pass(server, client)
		go pass(client, server)
	}
}
