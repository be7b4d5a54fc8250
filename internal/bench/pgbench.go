package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// outcome is one run of one side.
type outcome struct {
	perSecond float64
	cpu       time.Duration // of the client process, user and system
	done      float64       // operations
	switches  [2]int64      // of the client process: it waited; another process had its core
	connected time.Duration // how long its clients took to connect
	lag       time.Duration // mean time from due to sent, at a rate
}

// perMillion is the CPU-seconds of the client for a million operations.
func (o outcome) perMillion() float64 { return o.cpu.Seconds() / o.done * 1e6 }

// The scripts that pgbench runs. Ours sends the same statements, with the same parameters.
const (
	selectScript = "select 1;\n"
	insertScript = `\set key random(1, 1000000000000000)
insert into bench_data (int_value, char_value) values (:key, :payload) returning pg_current_wal_insert_lsn();
`
	payload = "payload=abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl"
)

// pipelineScript has so many statements in one pipeline.
func pipelineScript(statements int) string {
	text := "\\startpipeline\n"
	for range statements {
		text += selectScript
	}
	return text + "\\endpipeline\n"
}

var (
	tpsLine     = regexp.MustCompile(`tps = ([0-9.]+) \(without initial connection time\)`)
	connectLine = regexp.MustCompile(`initial connection time = ([0-9.]+) ms`)
	lagLine     = regexp.MustCompile(`rate limit schedule lag: avg ([0-9.]+) `)
	doneLine    = regexp.MustCompile(`number of transactions actually processed: ([0-9]+)`)
)

// pgbenchRun is one run of pgbench.
type pgbenchRun struct {
	script  string
	on      []int // the processors that it may use; it has as many threads at most
	clients int
	rate    float64       // 0: a closed loop
	span    time.Duration // connecting included; 0: one transaction of each client
}

// pgbench runs a script with the installed pgbench.
func (b *bench) pgbench(ctx context.Context, r pgbenchRun) (outcome, error) {
	file := filepath.Join(b.server.base, "script.sql")
	if err := os.WriteFile(file, []byte(r.script), 0o644); err != nil {
		return outcome{}, err
	}
	load, address := b.server.node.Credentials().Load, b.server.node.Address()
	within := r.span + 3*answerWithin
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(b.server.bin, "pgbench"), "-h", address.Host, "-p", strconv.Itoa(address.Port), "-U", load.Name,
		"-n", "-M", "prepared", "-D", payload, "-f", file, "-c", strconv.Itoa(r.clients), "-j", strconv.Itoa(min(r.clients, len(r.on))))
	if r.span > 0 {
		cmd.Args = append(cmd.Args, "-T", strconv.Itoa(int(r.span.Seconds())))
	} else {
		cmd.Args = append(cmd.Args, "-t", "1")
	}
	if r.rate > 0 {
		cmd.Args = append(cmd.Args, "-R", strconv.FormatFloat(r.rate, 'f', 0, 64))
	}
	cmd.Args = append(cmd.Args, b.server.node.Credentials().Database)
	cmd.Env = append(os.Environ(), "PGPASSWORD="+load.Password)
	errs := &strings.Builder{}
	cmd.Stderr = errs
	text, err := outputOn(r.on, cmd)
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return outcome{}, fmt.Errorf("pgbench did not end within %s: the server stalled", within)
	case err != nil:
		return outcome{}, fmt.Errorf("pgbench: %w\n%s%s", err, text, errs)
	}
	o := outcome{cpu: cpuOf(cmd), switches: switchesOf(cmd)}
	if o.done, err = figure(doneLine, text); err == nil && o.done == 0 {
		return o, fmt.Errorf("pgbench completed no transaction in %s: the server or the machine stalled", r.span)
	}
	if err == nil {
		o.perSecond, err = figure(tpsLine, text)
	}
	if err == nil {
		o.connected, err = millis(connectLine, text)
	}
	if err == nil && r.rate > 0 {
		o.lag, err = millis(lagLine, text)
	}
	return o, err
}

// figure is what a line of pgbench's report has.
func figure(line *regexp.Regexp, text []byte) (float64, error) {
	found := line.FindSubmatch(text)
	if found == nil {
		return 0, fmt.Errorf("pgbench prints no line %s:\n%s", line, text)
	}
	return strconv.ParseFloat(string(found[1]), 64)
}

func millis(line *regexp.Regexp, text []byte) (time.Duration, error) {
	n, err := figure(line, text)
	return time.Duration(n * float64(time.Millisecond)), err
}

// cpuOf is the CPU time of a process that has ended.
func cpuOf(cmd *exec.Cmd) time.Duration {
	u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// switchesOf is how often a process that has ended gave its core up: because it waited, and
// because another process got it.
func switchesOf(cmd *exec.Cmd) [2]int64 {
	u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return [2]int64{}
	}
	return [2]int64{u.Nvcsw, u.Nivcsw}
}

// text is an outcome as it is printed while the benchmark runs.
func (o outcome) text() string {
	return fmt.Sprintf("%.0f/s, %.2f CPU-s per million, %.2f waits and %.2f preemptions an operation, lag %s",
		o.perSecond, o.perMillion(), float64(o.switches[0])/o.done, float64(o.switches[1])/o.done, o.lag.Round(time.Microsecond))
}
