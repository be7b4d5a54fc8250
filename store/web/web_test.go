package web

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pgchaos/internal/listen"
	"pgchaos/internal/race"
	"pgchaos/report"
	"pgchaos/store"
)

// kept is a store of real results, which all tests read: six runs of a series, and two of an experiment whose settings differ from theirs.
var kept struct {
	once sync.Once
	dir  string
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if kept.dir != "" {
		_ = os.RemoveAll(kept.dir)
	}
	os.Exit(code)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const (
	newest  = "kill-modes-20261129-045921-bddc" // of the variant local
	second  = "kill-modes-20261129-045908-75e6" // of the variant quorum, made in the same round
	failed  = "quorum-kill-lost"
	passed  = "quorum-kill-pass"
	allKept = 8
)

// results is the store of real results.
func results(t *testing.T) string {
	t.Helper()
	kept.once.Do(func() { kept.dir, kept.err = fill8() })
	must(t, kept.err)
	return kept.dir
}

func fill8() (dir string, err error) {
	if dir, err = os.MkdirTemp("", "pgchaos-web-"); err != nil {
		return "", err
	}
	s, err := store.Open(context.Background(), dir)
	if err != nil {
		return dir, err
	}
	series, err := filepath.Glob("../../cmd/pgchaos/testdata/compare/kill-modes/*/*")
	for _, of := range series {
		_, addErr := s.Add(context.Background(), of)
		err = errors.Join(err, addErr)
	}
	for name, run := range map[string]string{"lost": failed, "pass": passed} {
		err = errors.Join(err, addChanged(s, dir, name, func(r *report.Result) { r.Run, r.Name = run, "quorum-kill" }))
	}
	return dir, errors.Join(err, s.Close())
}

// addChanged adds a result of report's testdata, changed.
func addChanged(s *store.Store, below, name string, change func(*report.Result)) error {
	r, err := report.Read("../../report/testdata/results/" + name)
	if err != nil {
		return err
	}
	change(r)
	dir, err := os.MkdirTemp(below, "result-")
	if err != nil {
		return err
	}
	if err := report.Write(dir, r); err != nil {
		return err
	}
	_, err = s.Add(context.Background(), dir)
	return errors.Join(err, os.RemoveAll(dir))
}

// alone is a store of one's own with some changed results.
func alone(t *testing.T, changes ...func(*report.Result)) (where string, ids []string) {
	t.Helper()
	where = t.TempDir()
	s, err := store.Open(t.Context(), where)
	must(t, err)
	for _, change := range changes {
		must(t, addChanged(s, t.TempDir(), "pass", change))
	}
	found, err := s.List(t.Context(), store.Filter{})
	must(t, err)
	for _, k := range found {
		ids = append(ids, k.ID)
	}
	must(t, s.Close())
	return where, ids
}

// site is a served store.
type site struct {
	t      *testing.T
	url    string
	server *Server
	client *http.Client
	end    func() error // ends the server, and returns what Serve returned
}

func serve(t *testing.T, where string, change ...func(*Server)) *site {
	t.Helper()
	server, err := New(t.Context(), Options{Store: where, Version: "1.2.3"})
	must(t, err)
	for _, c := range change {
		c(server)
	}
	l, err := listen.On("127.0.0.1:0")
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	s := &site{t: t, url: l.URL(), server: server, client: &http.Client{Transport: &http.Transport{}}}
	s.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	s.end = sync.OnceValue(func() error {
		cancel()
		s.client.CloseIdleConnections()
		return <-served
	})
	go func() { served <- server.Serve(ctx, l) }()
	t.Cleanup(func() { must(t, s.end()) })
	return s
}

// page is an answer.
type page struct {
	t      *testing.T
	url    *url.URL
	status int
	body   string
	header http.Header
}

func (s *site) do(method, address string, change ...func(*http.Request)) *page {
	s.t.Helper()
	base, err := url.Parse(s.url)
	must(s.t, err)
	at, err := base.Parse(address)
	must(s.t, err)
	r, err := http.NewRequestWithContext(s.t.Context(), method, at.String(), nil)
	must(s.t, err)
	for _, c := range change {
		c(r)
	}
	got, err := s.client.Do(r)
	must(s.t, err)
	body, err := io.ReadAll(got.Body)
	must(s.t, errors.Join(err, got.Body.Close()))
	return &page{s.t, at, got.StatusCode, string(body), got.Header}
}

// get is a page that must be there.
func (s *site) get(address string) *page {
	s.t.Helper()
	p := s.do(http.MethodGet, address)
	if p.status != http.StatusOK {
		s.t.Fatalf("%s: status %d\n%s", address, p.status, p.body)
	}
	return p
}

// anchor is a link of a page.
type anchor struct{ name, href string }

// anchors are the links of a page of this package, with the names that a screen reader reads.
func (p *page) anchors() (all []anchor) {
	p.t.Helper()
	dec := xml.NewDecoder(strings.NewReader(p.body))
	dec.Strict, dec.AutoClose, dec.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	inside := false
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			p.t.Fatalf("%s is not well formed: %v\n%s", p.url, err, p.body)
		}
		switch e := token.(type) {
		case xml.StartElement:
			if e.Name.Local != "a" {
				continue
			}
			a := anchor{}
			for _, attribute := range e.Attr {
				switch attribute.Name.Local {
				case "href":
					a.href = attribute.Value
				case "aria-label":
					a.name = attribute.Value
				}
			}
			all, inside = append(all, a), a.name == ""
		case xml.CharData:
			if inside {
				all[len(all)-1].name += string(e)
			}
		case xml.EndElement:
			inside = inside && e.Name.Local != "a"
		}
	}
}

// click follows the link of a name, as a user does.
func (s *site) click(from *page, name string) *page {
	s.t.Helper()
	return s.do(http.MethodGet, from.link(name))
}

func (p *page) link(name string) string {
	p.t.Helper()
	for _, a := range p.anchors() {
		if a.name == name {
			to, err := p.url.Parse(a.href)
			must(p.t, err)
			return to.String()
		}
	}
	p.t.Fatalf("%s has no link %q:\n%s", p.url, name, p.body)
	return ""
}

// rows are the ids of the runs in a list.
func (p *page) rows() (ids []string) {
	for _, a := range p.anchors() {
		if to, err := url.Parse(a.href); err == nil && strings.HasPrefix(a.href, "report?") {
			ids = append(ids, to.Query().Get("run"))
		}
	}
	return ids
}

// has demands texts of a page.
func (p *page) has(wanted ...string) {
	p.t.Helper()
	for _, want := range wanted {
		if !strings.Contains(p.body, want) {
			p.t.Errorf("%s lacks %q", p.url, want)
		}
	}
}

// baseline demands that a comparison's baseline is this run: its variant, and its name without that of the experiment.
func (p *page) baseline(run string) {
	p.t.Helper()
	name := strings.TrimPrefix(run, "kill-modes-")
	if !regexp.MustCompile(`<th scope="col">(` + regexp.QuoteMeta(name) + `|[^<]+ \(` + regexp.QuoteMeta(name) + `\))<br><span class="quiet">[^<]*, the baseline</span>`).MatchString(p.body) {
		p.t.Errorf("%s: the baseline is not %s", p.url, run)
	}
}

// TestList: the newest run first, with its verdict, its main figures and links.
func TestList(t *testing.T) {
	t.Parallel()
	s := serve(t, results(t))
	p := s.get("")
	rows := p.rows()
	if len(rows) != allKept || rows[0] != newest || rows[1] != second {
		t.Errorf("rows: %q", rows)
	}
	from, err := store.Reading(t.Context(), results(t))
	must(t, err)
	k, err := from.Get(t.Context(), failed)
	must(t, errors.Join(err, from.Close()))
	lost, has := figure(&k, "lost_writes")
	if !has || lost.Value == 0 {
		t.Fatalf("the run lost nothing: %+v", lost)
	}
	p.has("kill-modes", `<strong class="pass">pass</strong>`, `<strong class="fail">fail</strong>`, "2026-11-29 04:59:25Z", `<strong class="fail">`+lost.Text()+"</strong>", "Runs 1 to 8, the newest first.")
	if p99 := byWorkload(&k, "p99"); len(p99) == 0 {
		t.Error("the run has no p99")
	} else {
		p.has(p99...)
	}
	if s.click(p, "Trends").status != http.StatusOK || s.click(p, newest).status != http.StatusOK {
		t.Error("a link leads nowhere")
	}
	if css := s.get("style.css"); !strings.HasPrefix(css.header.Get("Content-Type"), "text/css") || !strings.Contains(css.body, ".filter") || !strings.Contains(css.body, "prefers-color-scheme") {
		t.Error("the style sheet is not whole")
	}
}

func TestFilters(t *testing.T) {
	t.Parallel()
	s := serve(t, results(t))
	for query, want := range map[string]int{
		"":                            8,
		"experiment=kill-modes":       6,
		"experiment=none":             0,
		"variant=local":               3,
		"variant=%28none%29":          2,
		"verdict=fail":                1,
		"verdict=inconclusive":        0,
		"since=2026-11-29T04:59:10Z":  2,
		"since=2026-11-29T04:59:10Z+": 2,
		"text=KILL-modes":             6,
		"text=%25":                    0,
		"text=+quorum-kill+":          2,
		"experiment=kill-modes&variant=quorum&verdict=pass&since=&text=75e6": 1,
		"experiment=kill-modes&page=2":                                       0,
	} {
		if rows := s.get("./?" + query).rows(); len(rows) != want {
			t.Errorf("%q: %d rows, want %d", query, len(rows), want)
		}
	}
	p := s.get("./?experiment=kill-modes&variant=local&verdict=pass&text=kill&since=2020-01-01")
	p.has(`<option value="kill-modes" selected>`, `<option value="local" selected>`, `<option value="pass" selected>`, `value="kill"`, `value="2020-01-01"`)
	for query, want := range map[string]string{
		"verdict=fial":                     "choose pass, fail or inconclusive",
		"since=lastweek":                   "write how long ago, such as 30d or 36h",
		"page=0":                           "pages have numbers from 1 to 100,000",
		"page=99999999999999999999":        "pages have numbers",
		"page=-1":                          "pages have numbers",
		"text=" + strings.Repeat("x", 201): "may have 200",
	} {
		p := s.do(http.MethodGet, "./?"+query)
		if p.status != http.StatusBadRequest || len(p.rows()) > 0 {
			t.Errorf("%q: status %d, %d rows", query, p.status, len(p.rows()))
		}
		p.has(want, "<form")
	}
}

// TestPages follows the links from page to page, there and back.
func TestPages(t *testing.T) {
	t.Parallel()
	s := serve(t, results(t), func(s *Server) { s.perPage = 3 })
	p := s.get("./?text=kill&baseline=" + passed)
	seen := p.rows()[1:] // the first one is the baseline's
	for range 2 {
		p = s.click(p, "Older runs")
		seen = append(seen, p.rows()[1:]...)
	}
	if len(seen) != allKept || seen[0] != newest || strings.Contains(p.body, "Older runs") {
		t.Errorf("seen: %q", seen)
	}
	p.has("Runs 7 to 8", `name="baseline" value="`+passed+`"`)
	for range 2 {
		p = s.click(p, "Newer runs")
	}
	if rows := p.rows(); len(rows) != 4 || rows[1] != newest || strings.Contains(p.body, "Newer runs") {
		t.Errorf("the first page again: %q", rows)
	}
	s.get("./?page=9").has("There are no more runs.")
}

func TestEmptyStore(t *testing.T) {
	t.Parallel()
	where, _ := alone(t)
	s := serve(t, where)
	s.get("").has("The store has no runs yet.", "pgchaos history add DIR --store "+where)
	s.get("trends").has("There are no runs.")
}

// TestReport: it is the page that 'pgchaos report' writes, with links to the others.
func TestReport(t *testing.T) {
	t.Parallel()
	s := serve(t, results(t))
	p := s.click(s.get(""), failed)
	p.has("<!doctype html>", `<strong class="fail">`, `href="./"`, `href="run?run=quorum-kill-lost"`, `href="./?baseline=quorum-kill-lost"`, "Trends of quorum-kill</a>", `id="pgchaos-data"`)
	if policy := p.header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") {
		t.Error(policy)
	}
	run := s.get("run?run=" + failed)
	run.has("lost_writes", "fingerprint", "PostgreSQL", "The report of this run")
	if s.click(run, "The report of this run").status != http.StatusOK || s.click(run, "Trends of quorum-kill").status != http.StatusOK {
		t.Error("a link leads nowhere")
	}
	if rows := s.click(run, "Compare this run with another").rows(); len(rows) != allKept+1 {
		t.Errorf("%d rows", len(rows))
	}
}

// TestWithoutAResult: a run whose files are gone, damaged or too large is shown as the database has it, and the page says why.
func TestWithoutAResult(t *testing.T) {
	t.Parallel()
	where, ids := alone(t, func(r *report.Result) { r.Run = "a" }, func(r *report.Result) { r.Run = "b" }, func(r *report.Result) { r.Run = "c" })
	from, err := store.Reading(t.Context(), where)
	must(t, err)
	for i, damage := range []func(file string) error{
		os.Remove,
		func(file string) error { return os.WriteFile(file, []byte("{}"), 0o600) },
		func(file string) error { return os.Truncate(file, mostResult+1) },
	} {
		k, err := from.Get(t.Context(), []string{"a", "b", "c"}[i])
		must(t, err)
		must(t, damage(filepath.Join(k.Dir, report.FileName)))
	}
	gone, err := from.Get(t.Context(), "a")
	must(t, errors.Join(err, from.Close()))
	must(t, os.RemoveAll(gone.Dir))
	if len(ids) != 3 {
		t.Fatal(ids)
	}
	s := serve(t, where)
	s.get("").has("its files are not here")
	for id, want := range map[string]string{
		"a": "There is no report: the files of this run are not on this machine.",
		"b": "There is no report: read the result: ",
		"c": "has 67.1 MB, and a page is made of 67.1 MB at the most",
	} {
		p := s.get("report?run=" + id)
		p.has(want, "lost_writes")
		if strings.Contains(p.body, "The report of this run") {
			t.Errorf("run %s: the page leads to a report", id)
		}
	}
	s.get("compare?baseline=a&with=c").has("p99 of writes") // by the figures of the database
	if p := s.do(http.MethodGet, "compare?baseline=a&with=b"); p.status != http.StatusInternalServerError {
		t.Errorf("a damaged result: status %d", p.status)
	}
}

// TestTwoClicks compares two runs by the links of the list.
func TestTwoClicks(t *testing.T) {
	t.Parallel()
	s := serve(t, results(t))
	p := s.get("./?experiment=kill-modes")
	chosen := s.click(p, "compare "+second)
	chosen.has("Baseline:", second, "kill-modes/quorum, pass, 2026-11-29 04:59:13Z", `<option value="kill-modes" selected>`)
	c := s.click(chosen, "compare "+newest)
	if c.status != http.StatusOK || !strings.Contains(c.header.Get("Content-Security-Policy"), "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'") {
		t.Fatalf("status %d, %v\n%s", c.status, c.header, c.body)
	}
	c.baseline(second)
	c.has("kill-modes: comparison", newest, "p99 of writes", "<svg", `href="report?run=`+newest+`"`, `>All runs</a>`, "Swap the two runs")
	s.get("compare?baseline=" + newest + "&with=" + second).baseline(newest)
	if rows := s.click(chosen, "Choose none").rows(); len(rows) != 6 {
		t.Errorf("%d rows", len(rows))
	}
	s.get("./?baseline=pruned").has("The store does not have the run pruned, which was chosen for a comparison.", "compare "+newest)
}

// TestRunsThatDifferAreRefused, with the reasons, and can be compared all the same.
func TestRunsThatDifferAreRefused(t *testing.T) {
	t.Parallel()
	s := serve(t, results(t))
	p := s.click(s.get("./?baseline="+passed), "compare "+newest)
	if p.status != http.StatusConflict {
		t.Fatalf("status %d\n%s", p.status, p.body)
	}
	p.has("These runs differ in more than what is compared", "'pgchaos compare' refuses", `<th scope="row" dir="auto">steps</th>`, passed, newest)
	forced := s.click(p, "Compare them all the same")
	if forced.status != http.StatusOK {
		t.Fatalf("status %d\n%s", forced.status, forced.body)
	}
	forced.has("Read this first", "steps", "p99 of writes", "force=1")
	if p := s.do(http.MethodGet, "compare?baseline="+passed+"&with="+passed); p.status != http.StatusBadRequest || !strings.Contains(p.body, "cannot be compared with itself") {
		t.Errorf("status %d: %s", p.status, p.body)
	}
}

// TestCombinationsOfAMatrix: two chosen runs are compared although the matrix holds them apart.
func TestCombinationsOfAMatrix(t *testing.T) {
	t.Parallel()
	where, _ := alone(t,
		func(r *report.Result) {
			r.Run, r.Variant = "a", &report.Variant{Series: "s", Cell: "clients=4", Round: 1}
		},
		func(r *report.Result) {
			r.Run, r.Variant = "b", &report.Variant{Series: "s", Cell: "clients=8", Round: 1}
		})
	p := serve(t, where).get("compare?baseline=a&with=b")
	p.baseline("a")
	p.has("p99 of writes")
	if strings.Count(p.body, `<table class="comparison">`) != 2 {
		t.Error("the runs are in different tables")
	}
}

func TestTrendsOfAStore(t *testing.T) {
	t.Parallel()
	s := serve(t, results(t))
	p := s.click(s.get("./?experiment=kill-modes&variant=local"), "Trends of these runs")
	p.has("kill-modes: trends", "kill-modes/local", "p99 of writes", "not known yet", "All runs", `href="./?experiment=kill-modes&amp;variant=local"`)
	if strings.Contains(p.body, "kill-modes/quorum") {
		t.Error("the page has a variant that was not chosen")
	}
	s.get("trends").has("kill-modes/quorum", "quorum-kill")
}

// TestWhatIsNotThere is an error that says so.
func TestWhatIsNotThere(t *testing.T) {
	t.Parallel()
	s := serve(t, results(t))
	for address, status := range map[string]int{
		"run?run=none": 404, "report?run=none": 404, "run": 404, "report?run=": 404, "run?run=../../etc/passwd": 404, "compare?baseline=" + newest + "&with=none": 404,
		"compare?baseline=none&with=" + newest: 404, "compare": 400, "trends?experiment=none": 404, "favicon.ico": 404, "runs/ab": 404, "history.db": 404,
		"run?run=%00": 400, "run?run=%ff": 400, "?text=%00": 400, "?experiment=%c3%28": 400, "?a;b": 400, "?text=%zz": 400, "run?run=" + strings.Repeat("x", 100_000): 404,
	} {
		p := s.do(http.MethodGet, address)
		if p.status != status {
			t.Errorf("%.40s: status %d, want %d", address, p.status, status)
		}
		if !strings.Contains(p.body, `role="alert"`) {
			t.Errorf("%.40s: %s", address, p.body)
		}
	}
}

// TestOnlyLooking: no other method, no other host name, no other web page.
func TestOnlyLooking(t *testing.T) {
	t.Parallel()
	s := serve(t, results(t))
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"} {
		for _, path := range []string{"", "run?run=" + newest, "none"} {
			if p := s.do(method, path); p.status != http.StatusMethodNotAllowed || p.header.Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: status %d", method, path, p.status)
			}
		}
	}
	if p := s.do(http.MethodHead, ""); p.status != http.StatusOK || p.body != "" || p.header.Get("Content-Length") == "" {
		t.Errorf("HEAD: status %d, %d bytes", p.status, len(p.body))
	}
	for host, status := range map[string]int{"attacker.example": 403, "attacker.example:8081": 403, "localhost:8081": 200} {
		if p := s.do(http.MethodGet, "", func(r *http.Request) { r.Host = host }); p.status != status {
			t.Errorf("host %s: status %d", host, p.status)
		}
	}
	if p := s.do(http.MethodGet, "", func(r *http.Request) { r.Header.Set("Origin", "http://attacker.example") }); p.status != http.StatusForbidden {
		t.Errorf("another page: status %d", p.status)
	}
	for _, path := range []string{"", "report?run=" + newest, "run?run=" + newest, "trends", "compare?baseline=" + second + "&with=" + newest, "none", "style.css"} {
		h := s.do(http.MethodGet, path).header
		if policy := h.Get("Content-Security-Policy"); path != "style.css" && (!strings.HasPrefix(policy, "default-src 'none'") || !strings.HasSuffix(policy, policyEnd)) {
			t.Errorf("%s: policy %q", path, policy)
		}
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" || h.Get("Cache-Control") != "no-store" || h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %v", path, h)
		}
	}
}

// TestHostileNames stay text, are bounded, and lead where they should.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	const evil = `"><script>alert('x')</script><a href='javascript:alert(1)'>&amp;?%#` + "\u202e\u05d0\u05d1"
	long := evil + strings.Repeat("x", race.Rounds(10_000, 5))
	where, ids := alone(t,
		func(r *report.Result) {
			r.Run, r.Name, r.Variant = evil, evil, &report.Variant{Series: evil, Name: evil, Cell: evil, Round: 1}
		},
		func(r *report.Result) {
			r.Run, r.Name, r.Variant = long, long, &report.Variant{Series: evil, Name: long, Cell: evil, Round: 1}
		},
		func(r *report.Result) { r.Run, r.Name = "javascript:alert(1)", evil })
	change, err := store.Existing(t.Context(), where)
	must(t, err)
	for _, id := range ids {
		must(t, change.Accept(t.Context(), id, evil, long+" password=hunter22"))
	}
	must(t, change.Close())
	s := serve(t, where)
	plain := func(p *page) {
		t.Helper()
		if p.status != http.StatusOK && p.status != http.StatusConflict {
			t.Errorf("%.60s: status %d", p.url, p.status)
		}
		for _, bad := range []string{"<script>alert", "alert('x')", "\u202e", `href='javascript`, `href="javascript`, "ZgotmplZ", "hunter22"} {
			if strings.Contains(p.body, bad) {
				t.Errorf("%.60s has %q", p.url, bad)
			}
		}
	}
	list := s.get("")
	plain(list)
	if rows := list.rows(); len(rows) != 3 || len(list.body) > 200_000 {
		t.Errorf("%d rows, %d bytes", len(rows), len(list.body))
	}
	for i, id := range ids {
		for _, of := range []string{reportURL(id), runURL(id), link("./", map[string]string{"baseline": id}), compareURL(id, ids[(i+1)%3], ""), compareURL(id, ids[(i+1)%3], "1")} {
			plain(s.do(http.MethodGet, of))
		}
		chosen := s.get(link("./", map[string]string{"baseline": id}))
		if rows := chosen.rows(); len(rows) != 4 || rows[0] != id {
			t.Errorf("%.40q was chosen, and %.40q is", id, rows)
		}
	}
	from, err := store.Reading(t.Context(), where)
	must(t, err)
	found, err := from.List(t.Context(), store.Filter{})
	must(t, errors.Join(err, from.Close()))
	for _, k := range found {
		plain(s.get(trendsURL(&k)))
		p := s.get(link("./", map[string]string{"experiment": k.Experiment, "text": "alert"}))
		plain(p)
		if len(p.rows()) == 0 {
			t.Error("the experiment is not found by its name")
		}
	}
	plain(s.get("trends"))
	for _, query := range []string{"text", "since", "verdict", "variant", "experiment", "baseline"} {
		if p := s.do(http.MethodGet, link("./", map[string]string{query: evil})); strings.Contains(p.body, "<script>alert") {
			t.Errorf("%s is no text", query)
		}
	}
}

// TestOthersChangeTheStore: what they add is on the next page, and the store can be rebuilt between two pages.
func TestOthersChangeTheStore(t *testing.T) {
	t.Parallel()
	where, _ := alone(t, func(r *report.Result) { r.Run = "first" })
	s := serve(t, where)
	writer, err := store.Existing(t.Context(), where)
	must(t, err)
	must(t, addChanged(writer, t.TempDir(), "pass", func(r *report.Result) { r.Run = "second" }))
	if rows := s.get("").rows(); len(rows) != 2 {
		t.Errorf("rows: %q", rows)
	}
	must(t, writer.Close())
	must(t, onlyError(store.Rebuild(t.Context(), where)))
	if rows := s.get("").rows(); len(rows) != 2 {
		t.Errorf("after the rebuild: %q", rows)
	}
	must(t, os.WriteFile(filepath.Join(where, "history.db"), []byte(strings.Repeat("damage", 1000)), 0o600))
	p := s.do(http.MethodGet, "")
	if p.status != http.StatusInternalServerError {
		t.Errorf("a damaged database: status %d", p.status)
	}
	p.has("pgchaos history rebuild --store " + where)
	if _, err := New(t.Context(), Options{Store: where}); err == nil {
		t.Error("a damaged store is served")
	}
}

func onlyError[T any](_ T, err error) error { return err }

// held keeps everybody from opening a store until free is called.
func held(t *testing.T, where string) (free func()) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(where, "use.lock"), os.O_RDWR, 0)
	must(t, err)
	must(t, unix.Flock(int(f.Fd()), unix.LOCK_EX))
	free = sync.OnceFunc(func() { _ = f.Close() })
	t.Cleanup(free)
	return free
}

// underway waits until a page is being made.
func (s *site) underway() {
	for len(s.server.making) == 0 {
		time.Sleep(time.Millisecond)
	}
}

// fetch asks for the list.
func (s *site) fetch() error {
	answer, err := s.client.Get(s.url)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err == nil && (answer.StatusCode != http.StatusOK || !strings.Contains(string(body), "</html>")) {
		err = fmt.Errorf("status %d: %s", answer.StatusCode, body)
	}
	return err
}

// listens tells whether the server takes connections.
func (s *site) listens() bool {
	at, err := url.Parse(s.url)
	must(s.t, err)
	c, err := net.Dial("tcp", at.Host)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

// TestEndWhileAPageIsMade: the page is still made, nothing new is begun, and no goroutine is left.
func TestEndWhileAPageIsMade(t *testing.T) {
	where, _ := alone(t, func(r *report.Result) { r.Run = "a" })
	before := runtime.NumGoroutine()
	s := serve(t, where, func(s *Server) { s.endWithin = time.Minute })
	free := held(t, where)
	got := make(chan error)
	go func() { got <- s.fetch() }()
	s.underway()
	ended := make(chan error)
	go func() { ended <- s.end() }()
	for s.listens() {
		time.Sleep(time.Millisecond)
	}
	select {
	case err := <-ended:
		t.Fatalf("it has not waited for the page: %v", err)
	default:
	}
	free()
	must(t, <-got)
	must(t, <-ended)
	s.client.CloseIdleConnections()
	noMore(t, before)
}

// TestEndIsBounded: a page that is not ready in time does not hold the end up.
func TestEndIsBounded(t *testing.T) {
	where, _ := alone(t, func(r *report.Result) { r.Run = "a" })
	before := runtime.NumGoroutine()
	s := serve(t, where, func(s *Server) { s.endWithin = 10 * time.Millisecond })
	free := held(t, where)
	got := make(chan error)
	go func() { got <- s.fetch() }()
	s.underway()
	must(t, s.end())
	if err := <-got; err == nil {
		t.Error("the page was made from a store that nobody could open")
	}
	free()
	s.client.CloseIdleConnections()
	noMore(t, before)
}

func noMore(t *testing.T, before int) {
	t.Helper()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	for deadline := time.Now().Add(time.Minute); runtime.NumGoroutine() > before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, %d before\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

// TestManyRequests: there is a bound, and those that end make way for others.
func TestManyRequests(t *testing.T) {
	t.Parallel()
	s := serve(t, results(t))
	for range mostAnswered {
		s.server.answering <- struct{}{}
	}
	if p := s.do(http.MethodGet, ""); p.status != http.StatusServiceUnavailable {
		t.Errorf("status %d", p.status)
	}
	for range mostAnswered {
		<-s.server.answering
	}
	s.get("")
}

// TestStoresThatAreNotServed: no store is an error, not an empty list.
func TestStoresThatAreNotServed(t *testing.T) {
	t.Parallel()
	if _, err := New(t.Context(), Options{Store: filepath.Join(t.TempDir(), "none")}); !errors.Is(err, store.ErrMissing) {
		t.Error(err)
	}
}
