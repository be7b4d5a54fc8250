package store

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/internal/attached"
	"pgchaos/internal/serverdir"
	"pgchaos/internal/skip"
)

// password is of the server's user: no message may show it.
const password = "s3cret/of:the@store"

// server is the PostgreSQL server of all tests. It ends with the test binary, also when that is killed.
type server struct {
	dir     string
	port    int
	process *exec.Cmd
	end     io.Closer
	made    atomic.Int64 // databases
	why     string       // there is none
}

// theServer starts with the first test that needs it.
var theServer = sync.OnceValue(startServer)

// started says whether there is a server to stop.
var started atomic.Bool

func startServer() *server {
	started.Store(true)
	s := &server{}
	if err := s.start(); err != nil {
		s.why = err.Error()
	}
	return s
}

func (s *server) start() error {
	bin, err := exec.LookPath("initdb")
	if err != nil {
		found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // Debian's place, which is in no PATH
		if len(found) == 0 {
			return fmt.Errorf("no initdb: %w", err)
		}
		slices.Sort(found)
		bin = found[len(found)-1]
	}
	if s.dir, err = serverdir.Make("pgchaos-store-test-"); err != nil {
		return err
	}
	attr := &syscall.SysProcAttr{Setpgid: true}
	if os.Geteuid() == 0 { // which PostgreSQL refuses
		u, err := user.Lookup("postgres")
		if err != nil {
			return err
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		if err := os.Chown(s.dir, uid, gid); err != nil {
			return err
		}
		attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	secret := filepath.Join(s.dir, "password")
	if err := os.WriteFile(secret, []byte(password), 0o644); err != nil {
		return err
	}
	initdb := exec.Command(bin, "-D", s.dir+"/data", "-A", "scram-sha-256", "-U", "postgres", "--pwfile", secret, "--no-sync", "-E", "UTF8", "--locale=C")
	initdb.SysProcAttr, initdb.Dir = attr, s.dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		return err
	}
	log := &bytes.Buffer{}
	process, end, err := attached.Server(s.dir, filepath.Join(filepath.Dir(bin), "postgres"), "-D", s.dir+"/data", "-p", strconv.Itoa(s.port),
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="+s.dir, "-c", "fsync=off", "-c", "shared_buffers=16MB",
		"-c", "dynamic_shared_memory_type=mmap") // which goes with the directory
	if err != nil {
		return err
	}
	process.SysProcAttr, process.Dir, process.Stdout, process.Stderr = attr, s.dir, log, log
	if err := process.Start(); err != nil {
		return err
	}
	s.process, s.end = process, end
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		conn, err := pgx.Connect(context.Background(), s.url("postgres"))
		if err == nil {
			return conn.Close(context.Background())
		}
		if time.Now().After(deadline) {
			s.stop()
			return fmt.Errorf("%w\n%s", err, log)
		}
	}
}

func (s *server) stop() {
	if s.process != nil {
		_ = s.end.Close()
		_ = s.process.Wait()
		s.process = nil
	}
	if s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
}

func (s *server) url(database string) string {
	return (&url.URL{Scheme: "postgres", User: url.UserPassword("postgres", password), Host: fmt.Sprintf("127.0.0.1:%d", s.port), Path: database}).String()
}

// needServer skips where there is no server, but never in CI, where that would hide that nothing was tested.
func needServer(t *testing.T) *server {
	t.Helper()
	s := theServer()
	if s.why != "" {
		skip.Test(t, "%s", s.why)
	}
	return s
}

// database makes an empty one, and returns its URL.
func (s *server) database(t *testing.T) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.url("postgres"))
	must(t, err)
	defer func() { must(t, conn.Close(t.Context())) }()
	name := fmt.Sprintf("store_%d", s.made.Add(1))
	_, err = conn.Exec(t.Context(), "create database "+name)
	must(t, err)
	return s.url(name)
}
