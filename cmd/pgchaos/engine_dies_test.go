package main

import (
	"bytes"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"pgchaos/internal/longtest"
	"pgchaos/internal/skip"
	"pgchaos/verdict"
)

// engine passes everything on to the real one until it dies.
type engine struct {
	listener net.Listener
	mu       sync.Mutex
	open     []net.Conn
	dead     bool
}

func startEngine(t *testing.T, socket string) *engine {
	t.Helper()
	l, err := net.Listen("unix", socket)
	must(t, err)
	e := &engine{listener: l}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			e.pass(conn)
		}
	}()
	t.Cleanup(e.die)
	return e
}

func (e *engine) pass(conn net.Conn) {
	behind, err := net.Dial("unix", "/var/run/docker.sock")
	e.mu.Lock()
	defer e.mu.Unlock()
	if err != nil || e.dead {
		_ = conn.Close() // which the client sees
		return
	}
	e.open = append(e.open, conn, behind)
	for _, pair := range [][2]net.Conn{{conn, behind}, {behind, conn}} {
		go func() {
			_, _ = io.Copy(pair[1], pair[0]) // it ends when either does
			if half, ok := pair[1].(*net.UnixConn); ok {
				_ = half.CloseWrite()
			}
		}()
	}
}

// die breaks every connection, and takes no more.
func (e *engine) die() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.dead {
		return
	}
	e.dead = true
	_ = e.listener.Close()
	for _, conn := range e.open {
		_ = conn.Close()
	}
}

// TestAnEngineThatDiesIsAFailureOnDocker: whenever it dies, the run says so, its exit code
// is not that of a pass, and what it knows is in its result.
func TestAnEngineThatDiesIsAFailureOnDocker(t *testing.T) {
	longtest.Only(t)
	p := newDockerPlace(t)
	if host := os.Getenv("DOCKER_HOST"); host != "" {
		skip.Test(t, "the engine is at %s, and not at its usual socket", host)
	}
	if longtest.Enabled {
		p.engineDies("while the cluster is built", func() bool { return len(p.onEngine()) > 2 })
	}
	p.engineDies("under load", p.loading)
}

func (p *dockerPlace) engineDies(when string, at func() bool) {
	p.t.Helper()
	must(p.t, os.RemoveAll(p.out))
	socket := filepath.Join(filepath.Dir(p.base), "docker.sock")
	dying := startEngine(p.t, socket)
	cmd := p.command(p.onDocker("quorum-kill")...)
	cmd.Env = append(cmd.Env, "DOCKER_HOST=unix://"+socket)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	must(p.t, cmd.Start())
	p.await(when, at)
	runsWithoutPgchaos.Lock()
	defer runsWithoutPgchaos.Unlock()
	dying.die()
	_ = cmd.Wait() // the exit code says it
	r := p.result()
	if code := cmd.ProcessState.ExitCode(); code != exitLeftBehind || r.Verdict == verdict.Pass || len(r.Errors) == 0 || stderr.Len() == 0 {
		p.t.Errorf("%s: exit code %d, verdict %s, errors %v\n%s", when, code, r.Verdict, r.Errors, stderr.String())
	}
	if code, out, errs := p.run("clean", r.Run, "--provider", "docker"); code != 0 {
		p.t.Errorf("%s: clean: exit %d, %s%s", when, code, out, errs)
	}
	p.nothingOnEngine()
}
