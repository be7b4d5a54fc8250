package attached

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// This test binary is also what the tests start: starts is the directory of one that starts a server and waits to be
// killed, and serves that of the server.
const (
	starts = "PGCHAOS_TEST_ATTACHED_STARTS"
	serves = "PGCHAOS_TEST_ATTACHED_SERVES"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(serves); dir != "" {
		os.Exit(serve(dir))
	}
	if dir := os.Getenv(starts); dir != "" {
		cmd, _, err := startServer(dir)
		if err == nil {
			err = cmd.Wait()
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// serve writes the process id into a file, and then does nothing. SIGQUIT ends it, as every Go program.
func serve(dir string) (code int) {
	file := filepath.Join(dir, "pid")
	if err := errors.Join(os.WriteFile(file+".new", []byte(strconv.Itoa(os.Getpid())), 0o600), os.Rename(file+".new", file)); err != nil {
		return 1
	}
	time.Sleep(10 * time.Minute)
	return 0
}

func startServer(dir string) (cmd *exec.Cmd, end func() error, err error) {
	cmd, closer, err := Server(dir, os.Args[0])
	if err != nil {
		return nil, nil, err
	}
	cmd.Env = append(os.Environ(), serves+"="+dir)
	return cmd, closer.Close, cmd.Start()
}

// pid waits for the process id of the server.
func pid(t *testing.T, dir string) (id int) {
	t.Helper()
	until(t, "the server's process id", func() bool {
		text, err := os.ReadFile(filepath.Join(dir, "pid"))
		id, _ = strconv.Atoi(string(text))
		return err == nil
	})
	return id
}

func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited a minute for %s", what)
		}
	}
}

// gone waits until neither the server nor its directory is there.
func gone(t *testing.T, server int, dir string) {
	t.Helper()
	until(t, "the end of the server", func() bool { return errors.Is(syscall.Kill(server, 0), syscall.ESRCH) })
	until(t, "the removal of its directory", func() bool {
		_, err := os.Stat(dir)
		return errors.Is(err, fs.ErrNotExist)
	})
}

func TestServerEndsWithTheTestBinary(t *testing.T) {
	dir := t.TempDir()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), starts+"="+dir)
	child.Stderr = os.Stderr
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	server := pid(t, dir)
	if err := errors.Join(syscall.Kill(server, 0), child.Process.Kill()); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // it was killed
	gone(t, server, dir)
}

func TestServerEndsWhenItsTestWantsIt(t *testing.T) {
	dir := t.TempDir()
	cmd, end, err := startServer(dir)
	if err != nil {
		t.Fatal(err)
	}
	server := pid(t, dir)
	if err := end(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	gone(t, server, dir)
}
