package rowscan_test

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/cluster"
	"pgchaos/cluster/local"
	"pgchaos/cluster/rowscan"
	"pgchaos/internal/skip"
	"pgchaos/record"
	"pgchaos/rows"
	"pgchaos/verdict"
)

// The benchmark's table is as an experiment's: 64 writers, 64 bytes of content.
const (
	costWriters = 64
	costPayload = 64
	costNodes   = 3 // the same node is read as often
)

//go:embed testdata/yardstick.sql
var yardstickSQL string

// BenchmarkCost holds the reading of three nodes' worth of rows, and the whole of their
// audit, against what the same reading costs in psql, in turns: see CONTRIBUTING.md.
func BenchmarkCost(b *testing.B) {
	count, rounds := number(b, "PGCHAOS_BENCH_ROWS", 1_000_000), number(b, "PGCHAOS_BENCH_ROUNDS", 5)
	connections := number(b, "PGCHAOS_BENCH_CONNECTIONS", 2)
	psql, err := osexec.LookPath("psql")
	if err != nil {
		skip.Test(b, "%v", err)
	}
	a := costNode(b)
	fillCost(b, a, count)
	path := costLedger(b, count)
	table := rows.Table{Name: "test_data", Payload: costPayload}
	var ours, audits, theirs, ratios, auditRatios, peaks, auditPeaks []float64
	for b.Loop() {
		for range rounds {
			took, peak := costOurs(b, a, table, int64(count), connections)
			yard := costYardstick(b, a, psql)
			audit, judged, auditPeak := costAudit(b, a, path, table, int64(count), connections)
			b.Logf("scans %.2f s, %.0f MiB at most; psql %.2f s; ratio %.2f", took, peak, yard, took/yard)
			b.Logf("audit %.2f s, of which %.2f s without a server, %.0f MiB at most; ratio %.2f", audit, judged, auditPeak, audit/yard)
			ours, theirs, ratios, peaks = append(ours, took), append(theirs, yard), append(ratios, took/yard), append(peaks, peak)
			audits, auditRatios, auditPeaks = append(audits, audit), append(auditRatios, audit/yard), append(auditPeaks, auditPeak)
		}
	}
	b.ReportMetric(median(ours), "s-ours")
	b.ReportMetric(median(audits), "s-audit")
	b.ReportMetric(median(theirs), "s-psql")
	b.ReportMetric(median(ratios), "ratio")
	b.ReportMetric(median(auditRatios), "ratio-audit")
	b.ReportMetric(slices.Min(ratios), "ratio-min")
	b.ReportMetric(slices.Max(ratios), "ratio-max")
	b.ReportMetric(slices.Max(peaks), "MiB-ours")
	b.ReportMetric(slices.Max(auditPeaks), "MiB-audit")
}

func number(b *testing.B, variable string, otherwise int) int {
	b.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		b.Fatalf("%s=%s: it takes a number of at least 1", variable, text)
	}
	return n
}

func median(of []float64) float64 {
	of = slices.Sorted(slices.Values(of))
	return (of[(len(of)-1)/2] + of[len(of)/2]) / 2
}

// costNode starts a server on which nothing else happens.
func costNode(b *testing.B) *cluster.Node {
	base, err := os.MkdirTemp("", "pgchaos-cost-")
	if err != nil {
		b.Fatal(err)
	}
	if err := os.Chmod(base, 0o755); err != nil { // the server runs as another user
		b.Fatal(err)
	}
	p, err := local.New(b.Context(), local.Options{Base: filepath.Join(base, "runs"), Run: "cost", Experiment: "test"})
	if err != nil {
		skip.Test(b, "no PostgreSQL on this machine: %v", err)
	}
	c, err := cluster.New(p, cluster.Config{
		Run: "cost", Nodes: []cluster.NodeConfig{{Name: "a"}},
		Settings: map[string]string{"autovacuum": "off", "max_wal_size": "8GB"},
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := errors.Join(c.Down(context.Background()), os.RemoveAll(base)); err != nil {
			b.Error(err)
		}
	})
	if err := c.Up(b.Context()); err != nil {
		b.Fatal(err)
	}
	return c.Node("a")
}

// costKey is the key of a row: writers take turns, and one write in a thousand has failed.
func costKey(i int) record.Key {
	round := i / costWriters
	return record.PackKey(i%costWriters, int64(1+round+round/1000))
}

// fillCost writes the rows.
func fillCost(b *testing.B, a *cluster.Node, rows int) {
	conn, err := a.ConnectPlain(b.Context(), "fill")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(b.Context(), "create table test_data (int_value bigserial primary key, char_value varchar)"); err != nil {
		b.Fatal(err)
	}
	i := 0
	var value []byte
	source := pgx.CopyFromFunc(func() ([]any, error) {
		if i == rows {
			return nil, nil
		}
		key := costKey(i)
		i++
		value = record.AppendPayload(value[:0], key, costPayload)
		return []any{int64(key), string(value)}, nil
	})
	if _, err := conn.CopyFrom(b.Context(), pgx.Identifier{"test_data"}, []string{"int_value", "char_value"}, source); err != nil {
		b.Fatal(err)
	}
	for _, statement := range []string{"vacuum (freeze, analyze) test_data", "checkpoint"} {
		if _, err := conn.Exec(b.Context(), statement); err != nil {
			b.Fatal(err)
		}
	}
}

// costOurs reads the node as often as there are nodes, keeps all of the holdings, as an
// audit does, and returns the seconds and the MiB that this process had at most.
func costOurs(b *testing.B, a *cluster.Node, table rows.Table, count int64, connections int) (seconds, peak float64) {
	peakAnew(b)
	began := time.Now()
	var all [costNodes]*rows.Holding
	for i := range all {
		h, err := rowscan.Scan(b.Context(), func(ctx context.Context) (*pgx.Conn, error) { return a.Connect(ctx, "cost") }, table, rowscan.ScanOptions{Connections: connections})
		if err != nil {
			b.Fatal(err)
		}
		if all[i] = h; h.Rows != count || h.OddRows != 0 || all[0].Equal(h) != verdict.Pass {
			b.Fatalf("%d rows, %d of them odd; %d were written", h.Rows, h.OddRows, count)
		}
	}
	return time.Since(began).Seconds(), peakSoFar(b)
}

// peakAnew has the process's peak of memory begin again at what it has now.
func peakAnew(b *testing.B) {
	debug.FreeOSMemory()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil { // VmHWM begins anew
		b.Logf("the peak is that of the whole process: %v", err)
	}
}

// peakSoFar is how many MiB the process had at most.
func peakSoFar(b *testing.B) (peak float64) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Logf("no peak: %v", err)
	}
	for line := range strings.Lines(string(status)) {
		var kib float64
		if _, err := fmt.Sscanf(line, "VmHWM: %f", &kib); err == nil {
			peak = kib / 1024
		}
	}
	return peak
}

// costYardstick has psql read the keys, and hash the rows in buckets, as often as
// there are nodes.
func costYardstick(b *testing.B, a *cluster.Node, psql string) (seconds float64) {
	began := time.Now()
	for range costNodes {
		cmd := osexec.CommandContext(b.Context(), psql, "-XqAt", "-v", "ON_ERROR_STOP=1", "-o", os.DevNull, "-f", "-", a.ConnString(a.Credentials().Superuser, "yardstick"))
		cmd.Stdin = strings.NewReader(yardstickSQL)
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("psql: %v: %s", err, out)
		}
	}
	return time.Since(began).Seconds()
}
