package main

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgchaos/report"
	"pgchaos/verdict"
)

// TestAcknowledgedByAnotherCluster: a url leads to a server that the run did not build. Its
// node has the name of one of the run's own, which proves nothing. What it acknowledged is not
// lost, and is not audited either.
func TestAcknowledgedByAnotherCluster(t *testing.T) {
	p := newPlace(t)
	if code, out, errs := p.run("run", p.write("other.yaml", `
name: other
cluster: {nodes: [a], settings: {shared_buffers: 8MB}}
load:
  writes: {kind: insert, clients: 1, rate: 50/s, table: of_its_own}
timeline:
  - {wait: 300ms}
`), "--out", p.out, "--keep"); code != exitPass {
		t.Fatalf("the other cluster: exit %d\n%s%s", code, out, errs)
	}
	other := p.result()
	defer func() {
		if code, out, errs := p.run("clean", other.Run, "--provider", "local"); code != 0 {
			t.Errorf("clean: exit %d, %s%s", code, out, errs)
		}
		p.nothingLeft()
	}()
	dir := p.out + "-own"
	code, out, errs := p.run("run", p.write("elsewhere.yaml", `
name: elsewhere
cluster: {nodes: [a, b], settings: {shared_buffers: 8MB}}
load:
  writes: {kind: insert, clients: 2, rate: 100/s, route: url, url: "`+p.urlOf(address(other, "a"))+`"}
timeline:
  - {at: 500ms, restart: b}
  - {wait: 500ms}
expect: [lost_writes == 0, unexplained_losses == 0]
`), "--out", dir)
	if code != exitInconclusive || strings.Contains(out, " lost at ") || strings.Contains(out, "writes lost:") {
		t.Fatalf("exit code %d\n%s%s", code, out, errs)
	}
	r, err := report.Read(dir)
	must(t, err)
	a := r.Audits[0]
	const why = "acknowledged by a server of another cluster (system identifier "
	if r.Verdict != verdict.Inconclusive || a.Acknowledged == 0 || a.Lost.N != 0 || a.Unexplained != 0 || a.Complete || !strings.Contains(a.Why, why) || !strings.Contains(a.Why, "), which was not read") {
		t.Errorf("%s: %d acknowledged, %d lost, %d unexplained, complete %v: %s", r.Verdict, a.Acknowledged, a.Lost.N, a.Unexplained, a.Complete, a.Why)
	}
	if got := p.psql(address(other, "a"), "select count(*) > 0 from test_data"); got != "t" {
		t.Errorf("the table on the other server: %s", got)
	}
}

// urlOf leads to a node of the kept run, with the password that the run has left.
func (p *place) urlOf(address string) string {
	p.t.Helper()
	text, err := os.ReadFile(filepath.Join(p.out, "pgpass"))
	must(p.t, err)
	for line := range strings.Lines(string(text)) {
		if fields := strings.Split(strings.TrimSpace(line), ":"); len(fields) == 5 && fields[3] == "postgres" && fields[0]+":"+fields[1] == address {
			u := url.URL{Scheme: "postgres", User: url.UserPassword(fields[3], fields[4]), Host: address, Path: "/postgres"}
			return u.String()
		}
	}
	p.t.Fatalf("no password for %s in %s", address, text)
	return ""
}
