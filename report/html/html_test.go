package html

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgchaos/audit"
	"pgchaos/expect"
	"pgchaos/internal/longtest"
	"pgchaos/internal/redact"
	"pgchaos/record"
	"pgchaos/report"
	"pgchaos/report/lanes"
	"pgchaos/verdict"
)

// render is the page of a result.
func render(t *testing.T, r *report.Result) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, r, Options{Version: "1.2.3"}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// results are all results that the tree keeps, by their directories.
func results(t testing.TB) map[string]*report.Result {
	t.Helper()
	all := map[string]*report.Result{"empty": {}}
	for _, pattern := range []string{"../testdata/results/*", "../testdata/schema-*", "../../selftest/testdata/*"} {
		dirs, err := filepath.Glob(pattern)
		if err != nil || len(dirs) == 0 {
			t.Fatalf("%s: %d results, %v", pattern, len(dirs), err)
		}
		for _, dir := range dirs {
			r, err := report.Read(dir)
			if err != nil {
				t.Fatal(err)
			}
			all[filepath.Base(filepath.Dir(dir))+"/"+filepath.Base(dir)] = r
		}
	}
	return all
}

// kept is a result of report's testdata.
func kept(t testing.TB, name string) *report.Result {
	t.Helper()
	r, err := report.Read(filepath.Join("..", "testdata", "results", name))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// ready are the elements that come ready: their content is no HTML.
var ready = regexp.MustCompile(`(?s)<(script|style)\b[^>]*>.*?</(script|style)>`)

// void are the elements without an end.
var void = regexp.MustCompile(`<(meta|br|hr|img|input|link)\b([^>]*)>`)

// check reads a page as XML, after what HTML writes otherwise has been set right: every element is closed in its order, every
// attribute is quoted, and every text is escaped. It returns the texts and the attributes.
func check(page string) (texts []string, elements map[string]int, err error) {
	page = void.ReplaceAllString(strings.TrimPrefix(ready.ReplaceAllString(page, ""), "<!doctype html>"), "<$1$2/>")
	d := xml.NewDecoder(strings.NewReader(page))
	d.Entity = xml.HTMLEntity
	elements = map[string]int{}
	ids := map[string]bool{}
	for {
		token, err := d.Token()
		switch {
		case errors.Is(err, io.EOF):
			return texts, elements, nil
		case err != nil:
			return nil, nil, fmt.Errorf("%w: %q", err, page[max(0, int(d.InputOffset())-300):min(len(page), int(d.InputOffset()+20))])
		}
		switch token := token.(type) {
		case xml.CharData:
			texts = append(texts, string(token))
		case xml.Comment:
			return nil, nil, errors.New("a comment: " + string(token))
		case xml.StartElement:
			elements[token.Name.Local]++
			for _, a := range token.Attr {
				texts = append(texts, a.Value)
				if a.Name.Local != "id" {
					continue
				}
				if ids[a.Value] {
					return nil, nil, errors.New("two elements have the id " + a.Value)
				}
				ids[a.Value] = true
			}
		}
	}
}

func TestEveryKeptResultHasAPage(t *testing.T) {
	for name, r := range results(t) {
		page := render(t, r)
		texts, elements, err := check(page)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		all := strings.Join(texts, "\n")
		if !strings.Contains(all, r.Headline()) {
			t.Errorf("%s: the page lacks the headline %q", name, r.Headline())
		}
		for _, e := range r.Expectations {
			if !strings.Contains(all, e.Text) || !strings.Contains(all, e.Observed) {
				t.Errorf("%s: the page lacks %q (%s)", name, e.Text, e.Observed)
			}
		}
		for _, reason := range r.AllReasons() {
			if !strings.Contains(all, reason) {
				t.Errorf("%s: the page lacks the reason %q", name, reason)
			}
		}
		if elements["h1"] != 1 || elements["main"] != 1 || elements["header"] != 1 {
			t.Errorf("%s: %v", name, elements)
		}
		if titled := strings.Count(page, "<table aria-label="); elements["table"] != elements["caption"]+titled {
			t.Errorf("%s: %d tables, %d captions", name, elements["table"], elements["caption"])
		}
		if len(page) > 1<<20 {
			t.Errorf("%s: %d bytes", name, len(page))
		}
	}
}

// TestPageSaysWhatTheTerminalSays compares the numbers and words of the sections, which have one source.
func TestPageSaysWhatTheTerminalSays(t *testing.T) {
	texts, _, err := check(render(t, kept(t, "explained")))
	if err != nil {
		t.Fatal(err)
	}
	page := strings.Join(texts, "\n")
	for _, want := range []string{
		"quorum-kill", "Versions, host and seed", "Nodes compared", "Response times by percentile", "Steps of the timeline",
		"99% Line", "Throughput", "writes", "baseline", "pgchaos run experiments/quorum-kill.yaml --seed 42", "What was lost", "Writer", "Missing on", "fork at LSN",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

// TestOrderOfThePage is the order in which a reader needs the parts.
func TestOrderOfThePage(t *testing.T) {
	page := render(t, full(t))
	last := 0
	for _, id := range []string{
		"expectations", "reasons", "course", "lane-throughput", "lane-errors", "lane-roles", "lane-sync", "lane-lag-bytes", "lane-lag", "lane-cpu", "lane-memory",
		"closeups", "load", "outages", "losses", "nodes", "errors", "percentiles", "timeline", "cluster", "settings", "experiment",
	} {
		at := strings.Index(page, `<section id="`+id+`"`)
		if strings.HasPrefix(id, "lane-") {
			at = strings.Index(page, `<section class="lane" id="`+id+`" data-lane="`+strings.TrimPrefix(id, "lane-")+`"`)
		}
		if at < last {
			t.Errorf("%s stands at %d, and what comes before it at %d", id, at, last)
		}
		last = max(last, at)
	}
	if !strings.Contains(page, `<section class="closeup" data-fault="0">`) {
		t.Error("there is no close-up")
	}
}

// TestACloseUpHasTheGreatestResponseTimes of each 100 ms, and the lanes of the whole run have those of each second.
func TestACloseUpHasTheGreatestResponseTimes(t *testing.T) {
	const title = "Greatest response time (s)"
	r := full(t)
	page := render(t, r)
	before, closeups, _ := strings.Cut(page, `<section id="closeups">`)
	if strings.Contains(before, "Greatest response time") || !strings.Contains(closeups, title) || strings.Contains(closeups, ">Response time (s)<") {
		t.Error("the greatest response times stand elsewhere than in the close-ups")
	}
	for i := range r.Workloads {
		for k := range r.Workloads[i].Series {
			r.Workloads[i].Series[k].Max = 0
		}
	}
	if page := render(t, r); strings.Contains(page, title) {
		t.Error("an older result has greatest response times")
	}
}

// full is a kept result with what the nodes said.
func full(t testing.TB) *report.Result {
	t.Helper()
	r := kept(t, "lost")
	r.Reasons = append(r.Reasons, "a reason that no headline has")
	bytes, lag := int64(1<<20), 1500*time.Millisecond
	node := func(name string, states ...record.NodeState) {
		h := report.NodeHistory{Node: name}
		for _, s := range states {
			s.Node, s.Reachable = name, true
			h.States = append(h.States, s)
		}
		h.Final = h.States[len(h.States)-1]
		r.States = append(r.States, h)
	}
	for i := range r.Workloads {
		w := &r.Workloads[i]
		w.Active = []report.Interval{{To: r.Duration}}
		for at := time.Duration(0); at < r.Duration; at += report.SeriesStep {
			w.Series = append(w.Series, report.SeriesPoint{At: at, OK: 50, Errors: int64(at/time.Second) % 3, Max: time.Millisecond + at/1000})
		}
	}
	r.States, r.NodeSeries, r.Usage = nil, nil, nil
	node("pgmaster", record.NodeState{Role: record.RolePrimary, Timeline: 1, SyncCommit: "on", Standbys: []record.StandbyState{{Name: "pgslave", SyncState: "sync", State: "streaming"}}})
	node("pgslave", record.NodeState{Role: record.RoleStandby, Timeline: 1}, record.NodeState{At: 21 * time.Second, Role: record.RolePrimary, Timeline: 2, SyncCommit: "on"})
	for i := range 30 {
		at := time.Duration(i) * time.Second
		sample := record.NodeSample{At: at, Role: record.RoleStandby, LagBytes: &bytes, Lag: &lag}
		if i == 0 {
			r.NodeSeries = append(r.NodeSeries, record.NodeSeries{Node: "pgslave", Step: time.Second})
		}
		r.NodeSeries[0].Samples = append(r.NodeSeries[0].Samples, sample)
		r.Usage = append(r.Usage, record.ResourceSample{Node: "pgslave", At: at, CPUPercent: float64(i), MemoryBytes: 1 << 30})
	}
	for i := range r.Cluster.Nodes {
		r.Cluster.Nodes[i].Settings = map[string]string{"synchronous_commit": "on", "synchronous_standby_names": "", "wal_level": "replica"}
	}
	r.Experiment = "name: quorum-kill\nload: {}\n"
	return r
}

// data is what a page holds for the scripts.
func data(t *testing.T, page string) (run lanes.Run) {
	t.Helper()
	_, rest, found := strings.Cut(page, `<script type="application/octet-stream;base64" id="pgchaos-data">`)
	text, _, _ := strings.Cut(rest, "</script>")
	if !found {
		t.Fatal("the page holds no data")
	}
	packed, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(z).Decode(&run); err != nil {
		t.Fatal(err)
	}
	return run
}

func TestDataOfThePage(t *testing.T) {
	r := full(t)
	want, err := lanes.Of(r)
	if err != nil {
		t.Fatal(err)
	}
	run := data(t, render(t, r))
	a, errA := json.Marshal(want)
	b, errB := json.Marshal(&run)
	if errA != nil || errB != nil || !bytes.Equal(a, b) {
		t.Errorf("the page holds other data than the result: %v, %v", errA, errB)
	}
	if len(run.Lanes) < 8 || len(run.Faults) == 0 || len(run.Phases) == 0 {
		t.Errorf("%d lanes, %d faults, %d phases", len(run.Lanes), len(run.Faults), len(run.Phases))
	}
}

// TestPolicyPermitsOurScriptsAlone compares the hashes of the policy with the scripts that stand in the page.
func TestPolicyPermitsOurScriptsAlone(t *testing.T) {
	page := render(t, full(t))
	policy := regexp.MustCompile(`<meta http-equiv="Content-Security-Policy" content="([^"]*)">`).FindStringSubmatch(page)
	if policy == nil || !strings.HasPrefix(policy[1], "default-src 'none'; script-src 'sha256-") {
		t.Fatalf("policy %q", policy)
	}
	for _, script := range regexp.MustCompile(`(?s)<script>(.*?)</script>`).FindAllStringSubmatch(page, -1) {
		sum := sha256.Sum256([]byte(script[1]))
		if hash := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(policy[1], hash) {
			t.Errorf("the policy lacks %s", hash)
		}
	}
	scripts, _, _ := strings.Cut(strings.Split(policy[1], "script-src ")[1], ";")
	if got := len(strings.Fields(scripts)); got != len(Scripts()) {
		t.Errorf("the policy permits %d scripts, the page has %d", got, len(Scripts()))
	}
	outside := strings.ReplaceAll(ready.ReplaceAllString(page, ""), "http://www.w3.org/2000/svg", "")
	for _, asks := range []string{"http://", "https://", " src=", "@import", "url(", " onload", " onclick"} {
		if strings.Contains(outside, asks) {
			t.Errorf("the page contains %q", asks)
		}
	}
}

// hostile are texts that want to be more than texts.
func hostile() []string {
	return []string{
		`</title><script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `'; alert(1)//`, `{{.Name}}`, `</style></pre></main>`, "`${alert(1)}`",
		"مرحبا \u202eabc", "<!-- a comment", "&lt;b&gt; &amp;", "a\x00b\x1b[31m", "]]>", strings.Repeat("x", 10_000), strings.Repeat("word ", 2000), "\xff\xfe",
	}
}

// spoiled is a result that has a text wherever there can be one of somebody else.
func spoiled(t testing.TB, text string) *report.Result {
	t.Helper()
	r := full(t)
	r.Name, r.Description, r.Experiment, r.Run, r.Tool = text, text, text, text, text
	r.Command = []string{"run", text}
	r.Host = report.Host{OS: text, Name: text, CPU: text, Memory: 1}
	r.Reasons, r.Errors, r.Stopped = []string{text}, []string{text}, text
	r.Expectations = []expect.Judgement{{Text: text, Observed: text, Why: text, Verdict: verdict.Inconclusive}}
	r.Cluster.Provider, r.Cluster.Postgres, r.Cluster.Bin, r.Cluster.Rebuilt = text, text, text, text
	r.Cluster.Nodes = []report.ClusterNode{{Name: text, Address: text, Settings: map[string]string{text: text}}}
	for i := range r.Phases {
		r.Phases[i].Name = text
	}
	for i := range r.Timeline {
		m := &r.Timeline[i]
		m.Name, m.Nodes, m.Detail, m.Error = text, []string{text}, text, text
	}
	for i := range r.Workloads {
		w := &r.Workloads[i]
		w.Name, w.Kind, w.Target, w.Table = text, text, text, text
		w.Errors = []report.ErrorCount{{Kind: text, Outcome: record.Failed, N: 1, Example: text}}
		for k := range w.Series {
			if n := w.Series[k].Errors; n > 0 {
				w.Series[k].Kinds = map[string]int64{text: n}
			}
		}
		for k := range w.Phases {
			w.Phases[k].Phase = text
		}
	}
	for i := range r.States {
		r.States[i].Node = text
		for k := range r.States[i].States {
			r.States[i].States[k].Role, r.States[i].States[k].SyncNames = record.Role(text), text
		}
	}
	for i := range r.NodeSeries {
		r.NodeSeries[i].Node = text
	}
	for i := range r.Usage {
		r.Usage[i].Node = text
	}
	for i := range r.Audits {
		a := &r.Audits[i]
		a.Table, a.Authority = text, text
		a.Nodes = []audit.NodeAudit{{Node: text, Why: text}}
		for k := range a.Lost.Runs {
			a.Lost.Runs[k].Node, a.Lost.Runs[k].LostBy, a.Lost.Runs[k].Why = text, text, text
		}
	}
	r.Generator = &report.Generator{Span: time.Second, Warnings: []string{text}}
	r.Settle = []report.SettleNote{{Node: text, Error: text}}
	r.Logs = []report.LogExcerpt{{Node: text, File: text, Lines: []string{text, text}}}
	return r
}

// checkHostile renders a result that has a text everywhere. The page has the elements that it has with a harmless text.
func checkHostile(t *testing.T, text string, harmless map[string]int) {
	t.Helper()
	page := render(t, spoiled(t, text))
	texts, elements, err := check(page)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	if elements["img"]+elements["script"] > 0 {
		t.Errorf("%q: %v", text, elements)
	}
	if n := strings.Count(page, "<script"); n != 1+len(Scripts()) {
		t.Errorf("%q: %d scripts", text, n)
	}
	for _, name := range []string{"section", "h1", "h2", "h3", "pre", "table", "caption", "ul", "ol", "p", "a", "details", "main"} {
		if strings.TrimSpace(text) != "" && elements[name] != harmless[name] {
			t.Errorf("%q: %d of %s, and %d with a harmless text", text, elements[name], name, harmless[name])
		}
	}
	shown := strings.TrimSpace(redact.Printable(text))
	if len(shown) < 100 && !slices.ContainsFunc(texts, func(s string) bool { return strings.Contains(s, shown) }) {
		t.Errorf("%q is not shown", text)
	}
}

func TestHostileTextsStayText(t *testing.T) {
	_, harmless, err := check(render(t, spoiled(t, "harmless")))
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range hostile() {
		if i%3 != 0 && !longtest.Enabled {
			continue
		}
		t.Run(fmt.Sprint(i), func(t *testing.T) { checkHostile(t, text, harmless) })
	}
}

func FuzzHostileText(f *testing.F) {
	f.Add(hostile()[0]) // TestHostileTextsStayText has the others
	f.Fuzz(func(t *testing.T, text string) {
		page := render(t, spoiled(t, text))
		if _, _, err := check(page); err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if n := strings.Count(page, "<script"); n != 1+len(Scripts()) {
			t.Errorf("%q: %d scripts", text, n)
		}
	})
}

// TestSecretsAreHidden: what a user marked as secret is in no page, as it is in no result.json.
func TestSecretsAreHidden(t *testing.T) {
	r := spoiled(t, "before hunter2-hunter2 after")
	r.Secrets = redact.New("hunter2-hunter2")
	if page := render(t, r); strings.Contains(page, "hunter2") {
		t.Error("the page has the secret")
	}
	for _, l := range data(t, render(t, r)).Lanes {
		names := l.About
		for _, s := range l.Series {
			names += s.Name + s.Group
		}
		if strings.Contains(fmt.Sprint(l.Rows, names), "hunter2") {
			t.Errorf("the data of lane %s has the secret", l.ID)
		}
	}
}

// TestWhatCannotBeShownIsNamed.
func TestWhatCannotBeShownIsNamed(t *testing.T) {
	r := full(t)
	r.Workloads[0].Seconds = []report.Second{{At: 0, Response: report.SecondDist{Count: 1, Max: time.Millisecond, Histogram: "rot"}}}
	r.Workloads[0].Phases[0].Response.Histogram = "rot"
	page := render(t, r)
	for _, want := range []string{"Some response times cannot be shown: ", "The percentiles of " + r.Workloads[0].Name + " cannot be shown: "} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

// TestPageSaysWhetherItHasCharts.
func TestPageSaysWhetherItHasCharts(t *testing.T) {
	if has := strings.Contains(ready.ReplaceAllString(render(t, full(t)), ""), NoCharts); has == Charts() {
		t.Errorf("built with charts: %v, and the page says that it was not: %v", Charts(), has)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestTheWritersError(t *testing.T) {
	noSpace := errors.New("no space left")
	if err := Write(failing{noSpace}, kept(t, "pass"), Options{}); !errors.Is(err, noSpace) {
		t.Errorf("error %v", err)
	}
}
