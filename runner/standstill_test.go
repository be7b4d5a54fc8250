package runner

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pgchaos/record"
	"pgchaos/report"
)

func TestHeartbeat(t *testing.T) {
	const ms = time.Millisecond
	for _, tt := range []struct {
		name  string
		beats [][2]time.Duration // the run's clock, and how long the machine has slept
		want  []report.Standstill
	}{
		{"as it should be", [][2]time.Duration{{0, 0}, {50 * ms, 0}, {100 * ms, 0}}, nil},
		{"on a busy machine", [][2]time.Duration{{0, 0}, {450 * ms, 0}, {800 * ms, 0}}, nil},
		{"stopped", [][2]time.Duration{{0, 0}, {50 * ms, 0}, {2050 * ms, 0}, {2100 * ms, 0}}, []report.Standstill{{From: 50 * ms, To: 2050 * ms}}},
		{"stopped twice", [][2]time.Duration{{0, 0}, {600 * ms, 0}, {1300 * ms, 0}}, []report.Standstill{{From: 0, To: 600 * ms}, {From: 600 * ms, To: 1300 * ms}}},
		{"suspended", [][2]time.Duration{{0, time.Hour}, {50 * ms, time.Hour}, {110 * ms, 2 * time.Hour}}, []report.Standstill{{From: 50 * ms, To: 110 * ms, Slept: time.Hour}}},
		{"suspended before the run", [][2]time.Duration{{0, time.Hour}, {50 * ms, time.Hour}}, nil},
		{"two clocks read one after the other", [][2]time.Duration{{0, 0}, {50 * ms, ms}, {100 * ms, 0}}, nil},
	} {
		var h heartbeat
		for _, b := range tt.beats {
			h.beat(b[0], b[1])
		}
		if diff := cmp.Diff(tt.want, h.stops); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

// TestStoppedBySIGSTOP stops a process that measures, and lets it go on.
func TestStoppedBySIGSTOP(t *testing.T) {
	if os.Getenv("PGCHAOS_TEST_STANDSTILL") != "" {
		g := startGenerator(record.StartClock(), nil, func(s report.Standstill) {
			_, _ = os.Stdout.WriteString("stood still for " + (s.To - s.From).String() + "\n")
		})
		_, _ = os.Stdout.WriteString("measuring\n")
		time.Sleep(time.Minute)
		g.end()
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^TestStoppedBySIGSTOP$", "-test.timeout=60s")
	cmd.Env = append(os.Environ(), "PGCHAOS_TEST_STANDSTILL=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	lines := bufio.NewScanner(out)
	await := func(prefix string) string {
		for lines.Scan() {
			if text, ok := strings.CutPrefix(lines.Text(), prefix); ok {
				return text
			}
		}
		t.Fatalf("no line with %q", prefix)
		return ""
	}
	await("measuring")
	time.Sleep(200 * time.Millisecond)
	begun := time.Now()
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	time.Sleep(1500 * time.Millisecond)
	stopped := time.Since(begun)
	if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	for { // a busy machine may have kept it from running before
		length, err := time.ParseDuration(await("stood still for "))
		if err != nil {
			t.Fatal(err)
		}
		if length >= stopped-100*time.Millisecond {
			return
		}
	}
}

func TestQuotaOfControlGroups(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("slice/cpu.max", "150000 100000\n")
	write("slice/run/cpu.max", "max 100000\n")
	write("slice/small/cpu.max", "50000 100000\n")
	write("cpu/docker/x/cpu.cfs_quota_us", "200000\n")
	write("cpu/docker/x/cpu.cfs_period_us", "100000\n")
	write("cpu/docker/cpu.cfs_quota_us", "-1\n")
	write("cpu/docker/cpu.cfs_period_us", "100000\n")
	for groups, want := range map[string]float64{
		"0::/slice/run\n":   1.5, // that of the group above
		"0::/slice/small\n": 0.5,
		"4:memory:/docker/x\n3:cpu,cpuacct:/docker/x\n": 2,
		"0::/slice/run\n3:cpu,cpuacct:/docker/x\n":      1.5,
	} {
		if got := quotaOf(root, groups); got != want {
			t.Errorf("%q: %g cores, want %g", groups, got, want)
		}
	}
	for _, groups := range []string{"0::/\n", "", "0::/elsewhere\n", "0::/../above\n"} {
		if got := quotaOf(root, groups); got < 1e9 {
			t.Errorf("%q: %g cores, though nothing limits them", groups, got)
		}
	}
	if cores := allowedCores(); cores <= 0 || cores > 1e6 {
		t.Errorf("this process may use %g cores", cores)
	}
}
