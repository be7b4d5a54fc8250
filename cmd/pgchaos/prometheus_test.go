package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgchaos/report"
)

// monitored has a fault that commits wait for. Its counts are final seconds before its end, so that a scrape has them.
const monitored = `
name: monitored
cluster:
  nodes: [a, b]
  synchronous: {commit: "on", standbys: b}
load:
  writes: {kind: insert, clients: 2, rate: 100/s, warmup: 1s}
  reads: {kind: read, target: a, clients: 1, rate: 50/s}
timeline:
  - {at: 2s, pause: b, for: 2s}
  - {at: 5s, stop_load: writes}
  - {stop_load: reads}
duration: 11s
expect: [lost_writes == 0]
`

// TestPrometheusScrapesARun has two real servers scrape one run, one for classic and one for native histograms, and compares
// what they answer with the result.
func TestPrometheusScrapesARun(t *testing.T) {
	p := newPlace(t)
	servers := []*prometheus{startPrometheus(p, false), startPrometheus(p, true)}
	run := p.monitor("run", p.write("monitored.yaml", monitored), "--out", p.out)
	for _, s := range servers {
		s.scrape(run.address)
	}
	if code := run.wait(); code != exitPass && code != exitInconclusive {
		t.Fatalf("exit code %d: %s", code, run.said)
	}
	r := p.result()
	for _, s := range servers {
		s.started = r.Started
		s.hasTheOperations(r)
		s.hasTheRun(r)
		s.showsTheDashboard(r)
	}
	p.nothingLeft()
}

// hasTheOperations compares counts and response times.
func (s *prometheus) hasTheOperations(r *report.Result) {
	s.t.Helper()
	for i := range r.Workloads {
		w := &r.Workloads[i]
		total, warmup := w.Total, report.Stats{}
		if w.Warmup != nil {
			warmup = *w.Warmup
		}
		for outcome, want := range map[string]int64{
			"ok": total.OK + warmup.OK, "weak": total.Weak + warmup.Weak, "failed": total.Failed + warmup.Failed,
			"unknown": total.Unknown + warmup.Unknown, "dropped": total.Dropped + warmup.Dropped,
		} {
			of := fmt.Sprintf(`{workload=%q,outcome=%q}`, w.Name, outcome)
			s.wants(float64(want), "pgchaos_operations_total"+of)
			s.wants(float64(want), s.of("count", of))
		}
		if total.OK != total.Samples || total.Dropped > 0 || w.Warmup != nil {
			continue // the figures below are of what succeeded, and without the warm-up
		}
		of := fmt.Sprintf(`{workload=%q,outcome="ok"}`, w.Name)
		s.isAbout(total.Response.Mean.Seconds()*float64(total.Response.Count), .01, s.of("sum", of))
		if s.native {
			s.isAbout(total.Response.P50.Seconds(), .1, "histogram_quantile(0.5, pgchaos_operation_response_seconds"+of+")")
		}
	}
}

// of is the count or the sum of the histogram, as the server has it.
func (s *prometheus) of(figure, labels string) string {
	if s.native {
		return "histogram_" + figure + "(pgchaos_operation_response_seconds" + labels + ")"
	}
	return "pgchaos_operation_response_seconds_" + figure + labels
}

// hasTheRun compares what the run was, and what its fault did.
func (s *prometheus) hasTheRun(r *report.Result) {
	s.t.Helper()
	s.wants(1, fmt.Sprintf(`max_over_time(pgchaos_run_info{run=%q,experiment="monitored",seed="%d",provider="local",version=%q}[1m])`, r.Run, r.Seed, r.Tool))
	s.isAbout(float64(r.Started.UnixMilli())/1000, 1e-9, "max_over_time(pgchaos_run_start_time_seconds[1m])")
	s.wants(1, `max_over_time(pgchaos_fault_active{fault="pause-b",node="b"}[1m])`)
	s.wants(0, `pgchaos_fault_active{fault="pause-b",node="b"}`)
	s.wants(1, `pgchaos_node_role{node="a",role="primary"}`)
	s.wants(1, `pgchaos_node_role{node="b",role="standby"}`)
	s.wants(1, `pgchaos_node_sync_state{node="b",sync_state="sync"}`)
	s.wants(1, `pgchaos_node_timeline{node="b"}`)
	s.wants(0, `pgchaos_node_replay_lag_bytes{node="b"}`)
	s.wants(1, `max_over_time(pgchaos_run_phase{phase="pause-b"}[1m])`)
	s.wants(1, `max_over_time(pgchaos_workload_running{workload="writes"}[1m])`)
	s.wants(0, `pgchaos_workload_running{workload="writes"}`)
	if got := s.value(`max_over_time(pgchaos_node_sync_waiters{node="a"}[1m])`); !(got >= 1) {
		s.t.Errorf("%s: %v commits waited for the paused standby", s.kind(), got)
	}
}

// showsTheDashboard asks for each expression of the dashboard, at some moments of the run: it must be PromQL, and have an answer.
func (s *prometheus) showsTheDashboard(r *report.Result) {
	s.t.Helper()
	exprs := regexp.MustCompile(`"expr": ("(?:[^"\\]|\\.)*")`).FindAllStringSubmatch(readText(s.t, "../../docs/grafana-dashboard.json"), -1)
	if len(exprs) < 10 {
		s.t.Fatalf("%d expressions", len(exprs))
	}
	variable := strings.NewReplacer("$__rate_interval", "4s", "$run", r.Run, "$workload", ".*", "$node", ".*")
	for _, m := range exprs {
		var expr string
		must(s.t, json.Unmarshal([]byte(m[1]), &expr))
		expr = variable.Replace(expr)
		if !slices.ContainsFunc([]int{4, 5, 6, 7, 3, 8, 2}, func(second int) bool {
			return len(s.query(expr, r.Started.Add(time.Duration(second)*time.Second))) > 0
		}) {
			s.t.Errorf("%s: no answer to %s", s.kind(), expr)
		}
	}
}

// TestMetricsOfASeries: all runs of a series have the same address. Counters go on from run to run, a client that hangs
// disturbs nothing, and nothing listens at the end.
func TestMetricsOfASeries(t *testing.T) {
	p := newPlace(t)
	run := p.monitor("run", p.write("tiny.yaml", fmt.Sprintf(tinyNight, "lost_writes == 0")), "--rounds", "2", "--set", "warmup_rounds=0", "--out", p.out)
	silent, err := net.Dial("tcp", run.address)
	must(t, err)
	defer func() { _ = silent.Close() }()
	var runs []string
	var last float64
	for !run.ended() {
		text, err := fetch("http://" + run.address + "/metrics")
		if err != nil {
			continue // it may have ended
		}
		if m := regexp.MustCompile(`pgchaos_run_info\{[^}]*run="([^"]*)"`).FindStringSubmatch(text); m != nil && !slices.Contains(runs, m[1]) {
			runs = append(runs, m[1])
		}
		if m := regexp.MustCompile(`pgchaos_operations_total\{outcome="ok",workload="writes"\} (\S+)`).FindStringSubmatch(text); m != nil {
			now, err := strconv.ParseFloat(m[1], 64)
			must(t, err)
			if now < last {
				t.Errorf("a counter went from %v to %v", last, now)
			}
			last = now
		}
		time.Sleep(50 * time.Millisecond)
	}
	if code := run.wait(); code != exitPass || len(runs) != 2 || last < 100 {
		t.Errorf("exit code %d, runs %q, %v operations: %s", code, runs, last, run.said)
	}
	if _, err := net.Dial("tcp", run.address); err == nil {
		t.Error("something still listens")
	}
	p.nothingLeft()
}

// TestMetricsPortIsTaken: nothing is started then.
func TestMetricsPortIsTaken(t *testing.T) {
	p := newPlace(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer func() { _ = l.Close() }()
	address, where := l.Addr().String(), filepath.Join(filepath.Dir(p.base), "store")
	if code, _, errs := p.run("history", "init", "--store", where); code != exitPass {
		t.Fatal(errs)
	}
	for _, args := range [][]string{
		{"run", "quorum-kill", "--out", p.out},
		{"run", "quorum-kill", "--out", p.out, "--rounds", "2"},
		{"nightly", "quorum-kill", "--store", where},
	} {
		code, stdout, stderr := p.run(append(args, "--metrics", address)...)
		if code != exitUsage || stdout != "" || !strings.Contains(stderr, "--metrics "+address+": ") || !strings.Contains(stderr, "choose another port") {
			t.Errorf("%q: exit code %d: %s%s", args, code, stdout, stderr)
		}
	}
	if _, err := os.Stat(p.out); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a result directory is there: %v", err)
	}
	p.nothingLeft()
}

// monitoredRun is a pgchaos that serves metrics.
type monitoredRun struct {
	t       *testing.T
	cmd     *exec.Cmd
	address string
	said    *bytes.Buffer // on standard error; to be read after wait
	done    chan struct{}
}

// monitor starts a command with --metrics on a free port, and returns when pgchaos has said which.
func (p *place) monitor(args ...string) *monitoredRun {
	p.t.Helper()
	m := &monitoredRun{t: p.t, cmd: p.command(append(args, "--metrics", "127.0.0.1:0")...), said: &bytes.Buffer{}, done: make(chan struct{})}
	stderr, err := m.cmd.StderrPipe()
	must(p.t, err)
	must(p.t, m.cmd.Start())
	address := make(chan string, 1)
	go func() {
		defer close(m.done)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			fmt.Fprintln(m.said, lines.Text())
			if found := regexp.MustCompile(`^-- metrics at http://(\S+)/metrics$`).FindStringSubmatch(lines.Text()); found != nil {
				address <- found[1]
			}
		}
	}()
	select {
	case m.address = <-address:
	case <-m.done:
		p.t.Fatalf("exit code %d: %s", m.wait(), m.said)
	}
	return m
}

// ended tells whether the command has closed its standard error.
func (m *monitoredRun) ended() bool {
	select {
	case <-m.done:
		return true
	default:
		return false
	}
}

func (m *monitoredRun) wait() (code int) {
	m.t.Helper()
	<-m.done
	var exit *exec.ExitError
	if err := m.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		m.t.Fatal(err)
	}
	return m.cmd.ProcessState.ExitCode()
}

// prometheus is a real server.
type prometheus struct {
	t      *testing.T
	dir    string
	url    string
	native bool
	// started is when the load of the run began.
	started time.Time
}

func (s *prometheus) kind() string {
	if s.native {
		return "native"
	}
	return "classic"
}

// findTool skips the test where a program is not there that scripts/setup.sh test puts into .tools. In CI it is.
func findTool(t *testing.T, name string) string {
	t.Helper()
	unpacked, err := filepath.Abs("../../.tools/" + name)
	must(t, err)
	for _, name := range []string{unpacked, name} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	missing(t, name, exec.ErrNotFound)
	return ""
}

// startPrometheus starts a server that scrapes nothing yet. It ends with the test.
func startPrometheus(p *place, native bool) *prometheus {
	p.t.Helper()
	program, promtool := findTool(p.t, "prometheus"), findTool(p.t, "promtool")
	s := &prometheus{t: p.t, dir: p.t.TempDir(), native: native}
	s.write("targets.json", "[]")
	const config = `
global: {scrape_interval: 500ms, scrape_timeout: 500ms}
scrape_configs:
  - job_name: pgchaos
    %s
    file_sd_configs: [{files: [targets.json]}]
`
	file := s.write("prometheus.yml", fmt.Sprintf(config, fmt.Sprintf("scrape_native_histograms: %t", native)))
	if exec.CommandContext(p.t.Context(), promtool, "check", "config", file).Run() != nil { // it is older, and has a feature flag
		file = s.write("prometheus.yml", fmt.Sprintf(config, ""))
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(p.t, err)
	must(p.t, l.Close())
	s.url = "http://" + l.Addr().String()
	cmd := exec.CommandContext(p.t.Context(), program, "--config.file="+file, "--storage.tsdb.path="+filepath.Join(s.dir, "data"), "--web.listen-address="+l.Addr().String())
	if native {
		cmd.Args = append(cmd.Args, "--enable-feature=native-histograms")
	}
	var said bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, &said, &said
	cmd.Cancel, cmd.WaitDelay = func() error { return cmd.Process.Signal(syscall.SIGTERM) }, 10*time.Second
	must(p.t, cmd.Start())
	p.t.Cleanup(func() { // the test's context has ended
		if err := cmd.Wait(); p.t.Failed() {
			p.t.Logf("the %s server: %v\n%s", s.kind(), err, &said)
		}
	})
	p.await("Prometheus", func() bool { _, err := fetch(s.url + "/-/ready"); return err == nil })
	return s
}

// write replaces a file of the server's.
func (s *prometheus) write(name, text string) string {
	s.t.Helper()
	file := filepath.Join(s.dir, name)
	must(s.t, os.WriteFile(file+".new", []byte(text), 0o644))
	must(s.t, os.Rename(file+".new", file))
	return file
}

// scrape has the server scrape an address from now on.
func (s *prometheus) scrape(address string) {
	s.write("targets.json", fmt.Sprintf(`[{"targets": [%q]}]`, address))
}

// fetch is what a web server answers.
func fetch(url string) (string, error) {
	answer, err := http.Get(url)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(answer.Body)
	if err = errors.Join(err, answer.Body.Close()); err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", answer.Status, text)
	}
	return string(text), err
}

// query is the values of an expression at a moment.
func (s *prometheus) query(expr string, at time.Time) (values []float64) {
	s.t.Helper()
	text, err := fetch(s.url + "/api/v1/query?" + url.Values{"query": {expr}, "time": {strconv.FormatFloat(float64(at.UnixMilli())/1000, 'f', 3, 64)}}.Encode())
	if err != nil {
		s.t.Fatalf("%s: %s: %v", s.kind(), expr, err)
	}
	var answer struct {
		Data struct{ Result []struct{ Value [2]any } }
	}
	must(s.t, json.Unmarshal([]byte(text), &answer))
	for _, r := range answer.Data.Result {
		value, err := strconv.ParseFloat(fmt.Sprint(r.Value[1]), 64)
		must(s.t, err)
		values = append(values, value)
	}
	return values
}

// value is the one value of an expression after the load has stopped, as of the newest scrape that worked; NaN: there is none, or several.
func (s *prometheus) value(expr string) float64 {
	s.t.Helper()
	for _, second := range []int{10, 9, 8, 7, 6} {
		if values := s.query(expr, s.started.Add(time.Duration(second)*time.Second)); len(values) == 1 {
			return values[0]
		}
	}
	return math.NaN()
}

func (s *prometheus) wants(want float64, expr string) {
	s.t.Helper()
	if got := s.value(expr); got != want {
		s.t.Errorf("%s: %s is %v, want %v", s.kind(), expr, got, want)
	}
}

// isAbout permits a share of a value as a difference.
func (s *prometheus) isAbout(want, share float64, expr string) {
	s.t.Helper()
	if got := s.value(expr); !(math.Abs(got-want) <= share*want) {
		s.t.Errorf("%s: %s is %v, want about %v", s.kind(), expr, got, want)
	}
}
