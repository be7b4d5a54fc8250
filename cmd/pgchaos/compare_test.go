package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"pgchaos/compare"
	"pgchaos/report"
	"pgchaos/store"
)

// comparedRuns is a recorded series: two variants in rounds, each with a kill of the primary.
const comparedRuns = "testdata/compare/kill-modes"

// TestCompareCommand: what is printed, and the exit codes.
func TestCompareCommand(t *testing.T) {
	one, other := comparedRuns+"/1/local", comparedRuns+"/2/quorum"
	for _, tc := range []struct {
		name string
		args []string
		code int
	}{
		{"compare-series", []string{comparedRuns}, exitPass},
		{"compare-series-md", []string{comparedRuns, "--format", "md"}, exitPass},
		{"compare-series-csv", []string{comparedRuns, "--format", "csv"}, exitPass},
		{"compare-baseline", []string{comparedRuns, "--baseline", "quorum", "--metric", "median of writes", "--metric", "p95 of writes during baseline"}, exitPass},
		{"compare-two-runs", []string{one, other, "--metric", "p99 of writes", "--force"}, exitPass},
		{"compare-different", []string{one, other}, exitUsage},
		{"compare-itself", []string{one, one}, exitUsage},
		{"compare-one", []string{one}, exitUsage},
		{"compare-nothing", nil, exitUsage},
		{"compare-nowhere", []string{comparedRuns, "no/such"}, exitUsage},
		{"compare-no-results", []string{"testdata"}, exitUsage},
		{"compare-no-baseline", []string{comparedRuns, "--baseline", "locl"}, exitUsage},
		{"compare-bad-metric", []string{comparedRuns, "--metric", "p99"}, exitUsage},
		{"compare-bad-format", []string{comparedRuns, "--format", "cvs"}, exitUsage},
		{"compare-bad-verdict", []string{comparedRuns, "--fail-on", "wors"}, exitUsage},
		{"help-compare", []string{"--help"}, exitPass},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), append([]string{"compare"}, tc.args...), strings.NewReader(""), &stdout, &stderr)
			if code != tc.code {
				t.Errorf("exit code %d, want %d", code, tc.code)
			}
			golden(t, tc.name, stdout.String()+stderr.String())
		})
	}
}

// changedSeries is a copy of the recorded series in which each result was changed; the runs of one
// variant are those of another series where ids are changed, too.
func changedSeries(t *testing.T, change func(r *report.Result)) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "changed")
	must(t, os.CopyFS(to, os.DirFS(comparedRuns)))
	files, err := filepath.Glob(to + "/*/*/" + report.FileName)
	if err != nil || len(files) < 4 {
		t.Fatalf("%d results, %v", len(files), err)
	}
	for _, file := range files {
		r, err := report.Read(filepath.Dir(file))
		must(t, err)
		change(r)
		must(t, report.Write(filepath.Dir(file), r))
	}
	return to
}

func compareCode(t *testing.T, args ...string) (code int, output string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(t.Context(), append([]string{"compare"}, args...), nil, &stdout, &stderr)
	return code, stdout.String() + stderr.String()
}

// unwrapped is a text in one line.
func unwrapped(text string) string { return strings.Join(strings.Fields(text), " ") }

// TestCompareJSON: JSON is the comparison, with the variants of the file.
func TestCompareJSON(t *testing.T) {
	code, output := compareCode(t, comparedRuns, "--format", "json")
	var c compare.Comparison
	if err := json.Unmarshal([]byte(output), &c); code != exitPass || err != nil {
		t.Fatalf("exit code %d, %v:\n%s", code, err, output)
	}
	if c.Schema != compare.ComparisonSchema || c.Baseline != "local" || len(c.Variants) != 2 || len(c.Cells) != 1 || len(c.Cells[0].Rows) < 5 || len(c.Cells[0].Kills) != 2 {
		t.Errorf("%+v", c)
	}
}

// TestFailOnWorse: a declared metric that is worse is exit 3, and only with the flag.
func TestFailOnWorse(t *testing.T) {
	slower := changedSeries(t, func(r *report.Result) {
		for i := range r.Workloads {
			total := &r.Workloads[i].Total
			total.Samples = 4000 + int64(r.Variant.Round)
			if r.Variant.Name == "quorum" {
				total.Samples /= 2
			}
		}
	})
	for _, tc := range []struct {
		args []string
		code int
	}{
		{[]string{slower}, exitPass},
		{[]string{slower, "--fail-on", "worse"}, exitFail},
		{[]string{slower, "--fail-on", "worse", "--metric", "p99 of writes"}, exitPass},
		{[]string{slower, "--fail-on", "worse", "--baseline", "quorum", "--metric", "throughput of writes"}, exitPass},
	} {
		if code, output := compareCode(t, tc.args...); code != tc.code || !strings.Contains(output, "the baseline") {
			t.Errorf("%v: exit code %d, want %d:\n%s", tc.args[1:], code, tc.code, output)
		}
	}
	none := changedSeries(t, func(r *report.Result) { r.Interrupted = r.Variant.Name == "quorum" })
	code, output := compareCode(t, none, "--fail-on", "worse")
	if code != exitInconclusive || !strings.Contains(unwrapped(output), "the run was interrupted") {
		t.Errorf("a variant without a run that can be compared: exit code %d\n%s", code, output)
	}
	code, output = compareCode(t, comparedRuns+"/1/local", comparedRuns+"/2/quorum", "--force", "--fail-on", "worse", "--metric", "p99 of writes")
	if code != exitInconclusive || !strings.Contains(output, "whether these are worse than local is not known, because no declared metric could be compared: quorum") {
		t.Errorf("one run a side: exit code %d\n%s", code, output)
	}
}

// TestCompareSeveralSources: of two series, each variant is compared with its own kind; folders of results are
// columns, too.
func TestCompareSeveralSources(t *testing.T) {
	second := changedSeries(t, func(r *report.Result) {
		r.Run, r.Variant.Series = "again-"+r.Run, "again-"+r.Variant.Series
	})
	code, output := compareCode(t, comparedRuns, second)
	if code != exitPass || !strings.Contains(output, "NOT INTERLEAVED") || strings.Index(output, "\nlocal\n") < 1 || strings.Index(output, "\nquorum\n") < strings.Index(output, "\nlocal\n") {
		t.Errorf("two series: exit code %d\n%s", code, output)
	}
	var folders []string
	for _, variant := range []string{"local", "quorum"} {
		folder := filepath.Join(t.TempDir(), "of-"+variant)
		for _, round := range []string{"1", "2", "3"} {
			must(t, os.CopyFS(filepath.Join(folder, round), os.DirFS(filepath.Join(comparedRuns, round, variant))))
		}
		must(t, os.Mkdir(filepath.Join(folder, "1.interrupted-1"), 0o755))
		must(t, os.WriteFile(filepath.Join(folder, "1.interrupted-1", report.FileName), nil, 0o600))
		folders = append(folders, folder)
	}
	code, output = compareCode(t, folders...)
	if code != exitPass || strings.Contains(output, "NOT INTERLEAVED") || !strings.Contains(output, "of-local") || !strings.Contains(output, "3 runs, 1 left out, the baseline") {
		t.Errorf("folders of one series: exit code %d\n%s", code, output)
	}
	if !strings.Contains(output, "NOT COMPARABLE, and in no figure: of-local") || !strings.Contains(output, "1.interrupted-1): it has no result") {
		t.Errorf("a run in a folder that was killed is not named:\n%s", output)
	}
	host := changedSeries(t, func(r *report.Result) {
		r.Run, r.Variant.Series, r.Host.Name = "again-"+r.Run, "again-"+r.Variant.Series, "another"
	})
	code, output = compareCode(t, comparedRuns, host)
	if code != exitUsage || !strings.Contains(output, "host: db-test and another (changed)") || !strings.Contains(output, "--force") {
		t.Errorf("another host: exit code %d\n%s", code, output)
	}
	code, output = compareCode(t, comparedRuns, host, "--force")
	if code != exitPass || !strings.HasPrefix(output, "DIFFERENT: host: db-test and another (changed)") {
		t.Errorf("another host, by force: exit code %d\n%s", code, output)
	}
}

// TestCompareOneVariant: several runs of one variant have figures, and no verdict.
func TestCompareOneVariant(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "calm")
	for _, round := range []string{"1", "2", "3"} {
		must(t, os.CopyFS(filepath.Join(folder, round), os.DirFS(filepath.Join(comparedRuns, round, "local"))))
	}
	for _, format := range []string{"text", "md", "csv"} {
		code, output := compareCode(t, folder, "--format", format)
		if code != exitPass || !strings.Contains(output, "p99 of writes") || strings.Contains(output, "the baseline") || strings.Contains(output, "? not known") {
			t.Errorf("%s: exit code %d\n%s", format, code, output)
		}
	}
	if code, output := compareCode(t, folder, "--fail-on", "worse"); code != exitUsage || !strings.Contains(output, "--fail-on needs two variants or more") {
		t.Errorf("exit code %d\n%s", code, output)
	}
}

// TestCompareAMatrix: without variants, the values of the matrix are the columns.
func TestCompareAMatrix(t *testing.T) {
	to := changedSeries(t, func(r *report.Result) {
		r.Variant.Cell, r.Variant.Name = "commit="+r.Variant.Name, ""
	})
	text, err := os.ReadFile(to + "/series.json")
	must(t, err)
	text = bytes.ReplaceAll(text, []byte(`"baseline": "`), []byte(`"baseline": "commit=`))
	text = regexp.MustCompile(`"(name|variant)": "(local|quorum)"`).ReplaceAll(text, []byte(`"cell": "commit=$2"`))
	must(t, os.WriteFile(to+"/series.json", text, 0o600))
	code, output := compareCode(t, to)
	if code != exitPass || !strings.Contains(strings.SplitN(output, "\n", 2)[0], "commit=local") || !strings.Contains(output, "3 runs, the baseline") || strings.Contains(output, "NOT ") {
		t.Errorf("exit code %d\n%s", code, output)
	}
}

// TestCompareStored: runs in a store are compared by the id of one, and by experiment and variant.
func TestCompareStored(t *testing.T) {
	where := filepath.Join(t.TempDir(), "store")
	at, err := store.Open(t.Context(), where)
	must(t, err)
	var ids []string
	for _, round := range []string{"1", "2", "3"} {
		for _, variant := range []string{"local", "quorum"} {
			added, err := at.Add(t.Context(), filepath.Join(comparedRuns, round, variant))
			must(t, err)
			ids = append(ids, added.ID)
		}
	}
	must(t, at.Close())
	for _, tc := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"store:kill-modes"}, exitPass, "3 runs, the baseline"},
		{[]string{"store:kill-modes/local", "store:kill-modes/quorum", "--metric", "p90 of writes"}, exitPass, "p90 of writes"},
		{[]string{"store:" + ids[0], comparedRuns + "/2/quorum", "--force"}, exitPass, "1 run, the baseline"},
		{[]string{"store:" + ids[0], comparedRuns + "/1/local", "--force"}, exitUsage, "a run cannot be compared with itself"},
		{[]string{"store:kill-mode", comparedRuns}, exitUsage, `has no run and no experiment "kill-mode"`},
	} {
		if code, output := compareCode(t, append(tc.args, "--store", where)...); code != tc.code || !strings.Contains(output, tc.want) {
			t.Errorf("%v: exit code %d, want %d with %q:\n%s", tc.args, code, tc.code, tc.want, output)
		}
	}
	if code, output := compareCode(t, "store:kill-modes"); code != exitUsage || !strings.Contains(output, "add --store DIR-OR-URL") {
		t.Errorf("without --store: exit code %d\n%s", code, output)
	}
	if code, output := compareCode(t, "store:kill-modes", "--store", where+"-not"); code != exitUsage || !strings.Contains(output, "no store") {
		t.Errorf("a store that is not there: exit code %d\n%s", code, output)
	}
}

// TestCompareUnfinished: a series that is still to be finished says so, and a run that could not be run is named.
func TestCompareUnfinished(t *testing.T) {
	to := filepath.Join(t.TempDir(), "unfinished")
	must(t, os.CopyFS(to, os.DirFS(comparedRuns)))
	text, err := os.ReadFile(to + "/series.json")
	must(t, err)
	text = bytes.Replace(text, []byte(`"status": "done"`), []byte(`"status": "pending"`), 1)
	text = bytes.Replace(text, []byte(`"status": "done"`), []byte(`"status": "failed", "errors": ["no disk"]`), 1)
	must(t, os.WriteFile(to+"/series.json", text, 0o600))
	must(t, os.RemoveAll(to+"/1/local"))
	code, output := compareCode(t, to)
	if code != exitPass || !strings.Contains(output, "1 run to do") || !strings.Contains(output, "NOT COMPARABLE, and in no figure: local, round 1 (1/local): no disk") {
		t.Errorf("exit code %d\n%s", code, output)
	}
}
