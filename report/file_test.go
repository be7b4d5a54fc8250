package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pgchaos/outage"
	"pgchaos/verdict"
)

func TestWriteRead(t *testing.T) {
	dir := t.TempDir()
	want := recovered(lossy(t))
	want.Judge(expectations(t, "lost_writes == 0", "read_rto < 1s"))
	for range 2 { // the second replaces the first
		if err := Write(dir, want); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestWriteLeavesTheOldFile(t *testing.T) {
	if err := Write(filepath.Join(t.TempDir(), "missing"), &Result{}); err == nil {
		t.Error("no error for a directory that is not there")
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, FileName), 0o755); err != nil { // the rename must fail
		t.Fatal(err)
	}
	if err := Write(dir, &Result{}); err == nil {
		t.Error("no error where the file cannot be replaced")
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("the temporary file was left behind: %v", entries)
	}
}

func TestRead(t *testing.T) {
	tests := []struct {
		name, text, want string
	}{
		{"a higher schema", `{"schema": "pgchaos.result/3", "stage": 7}`, "a newer pgchaos wrote it"},
		{"another program's file", `{"schema": "k6/1"}`, `"k6/1", which is no result of pgchaos`},
		{"no schema", `{}`, "no result of pgchaos"},
		{"schema 0", `{"schema": "pgchaos.result/0"}`, "no result of pgchaos"},
		{"an empty file", ``, "the run ended before its cluster was up"},
		{"half a file", `{"schema": "pgchaos.result/1", "st`, "unexpected end"},
		{"a verdict that is none", `{"schema": "pgchaos.result/1", "verdict": "perhaps"}`, "perhaps"},
		{"unknown fields", `{"schema": "pgchaos.result/1", "colour": "red"}`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, FileName), []byte(tt.text), 0o644); err != nil {
				t.Fatal(err)
			}
			_, err := Read(dir)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
	if _, err := Read(t.TempDir()); err == nil {
		t.Error("no error for an empty directory")
	}
}

// TestReadRefusesWhatIsNoResult puts other things where the result should be. Reading a pipe
// would wait for ever, and the huge file would take all memory.
func TestReadRefusesWhatIsNoResult(t *testing.T) {
	for name, c := range map[string]struct {
		put  func(path string) error
		want string
	}{
		"a pipe":      {func(path string) error { return syscall.Mkfifo(path, 0o600) }, "is not a regular file but a named pipe"},
		"a device":    {func(path string) error { return os.Symlink("/dev/zero", path) }, "is not a regular file but a symbolic link"},
		"a directory": {func(path string) error { return os.Mkdir(path, 0o700) }, "is not a regular file but a directory"},
		"a huge file": {func(path string) error {
			return errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, maxFile+1))
		}, "has more than 1073741824 bytes"},
		"a program": {func(path string) error { return os.WriteFile(path, []byte("\x7fELF\x02\x01\x00"), 0o600) }, "is damaged, or no result of pgchaos"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := c.put(filepath.Join(dir, FileName)); err != nil {
				t.Fatal(err)
			}
			if _, err := Read(dir); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), dir) {
				t.Errorf("error %v, want one with %q and the path", err, c.want)
			}
		})
	}
}

// Every format ever written must stay readable. The files are never written
// anew, not even with -update: what is compared is what they meant.
func TestReadSchema1(t *testing.T) {
	r, err := Read("testdata/schema-1")
	if err != nil {
		t.Fatal(err)
	}
	if r.Stage != StageChecked || r.Verdict != verdict.Fail || r.Audits[0].Lost.N != 430 || r.Audits[0].Lost.Runs[1].Last != 1467 {
		t.Errorf("stage %v, verdict %v, audit %+v", r.Stage, r.Verdict, r.Audits[0])
	}
	if !r.Timeline[0].Fault || r.Timeline[0].Effective != 10182*ms || *r.Timeline[0].Planned != 10000*ms {
		t.Errorf("timeline %+v", r.Timeline[0])
	}
	d := r.Workloads[0].Total.Response
	if p, err := d.Percentile(75); err != nil || p < 9*ms || p > 10*ms {
		t.Errorf("75th percentile %v, %v", p, err)
	}
	before := r.Verdict
	r.Judge(expectations(t, "lost_writes == 0"))
	if r.Verdict != before {
		t.Errorf("judged again it is %v", r.Verdict)
	}
	// Outages of schema 1 counted from when the fault had been verified.
	if o := r.Outages[1]; o.RTO != 10*time.Second || o.Issued+o.RTO != r.Duration {
		t.Errorf("outage %+v", o)
	}
	if o := r.Outages[0]; o.RTO != 0 || o.Most != 0 {
		t.Errorf("none seen: %+v", o)
	}
}

func TestReadSchema2(t *testing.T) {
	r, err := Read("testdata/schema-2")
	if err != nil {
		t.Fatal(err)
	}
	if r.Stage != StageChecked || r.Outages[1].RTO != 200*ms || r.Downtimes[0].Length() != 200*ms || r.Recoveries[0].Workloads[1].Nodes[0].RTO != 19999*ms {
		t.Errorf("stage %v, outages %+v, downtimes %+v, recoveries %+v", r.Stage, r.Outages, r.Downtimes, r.Recoveries)
	}
}

// TestOutagesOfSchema1 counted from when the fault was verified.
func TestOutagesOfSchema1(t *testing.T) {
	made := func(rto, most time.Duration, change func(*outage.Outage)) outage.Outage {
		o := outage.Outage{Loaded: true, Recovered: true, Issued: 1000 * ms, Effective: 1300 * ms, RTO: rto, Most: most}
		if change != nil {
			change(&o)
		}
		return o
	}
	failed := func(o *outage.Outage) { o.Errors = 3 }
	never := func(o *outage.Outage) { o.Recovered = false }
	seen := func(o *outage.Outage) { o.Noticed = true }
	unloaded := func(o *outage.Outage) { o.Loaded = false }
	r := &Result{Outages: []outage.Outage{
		made(700*ms, 0, failed), made(0, 0, nil), made(0, 0, failed), made(0, 0, never), made(0, 200*ms, seen), made(0, 0, unloaded),
	}}
	nodes := func(rtos ...time.Duration) (all []outage.NodeRecovery) {
		for _, rto := range rtos {
			all = append(all, outage.NodeRecovery{RTO: rto})
		}
		return all
	}
	r.Recoveries = []outage.Recovery{{Issued: 1000 * ms, Effective: 1300 * ms, Workloads: []outage.WorkloadRecovery{{Nodes: nodes(0, 50*ms)}}}}
	r.fromSchema1()
	want := []outage.Outage{
		made(1000*ms, 0, failed), made(0, 0, nil), made(0, 300*ms, failed), made(300*ms, 0, never), made(0, 200*ms, seen), made(0, 0, unloaded),
	}
	if diff := cmp.Diff(want, r.Outages); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(nodes(0, 350*ms), r.Recoveries[0].Workloads[0].Nodes); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestDamagedResult: a change of any byte, and any cut, is known, but white space between values
// does not count.
func TestDamagedResult(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, FileName)
	r := lossy(t)
	r.Workloads = r.Workloads[:1] // one is enough, and quick
	if err := Write(dir, r); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	read := func(text []byte) error {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Read(dir)
		return err
	}
	for i := 0; i < len(whole)-2; i += 1 + len(whole)/300 {
		if damaged := bytes.Clone(whole); !bytes.ContainsAny(whole[i:i+1], " \n") {
			damaged[i] ^= 1
			if read(damaged) == nil {
				t.Errorf("byte %d, %q for %q: no error", i, damaged[i], whole[i])
			}
		}
		if read(whole[:i]) == nil {
			t.Errorf("cut off at byte %d: no error", i)
		}
	}
	sum := bytes.LastIndex(whole, []byte(",\n \"sum\""))
	without := append(bytes.Clone(whole[:sum]), "}"...)
	if err := read(bytes.Replace(without, []byte("result/1"), []byte("result/2"), 1)); err == nil {
		t.Error("no checksum where there must be one: no error")
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, whole); err != nil {
		t.Fatal(err)
	}
	if err := read(compact.Bytes()); err != nil {
		t.Errorf("without white space: %v", err)
	}
}
