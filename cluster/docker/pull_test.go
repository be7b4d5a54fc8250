package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgchaos/internal/longtest"
)

// tool finds a program that scripts/setup.sh docker brings for the tests.
func tool(t *testing.T, name string) string {
	t.Helper()
	if file, err := exec.LookPath(name); err == nil {
		return file
	}
	file, err := filepath.Abs("../../.tools/" + name)
	must(t, err)
	if _, err := os.Stat(file); err != nil {
		t.Fatalf("%s is neither in the PATH nor in .tools; scripts/setup.sh docker brings it", name)
	}
	return file
}

// testRegistry starts a registry, and returns its address.
func testRegistry(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp4", loopback+":0")
	must(t, err)
	address := l.Addr().String()
	must(t, l.Close())
	dir := t.TempDir()
	config := filepath.Join(dir, "config.yml")
	must(t, os.WriteFile(config, fmt.Appendf(nil,
		"version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: %s}\n", dir, address), 0o600))
	cmd := exec.Command(tool(t, "docker-registry"), "serve", config)
	must(t, cmd.Start())
	t.Cleanup(func() {
		must(t, cmd.Process.Kill())
		_ = cmd.Wait() // it was killed
	})
	until(t, "the registry", func() bool {
		answer, err := http.Get("http://" + address + "/v2/")
		return err == nil && answer.Body.Close() == nil && answer.StatusCode == http.StatusOK
	})
	return address
}

// slowly is a registry's address under which it sends layers slowly: 2 MB a second each.
func slowly(t *testing.T, registry string) string {
	t.Helper()
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: registry})
	proxy.ModifyResponse = func(r *http.Response) error {
		if strings.Contains(r.Request.URL.Path, "/blobs/") {
			r.Body = slowBody{r.Body}
		}
		return nil
	}
	proxy.FlushInterval = -1
	proxy.ErrorLog = log.New(io.Discard, "", 0) // of pulls that are given up
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

type slowBody struct{ io.ReadCloser }

func (b slowBody) Read(p []byte) (int, error) {
	time.Sleep(10 * time.Millisecond)
	return b.ReadCloser.Read(p[:min(len(p), 20_000)])
}

// pushImage leaves an image with two new layers of 2 MB in a registry, as pg:15,
// and on the engine neither the image nor these layers.
func pushImage(t *testing.T, registry string) {
	t.Helper()
	name, made := registry+"/pg:15", "pgchaos-"+testRun(t, "push")
	from := busyboxImage(t)
	for range 2 {
		docker(t, "run", "--name", made, "--network", "none", "--entrypoint", "/bin/sh", from, "-c", "head -c 2000000 /dev/urandom >>/noise")
		docker(t, "commit", made, name)
		docker(t, "rm", "-v", made)
		from = name
	}
	docker(t, "push", name)
	docker(t, "rmi", name)
}

// dropImage removes an image that a test has pulled.
func dropImage(t *testing.T, name string) {
	t.Cleanup(func() { docker(t, "rmi", name) })
}

func TestPull(t *testing.T) {
	longtest.Only(t)
	t.Parallel()
	needEngine(t)
	registry := testRegistry(t)
	pushImage(t, registry)
	name := slowly(t, registry) + "/pg:15"
	t.Run("given up", func(t *testing.T) { testPullGivenUp(t, name) })
	t.Run("to its end", func(t *testing.T) { testWholePull(t, name) })
}

func testWholePull(t *testing.T, name string) {
	type progress struct{ done, total int64 }
	var reports []progress
	p := testProvider(t, Options{Image: name, Pulling: func(image string, done, total int64) {
		if image != name {
			t.Errorf("told of %s", image)
		}
		reports = append(reports, progress{done, total})
	}})
	dropImage(t, name)
	if p.Image() != name || p.Programs() != "/usr/local/bin" {
		t.Errorf("image %s, programs in %s", p.Image(), p.Programs())
	}
	if len(reports) < 5 {
		t.Fatalf("told %v only", reports)
	}
	last := reports[len(reports)-1]
	if last.done != last.total || last.total < 4_000_000 {
		t.Errorf("it ended with %v", last)
	}
	for i, now := range reports[:len(reports)-1] {
		if now.done >= now.total || i > 0 && now.done < reports[i-1].done {
			t.Errorf("told %v after %v", now, reports[max(0, i-1)])
		}
	}
	reports = nil
	again, err := New(t.Context(), Options{Run: testRun(t, "again"), Image: name, Pulling: p.options.Pulling})
	must(t, err)
	must(t, again.Remove(t.Context()))
	if len(reports) > 0 {
		t.Errorf("pulled again what is there: %v", reports)
	}
}

func testPullGivenUp(t *testing.T, name string) {
	before := onEngine(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var at time.Time
	_, err := New(ctx, Options{Run: testRun(t, "run"), Image: name, Pulling: func(string, int64, int64) {
		if at.IsZero() {
			at = time.Now()
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "docker load") || time.Since(at) > time.Minute {
		t.Errorf("%v after it was given up: %v", time.Since(at), err)
	}
	if got := docker(t, "images", "-q", name); got != "" {
		t.Errorf("pulled all the same: %s", got)
	}
	if after := onEngine(t); !slices.Equal(before, after) {
		t.Errorf("on the engine before: %v\nafter: %v", before, after)
	}
}

func TestRefusedPullsSayWhatToDo(t *testing.T) {
	needEngine(t)
	private := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer private.Close()
	for name, image := range map[string]string{
		"nobody listens":                loopback + ":1/pg:15",
		"the registry does not have it": testRegistry(t) + "/nosuch:15",
		"the registry asks who we are":  private.Listener.Addr().String() + "/pg:15",
	} {
		t.Run(name, func(t *testing.T) {
			before := onEngine(t)
			_, err := New(t.Context(), Options{Run: testRun(t, "run"), Image: image})
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range []string{image, "cannot be pulled", "scripts/postgres-image.sh", "docker load", "docker pull"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in: %v", want, err)
				}
			}
			if after := onEngine(t); !slices.Equal(before, after) {
				t.Errorf("on the engine before: %v\nafter: %v", before, after)
			}
		})
	}
}
