package report

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestKeptResults keeps the results of testdata/results as the code writes them. The tests of
// every way to show a result read them: they are all that such a package gets.
func TestKeptResults(t *testing.T) {
	standard := []string{
		"lost_writes == 0", "nodes_equal", "error_rate of writes during stop-pgslave < 1%",
		"p99 of writes during stop-pgslave < 100ms", "write_rto < 10s", "read_rto < 1s",
	}
	losses := []string{
		"lost_writes <= 430", "weak_writes == 0", "weak_lost_writes == 1", "unexplained_losses == 0", "rpo_seconds < 1s", "rpo_bytes during crash < 1000",
		"not split_brain", "ghost_reads == 0",
	}
	tests := []struct {
		name   string
		result func(*testing.T) *Result
		expect []string
	}{
		{"pass", quorum, standard[:5]},
		{"lost", lossy, standard},
		{"unread", unread, standard},
		{"silent", silent, standard},
		{"recovery", func(t *testing.T) *Result { return recovered(quorum(t)) }, []string{
			"redundancy_rto < 2s", "redundancy_rto during crash < 2s", "redundancy_rto during stop-pgslave < 1ms", "throughput_rto of writes during crash < 1s",
			"throughput_rto < 1s", "client_rto_median of writes during crash < 250ms", "client_rto_p99 during crash < 5s", "client_rto_p99 during crash < 20s",
			"client_rto_max of reads during crash < 1s", "client_rto_max of reads < 1s", "client_rto_max during stop-pgslave < 1s",
		}},
		{"doubtful", doubtful, []string{
			"write_rto < 1s", "write_rto during crash-pgslave < 100ms", "throughput_rto of reads during crash-pgslave < 20s", "client_rto_max of reads during crash-pgslave < 1s",
		}},
		{"explained", explainedLoss, losses},
		{"unexplained", unexplainedLoss, losses},
		{"models", modelled, []string{"achieved_rate of writes >= 99%", "achieved_rate of closed >= 99%", "retries of closed == 0"}},
		{"reads", func(t *testing.T) *Result { return watchedBy(t, quorum(t)) }, []string{"staleness_p99 of reads < 1s", "hole_reads == 0"}},
		{"reads-broken", func(t *testing.T) *Result { return betrayed(t, quorum(t)) }, nil},
		{"planned", planned, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := tt.result(t)
			if r.Stage != StagePlanned { // a pgchaos that died judged nothing
				r.Judge(expectations(t, tt.expect...))
			}
			keep(t, tt.name, r)
		})
	}
}

// keep compares a result with the one that is kept.
func keep(t *testing.T, name string, r *Result) {
	t.Helper()
	dir := t.TempDir()
	if err := Write(dir, r); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(dir, FileName))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", "results", name, FileName)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}
