package markdown

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"pgchaos/audit"
	"pgchaos/expect"
	"pgchaos/outage"
	"pgchaos/record"
	"pgchaos/report"
	"pgchaos/verdict"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMarkdown(t *testing.T) {
	dirs, err := filepath.Glob("../testdata/results/*")
	if err != nil || len(dirs) == 0 {
		t.Fatal("no results", err)
	}
	for _, dir := range append(dirs, "../testdata/schema-1", "../testdata/schema-2") {
		name := filepath.Base(dir)
		t.Run(name, func(t *testing.T) {
			r, err := report.Read(dir)
			if err != nil {
				t.Fatal(err)
			}
			got := Text(r, Options{Dir: "results/" + name})
			wellFormed(t, got)
			golden := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.MkdirAll("testdata", 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s differs (go test -update writes it anew):\n%s", golden, diff)
			}
		})
	}
}

// wellFormed finds what GitHub would not show as meant: a row with another number of cells than its table has, HTML other than code, a
// picture, a fence that is not closed.
func wellFormed(t *testing.T, text string) {
	t.Helper()
	if len(text) > Most {
		t.Errorf("it has %d bytes", len(text))
	}
	if !utf8.ValidString(text) {
		t.Error("it is not UTF-8")
	}
	fence, cells := "", 0
	tag := regexp.MustCompile(`</?code>`)
	for line := range strings.SplitSeq(text, "\n") {
		marker := line[:len(line)-len(strings.TrimLeft(line, "`"))]
		switch {
		case fence != "":
			if line == fence {
				fence = ""
			}
			continue
		case len(marker) >= 3:
			fence = marker
			continue
		}
		rest := tag.ReplaceAllString(line, "")
		for _, bad := range []string{"<", ">", "![", "](", "data:image", "@", "http:", "https:"} {
			if strings.Contains(rest, bad) {
				t.Errorf("%q in: %.300s", bad, line)
			}
		}
		n := strings.Count(line, "|")
		if n > 0 && cells > 0 && n != cells {
			t.Errorf("a row has %d bars, and its table has %d: %.300s", n, cells, line)
		}
		cells = n
	}
	if fence != "" {
		t.Errorf("the fence %s is not closed", fence)
	}
}

// hostile are texts that must stay texts.
var hostile = []string{
	"<img src=x onerror=alert(1)>", "a|b\\|c\\\\|d", "`code` ``` ~~~", "**bold** __x__ _y_", "[link](javascript:alert(1)) ![i](https://x.example/y.png)",
	"@octocat and a@b.example", "https://x.example www.example.com http://y", "#1 GH-2 org/repo#3", "$x^2$ $$y$$", "line\n\n## heading\n- item\n1. one\n> quote\n```\nfence\n```",
	"\x1b[31mred\x1b[0m \x00 \x7f", "\u202eright to left\u202c", "</code></details><script>", "_a_ a_b __c__", "![x](data:image/png;base64,AA)", "&lt;b&gt; &amp; &#64;", "\xff\xfe no UTF-8", "<!-- comment -->", strings.Repeat("long ", 2000), "",
}

// TestHostileTexts puts each of them where a result has texts of others.
func TestHostileTexts(t *testing.T) {
	for _, text := range hostile {
		at := time.Second
		r := &report.Result{
			Name: text, Run: text, Tool: text, Verdict: verdict.Fail, Stage: report.StageChecked, Duration: 10 * time.Second,
			Cluster: report.Cluster{Provider: text, Postgres: text}, Command: []string{"run", text},
			Expectations: []expect.Judgement{{Text: text, Observed: text, Why: text, Verdict: verdict.Inconclusive}},
			Reasons:      []string{text, "another " + text}, Variant: &report.Variant{Name: text, Cell: text},
			Timeline: []record.Event{{Name: text, Action: text + "x", Nodes: []string{text}, Fault: true, Issued: at, Status: record.EventDone}},
			Workloads: []report.Workload{{
				Name: text, Kind: text, Active: []report.Interval{{To: 10 * time.Second}}, Total: report.Stats{Samples: 5, Failed: 5},
				Phases: []report.PhaseStats{{Phase: text}}, Parts: []report.PartStats{{Part: text}},
				Errors: []report.ErrorCount{{Kind: text, N: 5, Example: text, Outcome: record.Failed}},
				Series: []report.SeriesPoint{{At: at, Errors: 5}},
			}},
			Recoveries: []outage.Recovery{{Event: text, Issued: at, Nodes: []string{text}, Caveats: []string{text}}},
			Audits: []audit.Audit{{
				Table: text, Authority: text, Why: text, Acknowledged: 9, Lost: audit.Count{N: 3}, RPO: []audit.RPO{{Event: text, Lost: 3}},
				Nodes: []audit.NodeAudit{{Node: text, Why: text}},
			}},
			States: []report.NodeHistory{{Node: text, Final: record.NodeState{Role: record.Role(text)}}},
		}
		wellFormed(t, Text(r, Options{Dir: text}))
		wellFormed(t, Text(r, Options{Dir: text, Short: true}))
	}
}

// TestMonster: a result with more of everything than any run has stays within the bound, and says that more is in the file.
func TestMonster(t *testing.T) {
	r := &report.Result{Name: "monster", Verdict: verdict.Fail, Stage: report.StageChecked, Duration: time.Hour}
	long := strings.Repeat("<|`@", 500)
	for i := range 600 {
		name := fmt.Sprintf("%d-%s", i, long)
		r.Expectations = append(r.Expectations, expect.Judgement{Text: name, Observed: name, Why: name, Verdict: verdict.Fail})
		r.Reasons = append(r.Reasons, name)
		r.Timeline = append(r.Timeline, record.Event{Name: name, Action: name, Nodes: []string{name}, Fault: true, Status: record.EventDone, Issued: time.Duration(i) * time.Second})
		r.Recoveries = append(r.Recoveries, outage.Recovery{Event: name, Issued: time.Duration(i) * time.Second, Caveats: []string{name, name}})
	}
	for i := range 60 {
		w := report.Workload{
			Name: fmt.Sprintf("%d-%s", i, long), Active: []report.Interval{{To: time.Hour}}, Total: report.Stats{Samples: math.MaxInt64 / 400},
			Errors: []report.ErrorCount{{Kind: long, Example: long, N: 1}},
			Series: []report.SeriesPoint{{OK: math.MaxInt64 / 400}, {At: time.Hour, OK: 1}},
		}
		for range 30 {
			w.Phases = append(w.Phases, report.PhaseStats{Phase: long})
		}
		r.Workloads = append(r.Workloads, w)
		r.Audits = append(r.Audits, audit.Audit{Table: long, Why: long, RPO: []audit.RPO{{Event: long, Lost: 1}}, Nodes: []audit.NodeAudit{{Node: w.Name}}})
	}
	text := Text(r, Options{Dir: long})
	wellFormed(t, text)
	if !strings.Contains(text, " more expectations are in `result.json`.") || !strings.Contains(text, "more workloads") {
		t.Error("it does not say that more is in the file")
	}
	if len(Text(r, Options{Short: true})) > 300_000 {
		t.Error("the short form is long")
	}
}

func TestOverTime(t *testing.T) {
	w := report.Workload{Name: "writes", Active: []report.Interval{{To: 60 * time.Second}}}
	for i := range 600 {
		at := time.Duration(i) * report.SeriesStep
		if at >= 30*time.Second && at < 33*time.Second {
			continue
		}
		w.Series = append(w.Series, report.SeriesPoint{At: at, OK: 10})
	}
	for i := range 60 {
		if i >= 30 && i < 33 {
			continue
		}
		s := report.Second{At: time.Duration(i) * time.Second, Response: report.SecondDist{Count: 100, Max: 2 * time.Millisecond}}
		if i == 33 {
			s.Response.Max = 3 * time.Second
		}
		w.Seconds = append(w.Seconds, s)
	}
	r := &report.Result{Duration: 60 * time.Second, Workloads: []report.Workload{w}, Timeline: []record.Event{
		{Name: "kill-a", Action: "kill", Fault: true, Issued: 30 * time.Second, Status: record.EventDone},
	}}
	got := overTime(r)
	for _, want := range []string{
		"writes throughput  " + strings.Repeat("█", 30) + "▁▁▁" + strings.Repeat("█", 27) + "  0 /s to 100 /s\n",
		"writes p99         " + strings.Repeat("▁", 30) + "···█" + strings.Repeat("▁", 26) + "  2 ms to 3 s\n",
		"faults             " + strings.Repeat(" ", 30) + "▲\n",
		"- ▲ 30.000 s kill-a\n",
		"```mermaid\nxychart-beta\n",
		"x-axis \"seconds\" 0 --> 60.0\n  y-axis \"per second\" 0 --> 100\n  bar [0, 0,",
	} {
		if !strings.Contains(strings.ReplaceAll(got, strings.Repeat(" ", 29)+"\n", "\n"), want) {
			t.Errorf("it lacks %q:\n%s", want, got)
		}
	}
	if got := overTime(&report.Result{Workloads: r.Workloads}); got != "" {
		t.Errorf("of a run without a duration: %s", got)
	}
	r.Workloads[0].Active = nil // it never ran
	if got := overTime(r); strings.Contains(got, "mermaid") || !strings.Contains(got, strings.Repeat("·", columns)+"  not known") {
		t.Errorf("of a workload that never ran:\n%s", got)
	}
}

func FuzzEscape(f *testing.F) {
	for _, text := range hostile {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, got := range []string{Escape(text), code(text)} {
			inner := strings.TrimSuffix(strings.TrimPrefix(got, "<code>"), "</code>")
			entities := regexp.MustCompile(`&#\d+;`).ReplaceAllString(inner, "")
			if !utf8.ValidString(got) || strings.ContainsAny(entities, "<>|`*[]\\&#@~$!\n\r\x00") {
				t.Errorf("%q became %q", text, got)
			}
			if regexp.MustCompile(`:[^ ]`).MatchString(inner) {
				t.Errorf("%q became %q, in which a colon can be in a link", text, got)
			}
			if regexp.MustCompile(`(^|[^\pL\p{Nd}])_|_([^\pL\p{Nd}]|$)`).MatchString(inner) {
				t.Errorf("%q became %q, in which an underscore can begin or end emphasis", text, got)
			}
			if utf8.RuneCountInString(got) > 20*mostText {
				t.Errorf("%d characters became %d", len(text), len(got))
			}
		}
		if got := literal(text, 20); strings.ContainsAny(got, "`\n\r") || utf8.RuneCountInString(got) > 20 {
			t.Errorf("%q became %q", text, got)
		}
	})
}

// TestWarningsOfTheCluster: what was seen of a cluster before the run is beside the verdict.
func TestWarningsOfTheCluster(t *testing.T) {
	r := &report.Result{Name: "x", Verdict: verdict.Pass, Stage: report.StageChecked, Cluster: report.Cluster{Warnings: []string{"1 standby streamed from n1"}}}
	if text := Text(r, Options{}); !strings.Contains(text, "1 standby streamed from n1") {
		t.Error(text)
	}
}
