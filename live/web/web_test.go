package web

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"pgchaos/live"
	"pgchaos/load"
	"pgchaos/record"
	"pgchaos/report/lanes"
	"pgchaos/runner"
)

func start(t *testing.T) *Server {
	t.Helper()
	s, err := Start(Options{Address: "127.0.0.1:0", Name: "quorum-kill"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// request asks for a path, by a host name and from an origin; "" is the right one, and none.
func request(t *testing.T, s *Server, method, path, host, origin string) (status int, body string, h http.Header) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if host != "" {
		r.Host = host
	}
	if origin != "" {
		r.Header.Set("Origin", origin)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text), answer.Header
}

// follower reads the events of a server.
type follower struct {
	t    *testing.T
	body io.ReadCloser
	*bufio.Reader
}

func follow(t *testing.T, s *Server) *follower {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+"events", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = answer.Body.Close() })
	if kind := answer.Header.Get("Content-Type"); answer.StatusCode != http.StatusOK || kind != "text/event-stream" {
		t.Fatalf("status %d, %s", answer.StatusCode, kind)
	}
	return &follower{t, answer.Body, bufio.NewReader(answer.Body)}
}

// next is the next event.
func (f *follower) next() (event string, m message) {
	f.t.Helper()
	var lines []string
	for {
		line, err := f.ReadString('\n')
		if err != nil {
			f.t.Fatal(err)
		}
		if line == "\n" {
			break
		}
		lines = append(lines, strings.TrimSuffix(line, "\n"))
	}
	if len(lines) != 2 {
		f.t.Fatalf("an event of the lines %q", lines)
	}
	if err := json.Unmarshal([]byte(strings.TrimPrefix(lines[1], "data: ")), &m); err != nil {
		f.t.Fatal(err)
	}
	return strings.TrimPrefix(lines[0], "event: "), m
}

// until reads events until one has what is asked for.
func (f *follower) until(what string, is func(event string, m message) bool) message {
	f.t.Helper()
	for range 1000 {
		if event, m := f.next(); is(event, m) {
			return m
		}
	}
	f.t.Fatalf("%s did not come", what)
	return message{}
}

func tick(second int) runner.Event {
	at := time.Duration(second) * time.Second
	return runner.Ticked{Status: runner.Status{
		Elapsed: at, Primary: "a", Phase: record.Baseline,
		Workloads: []runner.WorkloadStatus{{Name: "writes", Live: load.Live{At: at, Throughput: 500, P99: time.Millisecond}}},
		Nodes:     []runner.NodeStatus{{Name: "a", Up: true, NodeSample: record.NodeSample{Role: record.RolePrimary}}},
	}}
}

// TestSnapshotFirst: a page that comes late gets all, and then each second and each line once.
func TestSnapshotFirst(t *testing.T) {
	s := start(t)
	s.Send(runner.LoadStarted{At: time.Now()})
	for second := 1; second <= 5; second++ {
		s.Send(tick(second))
	}
	s.Print("the first line")
	f := follow(t, s)
	event, m := f.next()
	if event != "update" || !m.Reset || len(m.Points["writes"]) != 5 || len(m.Lines) != 1 || m.State.Name != "quorum-kill" || m.State.Nodes[0].State != live.Primary {
		t.Fatalf("%s: %+v", event, m)
	}
	s.Send(tick(6))
	s.Print("the second line")
	var points []point
	var lines []string
	for len(points) < 1 || len(lines) < 1 {
		_, m := f.next()
		if m.Reset {
			t.Fatalf("all is sent again: %+v", m)
		}
		points, lines = append(points, m.Points["writes"]...), append(lines, m.Lines...)
	}
	if len(points) != 1 || points[0].To != 6 || *points[0].P99 != 0.001 || len(lines) != 1 || lines[0] != "the second line" {
		t.Errorf("%+v %q", points, lines)
	}
	s.Send(runner.LoadStarted{At: time.Now()}) // another run
	s.Send(tick(1))
	m = f.until("the next run", func(_ string, m message) bool { return len(m.Points["writes"]) > 0 })
	if !m.Reset || len(m.Points["writes"]) != 1 || len(m.Lines) != 2 {
		t.Errorf("the next run: %+v", m)
	}
}

// sendNodes sends four seconds of a run: node b goes down in the third, and node c has not been built.
func sendNodes(s *Server) {
	lag := int64(4096)
	for second := 1; second <= 4; second++ {
		at := time.Duration(second) * time.Second
		b := runner.NodeStatus{Name: "b", Up: true, NodeSample: record.NodeSample{Role: record.RoleStandby, Timeline: 1, SyncState: "quorum", LagBytes: &lag}}
		if second >= 3 {
			b = runner.NodeStatus{Name: "b", NodeSample: record.NodeSample{Role: record.RoleDown}}
		}
		s.Send(runner.Ticked{Status: runner.Status{
			Elapsed: at, Workloads: []runner.WorkloadStatus{{Name: "writes", Live: load.Live{At: at}}}, Nodes: []runner.NodeStatus{b, {Name: "c", Absent: true}},
		}})
	}
}

// TestNodesByTime: each second of a node is sent once, its roles are bands, and what is not known is null and no 0.
func TestNodesByTime(t *testing.T) {
	s := start(t)
	s.Send(runner.LoadStarted{At: time.Now()})
	sendNodes(s)
	f := follow(t, s)
	_, m := f.next()
	points := m.NodePoints["b"]
	if len(points) != 4 || points[1].To != 2 || points[1].Bytes == nil || *points[1].Bytes != 4096 || points[2].Bytes != nil || points[0].Waiters != nil || points[0].CPU != nil {
		t.Errorf("%+v", points)
	}
	if p := m.Points["writes"][0]; p.P99 != nil || p.Throughput != 0 {
		t.Errorf("a second in which nothing ended: %+v", p)
	}
	for i, want := range []string{"[{b [{1 3 standby, timeline 1 standby} {3 4 down down}]} {c []}]", "[{b [{1 3 quorum quorum}]} {c []}]"} {
		bands := [][]lanes.Row{m.State.Roles, m.State.Syncs}[i]
		for k := range bands {
			for j := range bands[k].Spans { // the last one goes on
				bands[k].Spans[j].To = math.Floor(bands[k].Spans[j].To)
			}
		}
		if got := fmt.Sprint(bands); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	s.Begin(live.Round{Name: "round 2"})
	m = f.until("the next round", func(_ string, m message) bool { return m.State.Round == "round 2" })
	if !m.Reset || len(m.NodePoints) != 0 || len(m.State.Roles) != 0 {
		t.Errorf("the next round has what was before it: %+v", m)
	}
}

// TestSlowReader holds nothing up, loses frames, and has all when it goes on reading.
func TestSlowReader(t *testing.T) {
	s := start(t)
	s.Send(runner.LoadStarted{At: time.Now()})
	f := follow(t, s)
	f.next()
	line := strings.Repeat("x", 1000)
	took := make(chan struct{})
	go func() {
		defer close(took)
		for second := 1; second <= 10_000; second++ { // some megabytes that it does not read
			s.Send(tick(second))
			s.Print(line)
		}
	}()
	select {
	case <-took:
	case <-time.After(time.Minute):
		t.Fatal("a reader that does not read holds the run up")
	}
	s.Print("the last line")
	f.until("the last line", func(_ string, m message) bool { return len(m.Lines) > 0 && m.Lines[len(m.Lines)-1] == "the last line" })
}

// TestThePageBecomesTheReport, and the end waits for that.
func TestThePageBecomesTheReport(t *testing.T) {
	s := start(t)
	if status, _, _ := request(t, s, http.MethodGet, "report.html", "", ""); status != http.StatusNotFound {
		t.Errorf("before the end: status %d", status)
	}
	f := follow(t, s)
	f.next()
	finished := make(chan struct{})
	go func() { s.Finish([]byte("<!doctype html>the report")); close(finished) }()
	f.until("the end", func(event string, _ message) bool { return event == "finished" })
	select {
	case <-finished:
		t.Error("the end has not waited for the page")
	case <-time.After(50 * time.Millisecond):
	}
	if status, body, h := request(t, s, http.MethodGet, "report.html", "", ""); status != http.StatusOK || body != "<!doctype html>the report" || !strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("status %d, %q, %v", status, body, h)
	}
	<-finished
}

// TestCloseCutsNoReportOff: the run ends as soon as each page has its report, and so the report must be out of the server by then.
func TestCloseCutsNoReportOff(t *testing.T) {
	report := strings.Repeat("x", 200<<10)
	for range 15 {
		s := start(t)
		f := follow(t, s)
		f.next()
		closed := make(chan error)
		go func() { s.Finish([]byte(report)); closed <- s.Close() }()
		f.until("the end", func(event string, _ message) bool { return event == "finished" })
		if _, body, _ := request(t, s, http.MethodGet, "report.html", "", ""); body != report {
			t.Fatalf("%d of %d bytes", len(body), len(report))
		}
		if err := <-closed; err != nil {
			t.Fatal(err)
		}
	}
}

// TestTheEndWithoutAReport is said, too, and one without readers takes no time.
func TestTheEndWithoutAReport(t *testing.T) {
	s := start(t)
	f := follow(t, s)
	f.next()
	s.Finish(nil)
	f.until("the end", func(event string, _ message) bool { return event == "ended" })
	alone := start(t)
	begun := time.Now()
	alone.Finish([]byte("x"))
	if took := time.Since(begun); took >= reportWithin {
		t.Errorf("it took %s", took)
	}
}

// TestWhoMayAsk: only the page itself, by a name of this machine, and only to look.
func TestWhoMayAsk(t *testing.T) {
	s := start(t)
	port := s.listener.Addr().(*net.TCPAddr).Port
	own := fmt.Sprintf("127.0.0.1:%d", port)
	for _, c := range []struct {
		method, path, host, origin string
		status                     int
	}{
		{"GET", "", "", "", 200},
		{"HEAD", "", "", "", 200},
		{"GET", "page.js", "", "", 200},
		{"GET", "points.js", "", "", 200},
		{"GET", "charts.js", "", "", 200},
		{"GET", "report.css", "", "", 200},
		{"GET", "page.css", fmt.Sprintf("localhost:%d", port), "", 200},
		{"GET", "", fmt.Sprintf("[::1]:%d", port), "", 200},
		{"GET", "", "attacker.example", "", 403},
		{"GET", "events", fmt.Sprintf("attacker.example:%d", port), "", 403},
		{"GET", "", "localhost.attacker.example", "", 403},
		{"GET", "", "", "http://" + own, 200},
		{"GET", "", "", "http://attacker.example", 403},
		{"GET", "", "", "null", 403},
		{"GET", "", "", fmt.Sprintf("http://localhost:%d", port), 403},
		{"POST", "", "", "", 405},
		{"DELETE", "events", "", "", 405},
		{"GET", "../etc/passwd", "", "", 404},
		{"GET", "favicon.ico", "", "", 404},
	} {
		status, _, h := request(t, s, c.method, c.path, c.host, c.origin)
		if status != c.status {
			t.Errorf("%s %q, host %q, origin %q: status %d, want %d", c.method, c.path, c.host, c.origin, status, c.status)
		}
		if policy := h.Get("Content-Security-Policy"); status == 200 && !strings.Contains(policy, "frame-ancestors 'none'") || h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %v", c.path, h)
		}
	}
}

// TestAddress: it is the loopback address unless another host is named, and it is free again at the end.
func TestAddress(t *testing.T) {
	s, err := Start(Options{Address: ":0"})
	if err != nil {
		t.Fatal(err)
	}
	if s.Warning("--web") != "" || !strings.HasPrefix(s.URL(), "http://127.0.0.1:") {
		t.Error(s.URL(), s.Warning("--web"))
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	again, err := Start(Options{Address: s.listener.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	_ = again.Close()
	if s, err := Start(Options{Address: "8080"}); err == nil {
		_ = s.Close()
		t.Error("a port without a colon is no error")
	}
}

// TestHostileTexts stay one line of one event.
func TestHostileTexts(t *testing.T) {
	s := start(t)
	hostile := "</script><script>alert(1)</script>\nevent: finished\ndata: {}\n\n\u2028\"'"
	s.Send(runner.StageBegan{Text: hostile})
	f := follow(t, s)
	event, m := f.next()
	if event != "update" || m.State.Stage != hostile || m.Lines[0] != "-- "+hostile {
		t.Errorf("%s: %q", event, m.State.Stage)
	}
}

// TestManyReaders: there is a bound, and those that leave make place for others.
func TestManyReaders(t *testing.T) {
	s := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	get := func(ctx context.Context) int {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL()+"events", nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = answer.Body.Close() })
		return answer.StatusCode
	}
	for range mostReaders {
		if status := get(ctx); status != http.StatusOK {
			t.Fatalf("status %d", status)
		}
	}
	if status := get(t.Context()); status != http.StatusServiceUnavailable {
		t.Errorf("one more: status %d", status)
	}
	cancel()
	for deadline := time.Now().Add(time.Minute); get(t.Context()) != http.StatusOK; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("readers that are gone still count")
		}
	}
}
