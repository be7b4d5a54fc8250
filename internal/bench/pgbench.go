package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"time"
)

// outcome is one run of one side.
type outcome struct {
	perSecond float64
	cpu       time.Duration // of the client process, user and system
	done      float64       // operations
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
	tpsLine  = regexp.MustCompile(`tps = ([0-9.]+) \(without initial connection time\)`)
	doneLine = regexp.MustCompile(`number of transactions actually processed: ([0-9]+)`)
)

// pgbench runs a script with the installed pgbench, on as many threads as cores at most.
func (b *bench) pgbench(ctx context.Context, script string, clients int) (outcome, error) {
	file := filepath.Join(b.server.base, "script.sql")
	if err := os.WriteFile(file, []byte(script), 0o644); err != nil {
		return outcome{}, err
	}
	load, address := b.server.node.Credentials().Load, b.server.node.Address()
	cmd := exec.CommandContext(ctx, filepath.Join(b.server.bin, "pgbench"), "-h", address.Host, "-p", strconv.Itoa(address.Port), "-U", load.Name,
		"-n", "-M", "prepared", "-D", payload, "-f", file, "-c", strconv.Itoa(clients), "-j", strconv.Itoa(min(clients, threads())),
		"-T", strconv.Itoa(int(b.span.Seconds())), b.server.node.Credentials().Database)
	cmd.Env = append(os.Environ(), "PGPASSWORD="+load.Password)
	text, err := cmd.CombinedOutput()
	if err != nil {
		return outcome{}, fmt.Errorf("pgbench: %w\n%s", err, text)
	}
	tps, done := tpsLine.FindSubmatch(text), doneLine.FindSubmatch(text)
	if tps == nil || done == nil {
		return outcome{}, fmt.Errorf("pgbench says neither tps nor how much it has done:\n%s", text)
	}
	o := outcome{cpu: cpuOf(cmd)}
	if o.perSecond, err = strconv.ParseFloat(string(tps[1]), 64); err != nil {
		return o, err
	}
	o.done, err = strconv.ParseFloat(string(done[1]), 64)
	return o, err
}

// cpuOf is the CPU time of a process that has ended.
func cpuOf(cmd *exec.Cmd) time.Duration {
	u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
