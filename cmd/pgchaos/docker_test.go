package main

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"pgchaos/internal/longtest"
	"pgchaos/internal/skip"
	"pgchaos/record"
	"pgchaos/report"
	"pgchaos/verdict"
)

// The tests in this file run the built binary on a real Docker engine, and look at
// it with the docker command.

const dockerImage = "pgchaos/postgres:15"

// What tests that run at once share on the engine.
var (
	// walkthroughNames are the walkthrough's names, ports and addresses, for one test at a time.
	walkthroughNames sync.Mutex
	// runsWithoutPgchaos are runs whose pgchaos has ended, and which their test will clean. A clean that
	// names no run removes those of every test: it holds this lock too.
	runsWithoutPgchaos sync.Mutex
)

// dockerPlace is a place on a machine with an engine, on which others may be busy:
// what the test's runs make there has the test's own name in it.
type dockerPlace struct {
	*place
	experiment string
}

// newDockerPlace needs an engine with the image that scripts/setup.sh has built. In CI
// a skipped test would pass for a passed one.
func newDockerPlace(t *testing.T) *dockerPlace {
	t.Helper()
	t.Parallel() // most of such a test is waiting
	if testing.Short() {
		skip.Test(t, "runs a real cluster for many seconds: not with -short")
	}
	name := strings.NewReplacer("OnDocker", "", "/", "-").Replace(t.Name()[4:])
	p := &dockerPlace{place: makePlace(t), experiment: fmt.Sprintf("t%d-%s", os.Getpid(), strings.ToLower(name))}
	out, err := exec.CommandContext(t.Context(), "docker", "image", "inspect", dockerImage).CombinedOutput()
	if err != nil {
		missing(t, "a Docker engine with the image "+dockerImage, fmt.Errorf("%w: %s", err, out))
	}
	return p
}

// onDocker are the arguments that run an experiment on the engine.
func (p *dockerPlace) onDocker(file string, more ...string) []string {
	return append([]string{"run", file, "--out", p.out, "--provider", "docker",
		"--set", "name=" + p.experiment, "--set", "cluster.docker.image=" + dockerImage}, more...)
}

// dockerCLI asks the engine from outside.
func dockerCLI(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("docker", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("docker %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// onEngine lists everything on the engine that this test's runs have made.
func (p *dockerPlace) onEngine() (all []string) {
	p.t.Helper()
	for what, name := range map[string]string{"ps -a": "Names", "network ls": "Name", "volume ls": "Name"} {
		list := dockerCLI(p.t, append(strings.Fields(what), "--format", `{{.Label "pgchaos.run"}} {{.`+name+`}}`)...)
		for line := range strings.Lines(list) {
			if strings.Contains(line, p.experiment+"-") {
				all = append(all, what+": "+strings.TrimSpace(line))
			}
		}
	}
	slices.Sort(all)
	return all
}

// nothingOnEngine fails the test if anything of its runs is still on the engine.
func (p *dockerPlace) nothingOnEngine() {
	p.t.Helper()
	if left := p.onEngine(); len(left) > 0 {
		p.t.Errorf("left on the engine: %v", left)
	}
}

func TestQuorumKillOnDocker(t *testing.T) {
	p := newDockerPlace(t)
	code, stdout, stderr := p.run(p.onDocker("quorum-kill", append([]string{"--keep", "--set", certain}, sooner["quorum-kill"]...)...)...)
	if code != exitPass {
		t.Fatalf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	r := p.result()
	if a := r.Audits[0]; a.Lost.N != 0 || a.Acknowledged < 1000 || !a.Complete {
		t.Errorf("lost %d of %d acknowledged, complete %v", a.Lost.N, a.Acknowledged, a.Complete)
	}
	var first string
	for i, n := range r.Cluster.Nodes {
		got := p.psql(n.Address, "select count(*), md5(string_agg(int_value || char_value, ',' order by int_value)) from test_data")
		if i == 0 {
			first = got
		}
		if got != first {
			t.Errorf("%s holds %s, %s holds %s", r.Cluster.Nodes[0].Name, first, n.Name, got)
		}
	}
	if r.Cluster.Fsync == nil || r.Cluster.RoundTrip <= 0 {
		t.Errorf("of the containers: fsync %v, round trip %s", r.Cluster.Fsync, r.Cluster.RoundTrip)
	}
	t.Logf("the cluster took %s", r.Cluster.UpIn)
	if longtest.Enabled { // TestQuorumKill shows it of local nodes, and waits for nobody
		runsWithoutPgchaos.Lock()
		code, out, _ := p.run("clean", "--provider", "docker")
		runsWithoutPgchaos.Unlock()
		if code != 0 || !strings.Contains(out, "left up on purpose") {
			t.Errorf("clean of a kept cluster: exit %d, %s", code, out)
		}
	}
	if code, out, errs := p.run("clean", r.Run); code != 0 {
		t.Errorf("clean %s: exit %d, %s%s", r.Run, code, out, errs)
	}
	p.nothingOnEngine()
}

func TestAsyncKillOnDockerMustLoseWrites(t *testing.T) {
	longtest.Only(t)
	p := newDockerPlace(t)
	code, stdout, stderr := p.run(p.onDocker("async-kill", sooner["async-kill"]...)...)
	if code != exitFail {
		t.Fatalf("exit code %d, not %d\n%s\n%s", code, exitFail, stdout, stderr)
	}
	if lost := p.result().Audits[0].Lost.N; lost == 0 {
		t.Error("nothing was lost, though the standby had been held back for seconds")
	}
	p.nothingOnEngine()
}

// walkthroughSubnet is none of those from which an engine chooses the networks of other tests, as the one of the walkthrough by hand is.
const walkthroughSubnet = "10.89.28.0/24"

// TestWalkthroughOnDocker has the names, the network and the ports of the
// walkthrough that was done by hand.
func TestWalkthroughOnDocker(t *testing.T) {
	longtest.Only(t)
	p := newDockerPlace(t)
	walkthroughNames.Lock()
	defer walkthroughNames.Unlock()
	if taken := dockerCLI(t, "ps", "-a", "-q", "--filter", "name=^pg(master|slave|slavenew)$"); taken != "" {
		skip.Test(t, "somebody's own walkthrough seems to be there: %s", taken)
	}
	port := "5432" // as by hand, unless somebody has it
	if l, err := net.Listen("tcp4", "127.0.0.1:5432"); err != nil {
		port = "15431"
	} else {
		must(t, l.Close())
	}
	code, stdout, stderr := p.run(p.onDocker("walkthrough", append(slices.Clone(sooner["walkthrough"]), "--keep",
		"--set", "cluster.docker.names=exact", "--set", "cluster.docker.network=pgnet", "--set", "cluster.docker.subnet="+walkthroughSubnet,
		"--set", "cluster.docker.ports.pgmaster="+port, "--set", "cluster.docker.ports.pgslave=15432", "--set", "cluster.docker.ports.pgslavenew=25432",
		"--set", "cluster.docker.restart=unless-stopped")...)...)
	if code != exitPass {
		t.Fatalf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	for node, port := range map[string]string{"pgmaster": port, "pgslave": "15432", "pgslavenew": "25432"} {
		if got := dockerCLI(t, "port", node, "5432"); got != "127.0.0.1:"+port {
			t.Errorf("%s is at %s", node, got)
		}
		if got := dockerCLI(t, "inspect", "-f", "{{.HostConfig.RestartPolicy.Name}}", node); got != "unless-stopped" {
			t.Errorf("%s restarts %s", node, got)
		}
	}
	if got := dockerCLI(t, "network", "inspect", "-f", "{{(index .IPAM.Config 0).Subnet}}", "pgnet"); got != walkthroughSubnet {
		t.Errorf("the network is %s", got)
	}
	// The table of the walkthrough, before reading and during, comes out of the report.
	if code, full, _ := p.run("report", p.out, "--full"); code != 0 || !strings.Contains(full, "NET I/O") {
		t.Errorf("no resource use in the report:\n%s", full)
	}
	if code, out, errs := p.run("clean", p.result().Run); code != 0 {
		t.Errorf("clean: exit %d, %s%s", code, out, errs)
	}
	p.nothingOnEngine()
}

func TestInterruptOnDocker(t *testing.T) {
	longtest.Only(t)
	p := newDockerPlace(t)
	file := p.write("long.yaml", strings.Replace(long, "[a]", "[a, b]", 1))
	for _, stage := range []struct {
		name string
		at   func() bool
	}{
		{"while it is built", func() bool { // one command, because it is asked again and again
			return dockerCLI(t, "ps", "-a", "-q", "--filter", "name="+p.experiment+"-") != ""
		}},
		{"under load", p.loading},
	} {
		must(t, os.RemoveAll(p.out))
		cmd := p.command(p.onDocker(file)...)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		must(t, cmd.Start())
		p.await(stage.name, stage.at)
		must(t, cmd.Process.Signal(syscall.SIGINT))
		_ = cmd.Wait() // the exit code says it
		if code := cmd.ProcessState.ExitCode(); code != exitInterrupted {
			t.Errorf("%s: exit code %d\n%s", stage.name, code, stderr.String())
		}
		p.nothingOnEngine()
	}
}

func TestCleanOnDockerAfterSIGKILL(t *testing.T) {
	longtest.Only(t) // TestCleanOnDockerAfterSIGKILLAtRandomMoments does it with faults, and cluster/docker spares strangers
	p := newDockerPlace(t)
	cmd := p.underLoad(p.onDocker("quorum-kill")...)
	run := p.result().Run
	runsWithoutPgchaos.Lock()
	defer runsWithoutPgchaos.Unlock()
	if code, out, _ := p.run("clean"); code != 0 || !strings.Contains(out, run+": still running") {
		t.Errorf("clean beside a live run: exit %d, %s", code, out)
	}
	must(t, cmd.Process.Kill())
	_ = cmd.Wait() // it was killed
	if got := p.onEngine(); len(got) < 10 {
		t.Errorf("only %v outlived the kill", got)
	}
	// A stranger whose name begins like the run's is nobody's business.
	foreign := "pgchaos-" + run + "-pgmaster-foreign"
	dockerCLI(t, "create", "--name", foreign, dockerImage, "true")
	defer dockerCLI(t, "rm", foreign)
	if code, out, errs := p.run("clean"); code != 0 || !strings.Contains(out, run+": removed, with 6 containers, 3 volumes and 1 network") {
		t.Errorf("clean: exit %d, %s%s", code, out, errs)
	}
	if got := p.onEngine(); len(got) != 1 || !strings.HasSuffix(got[0], foreign) {
		t.Errorf("after clean: %v", got)
	}
	if r := p.result(); r.Stage != report.StagePlanned || r.Verdict == verdict.Pass {
		t.Errorf("the killed run's result is at stage %q with verdict %s", r.Stage, r.Verdict)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestABlackHoleLastsLongerThanADeath compares the outages of writers after the
// primary is killed, which every client sees at once, and after it is cut off from the
// network, which none sees: each client waits for its own time-out.
func TestABlackHoleLastsLongerThanADeathOnDocker(t *testing.T) {
	longtest.Only(t)
	p := newDockerPlace(t)
	faults := []string{"disconnect"}
	if longtest.Enabled {
		faults = append(faults, "kill")
	}
	outage := map[string]time.Duration{}
	for _, fault := range faults {
		must(t, os.RemoveAll(p.out))
		file := p.write(fault+".yaml", strings.ReplaceAll(readText(t, "testdata/disconnect.yaml"), "FAULT", fault))
		code, stdout, stderr := p.run(p.onDocker(file)...)
		if code != exitPass {
			t.Fatalf("%s: exit code %d\n%s\n%s", fault, code, stdout, stderr)
		}
		r := p.result()
		for _, o := range r.Outages {
			if o.Event == "fault" && o.Workload == "writes" {
				outage[fault] = o.RTO
			}
		}
		timeouts := int64(0)
		for _, e := range r.Workloads[0].Errors {
			if e.Kind == "timeout" {
				timeouts += e.N
			}
		}
		if gaveUp := timeouts > 0; gaveUp != (fault == "disconnect") {
			t.Errorf("%s: %d clients waited until their own time-out", fault, timeouts)
		}
		p.nothingOnEngine()
	}
	if longtest.Enabled && outage["kill"] <= 0 || outage["disconnect"] < outage["kill"] || outage["disconnect"] < 3*time.Second {
		t.Errorf("outages: %v", outage)
	}
}

// TestOnePrimaryIsLeftOnDocker is TestOnePrimaryIsLeft with what containers alone can do.
func TestOnePrimaryIsLeftOnDocker(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		steps, writable string
		long            bool
	}{
		"promoted": {"[{disconnect: a}, {promote: b}]", "b", true},
		"cut":      {"[{disconnect: a}]", "a", false},
		"paused":   {"[{pause: a}, {promote: b}]", "b", true},
		"both-cut": {"[{disconnect: a}, {promote: b}, {pause: a}, {disconnect: b}]", "b", true},
	} {
		if tc.long && !longtest.Enabled {
			continue
		}
		t.Run(name, func(t *testing.T) {
			p := newDockerPlace(t)
			p.oneIsWritable(tc.writable, p.onDocker(p.write("x.yaml", onePrimary+tc.steps))...)
			p.nothingOnEngine()
		})
	}
}

func TestEveryActionOnDocker(t *testing.T) {
	p := newDockerPlace(t)
	p.detectRaces()
	code, stdout, stderr := p.run(p.onDocker("cmd/pgchaos/testdata/machine.yaml", "--keep", "-v")...)
	if code != exitPass {
		t.Fatalf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	r := p.result()
	detail := map[string]string{}
	for _, m := range r.Timeline {
		if m.Status != record.EventDone && m.Name != "out-of-memory-b" {
			t.Errorf("step %s: %+v", m.Name, m)
		}
		detail[m.Name] = m.Detail
	}
	// The limit explains it, so that it is shown and held against nobody.
	hog := eventNamed(t, r, func(m record.Event) bool { return m.Name == "hog" })
	if seen := eventNamed(t, r, func(m record.Event) bool { return m.Action == "out-of-memory" }); seen.Issued < hog.Issued || seen.Issued > hog.Ended+time.Second {
		t.Errorf("%+v, and %+v", hog, seen)
	}
	// Two limits overlapped: the end of one took nothing from the other.
	if detail["still-slow"] != "a: 50000" {
		t.Errorf("the limit that should have stayed: %q", detail["still-slow"])
	}
	// A paused node does not answer, nor does one that is cut off from the network.
	for _, step := range []string{"pause-b", "disconnect-b"} {
		m := eventNamed(t, r, func(m record.Event) bool { return m.Name == step })
		until := m
		until.Effective = m.Effective + 4*time.Second
		if !unreachableBetween(r.States[1].States, m, until) {
			t.Errorf("the probe reached b all through %s", step)
		}
	}
	if detail["exec-a"] != "a: postgres" || detail["limited"] != "b: 268435456" || detail["unlimited"] == "a: 536870912" {
		t.Errorf("the nodes said %q, %q, %q", detail["exec-a"], detail["limited"], detail["unlimited"])
	}
	// What the timeline did not take back, the end of the run has.
	for _, node := range []string{"a", "b"} {
		name := "pgchaos-" + r.Run + "-" + node
		if got := dockerCLI(t, "inspect", "-f", "{{.HostConfig.NanoCpus}} {{.HostConfig.Memory}}", name); got == "500000000 268435456" {
			t.Errorf("%s is still limited: %s", node, got)
		}
	}
	if code, out, errs := p.run("clean", r.Run); code != 0 {
		t.Errorf("clean: exit %d, %s%s", code, out, errs)
	}
	p.nothingOnEngine()
}

// TestInterruptedPullOnDocker has a registry that never answers.
func TestInterruptedPullOnDocker(t *testing.T) {
	p := newDockerPlace(t)
	asked, gone := make(chan struct{}, 100), make(chan struct{}) // the engine asks again and again
	registry := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked <- struct{}{}
		<-gone
	}))
	defer registry.Close()
	defer close(gone)
	image := registry.Listener.Addr().String() + "/pg:15"
	cmd := p.command("run", "quorum-kill", "--provider", "docker", "--set", "cluster.docker.image="+image, "--out", p.out)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	must(t, cmd.Start())
	<-asked
	must(t, cmd.Process.Signal(syscall.SIGINT))
	_ = cmd.Wait() // the exit code says it
	if code, want := cmd.ProcessState.ExitCode(), "pgchaos: interrupted: pull image "+image; code != exitInterrupted || !strings.HasPrefix(stderr.String(), want) {
		t.Errorf("exit code %d: %s", code, stderr.String())
	}
	if _, err := os.Stat(p.out); !os.IsNotExist(err) {
		t.Errorf("a result directory without a result stays: %v", err)
	}
	p.nothingOnEngine()
}

// TestForbiddenEngineOnDocker asks an engine's socket as a user who may not.
func TestForbiddenEngineOnDocker(t *testing.T) {
	p := newDockerPlace(t)
	socket := filepath.Join(filepath.Dir(p.base), "docker.sock")
	l, err := net.Listen("unix", socket)
	must(t, err)
	defer func() { must(t, l.Close()) }()
	must(t, os.Chmod(socket, 0))
	mine := filepath.Join(filepath.Dir(p.base), "pgchaos") // where that user finds it
	// Not written by this process: what another test starts meanwhile would have the file open for a moment, and it could not be run.
	must(t, exec.CommandContext(t.Context(), "cp", binary, mine).Run())
	cmd := exec.CommandContext(t.Context(), mine, "clean", "--provider", "docker")
	cmd.Env = append(os.Environ(), "DOCKER_HOST=unix://"+socket, "PGCHAOS_DIR="+p.base)
	if os.Getuid() == 0 { // whom no mode keeps out
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	out, err := cmd.CombinedOutput()
	if err == nil || cmd.ProcessState.ExitCode() != exitFailed {
		t.Errorf("%v, with exit code %d", err, cmd.ProcessState.ExitCode())
	}
	for _, want := range []string{"permission denied", socket, "usermod -aG docker", "sudo"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is not in: %s", want, out)
		}
	}
	p.nothingOnEngine()
}

// TestServerThatEndsAtOnceOnDocker has a server whose configuration it cannot start with.
func TestServerThatEndsAtOnceOnDocker(t *testing.T) {
	p := newDockerPlace(t)
	code, _, stderr := p.run(p.onDocker("quorum-kill", "--set", "cluster.settings.shared_preload_libraries=nosuch")...)
	if code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	for _, want := range []string{"start pgmaster", "the server ended (exit status 1)", `FATAL: could not access file "nosuch"`} {
		if !strings.Contains(stderr, want) {
			t.Errorf("%q is not in: %s", want, stderr)
		}
	}
	p.nothingOnEngine()
}

// TestDelayOnDockerNeedsNetem: where the kernel cannot delay, a run is refused before it makes anything.
func TestDelayOnDockerNeedsNetem(t *testing.T) {
	p := newDockerPlace(t)
	code, _, stderr := p.run(p.onDocker(p.write("x.yaml", `
name: x
cluster: {nodes: [a, b]}
load: {writes: {kind: insert, clients: 1, rate: 20/s}}
timeline:
  - {at: 100ms, delay: {between: [a, b], latency: 20ms}, for: 100ms}
  - {at: 300ms, stop_load: writes}
`))...)
	if code == exitPass {
		return // the kernel has netem
	}
	if code != exitUsage || !strings.Contains(stderr, "netem (CONFIG_NET_SCH_NETEM, module sch_netem)") || strings.Contains(stderr, "building the cluster") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	p.nothingOnEngine()
}
