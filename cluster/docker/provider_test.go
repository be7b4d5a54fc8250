package docker

import (
	"archive/tar"
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func testArchive(t *testing.T, entries ...tar.Header) *bytes.Buffer {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		content := ""
		if e.Typeflag == tar.TypeReg {
			content = "content of " + e.Name
			e.Size = int64(len(content))
		}
		must(t, w.WriteHeader(&e))
		_, err := w.Write([]byte(content))
		must(t, err)
	}
	must(t, w.Close())
	return &b
}

func TestPutAndGet(t *testing.T) {
	t.Parallel()
	p := testProvider(t, Options{})
	made, err := p.Host(t.Context(), "n1")
	must(t, err)
	second, err := p.Host(t.Context(), "n2")
	must(t, err)
	h, other := made.(*host), second.(*host)
	runOn(t, h, "mkdir", h.Dir()+"/from")
	must(t, h.Put(t.Context(), h.Dir()+"/from", testArchive(t,
		tar.Header{Typeflag: tar.TypeDir, Name: "./", Mode: 0o755},
		tar.Header{Typeflag: tar.TypeDir, Name: "sub/", Mode: 0o750, Uid: 4711},
		tar.Header{Typeflag: tar.TypeReg, Name: "sub/file", Mode: 0o640, Uid: 4711, Gid: 4711},
		tar.Header{Typeflag: tar.TypeSymlink, Name: "link", Linkname: "sub/file"},
	)))
	const look = `cd "$0" && find . | sort && stat -c '%n %a %U %G' sub sub/file && cat link`
	want := ".\n./link\n./sub\n./sub/file\nsub 750 postgres postgres\nsub/file 640 postgres postgres\ncontent of sub/file"
	if got := runOn(t, h, "sh", "-c", look, h.Dir()+"/from"); got != want {
		t.Errorf("unpacked: %s", got)
	}
	// What is packed on one node is unpacked on another, as a backup is.
	archive, err := h.Get(t.Context(), h.Dir()+"/from")
	must(t, err)
	runOn(t, other, "mkdir", other.Dir()+"/to")
	must(t, other.Put(t.Context(), other.Dir()+"/to", archive))
	must(t, archive.Close())
	if got := runOn(t, other, "sh", "-c", look, other.Dir()+"/to"); got != want {
		t.Errorf("copied: %s", got)
	}
	// A file is replaced, also while the archive is put into the node's own directory.
	must(t, h.Put(t.Context(), h.Dir(), testArchive(t, tar.Header{Typeflag: tar.TypeReg, Name: "f", Mode: 0o600})))
	must(t, h.Put(t.Context(), h.Dir(), testArchive(t, tar.Header{Typeflag: tar.TypeReg, Name: "f", Mode: 0o644})))
	if got := runOn(t, h, "stat", "-c", "%a", h.Dir()+"/f"); got != "644" {
		t.Errorf("the mode is %s", got)
	}
	if got := runOn(t, h, "stat", "-c", "%a %U", h.Dir()); got != "700 postgres" {
		t.Errorf("the node's directory is %s", got)
	}
	for name, bad := range map[string]struct {
		dir   string
		entry tar.Header
	}{
		"a name that leads out": {h.Dir(), tar.Header{Typeflag: tar.TypeReg, Name: "../evil"}},
		"an absolute name":      {h.Dir(), tar.Header{Typeflag: tar.TypeReg, Name: "/evil"}},
		"a link that leads out": {h.Dir(), tar.Header{Typeflag: tar.TypeSymlink, Name: "l", Linkname: "../.."}},
		"a device":              {h.Dir(), tar.Header{Typeflag: tar.TypeChar, Name: "d"}},
		"a directory elsewhere": {"/tmp", tar.Header{Typeflag: tar.TypeReg, Name: "x"}},
		"a missing directory":   {h.Dir() + "/no", tar.Header{Typeflag: tar.TypeReg, Name: "x"}},
	} {
		if err := h.Put(t.Context(), bad.dir, testArchive(t, bad.entry)); err == nil {
			t.Errorf("%s was unpacked", name)
		}
	}
	if _, err := h.Get(t.Context(), path.Dir(h.Dir())); err == nil {
		t.Error("a directory beside the node's was packed")
	}
	if r, err := h.Get(t.Context(), h.Dir()+"/no"); err == nil {
		_, err = io.ReadAll(r)
		t.Errorf("a missing directory was packed, %v", err)
	}
}

// TestOnlyTheRunIsRemoved leaves a stranger alone whose names begin like the run's.
func TestOnlyTheRunIsRemoved(t *testing.T) {
	t.Parallel()
	needEngine(t)
	strange := "pgchaos-" + testRun(t, "run") + "-n1-foreign"
	docker(t, "volume", "create", strange)
	docker(t, "network", "create", strange)
	docker(t, "create", "--name", strange, "--label", labelRun+"="+testRun(t, "run")+"x", "--label", "other=1", testImage(), "true")
	defer func() {
		docker(t, "rm", "-v", strange)
		docker(t, "volume", "rm", strange)
		docker(t, "network", "rm", strange)
	}()
	before := onEngine(t)
	p, err := New(t.Context(), Options{Run: testRun(t, "run"), Image: testImage()})
	must(t, err)
	_, err = p.Host(t.Context(), "kept") // a node's name takes nothing from the run's own
	must(t, err)
	if slices.Equal(before, onEngine(t)) {
		t.Error("nothing was made: this test proves nothing")
	}
	if err := Clean(t.Context(), p.options.Run); err == nil {
		t.Error("a live run was cleaned")
	}
	must(t, p.Keep())
	f, err := p.engine.find(t.Context(), p.options.Run)
	must(t, err)
	if runs := f.runs(self()); len(runs) != 1 || !runs[0].Kept {
		t.Errorf("%+v", runs)
	}
	for range 2 {
		must(t, p.Remove(t.Context()))
	}
	if after := onEngine(t); !slices.Equal(before, after) {
		t.Errorf("before: %v\nafter: %v", before, after)
	}
	if _, err := p.Host(t.Context(), "n2"); err == nil {
		t.Error("a removed run made another node")
	}
}

func TestExactNamesTouchNobody(t *testing.T) {
	t.Parallel()
	node := testRun(t, "node")
	// The engine chooses none of these addresses by itself, as it would for other networks at the same time.
	p := testProvider(t, Options{ExactNames: true, Network: "net-" + node, Subnet: "10.254.240.0/24"})
	id := docker(t, "create", "--name", node, testImage(), "true")
	_, err := p.Host(t.Context(), node)
	if err == nil || !strings.Contains(err.Error(), node+": one of this name exists already") {
		t.Errorf("got %v", err)
	}
	if got := docker(t, "inspect", "-f", "{{.Id}}", node); got != id {
		t.Errorf("the stranger became %s", got)
	}
	docker(t, "rm", "-v", node)
	h, err := p.Host(t.Context(), node+"b")
	must(t, err)
	if got := docker(t, "inspect", "-f", "{{.Name}}", node+"b"); got != "/"+h.Name() {
		t.Errorf("the container is %s", got)
	}
	if got := docker(t, "network", "inspect", "-f", "{{(index .IPAM.Config 0).Subnet}}", "net-"+node); got != "10.254.240.0/24" {
		t.Errorf("the network is %s", got)
	}
	_, err = New(t.Context(), Options{Run: testRun(t, "other"), Image: testImage(), Network: "net-" + node})
	if err == nil || !strings.Contains(err.Error(), "there is one of this name already") {
		t.Errorf("a second network of one name: %v", err)
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	needEngine(t)
	before := onEngine(t)
	bare := testRun(t, "bare")
	docker(t, "run", "--name", bare, "--network", "none", "--entrypoint", "sh", testImage(), "-c", `rm -f "$(command -v postgres)"`)
	docker(t, "commit", bare, bare)
	docker(t, "rm", "-v", bare)
	defer docker(t, "rmi", bare)
	empty := testRun(t, "empty")
	load := exec.Command("docker", "import", "-", empty)
	load.Stdin = testArchive(t, tar.Header{Typeflag: tar.TypeReg, Name: "file", Mode: 0o644})
	must(t, load.Run())
	defer docker(t, "rmi", empty)
	l, err := net.Listen("tcp4", loopback+":0")
	must(t, err)
	defer func() { _ = l.Close() }()
	taken := l.Addr().(*net.TCPAddr).Port
	for _, tc := range []struct {
		name string
		o    Options
		says []string
	}{
		{"an image without PostgreSQL", Options{Image: bare}, []string{"it has no PostgreSQL server", "such as postgres:17"}},
		{"an image without a shell", Options{Image: empty}, []string{empty, "it has no shell", "such as postgres:17"}},
		{"another version", Options{Image: testImage(), Major: 99}, []string{"wants 99"}},
		{"an image that nobody has", Options{Image: "127.0.0.1:1/nosuch:1"}, []string{"cannot be pulled", "scripts/postgres-image.sh", "docker load"}},
		{"addresses that are taken", Options{Image: testImage(), Subnet: docker(t, "network", "inspect", "-f", "{{(index .IPAM.Config 0).Subnet}}", "bridge")},
			[]string{"cluster.docker.subnet"}},
		{"a port that is taken", Options{Image: testImage(), Ports: map[string]int{"n1": taken}}, []string{strconv.Itoa(taken), "cluster.docker.ports"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.o.Run = testRun(t, "run")
			tc.o.Run = strings.ReplaceAll(tc.o.Run, "#", "-")
			p, err := New(t.Context(), tc.o)
			if err == nil {
				_, err = p.Host(t.Context(), "n1")
				must(t, p.Remove(t.Context()))
			}
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range tc.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in: %v", want, err)
				}
			}
		})
	}
	if after := onEngine(t); !slices.Equal(before, after) {
		t.Errorf("before: %v\nafter: %v", before, after)
	}
}

func TestEndpoint(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("DOCKER_CONFIG", dir)
	t.Setenv("DOCKER_HOST", "")
	t.Setenv("DOCKER_CONTEXT", "")
	source := func() string {
		_, source, err := endpoint()
		if err != nil {
			return err.Error()
		}
		return source
	}
	if got := source(); got != "the default" {
		t.Errorf("without anything: %s", got)
	}
	write := func(name, text string) {
		file := filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(file), 0o755))
		must(t, os.WriteFile(file, []byte(text), 0o600))
	}
	write("config.json", `{"currentContext": "lab"}`)
	if got := source(); !strings.Contains(got, `docker context "lab"`) || !strings.Contains(got, "config.json") {
		t.Errorf("a context that is not there: %s", got)
	}
	write("contexts/meta/"+contextID("lab")+"/meta.json", `{"Name": "lab", "Endpoints": {"docker": {"Host": "unix:///lab.sock"}}}`)
	if got := source(); got != "docker context lab" {
		t.Errorf("a context: %s", got)
	}
	e, err := connect(t.Context())
	if err == nil || !strings.Contains(err.Error(), "unix:///lab.sock") {
		t.Errorf("the context's engine: %v, %v", e, err)
	}
	t.Setenv("DOCKER_CONTEXT", "default")
	if got := source(); got != "the default" {
		t.Errorf("DOCKER_CONTEXT=default: %s", got)
	}
	t.Setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
	if got := source(); got != "DOCKER_HOST" {
		t.Errorf("DOCKER_HOST: %s", got)
	}
	t.Setenv("DOCKER_HOST", "")
	t.Setenv("DOCKER_CONTEXT", "far")
	write("contexts/meta/"+contextID("far")+"/meta.json", `{"Name": "far", "Endpoints": {"docker": {"Host": "ssh://far"}}}`)
	if got := source(); !strings.Contains(got, "ssh -L") {
		t.Errorf("a context by ssh: %s", got)
	}
}

func TestLifeOfARun(t *testing.T) {
	us := self()
	labels := func(host, process string) map[string]string {
		return map[string]string{labelHost: host, labelProcess: process}
	}
	for name, tc := range map[string]struct {
		labels map[string]string
		want   life
	}{
		"we are alive":                        {labels(us.host, us.process), lifeAlive},
		"a number that somebody else has":     {labels(us.host, strconv.Itoa(os.Getpid())+":1"), lifeGone},
		"a process that is gone":              {labels(us.host, "999999999:1"), lifeGone},
		"this machine before it was rebooted": {labels(strings.Split(us.host, "/")[0]+"/other-boot", us.process), lifeGone},
		"another machine":                     {labels("elsewhere/x", us.process), lifeUnknown},
		"nothing is told":                     {nil, lifeUnknown},
	} {
		if got := lifeOf(tc.labels, us); got != tc.want {
			t.Errorf("%s: %d, want %d", name, got, tc.want)
		}
	}
}

// TestAProcessThatNobodyWaitsForIsGone: where process 1 of a container reaps nothing, a killed pgchaos stays a zombie.
func TestAProcessThatNobodyWaitsForIsGone(t *testing.T) {
	us := self()
	cmd := exec.Command("cat")
	in, err := cmd.StdinPipe()
	must(t, err)
	must(t, cmd.Start())
	process := identify(cmd.Process.Pid)
	labels := map[string]string{labelHost: us.host, labelProcess: process}
	if got := lifeOf(labels, us); got != lifeAlive {
		t.Errorf("%s runs: %d", process, got)
	}
	must(t, in.Close())
	for until := time.Now().Add(time.Minute); lifeOf(labels, us) != lifeGone; time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("%s has ended: %d", process, lifeOf(labels, us))
		}
	}
	must(t, cmd.Wait())
}

func TestStrangerOnTheNetworkIsNamed(t *testing.T) {
	t.Parallel()
	p := testProvider(t, Options{})
	stranger := testRun(t, "stranger")
	docker(t, "run", "-d", "--name", stranger, "--network", p.netName, testImage(), "sleep", "60")
	if err := p.Remove(t.Context()); err == nil || !strings.Contains(err.Error(), "not this run's: "+stranger) {
		t.Errorf("with a stranger on the network: %v", err)
	}
	docker(t, "rm", "-f", stranger)
	must(t, p.Remove(t.Context()))
}
