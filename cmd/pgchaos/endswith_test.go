package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgchaos/runner"
)

// TestWhatEndsWithPgchaos kills pgchaos while processors are kept busy, a query of its own runs on a standby, and a step's command
// runs. All of them end with it, without a clean; the servers go on.
func TestWhatEndsWithPgchaos(t *testing.T) {
	p := newPlace(t)
	cmd := p.command("run", p.write("x.yaml", `
name: x
cluster: {nodes: [a, b]}
load: {writes: {kind: insert, clients: 1, rate: 20/s}}
timeline:
  - {at: 100ms, long_query: b}
  - {burn_cpu: {node: [a, b], processes: 2, most: 10m}}
  - {exec: {node: a, command: "exec sleep 4711.25"}}
`), "--out", p.out)
	must(t, cmd.Start())
	command := func() bool { return len(matching(commandLines(), `sleep 4711\.25 $`)) > 0 }
	p.await("the command", command)
	must(t, cmd.Process.Kill())
	killed := time.Now()
	_ = cmd.Wait() // it was killed
	marks := burnMark.FindAllString(readText(t, p.out+"/"+runner.JournalFile), -1)
	if len(marks) < 2 {
		t.Fatalf("the journal names the processes %v: this test proves nothing", marks)
	}
	p.await("the end of the command and the busy processes", func() bool {
		return !command() && len(matching(commandLines(), strings.Join(marks, "|"))) == 0
	})
	t.Logf("they ended within %s", time.Since(killed).Round(time.Millisecond))
	if !p.answers("a") || !p.answers("b") {
		t.Error("a server has ended, too")
	}
	p.await("the end of the query", func() bool { return len(matching(p.processes(), `SELECT`)) == 0 })
	was := p.trace(p.ports(), nil)
	p.cleans(was, p.runs(), []int{exitPass}, "clean", "--provider", "local")
	p.nothingLeft()
}

// TestWhatEndsWithPgchaosOnDocker: busy processes in a container end with pgchaos, too, and its server goes on.
func TestWhatEndsWithPgchaosOnDocker(t *testing.T) {
	p := newDockerPlace(t)
	cmd := p.command(p.onDocker(p.write("x.yaml", `
name: x
cluster: {nodes: [a]}
load: {writes: {kind: insert, clients: 1, rate: 20/s}}
timeline:
  - {at: 100ms, burn_cpu: {node: a, processes: 2, most: 10m}}
  - {wait: 10m}
`))...)
	must(t, cmd.Start())
	var marks []string
	p.await("the busy processes", func() bool {
		journal, _ := os.ReadFile(filepath.Join(p.out, runner.JournalFile)) // there is none yet
		marks = burnMark.FindAllString(string(journal), -1)
		return len(marks) > 0 && len(matching(commandLines(), marks[0]+" ")) >= 2
	})
	runsWithoutPgchaos.Lock()
	defer runsWithoutPgchaos.Unlock()
	must(t, cmd.Process.Kill())
	_ = cmd.Wait() // it was killed
	run := p.runsOnEngine()[0]
	was := p.trace(p.published(run))
	defer func() {
		p.cleans(was, []string{p.experiment + "-"}, []int{exitPass}, "clean", "--provider", "docker", run)
		p.nothingOnEngine()
	}()
	p.await("the end of the busy processes", func() bool { return len(matching(commandLines(), strings.Join(marks, "|"))) == 0 })
	if up := dockerCLI(t, "ps", "-q", "--filter", "status=running", "--filter", "label=pgchaos.run="+run, "--filter", "label=pgchaos.part=server"); up == "" {
		t.Error("the server has ended, too")
	}
}

// matching are the lines that match a pattern.
func matching(lines []string, pattern string) (found []string) {
	is := regexp.MustCompile(pattern)
	for _, line := range lines {
		if is.MatchString(line) {
			found = append(found, line)
		}
	}
	return found
}
