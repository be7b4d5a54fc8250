package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"pgchaos/report"
	"pgchaos/report/summary"
)

// reportCode runs pgchaos report.
func reportCode(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), append([]string{"report"}, args...), strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

const oneRun = comparedRuns + "/1/local"

// TestReportFormats: each format can be made of a run and of a series, on standard output, in a file and with others.
func TestReportFormats(t *testing.T) {
	for _, of := range []string{oneRun, comparedRuns, filepath.Dir(comparedRuns)} { // the last is a folder whose newest is the series
		out := t.TempDir()
		code, listed, errs := reportCode(t, of, "--format", strings.Join(formatNames(), ","), "--out-dir", filepath.Join(out, "new"))
		if code != exitPass {
			t.Fatalf("exit code %d: %s", code, errs)
		}
		for _, f := range reportFormats() {
			made := filepath.Join(out, "new", f.file)
			saved := readText(t, made)
			if !strings.Contains(listed, made+"\n") {
				t.Errorf("%s is not listed:\n%s", made, listed)
			}
			code, printed, errs := reportCode(t, of, "--format", f.name)
			if code != exitPass || printed != saved || printed == "" {
				t.Errorf("%s of %s: exit code %d, %s; printed and saved are the same: %t", f.name, of, code, errs, printed == saved)
			}
			if code, _, errs := reportCode(t, of, "--format", f.name, "-o", filepath.Join(out, f.name)); code != exitPass || readText(t, filepath.Join(out, f.name)) != saved {
				t.Errorf("%s -o: exit code %d, %s", f.name, code, errs)
			}
			looksRight(t, f.name, saved)
		}
		if code, _, _ := reportCode(t, of, "--format", "md,junit", "--out-dir", filepath.Join(out, "new")); code != exitPass {
			t.Error("they cannot be made again in the place of the old ones")
		}
	}
}

// looksRight reads a file as its format.
func looksRight(t *testing.T, format, text string) {
	t.Helper()
	var err error
	switch format {
	case "json":
		err = json.Unmarshal([]byte(text), &map[string]any{})
	case "csv":
		_, err = csv.NewReader(strings.NewReader(text)).ReadAll()
	case "junit":
		err = xml.Unmarshal([]byte(text), &struct {
			XMLName xml.Name `xml:"testsuites"`
		}{})
	case "tap":
		if !strings.HasPrefix(text, "TAP version 14\n1..") {
			t.Errorf("TAP: %.100s", text)
		}
	case "md":
		if !strings.HasPrefix(text, "## ") {
			t.Errorf("Markdown: %.100s", text)
		}
	}
	if err != nil {
		t.Errorf("%s: %v", format, err)
	}
}

// TestReportsOfOlderSchemas: a result of every schema can be written in every format, with its verdict, its expectations and its workloads.
func TestReportsOfOlderSchemas(t *testing.T) {
	newest, err := strconv.Atoi(strings.TrimPrefix(report.Schema, "pgchaos.result/"))
	must(t, err)
	for number := 1; number <= newest; number++ {
		dir, out := fmt.Sprintf("../../report/testdata/schema-%d", number), t.TempDir()
		r, err := report.Read(dir)
		must(t, err)
		if r.Schema != fmt.Sprintf("pgchaos.result/%d", number) || len(r.Expectations) == 0 || len(r.Workloads) == 0 {
			t.Fatalf("%s has the schema %s, %d expectations and %d workloads", dir, r.Schema, len(r.Expectations), len(r.Workloads))
		}
		args := []string{dir, "--format", strings.Join(formatNames(), ","), "--out-dir", out}
		for _, file := range resultFiles() {
			args = append(args, "--"+file.flag, filepath.Join(out, file.flag))
		}
		if code, _, errs := reportCode(t, args...); code != exitPass {
			t.Fatalf("%s: exit code %d: %s", dir, code, errs)
		}
		for _, f := range reportFormats() {
			text := readText(t, filepath.Join(out, f.file))
			looksRight(t, f.name, text)
			for i := range r.Workloads {
				if f.name != "junit" && f.name != "tap" && !strings.Contains(text, r.Workloads[i].Name) {
					t.Errorf("%s of %s has nothing of the workload %s", f.name, dir, r.Workloads[i].Name)
				}
			}
			if f.name == "csv" { // the table of the load alone
				continue
			}
			if !strings.Contains(strings.ToLower(text), r.Verdict.String()) {
				t.Errorf("%s of %s does not say that its verdict is %s", f.name, dir, r.Verdict)
			}
			for _, e := range r.Expectations {
				if metric, _, _ := strings.Cut(e.Text, " "); !strings.Contains(text, metric) {
					t.Errorf("%s of %s has nothing of the expectation %s", f.name, dir, e.Text)
				}
			}
		}
		for _, file := range resultFiles() {
			if text := readText(t, filepath.Join(out, file.flag)); text == "" {
				t.Errorf("--%s of %s is empty", file.flag, dir)
			}
		}
	}
}

func TestReportFormatsRefused(t *testing.T) {
	there := filepath.Join(t.TempDir(), "there")
	must(t, os.WriteFile(there, []byte("mine"), 0o600))
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{oneRun, "--format", "jnuit"}, `there is no format "jnuit"; did you mean "junit"?`},
		{[]string{oneRun, "--format", "pdf"}, `there is no format "pdf"; there is: text, html, md`},
		{[]string{oneRun, "--format", "md,"}, `there is no format ""`},
		{[]string{oneRun, "--format", "md,junit", "-o", "x"}, "--output is for one format"},
		{[]string{oneRun, "-o", "x"}, "say in which format"},
		{[]string{oneRun, "--out-dir", "x"}, "say what to write there"},
		{[]string{oneRun, "--format", "md", "--full"}, "--format text"},
		{[]string{oneRun, "--format", "md", "-o", "x", "--out-dir", "y"}, "do not go together"},
		{[]string{oneRun, "--format", "md", "-o", there}, "is there already"},
		{[]string{oneRun, "--format", "md", "-o", "no/such/x.md"}, "there is no directory"},
		{[]string{comparedRuns, "--format", "md", "--out-csv", "x.csv"}, "is a series of several runs"},
		{[]string{"no/such", "--format", "md"}, "no/such"},
	} {
		code, out, errs := reportCode(t, tt.args...)
		if code != exitUsage || out != "" || !strings.Contains(errs, tt.want) {
			t.Errorf("%q: exit code %d, %q; want %q", tt.args, code, errs, tt.want)
		}
	}
	if readText(t, there) != "mine" {
		t.Error("a file that was there is gone")
	}
}

// TestRunReportsRefused: a wrong format is found before anything is started.
func TestRunReportsRefused(t *testing.T) {
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"run", "quorum-kill", "--report", "md,jnuit", "--out", filepath.Join(t.TempDir(), "out")}, strings.NewReader(""), &out, &errs)
	if code != exitUsage || !strings.Contains(errs.String(), `--report: there is no format "jnuit"; did you mean "junit"?`) {
		t.Errorf("exit code %d: %s", code, &errs)
	}
}

// TestRunWritesReports on a real cluster: beside the result, and in a job of GitHub Actions into its summary and annotations.
func TestRunWritesReports(t *testing.T) {
	p := newPlace(t)
	file := p.write("reports.yaml", "name: reports\ncluster: {nodes: [a]}\nload: {writes: {kind: insert, clients: 1, rate: 50/s}}\nduration: 3s\nexpect:\n- lost_writes == 0\n- p99 of writes in any 1s < 1us\n- replay_lag on a < 1s\n")
	jobSummary := filepath.Join(filepath.Dir(p.base), "summary.md")
	cmd := p.command("run", file, "--out", p.out, "--report", strings.Join(formatNames(), ","))
	cmd.Env = append(cmd.Environ(), "GITHUB_ACTIONS=true", "GITHUB_STEP_SUMMARY="+jobSummary)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run() // the exit code says whether it failed
	out := stdout.String()
	if code := cmd.ProcessState.ExitCode(); code != exitFail {
		t.Fatalf("exit code %d\n%s\n%s", code, out, &stderr)
	}
	for _, f := range reportFormats() {
		if text := readText(t, filepath.Join(p.out, f.file)); !strings.Contains(text, "writes") {
			t.Errorf("%s: %.200s", f.file, text)
		}
	}
	var s summary.Summary
	must(t, json.Unmarshal([]byte(readText(t, filepath.Join(p.out, "report.json"))), &s))
	if s.Verdict.String() != "fail" || len(s.Expectations) != 3 {
		t.Errorf("%+v", s)
	}
	for _, want := range []string{
		"::stop-commands::", "::error title=pgchaos reports%3A p99 of writes in any 1s < 1us::p99 of writes in any 1s < 1us: it was ",
		"::warning title=pgchaos reports%3A replay_lag on a < 1s::replay_lag on a < 1s: a was not read as a standby of a primary",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	if text := readText(t, jobSummary); !strings.Contains(text, "## ❌ reports: fail") || !strings.Contains(text, "xychart-beta") {
		t.Errorf("the summary of the job: %.500s", text)
	}
	p.nothingLeft()
}
