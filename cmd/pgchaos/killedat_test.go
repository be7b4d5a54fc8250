package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"pgchaos/cluster/local"
	"pgchaos/internal/longtest"
	"pgchaos/runner"
)

// killedTimeline has many faults in force at the same time: each kind that leaves something where pgchaos is killed. A step
// that fails, as beside another fault it may, is not the subject. Processors are kept busy last: they would be from then on.
const killedTimeline = `
name: killed-at
cluster:
  nodes: [a, b, c]
  settings: {max_connections: 40, wal_retrieve_retry_interval: 200ms}
load: {writes: {kind: insert, clients: 2, rate: 50/s, timeout: 1s}}
duration: 4s
timeline:
  - {on_error: continue, at: 100ms, exec: {node: a, command: "touch /var/tmp/$PGCHAOS_RUN.mark", undo: "rm -f /var/tmp/$PGCHAOS_RUN.mark"}}
  - {on_error: continue, sql: {node: a, query: "select pg_create_physical_replication_slot('b')"}}
  - {on_error: continue, configure: {node: b, settings: {primary_slot_name: b}}}
  - {on_error: continue, lock_table: {node: a, table: test_data, mode: share}, for: 500ms}
  - {on_error: continue, long_query: {node: c, table: test_data}}
  - {on_error: continue, slow_fsync: {node: a, delay: 5ms}}
  - {on_error: continue, long_transaction: a}
  - {on_error: continue, drop_slot: b, for: 300ms}
  - {on_error: continue, pause_process: {node: a, process: walwriter}, for: 1s}
  - {on_error: continue, hold_wal: c}
  - {on_error: continue, apply_delay: {node: c, delay: 5s}}
MORE
  - {on_error: continue, burn_cpu: {node: [a, b], processes: 1, most: 2m}}
  - {on_error: continue, pause: b, for: 500ms}
  - {on_error: continue, kill: c}
  - {on_error: continue, pause: a}
`

// What one provider can do, and the other cannot.
const (
	killedLocally = `
  - {on_error: continue, delay: {from: clients, to: a, latency: 5ms}}
  - {on_error: continue, partition: {between: [a, b]}}
  - {on_error: continue, exhaust_connections: c}
`
	killedLocallyLimited = `
  - {on_error: continue, limit: {node: b, cpus: 0.5, memory: 1GB}, for: 1s}
  - {on_error: continue, limit: {node: a, cpus: 0.7}}
`
	killedOnDocker = `
  - {on_error: continue, fill_disk: {node: c, leave: 8MB}}
  - {on_error: continue, limit: {node: b, cpus: 0.5}, for: 1s}
  - {on_error: continue, limit: {node: a, cpus: 0.7}}
  - {on_error: continue, disconnect: b}
`
	// The faults of the network have helper containers, and take seconds on a busy engine.
	killedOnDockerLinks = `
name: killed-at
cluster:
  nodes: [a, b]
  settings: {wal_retrieve_retry_interval: 200ms}
load: {writes: {kind: insert, clients: 2, rate: 50/s, timeout: 1s}}
duration: 4s
timeline:
  - {on_error: continue, at: 100ms, flap: {between: [a, b], down: 200ms, up: 200ms}}
  - {on_error: continue, partition: {between: [a, b]}, for: 100ms}
  - {on_error: continue, throttle: {between: [clients, a], bytes_per_second: 1MB}}
  - {on_error: continue, reject: {between: [clients, b]}}
  - {on_error: continue, kill: b}
  - {on_error: continue, disconnect: a}
`
)

// killed is an experiment in which pgchaos is killed. Its journal has about so many lines: one for its head, three or so for each of its steps,
// and more for those that are taken back in it.
type killed struct {
	text  string
	lines int
}

// moment is when pgchaos is killed: some time after its journal has so many lines. It has none while the cluster is built,
// and the most when the faults are taken back, and the cluster is audited and removed.
type moment struct {
	of    killed
	lines int
	wait  time.Duration
}

// moments are n random ones, each in its part of the run. The experiments take turns.
func moments(n int, seed uint64, of ...killed) (all []moment) {
	random := rand.New(rand.NewPCG(seed, 0))
	for i := range n {
		m := moment{of: of[i%len(of)], wait: time.Duration(random.Int64N(int64(150 * time.Millisecond)))}
		switch at := (float64(i) + random.Float64()) / float64(n); {
		case at < 0.2:
			m.wait = time.Duration(random.Int64N(int64(3 * time.Second)))
		case at < 0.8:
			m.lines = 1 + int((at-0.2)/0.6*float64(m.of.lines))
		default:
			m.lines, m.wait = m.of.lines, time.Duration(random.Int64N(int64(4*time.Second)))
		}
		all = append(all, m)
	}
	return all
}

// longestWait bounds how long a moment is waited for.
var longestWait = map[bool]time.Duration{false: time.Minute, true: 5 * time.Minute}[longtest.Enabled]

// at begins a run, and returns at a moment of it. Kill then ends pgchaos, and tells whether that still ran.
func (p *place) at(m moment, args ...string) (kill func() bool) {
	p.t.Helper()
	cmd := p.command(args...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	must(p.t, cmd.Start())
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }() // it is killed
	lines := func() int {
		text, _ := os.ReadFile(filepath.Join(p.out, runner.JournalFile)) // there is none yet
		return strings.Count(string(text), "\n")
	}
	running := func() bool {
		select {
		case <-ended:
			return false
		default:
			return true
		}
	}
	// On a busy machine the lines may be long in coming: an earlier moment is as good.
	for end := time.Now().Add(longestWait); running() && lines() < m.lines && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	if !running() && m.lines < m.of.lines {
		p.t.Errorf("the run ended with %d lines in its journal: the kill after %d proves nothing\n%s", lines(), m.lines, output.String())
	}
	select {
	case <-ended:
	case <-time.After(m.wait):
	}
	return func() bool {
		_ = cmd.Process.Kill() // it may have ended
		<-ended
		was := !cmd.ProcessState.Exited() // by itself
		p.t.Logf("killed after %d lines and %s, with %d lines in the journal: %v", m.lines, m.wait.Round(time.Millisecond), lines(), was)
		return was
	}
}

var burnMark = regexp.MustCompile(`pgchaos-burn-[a-z0-9]{16}`)

// trace is what belongs to a killed run and does not bear its name: numbers, which others may have later. It is noted before
// clean, and looked for after it.
type trace struct {
	marks    []string // of busy processes, in their command lines
	sockets  []string // the inodes of listening sockets
	segments []string // System V shared memory: number and time of creation
	bridges  []string // network interfaces of the engine's networks
}

// trace notes what there is of the run. Ports are those of its nodes and relays.
func (p *place) trace(ports []int, networks []string) (noted trace) {
	p.t.Helper()
	journal, _ := os.ReadFile(filepath.Join(p.out, runner.JournalFile)) // there may be none
	noted.marks = slices.Compact(slices.Sorted(slices.Values(burnMark.FindAllString(string(journal), -1))))
	for inode, port := range listening(p.t) {
		if slices.Contains(ports, port) {
			noted.sockets = append(noted.sockets, inode)
		}
	}
	keys := dataKeys(p.t, p.base)
	for segment, key := range segments(p.t) {
		if slices.Contains(keys, key) {
			noted.segments = append(noted.segments, segment)
		}
	}
	for _, id := range networks {
		noted.bridges = append(noted.bridges, "br-"+id)
	}
	return noted
}

// cgroupNames are the names of all cgroups of the machine.
func cgroupNames() (names []string) {
	_ = filepath.WalkDir("/sys/fs/cgroup", func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() { // others come and go
			names = append(names, d.Name())
		}
		return nil
	})
	return names
}

// left is what is still there of it, and of everything that bears the names of the run or its place.
func (p *place) left(was trace, names ...string) (left []string) {
	p.t.Helper()
	add := func(what string, is []string, ours func(string) bool) {
		for _, one := range is {
			if ours(one) {
				left = append(left, what+" "+one)
			}
		}
	}
	has := func(names ...string) func(string) bool {
		return func(text string) bool {
			return slices.ContainsFunc(names, func(name string) bool { return strings.Contains(text, name) })
		}
	}
	add("process", p.processes(), func(string) bool { return true })
	add("process", commandLines(), has(was.marks...))
	add("shared memory", p.memory.Left(), func(string) bool { return true })
	for inode, port := range listening(p.t) {
		add("port", []string{strconv.Itoa(port)}, func(string) bool { return slices.Contains(was.sockets, inode) })
	}
	for segment := range segments(p.t) {
		add("System V shared memory", []string{segment}, func(s string) bool { return slices.Contains(was.segments, s) })
	}
	for _, dir := range []string{"/tmp", "/var/tmp", "/dev/shm", "/run"} {
		add("file", namesIn(dir), func(name string) bool { return has(names...)(name) && name != filepath.Base(filepath.Dir(p.base)) })
	}
	add("directory", namesIn(p.base), func(string) bool { return true })
	for _, name := range []string{runner.AccessFile, runner.Passfile} {
		add("file", namesIn(p.out), func(is string) bool { return is == name })
	}
	add("mount", linesOf(p.t, "/proc/self/mountinfo"), has(append(names, filepath.Dir(p.base))...))
	add("cgroup", cgroupNames(), has(names...))
	add("network interface", namesIn("/sys/class/net"), func(name string) bool { return slices.Contains(was.bridges, name) })
	if os.Geteuid() == 0 {
		for _, cmd := range [][]string{{"iptables-save"}, {"tc", "qdisc", "show"}} {
			out, err := exec.Command(cmd[0], cmd[1:]...).Output()
			if err == nil { // what is not installed has left no rules
				add(cmd[0], strings.Split(string(out), "\n"), has(append(names, was.bridges...)...))
			}
		}
	}
	return left
}

// listening are the inodes of the sockets that listen for TCP, with their ports.
func listening(t *testing.T) map[string]int {
	t.Helper()
	all := map[string]int{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		for _, line := range linesOf(t, table) {
			f := strings.Fields(line)
			if len(f) < 10 || f[3] != "0A" {
				continue
			}
			_, hex, _ := strings.Cut(f[1], ":")
			port, err := strconv.ParseInt(hex, 16, 32)
			must(t, err)
			all[f[9]] = int(port)
		}
	}
	return all
}

// segments are those of System V shared memory, by number and time of creation, with their keys.
func segments(t *testing.T) map[string]uint32 {
	t.Helper()
	all := map[string]uint32{}
	for _, line := range linesOf(t, "/proc/sysvipc/shm") {
		f := strings.Fields(line) // key shmid perms size cpid lpid nattch uid gid cuid cgid atime dtime ctime rss swap
		if key, err := strconv.ParseInt(f[0], 10, 64); err == nil {
			all[f[1]+" of "+f[13]] = uint32(key)
		}
	}
	return all
}

// dataKeys are the keys of the segments of servers in a base directory: each is the inode of a data directory.
func dataKeys(t *testing.T, base string) (keys []uint32) {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(base, "*", "nodes", "*", "*"))
	must(t, err)
	for _, dir := range dirs {
		keys = append(keys, inode(dir))
	}
	return keys
}

// inode is that of a directory, as far as a key holds it.
func inode(dir string) uint32 {
	var is syscall.Stat_t
	_ = syscall.Stat(dir, &is) // it may have been removed
	return uint32(is.Ino)
}

// commandLines are those of all processes.
func commandLines() (all []string) {
	for _, pid := range namesIn("/proc") {
		line, _ := os.ReadFile(filepath.Join("/proc", pid, "cmdline")) // no process, or it has ended
		all = append(all, pid+" "+strings.ReplaceAll(string(line), "\x00", " "))
	}
	return all
}

// namesIn are the names in a directory; none where there is none.
func namesIn(dir string) (names []string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func linesOf(t *testing.T, file string) []string {
	t.Helper()
	return strings.Split(strings.TrimSpace(readText(t, file)), "\n")
}

// ports are those of the nodes and the relays of the local runs in this place.
func (p *place) ports() (ports []int) {
	p.t.Helper()
	files, err := filepath.Glob(filepath.Join(p.base, "*", "run.json"))
	must(p.t, err)
	for _, file := range files {
		var run struct {
			Nodes []struct {
				Address struct{ Port int }
				Relays  []int
			}
		}
		must(p.t, json.Unmarshal([]byte(readText(p.t, file)), &run))
		for _, n := range run.Nodes {
			ports = append(append(ports, n.Address.Port), n.Relays...)
		}
	}
	return ports
}

// cleans runs clean, after which nothing of the run is there.
func (p *place) cleans(was trace, names []string, codes []int, clean ...string) (counted bool) {
	p.t.Helper()
	got, out, errs := p.run(clean...)
	if got == exitLeftBehind && strings.Contains(errs, "the engine has miscounted") { // a fault of the engine, which its restart alone mends
		p.t.Log(errs)
		return false
	}
	if !slices.Contains(codes, got) {
		p.t.Errorf("clean: exit code %d, not one of %v\n%s%s", got, codes, out, errs)
	}
	if left := p.left(was, names...); len(left) > 0 {
		p.t.Errorf("left after clean:\n%s", strings.Join(left, "\n"))
	}
	return true
}

// atMoments kills at ten random moments, each in a subtest; with make test-long at a hundred. In the last of them a run can have ended
// already: of ten, two at most.
func atMoments(t *testing.T, seed uint64, kill func(t *testing.T, m moment) (killed bool), of ...killed) {
	t.Helper()
	n := 10
	if longtest.Enabled {
		n = 100
	}
	var ran, killed atomic.Int64
	t.Cleanup(func() { // when all subtests are over
		if ran, killed := ran.Load(), killed.Load(); killed < ran*8/10 {
			t.Errorf("only %d of %d runs were killed: the others had ended", killed, ran)
		}
	})
	for i, m := range moments(n, seed, of...) {
		t.Run(fmt.Sprintf("%03d", i+1), func(t *testing.T) {
			was := kill(t, m)
			ran.Add(1)
			if was {
				killed.Add(1)
			}
		})
	}
}

// TestCleanAfterSIGKILLAtRandomMoments kills pgchaos at random moments of a run with many faults. After clean the machine has
// nothing of the run.
func TestCleanAfterSIGKILLAtRandomMoments(t *testing.T) {
	t.Parallel()
	more := killedLocally
	if local.Describe().Unable == nil { // the machine has cgroups that can be written
		more += killedLocallyLimited[1:]
	}
	atMoments(t, 1, func(t *testing.T, m moment) bool {
		p := newPlace(t)
		killed := p.at(m, "run", p.write("x.yaml", m.of.text), "--out", p.out)()
		was, names := p.trace(p.ports(), nil), append(p.runs(), filepath.Dir(p.base))
		for range 2 { // the second finds nothing to do
			p.cleans(was, names, []int{exitPass}, "clean", "--provider", "local")
		}
		p.nothingLeft()
		return killed
	}, killed{strings.Replace(killedTimeline, "\nMORE\n", more, 1), 55})
}

// runs are the names of the local runs in this place.
func (p *place) runs() []string {
	return slices.DeleteFunc(namesIn(p.base), func(name string) bool { return strings.HasPrefix(name, ".") })
}

// TestCleanOnDockerAfterSIGKILLAtRandomMoments is the same with containers.
func TestCleanOnDockerAfterSIGKILLAtRandomMoments(t *testing.T) {
	t.Parallel()
	// Half of them have the faults of the network, the others all else.
	text := strings.Replace(killedTimeline, "\nMORE\n", killedOnDocker, 1)
	text = strings.Replace(text, "cluster:\n", "cluster:\n  docker: {disk: 256MB}\n", 1)
	text = strings.Replace(text, "max_connections: 40", "max_connections: 40, max_wal_size: 64MB, min_wal_size: 32MB", 1)
	atMoments(t, 2, func(t *testing.T, m moment) bool {
		p := newDockerPlace(t)
		kill := p.at(m, p.onDocker(p.write("x.yaml", m.of.text))...)
		runsWithoutPgchaos.Lock()
		defer runsWithoutPgchaos.Unlock()
		killed := kill()
		names := []string{p.experiment + "-", filepath.Dir(p.base)}
		for range 3 { // what the engine was making when pgchaos was killed, comes later
			for _, run := range p.runsOnEngine() {
				was := p.trace(p.published(run))
				codes := []int{exitPass}
				if m.lines == 0 { // all that there was may have been a helper container, which removes itself
					codes = append(codes, exitUsage)
				}
				if !p.cleans(was, names, codes, "clean", "--provider", "docker", run) {
					return killed // its network stays
				}
				p.cleans(was, names, []int{exitUsage}, "clean", "--provider", "docker", run) // there is no such run any more
			}
			if m.lines > 0 {
				break
			}
			time.Sleep(500 * time.Millisecond)
		}
		p.nothingOnEngine()
		return killed
	}, killed{killedOnDockerLinks, 20}, killed{text, 55})
}

// runsOnEngine are the names of this test's runs of which something is on the engine.
func (p *dockerPlace) runsOnEngine() (runs []string) {
	p.t.Helper()
	for _, one := range p.onEngine() {
		_, labels, _ := strings.Cut(one, ": ")
		runs = append(runs, strings.Fields(labels)[0])
	}
	return slices.Compact(slices.Sorted(slices.Values(runs)))
}

// published are the ports of the nodes, and the networks by number.
func (p *dockerPlace) published(run string) (ports []int, networks []string) {
	p.t.Helper()
	label := "label=pgchaos.run=" + run
	for _, text := range regexp.MustCompile(`:(\d+)->`).FindAllStringSubmatch(dockerCLI(p.t, "ps", "-a", "--filter", label, "--format", "{{.Ports}}"), -1) {
		port, err := strconv.Atoi(text[1])
		must(p.t, err)
		ports = append(ports, port)
	}
	return ports, strings.Fields(dockerCLI(p.t, "network", "ls", "--filter", label, "--format", "{{.ID}}"))
}
