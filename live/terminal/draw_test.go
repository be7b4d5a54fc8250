package terminal

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"

	"pgchaos/live"
	"pgchaos/load"
	"pgchaos/record"
	"pgchaos/runner"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (go test -update writes it anew):\n%s", path, diff)
	}
}

// begun is when the runs of these tests have offset 0.
var begun = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func after(d time.Duration) time.Time { return begun.Add(d) }

// killed is a run of which a standby is stopped at 8 s, and the primary killed at 16 s, up to a moment.
func killed(until time.Duration) *live.Model {
	m := &live.Model{Name: "quorum-kill"}
	m.Take(runner.StageBegan{Text: "building the cluster: 3 nodes"}, after(-4*time.Second))
	m.Take(runner.Noted{Text: "3 nodes of PostgreSQL 15.8 up and streaming in 3.1s"}, after(-time.Second))
	m.Take(runner.LoadStarted{At: begun}, begun)
	m.Take(runner.StageBegan{Text: "running load and timeline"}, begun)
	step := func(name, action string, at time.Duration) {
		e := record.Event{Name: name, Action: action, Issued: at}
		m.Take(runner.StepBegan{Step: e}, after(at))
		e.Ended, e.Status = at+40*time.Millisecond, record.EventDone
		m.Take(runner.StepEnded{Step: e}, after(e.Ended))
	}
	for at := time.Duration(0); at <= until; at += 250 * time.Millisecond {
		switch at {
		case 8 * time.Second:
			step("stop-pgslave", "stop", at)
		case 16 * time.Second:
			step("kill-pgmaster", "kill", at)
		}
		m.Take(runner.Ticked{Status: statusAt(at)}, after(at))
	}
	return m
}

func statusAt(at time.Duration) runner.Status {
	s := runner.Status{Elapsed: at, End: 30 * time.Second, Phase: record.Baseline, Primary: "pgmaster", Next: &runner.NextStep{Name: "stop-pgslave", At: 8 * time.Second}}
	lag, bytes, cpu := 3*time.Millisecond, int64(12_300), 12.3
	usage := func(node string) *record.ResourceSample {
		return &record.ResourceSample{Node: node, CPUPercent: cpu, MemoryBytes: 64_000_000}
	}
	standby := func(name string) runner.NodeStatus {
		return runner.NodeStatus{Name: name, Up: true, NodeSample: record.NodeSample{Role: record.RoleStandby, Timeline: 1, SyncState: "quorum", LagBytes: &bytes, Lag: &lag}, Usage: usage(name)}
	}
	primary := runner.NodeStatus{Name: "pgmaster", Up: true, NodeSample: record.NodeSample{Role: record.RolePrimary, Timeline: 1}, Usage: usage("pgmaster")}
	down := func(name string) runner.NodeStatus {
		return runner.NodeStatus{Name: name, NodeSample: record.NodeSample{Role: record.RoleDown}}
	}
	s.Nodes = []runner.NodeStatus{primary, standby("pgslave"), standby("pgslavenew")}
	second := int(at / time.Second)
	writes := load.Live{At: time.Duration(second) * time.Second, Throughput: 480 + float64(second*7%40), P50: 1200 * time.Microsecond, P99: time.Duration(4000+second*900%3000) * time.Microsecond}
	reads := load.Live{At: writes.At, Throughput: 1000, P50: 150 * time.Microsecond, P99: 420 * time.Microsecond}
	if at >= 8*time.Second {
		s.Phase, s.Nodes[1] = "stop-pgslave", down("pgslave")
		s.Faults = append(s.Faults, runner.FaultStatus{Step: "stop-pgslave", Action: "stop", Nodes: []string{"pgslave"}, Since: 8 * time.Second})
		s.Next = &runner.NextStep{Name: "kill-pgmaster", At: 16 * time.Second}
	}
	if at >= 16*time.Second {
		s.Phase, s.Primary, s.Nodes[0] = "kill-pgmaster", "", down("pgmaster")
		s.Faults = append(s.Faults, runner.FaultStatus{Step: "kill-pgmaster", Action: "kill", Nodes: []string{"pgmaster"}, Since: 16 * time.Second})
		s.Next = &runner.NextStep{Name: "promote-pgslavenew"}
	}
	if second >= 17 {
		writes.Throughput, writes.P50, writes.P99 = 8, time.Second, 1800*time.Millisecond
		writes.Errors, writes.AllErrors, writes.Kinds = 12, 12, map[string]int64{"57P01": 8, "connection refused": 4}
		writes.Abandoned = 3
	}
	if second == 0 {
		writes, reads = load.Live{}, load.Live{}
	}
	s.Workloads = []runner.WorkloadStatus{{Name: "writes", Live: writes}, {Name: "reads", Live: reads}}
	return s
}

// TestFrames: what a user sees, at several moments and sizes.
func TestFrames(t *testing.T) {
	series := &live.Model{Name: "sync-modes", Several: true}
	series.Begin(live.Round{Name: "round 2: quorum", Done: 3, Total: 12, Left: 5 * time.Minute})
	series.Print(" 3/12  round 1: remote_apply: pass in 31.2 s")
	series.Take(runner.StageBegan{Text: "building the cluster: 3 nodes"}, begun)
	empty := &live.Model{Name: "quorum-kill"}
	pull := &live.Model{Name: "on-docker"}
	pull.Take(runner.StageBegan{Text: "opening the provider"}, begun)
	pull.Take(runner.ImageLoaded{Image: "postgres:15", Done: 45e6, Total: 150e6}, begun)
	audit := killed(18 * time.Second)
	audit.Take(runner.Noted{Text: "interrupted: ending load and timeline; faults are taken back, and the audit follows; a second interrupt ends at once, and leaves the cluster"}, after(18*time.Second))
	audit.Take(runner.StageBegan{Text: "auditing every row of every node"}, after(20*time.Second))
	many := killed(18 * time.Second)
	for i := range 12 {
		many.Status.Workloads = append(many.Status.Workloads, runner.WorkloadStatus{Name: fmt.Sprintf("workload-%d", i), Live: load.Live{At: 18 * time.Second, Throughput: 10}})
		many.Status.Nodes = append(many.Status.Nodes, runner.NodeStatus{Name: fmt.Sprintf("node-%d", i), Absent: true})
	}
	many.Take(runner.Ticked{Status: many.Status}, after(18*time.Second))
	for _, c := range []struct {
		name          string
		m             *live.Model
		at            time.Duration
		width, height int
		scale         live.Scale
	}{
		{"80x24", killed(17 * time.Second), 17200 * time.Millisecond, 80, 24, live.HalfMinute},
		{"120x40", killed(17 * time.Second), 17200 * time.Millisecond, 120, 40, live.TwoMinutes},
		{"60x20", killed(17 * time.Second), 17200 * time.Millisecond, 60, 20, live.WholeRun},
		{"40x10", killed(17 * time.Second), 17200 * time.Millisecond, 40, 10, live.HalfMinute},
		{"20x5", killed(17 * time.Second), 17200 * time.Millisecond, 20, 5, live.HalfMinute},
		{"before-a-fault", killed(5 * time.Second), 5 * time.Second, 80, 24, live.HalfMinute},
		{"no-load-yet", series, 1500 * time.Millisecond, 80, 24, live.HalfMinute},
		{"nothing-yet", empty, 0, 80, 24, live.HalfMinute},
		{"image", pull, time.Second, 80, 24, live.HalfMinute},
		{"audit", audit, 22 * time.Second, 80, 24, live.HalfMinute},
		{"many", many, 18 * time.Second, 80, 24, live.HalfMinute},
	} {
		t.Run(c.name, func(t *testing.T) {
			frame := newLook().draw(c.m, after(c.at), Frame{c.width, c.height, c.scale})
			plain := ansi.Strip(frame)
			golden(t, c.name, plain+"\n")
			lines := strings.Split(plain, "\n")
			for _, line := range lines {
				if n := utf8.RuneCountInString(line); n > c.width {
					t.Errorf("%d columns in %d: %s", n, c.width, line)
				}
			}
			if len(lines) != c.height {
				t.Errorf("%d lines in %d", len(lines), c.height)
			}
		})
	}
}

// TestFrameWithoutColors: what a color says, words say too, and no color is left.
func TestFrameWithoutColors(t *testing.T) {
	frame := newLook().draw(killed(17*time.Second), after(17200*time.Millisecond), Frame{80, 24, live.HalfMinute})
	var colored, plain bytes.Buffer
	for to, profile := range map[*bytes.Buffer]colorprofile.Profile{&colored: colorprofile.ANSI, &plain: colorprofile.ASCII} {
		if _, err := (&colorprofile.Writer{Forward: to, Profile: profile}).Write([]byte(frame)); err != nil {
			t.Fatal(err)
		}
	}
	readable := strings.NewReplacer("\x1b", "ESC")
	golden(t, "no-color", readable.Replace(plain.String())+"\n")
	golden(t, "color", readable.Replace(colored.String())+"\n")
	for _, color := range []string{"[31", "[32", "[33", ";31", ";32", ";33"} {
		if strings.Contains(plain.String(), color) {
			t.Errorf("without colors there is %q", color)
		}
	}
	for _, want := range []string{"! 12 errors/s", "no primary", "down", "in force: stop pgslave 9 s; kill pgmaster 1 s"} {
		if !strings.Contains(ansi.Strip(plain.String()), want) {
			t.Errorf("without colors nothing says %q", want)
		}
	}
}

// TestErrorsAreAlwaysVisible, however small the terminal and however much there is to show.
func TestErrorsAreAlwaysVisible(t *testing.T) {
	m := killed(17 * time.Second)
	for height := 5; height < 60; height++ {
		for width := 20; width < 200; width += 7 {
			frame := ansi.Strip(newLook().draw(m, after(17200*time.Millisecond), Frame{width, height, live.HalfMinute}))
			lines := strings.Split(frame, "\n")
			if len(lines) > height || !strings.Contains(frame, "! 12 errors/s") {
				t.Fatalf("%dx%d: %d lines\n%s", width, height, len(lines), frame)
			}
			for _, line := range lines {
				if n := ansi.StringWidth(line); n > width {
					t.Fatalf("%dx%d: %d columns: %s", width, height, n, line)
				}
			}
		}
	}
	for height := range 5 { // it must not panic
		newLook().draw(m, begun, Frame{height, height, live.WholeRun})
	}
}

// TestHostileTexts do not break the picture: of several lines the first is shown.
func TestHostileTexts(t *testing.T) {
	m := killed(2 * time.Second)
	m.Print("first\nsecond\tthird")
	m.Print(strings.Repeat("宽", 300))
	m.Print("tab\tbed")
	frame := ansi.Strip(newLook().draw(m, after(2*time.Second), Frame{80, 40, live.HalfMinute}))
	if strings.Contains(frame, "second") || strings.Contains(frame, "\t") || !strings.Contains(frame, "first …") || len(strings.Split(frame, "\n")) != 40 {
		t.Error(frame)
	}
	for _, line := range strings.Split(frame, "\n") {
		if n := ansi.StringWidth(line); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

// BenchmarkFrame is what a picture costs. Five of them a second must stay far below a hundredth of a core.
func BenchmarkFrame(b *testing.B) {
	m, l := killed(17*time.Second), newLook()
	for b.Loop() {
		l.draw(m, after(17200*time.Millisecond), Frame{120, 40, live.HalfMinute})
	}
}
