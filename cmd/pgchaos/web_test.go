package main

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"pgchaos/series"
)

// lines are what a program writes, as it comes.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// shown is a run of a view: a standby is stopped, and the run goes on for a minute.
const shown = `name: shown
cluster: {nodes: [a, b]}
load:
  writes: {kind: insert, clients: 2, rate: 100/s}
  reads: {kind: read, target: primary, clients: 2, rate: 50/s}
timeline:
  - {at: 2s, stop: b}
duration: 60s
`

// TestWebPage follows a run by its page.
func TestWebPage(t *testing.T) {
	p := newPlace(t).detectRaces()
	var errs lines
	cmd := p.command("run", p.write("web.yaml", strings.Replace(shown, "60s", "4s", 1)), "--out", p.out, "--web", "127.0.0.1:0")
	cmd.Stderr = &errs
	must(t, cmd.Start())
	address := regexp.MustCompile(`can be followed at (http://127\.0\.0\.1:\d+/)`)
	p.await("the page's address", func() bool { return address.MatchString(errs.String()) })
	url := address.FindStringSubmatch(errs.String())[1]
	get := func(path string) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+path, nil)
		must(t, err)
		answer, err := http.DefaultClient.Do(r)
		must(t, err)
		return answer
	}
	followed := get("events")
	defer func() { _ = followed.Body.Close() }()
	var all strings.Builder
	finished := false
	scan := bufio.NewScanner(followed.Body)
	scan.Buffer(nil, 4<<20)
	for !finished && scan.Scan() {
		finished = scan.Text() == "event: finished"
		all.WriteString(scan.Text() + "\n")
	}
	for _, want := range []string{`"reset":true`, `"name":"writes"`, `"state":"primary"`, "stop b", `"state":"down"`, "stop-b done"} {
		if !strings.Contains(all.String(), want) {
			t.Errorf("the page did not get %q", want)
		}
	}
	if !finished {
		t.Fatalf("the page did not learn of the end:\n%s", all.String())
	}
	answer := get("report.html")
	defer func() { _ = answer.Body.Close() }()
	saved := readText(t, filepath.Join(p.out, reportPage))
	if served, err := io.ReadAll(answer.Body); err != nil || string(served) != saved {
		t.Errorf("%v: the page served is not the one beside the result: %d and %d bytes", err, len(served), len(saved))
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != exitPass {
		t.Errorf("%v\n%s", err, errs.String())
	}
	if code, _, text := p.run("run", "quorum-kill", "--web", "8080"); code != exitUsage || !strings.Contains(text, "--web: write HOST:PORT, such as 127.0.0.1:8080") {
		t.Errorf("a wrong address: exit %d, %s", code, text)
	}
}

// TestThePageOfASeriesBecomesItsComparison: the figures of the series, and no link to a file that is not served.
func TestThePageOfASeriesBecomesItsComparison(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "kill-modes")
	must(t, os.CopyFS(dir, os.DirFS(comparedRuns)))
	must(t, os.WriteFile(filepath.Join(dir, "1", "local", reportPage), []byte("a report"), 0o600))
	s, err := series.Read(dir)
	must(t, err)
	show, err := serve(displayOptions{stderr: io.Discard, name: "kill-modes", several: true, noView: true}, "127.0.0.1:0")
	must(t, err)
	url := show.(withPage).page.URL()
	get := func(path string) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+path, nil)
		must(t, err)
		answer, err := http.DefaultClient.Do(r)
		must(t, err)
		return answer
	}
	followed := get("events")
	defer func() { _ = followed.Body.Close() }()
	over := make(chan struct{})
	go func() {
		defer close(over)
		show.finish(t.Context(), &reported{dir: dir, series: s})
	}()
	scan := bufio.NewScanner(followed.Body)
	scan.Buffer(nil, 4<<20)
	finished := false
	for !finished && scan.Scan() {
		finished = scan.Text() == "event: finished"
	}
	if !finished {
		t.Fatal("the page did not learn that the comparison is there")
	}
	answer := get("report.html")
	defer func() { _ = answer.Body.Close() }()
	page, err := io.ReadAll(answer.Body)
	must(t, err)
	if text := string(page); !strings.Contains(text, "kill-modes: comparison") || !strings.Contains(text, "quorum</strong> against local") || strings.Contains(text, "<a href=") {
		t.Errorf("the page of the series is\n%.2000s", text)
	}
	<-over
}
