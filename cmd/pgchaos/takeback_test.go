package main

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgchaos/cluster"
	"pgchaos/cluster/docker"
	"pgchaos/cluster/local"
	"pgchaos/internal/longtest"
	"pgchaos/record"
	"pgchaos/runner"
)

// brokenOff begins a run, and kills its pgchaos when the last step before a long wait has had its effect.
func (p *place) brokenOff(last string, args ...string) (run string) {
	p.t.Helper()
	cmd := p.command(args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	must(p.t, cmd.Start())
	p.await(last, func() bool {
		j, err := runner.ReadJournal(p.out)
		return err == nil && slices.ContainsFunc(j.Events, func(m record.Event) bool { return m.Name == last && m.Status != "" })
	})
	must(p.t, cmd.Process.Kill())
	_ = cmd.Wait() // it was killed
	j, err := runner.ReadJournal(p.out)
	must(p.t, err)
	for _, m := range j.Events {
		if m.Status != record.EventDone && m.Status != "" {
			p.t.Fatalf("%+v\n%s", m, stderr.String())
		}
	}
	return p.result().Run
}

// answers tells whether a node answers a client within some seconds.
func (p *place) answers(node string) bool {
	p.t.Helper()
	if _, err := exec.LookPath("psql"); err != nil {
		missing(p.t, "psql", err)
	}
	host, port, _ := strings.Cut(address(p.result(), node), ":")
	cmd := exec.CommandContext(p.t.Context(), "psql", "-X", "-A", "-t", "-h", host, "-p", port, "-U", "postgres", "-c", "select 1", "postgres")
	cmd.Env = append(cmd.Environ(), "PGPASSFILE="+filepath.Join(p.out, "pgpass"), "PGCONNECT_TIMEOUT=3")
	return cmd.Run() == nil
}

// takesBack does what clean does before it removes a run, and leaves the run.
func takesBack(t *testing.T, found []cluster.Leftover, run string) (printed, warned string) {
	t.Helper()
	i := slices.IndexFunc(found, func(l cluster.Leftover) bool { return l.Run == run })
	if i < 0 {
		t.Fatalf("%s was not found", run)
	}
	var stdout, stderr bytes.Buffer
	must(t, new(cleanFlags).takeBack(t.Context(), found[i], &stdout, &stderr))
	return stdout.String(), stderr.String()
}

// TestCleanTakesBackAfterSIGKILL kills pgchaos while a node is paused, another has been resumed, a third has been killed, a
// process of a server is stopped, and a standby is held back.
func TestCleanTakesBackAfterSIGKILL(t *testing.T) {
	p := newPlace(t)
	run := p.brokenOff("kill-c", "run", p.write("x.yaml", `
name: x
cluster: {nodes: [a, b, c]}
load: {writes: {kind: insert, clients: 2, rate: 50/s}}
timeline:
  - {at: 500ms, exec: {node: a, command: "touch /var/tmp/$PGCHAOS_RUN.mark", proof: "test -e /var/tmp/$PGCHAOS_RUN.mark", undo: "rm -f /var/tmp/$PGCHAOS_RUN.mark"}}
  - {pause_process: {node: a, process: walwriter}}
  - {hold_wal: c}
  - {pause: c}
  - {resume: c}
  - {pause: b}
  - {kill: c}
  - {wait: 60s}
`), "--out", p.out)
	mark := "/var/tmp/" + run + ".mark"
	if _, err := os.Stat(mark); err != nil {
		t.Error(err)
	}
	if p.answers("b") || !p.answers("a") {
		t.Error("b is not paused: this test proves nothing")
	}
	took := func() (printed, warned string) {
		found, _, err := local.Leftovers(p.base)
		must(t, err)
		return takesBack(t, found, run)
	}
	want := []string{run + ": taken back before the removal: resume b, resume c, exec_undo a", run + ": left to the removal: start c (the node is removed), follow c (the node is removed), continue a (the node is removed)"}
	printed, warned := took()
	if got := strings.Split(strings.TrimSpace(printed), "\n"); !slices.Equal(got, want) || warned != "" {
		t.Errorf("%q\n%s", got, warned)
	}
	if !p.answers("b") || p.answers("c") {
		t.Error("b does not answer, or c does")
	}
	if _, err := os.Stat(mark); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what the undo of an exec removes is there: %v", err)
	}
	p.keepsWhatItCannotTakeBack()
	// What has been taken back is not done again.
	if code, out, errs := p.run("clean", "--provider", "local"); code != 0 || !strings.HasPrefix(out, want[1]+"\n"+run+": removed, with ") {
		t.Errorf("clean: exit %d, %s%s", code, out, errs)
	}
	p.nothingLeft()
}

// keepsWhatItCannotTakeBack: a change that a newer pgchaos has made may be outside of the nodes, and without them the run could not
// be found again.
func (p *place) keepsWhatItCannotTakeBack() {
	p.t.Helper()
	file := filepath.Join(p.out, runner.JournalFile)
	text := readText(p.t, file)
	line := fmt.Sprintf(`{"n":%d,"intend":[{"id":99,"kind":"unblock","node":"a"}]`, strings.Count(text, "\n")+1)
	line += fmt.Sprintf(`,"crc":"%08x"}`+"\n", crc32.Checksum([]byte(line), crc32.MakeTable(crc32.Castagnoli)))
	must(p.t, os.WriteFile(file, []byte(text+line), 0o600))
	code, out, errs := p.run("clean", "--provider", "local")
	if code != exitLeftBehind || !strings.Contains(errs, "unblock a: this pgchaos does not know") || strings.Contains(out, ": removed") {
		p.t.Errorf("clean: exit %d, %s%s", code, out, errs)
	}
	must(p.t, os.WriteFile(file, []byte(text), 0o600))
}

// TestCleanTakesBackOnDockerAfterSIGKILL kills pgchaos while a node is paused and limited, and another is cut off from the network.
func TestCleanTakesBackOnDockerAfterSIGKILL(t *testing.T) {
	longtest.Only(t)
	p := newDockerPlace(t)
	run := p.brokenOff("disconnect-b", p.onDocker(p.write("x.yaml", `
name: x
cluster: {nodes: [a, b, c], docker: {memory: 512MB}}
load: {writes: {kind: insert, clients: 2, rate: 50/s}}
timeline:
  - {at: 500ms, limit: {node: c, cpus: 0.5, memory: 256MB}}
  - {limit: {node: c, cpus: 0.25}}
  - {pause: c}
  - {disconnect: b}
  - {wait: 60s}
`))...)
	container := "pgchaos-" + run + "-c"
	looks := func() string {
		return dockerCLI(t, "inspect", "-f", "{{.State.Paused}} {{.HostConfig.NanoCpus}} {{.HostConfig.Memory}}", container)
	}
	if got := looks(); p.answers("b") || p.answers("c") || got != "true 250000000 268435456" {
		t.Errorf("%s, or a node answers: this test proves nothing", got)
	}
	found, _, err := docker.Kind().Leftovers(t.Context())
	must(t, err)
	printed, warned := takesBack(t, found, run)
	if want := run + ": taken back before the removal: connect b, resume c, unlimit c\n"; printed != want || warned != "" {
		t.Errorf("%s%s", printed, warned)
	}
	if got := strings.Fields(looks()); got[0] != "false" || got[1] == "250000000" || got[1] == "500000000" || got[2] != "536870912" {
		t.Errorf("%s", got)
	}
	if !p.answers("b") || !p.answers("c") {
		t.Error("a node does not answer")
	}
	if code, out, errs := p.run("clean", "--provider", "docker", run); code != 0 || !strings.Contains(out, run+": removed, with ") {
		t.Errorf("clean: exit %d, %s%s", code, out, errs)
	}
	p.nothingOnEngine()
}
