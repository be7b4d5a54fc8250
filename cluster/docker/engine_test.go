package docker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/cluster"
	"pgchaos/internal/skip"
)

// testImage is what scripts/postgres-image.sh builds; scripts/setup.sh has it built.
func testImage() string {
	if image := os.Getenv("PGCHAOS_TEST_IMAGE"); image != "" {
		return image
	}
	return builtHere + ":15"
}

// needEngine is for the tests that need one with the image which scripts/setup.sh has
// built. In CI a skipped test would pass for a passed one.
func needEngine(t *testing.T) {
	t.Helper()
	if testing.Short() {
		skip.Test(t, "starts containers: not with -short")
	}
	_, err := exec.CommandContext(t.Context(), "docker", "image", "inspect", testImage()).Output()
	if err != nil {
		skip.Test(t, "no engine, or no image %s (scripts/setup.sh docker sets both up): %v", testImage(), err)
	}
}

// docker asks the engine from outside, as a person would.
func docker(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("docker", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("docker %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// onEngine is all that this test has on the engine, on which others may be busy: its
// runs and whatever else it makes there have its name (testRun).
func onEngine(t *testing.T) (all []string) {
	t.Helper()
	for _, list := range [][]string{{"ps", "-a"}, {"network", "ls"}, {"volume", "ls"}} {
		out := docker(t, append(list, "--format", `{{.Label "pgchaos.run"}} {{.Name`+map[string]string{"ps": "s"}[list[0]]+`}}`)...)
		for line := range strings.Lines(out) {
			if strings.Contains(line, testRun(t, "")) {
				all = append(all, list[0]+": "+strings.TrimSpace(line))
			}
		}
	}
	slices.Sort(all)
	return all
}

// testRun names a run of a test.
func testRun(t *testing.T, name string) string {
	return fmt.Sprintf("test-%d-%s-%s", os.Getpid(), strings.ToLower(strings.NewReplacer("/", "-").Replace(t.Name())), name)
}

func testProvider(t *testing.T, o Options) *Provider {
	t.Helper()
	needEngine(t)
	before := onEngine(t)
	o.Run, o.Experiment = testRun(t, "run"), "test"
	if o.Image == "" {
		o.Image = testImage()
	}
	p, err := New(t.Context(), o)
	must(t, err)
	t.Cleanup(func() {
		if err := p.Remove(context.Background()); err != nil {
			t.Error(err)
		}
		if after := onEngine(t); !slices.Equal(before, after) {
			t.Errorf("on the engine before: %v\nafter: %v", before, after)
		}
	})
	return p
}

// newServer makes a host with a database cluster in it, not started.
func newServer(t *testing.T, p *Provider, name string) *host {
	t.Helper()
	made, err := p.Host(t.Context(), name)
	must(t, err)
	h := made.(*host)
	runOn(t, h, h.Program("initdb"), "--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--pgdata="+dataDir(h))
	runOn(t, h, "sh", "-c", "echo host all all all trust >>"+dataDir(h)+"/pg_hba.conf")
	return h
}

func runOn(t *testing.T, h *host, argv ...string) string {
	t.Helper()
	out, err := h.Run(t.Context(), cluster.Command{Argv: argv})
	must(t, err)
	return strings.TrimSpace(out.Stdout)
}

func dataDir(h *host) string { return path.Join(h.Dir(), "data") }

// start starts the server, and returns when it answers.
func start(t *testing.T, h *host) {
	t.Helper()
	must(t, h.Start(t.Context(), []string{
		h.Program("postgres"), "-D", dataDir(h), "-p", strconv.Itoa(h.Listen().Port),
		"-c", "listen_addresses=" + h.Listen().Host, "-c", "unix_socket_directories=", "-c", "shared_buffers=32MB",
	}))
	until(t, "an answer", func() bool {
		select {
		case <-h.Life().Ended():
			log, _ := h.Log(t.Context(), 0)
			t.Fatalf("the server ended: %s\n%s", exitStatus(h), log)
		default:
		}
		got, err := query(t, h, "select '1'", time.Second)
		return err == nil && got == "1"
	})
}

func testServer(t *testing.T, p *Provider, name string) *host {
	t.Helper()
	h := newServer(t, p, name)
	start(t, h)
	return h
}

// connectTo opens a session as a client on this machine does.
func connectTo(ctx context.Context, h *host) (*pgx.Conn, error) {
	return pgx.Connect(ctx, fmt.Sprintf("postgres://postgres@%s/postgres?sslmode=disable", h.client))
}

func query(t *testing.T, h *host, sql string, patience time.Duration) (got string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := connectTo(ctx, h)
	if err != nil {
		return "", err
	}
	defer func() { _ = c.Close(t.Context()) }()
	err = c.QueryRow(ctx, sql).Scan(&got)
	return got, err
}

func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !so(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited for %s", what)
		}
	}
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &n) && n.Timeout()
}

func exitStatus(h *host) string {
	status, _ := h.Life().Exit()
	return status
}
