package runner

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pgchaos/audit"
	"pgchaos/record"
	"pgchaos/report"
	"pgchaos/rows"
	"pgchaos/spec"
	"pgchaos/verdict"
)

// TestForkFile: what was read of a fork is what is read again, and that nothing was
// there is not that nobody knows.
func TestForkFile(t *testing.T) {
	full := rows.NewHolding(rows.Table{Name: "t", Serial: true, Payload: 20}, 0)
	for seq := int64(1); seq <= 40_000; seq++ {
		if seq%3 > 0 {
			full.Add(seq, false, record.AppendPayload(nil, record.PackKey(int(seq%2), seq), 20))
		}
	}
	full.Add(1, false, record.AppendPayload(nil, record.PackKey(1, 1), 20)) // a second copy
	full.Add(2, true, []byte("w1:5:altered"))
	full.Add(-1, false, nil)
	full.Seal()
	lineage := record.Lineage{Timeline: 2, Forks: []record.Fork{{Timeline: 1, At: 0x3000060}}}
	for _, tc := range []struct {
		name string
		held audit.ForkHolding
	}{
		{"rows of all kinds", audit.ForkHolding{Node: "a", Step: "rejoin-a", Timeline: 2, Read: time.Second, Holding: full, Lineage: lineage}},
		{"no rows", audit.ForkHolding{Node: "a", Step: "clone-a", Timeline: 1, Holding: rows.NewHolding(rows.Table{Name: "t"}, 0)}},
		{"not read", audit.ForkHolding{Node: "a", Step: "clone-a", Why: `it has no "pg_control" <here>`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := writeFork(dir, "fork-1.json", "run-1", "t", tc.held); err != nil {
				t.Fatal(err)
			}
			table, got, err := readFork(dir, "fork-1.json", "run-1")
			if err != nil || table != "t" {
				t.Fatalf("%s, %v", table, err)
			}
			if (got.Holding == nil) != (tc.held.Holding == nil) {
				t.Fatalf("%+v", got)
			}
			if got.Holding != nil {
				if v := got.Holding.Equal(tc.held.Holding); v != verdict.Pass {
					t.Errorf("the rows are equal: %v", v)
				}
			}
			got.Holding, tc.held.Holding = nil, nil
			if diff := cmp.Diff(tc.held, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestForkFileRefuses what is not as it was written, or not this run's.
func TestForkFileRefuses(t *testing.T) {
	for _, tc := range []struct {
		name   string
		damage func(text []byte) []byte
		want   string
	}{
		{"one digit is another", func(text []byte) []byte {
			return bytes.Replace(text, []byte(`"timeline":1`), []byte(`"timeline":2`), 1)
		}, "checksum"},
		{"torn off", func(text []byte) []byte { return text[:len(text)/2] }, "damaged"},
		{"empty", func([]byte) []byte { return nil }, "damaged"},
		{"of a later form", func(text []byte) []byte {
			return bytes.Replace(text, []byte("pgchaos.fork/1"), []byte("pgchaos.fork/2"), 1)
		}, "pgchaos.fork/2"},
		{"of another run", func(text []byte) []byte { return text }, "of run run-1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir, run := t.TempDir(), "run-1"
			if strings.Contains(tc.want, "of run") {
				run = "run-2"
			}
			if err := writeFork(dir, "fork-1.json", "run-1", "t", audit.ForkHolding{Node: "a", Timeline: 1}); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "fork-1.json")
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, tc.damage(text), 0o644); err != nil {
				t.Fatal(err)
			}
			if _, _, err := readFork(dir, "fork-1.json", run); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v", err)
			}
		})
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "fork-1.json")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, maxForkFile+1); err != nil {
		t.Fatal(err)
	}
	if _, _, err := readFork(dir, "fork-1.json", "run-1"); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("too large: %v", err)
	}
}

// TestForkFileForged: a forged file in the directory cannot make the reader wait, or allocate more memory than the
// file has bytes.
func TestForkFileForged(t *testing.T) {
	forged := func(bits []byte) func(string) error {
		return func(path string) error {
			reading, err := json.Marshal(forkReading{Run: "run-1", Table: "t", Held: &heldRows{Written: map[int][]byte{0: bits}}})
			if err != nil {
				return err
			}
			text, err := json.Marshal(forkFile{Schema: forkSchema, Sum: sumOf(reading), Reading: reading})
			if err != nil {
				return err
			}
			return os.WriteFile(path, text, 0o600)
		}
	}
	for _, tc := range []struct {
		name string
		lay  func(path string) error
		want string
	}{
		{"a set of 2 TB", forged(binary.LittleEndian.AppendUint64(nil, 1<<37)), "cannot hold them"},
		{"a set of a negative size", forged(binary.LittleEndian.AppendUint64(nil, 1<<63)), "cannot hold them"},
		{"a set cut short", forged([]byte{1, 2}), "cut short"},
		{"a pipe", func(path string) error { return syscall.Mkfifo(path, 0o600) }, "not a regular file"},
		{"a link to a device that never ends", func(path string) error { return os.Symlink("/dev/zero", path) }, "not a regular file but a symbolic link"},
		{"a directory", func(path string) error { return os.Mkdir(path, 0o700) }, "not a regular file"},
	} {
		dir := t.TempDir()
		if err := tc.lay(filepath.Join(dir, "fork-1.json")); err != nil {
			t.Fatal(err)
		}
		if _, _, err := readFork(dir, "fork-1.json", "run-1"); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}

// TestKeptForks: a reading that the journal tells of and that cannot be had is a fork
// that was not read; one beside the journal counts too.
func TestKeptForks(t *testing.T) {
	e, text, err := spec.Load("x", []byte("name: x\ncluster: {nodes: [a]}\nload: {writes: {kind: insert}, others: {kind: insert, table: other}}\ntimeline: [{wait: 1s}]\n"), spec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPlan(e, text, 1)
	if err != nil {
		t.Fatal(err)
	}
	k := &AttachedRun{dir: t.TempDir(), result: &report.Result{Run: "run-1"}, plan: p}
	for _, name := range []string{"fork-1.json", "fork-4.json"} {
		if err := writeFork(k.dir, name, "run-1", "other", audit.ForkHolding{Node: name, Holding: rows.NewHolding(rows.Table{}, 0)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(k.dir, "fork-5.json"), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	forks, err := k.keptForks(Journal{Forks: []forkNote{
		{File: "fork-1.json", Node: "a", Step: "rejoin-a", Table: "other"},
		{File: "fork-2.json", Node: "a", Step: "rejoin-a", Table: "other"},
		{File: "fork-3.json", Node: "b", Step: "clone-b", Table: "other", Error: "the disk is full"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(forks["test_data"]); n != 1 || !strings.Contains(forks["test_data"][0].Why, "damaged") {
		t.Errorf("a damaged file may be of any table: %+v", forks["test_data"])
	}
	other := forks["other"]
	if len(other) != 5 {
		t.Fatalf("%+v", other)
	}
	for i, want := range []audit.ForkHolding{
		{Node: "fork-1.json"}, {Node: "a", Step: "rejoin-a", Why: fs.ErrNotExist.Error()}, {Node: "b", Step: "clone-b", Why: "the disk is full"},
		{Node: "fork-4.json"}, {Node: "a node", Why: "damaged"},
	} {
		got := other[i]
		missing := want.Why == fs.ErrNotExist.Error() && strings.Contains(got.Why, "no such file")
		if got.Node != want.Node || got.Step != want.Step || (got.Holding == nil) != (want.Why != "") || !missing && !strings.Contains(got.Why, want.Why) {
			t.Errorf("%d: %+v", i, got)
		}
	}
}
