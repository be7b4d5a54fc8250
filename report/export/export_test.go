package export

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/google/go-cmp/cmp"

	"pgchaos/internal/skip"
	"pgchaos/record"
	"pgchaos/report"
)

var update = flag.Bool("update", false, "write the golden files")

var started = time.Date(2026, 11, 23, 6, 45, 0, 250_000_000, time.UTC)

// golden compares a text with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Error(diff)
	}
}

func samples() []Sample {
	const ms = time.Millisecond
	one := func(op record.Op) Sample {
		return Sample{Workload: "writes", Client: 2, Clients: 8, All: 12, Node: "a", Op: op}
	}
	part := one(record.Op{Due: 3 * ms, Sent: 3 * ms, Done: 4 * ms, Outcome: record.OK, Out: 100, In: 60})
	part.Part = "insert"
	return []Sample{
		one(record.Op{Due: 10 * ms, Sent: 12 * ms, Done: 15 * ms, Outcome: record.OK, Out: 120, In: 80}),
		part,
		one(record.Op{Due: 20 * ms, Sent: 20 * ms, Done: 5020 * ms, Outcome: record.Unknown, Kind: "timeout", Err: errors.New("no answer, in \"time\""), Out: 120}),
		one(record.Op{Due: 30 * ms, Sent: 30 * ms, Done: 31 * ms, Outcome: record.Weak, Kind: "01000", Err: errors.New("the wait was cancelled")}),
		one(record.Op{Due: 40 * ms, Done: 5040 * ms, Outcome: record.Dropped, Kind: "dropped"}),
		one(record.Op{Due: 50 * ms, Sent: 50 * ms, Done: 52 * ms, Outcome: record.OK, Retries: 2}),
	}
}

func written(t *testing.T, form Form, share float64, all []Sample) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "samples")
	w, err := Create(path, form, share)
	if err != nil {
		t.Fatal(err)
	}
	w.Start(started, 1)
	for i := range all {
		w.Write(&all[i])
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestJTL(t *testing.T)   { golden(t, "samples.jtl", written(t, JTL, 1, samples())) }
func TestJSONL(t *testing.T) { golden(t, "samples.jsonl", written(t, JSONL, 1, samples())) }

func TestEveryRowHasEveryColumn(t *testing.T) {
	rows, err := csv.NewReader(bytes.NewReader(written(t, JTL, 1, samples()))).ReadAll()
	if err != nil || len(rows) != 6 { // the header, and what was sent
		t.Fatal(len(rows), err)
	}
}

// TestShare takes a tenth, and the same tenth for the same seed.
func TestShare(t *testing.T) {
	many := make([]Sample, 20_000)
	for i := range many {
		many[i] = samples()[0]
		many[i].Client = i
	}
	first := written(t, JSONL, 0.1, many)
	if n := bytes.Count(first, []byte("\n")); n < 1800 || n > 2200 {
		t.Errorf("%d of 20,000 at a share of a tenth", n)
	}
	if !bytes.Equal(first, written(t, JSONL, 0.1, many)) {
		t.Error("the same seed chose others")
	}
}

func TestManyAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	w, err := Create(path, JSONL, 1)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for _, s := range samples() {
				w.Write(&s)
			}
		})
	}
	all.Wait()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		if !json.Valid([]byte(line)) {
			t.Fatal(line)
		}
	}
}

func TestAFullDiskIsReported(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		skip.Test(t, "there is no /dev/full here")
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range []Form{JTL, JSONL} {
		w, err := Create(filepath.Join(t.TempDir(), "s"), form, 1)
		if err != nil {
			t.Fatal(err)
		}
		w.out.Reset(full)
		for range 5000 {
			w.Write(&samples()[0])
		}
		if err := w.Close(); err == nil || !strings.Contains(err.Error(), "no space") {
			t.Errorf("form %d: %v", form, err)
		}
	}
}

func TestNothingIsWrittenOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, made := Create(path, JTL, 1)
	for _, err := range []error{made, HLog(path, &report.Result{}), Series(path, &report.Result{})} {
		if !errors.Is(err, os.ErrExist) {
			t.Error(err)
		}
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "mine" {
		t.Error(string(text), err)
	}
}

// result has two seconds of one workload, the first with 1 to 100 ms.
func result(t *testing.T) *report.Result {
	t.Helper()
	second := func(at, from, to time.Duration) report.Second {
		h := hdrhistogram.New(1, time.Hour.Microseconds(), 3)
		n := int64(0)
		for d := from; d <= to; d += time.Millisecond {
			n++
			if err := h.RecordValue(d.Microseconds()); err != nil {
				t.Fatal(err)
			}
		}
		text, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
		if err != nil {
			t.Fatal(err)
		}
		return report.Second{At: at, Response: report.SecondDist{Count: n, Max: to, Histogram: string(text)}}
	}
	return &report.Result{
		Tool: "v1", Run: "demo", Started: started,
		Phases: []record.Phase{{Name: "baseline", End: time.Second}, {Name: "stop-b", Start: time.Second, End: 3 * time.Second}},
		Workloads: []report.Workload{{
			Name:    "writes",
			Series:  []report.SeriesPoint{{At: 0, OK: 60}, {At: 900 * time.Millisecond, OK: 40, Errors: 7, Kinds: map[string]int64{"57P01": 2, "timeout, cancelled": 4, "25006": 1}}, {At: 1100 * time.Millisecond, Dropped: 3}, {At: 2 * time.Second, OK: 1}},
			Seconds: []report.Second{second(0, time.Millisecond, 100*time.Millisecond), second(2*time.Second, 5*time.Second, 5*time.Second)},
		}},
	}
}

func TestSeries(t *testing.T) {
	var out bytes.Buffer
	if err := series(&out, result(t)); err != nil {
		t.Fatal(err)
	}
	golden(t, "series.csv", out.Bytes())
}

// TestHLogIsReadByHdrHistogram reads it with the library's own reader.
func TestHLogIsReadByHdrHistogram(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.hlog")
	if err := HLog(path, result(t)); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "run.hlog", text)
	reader := hdrhistogram.NewHistogramLogReader(bytes.NewReader(text))
	var got []string
	for {
		h, err := reader.NextIntervalHistogram()
		if err != nil {
			t.Fatal(err)
		}
		if h == nil {
			break
		}
		got = append(got, fmt.Sprint(h.Tag(), " ", h.StartTimeMs()-started.UnixMilli(), " ", h.TotalCount(), " ", h.ValueAtPercentile(50)/1000))
	}
	want := []string{"writes 0 100 50", "writes 2000 1 5001"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestJMetersTables have JMeter's columns, a row for each label and the sum.
func TestJMetersTables(t *testing.T) {
	const ms = time.Millisecond
	r := result(t)
	stats := report.Stats{
		Samples: 1000, OK: 990, Failed: 8, Unknown: 2, Span: 10 * time.Second, Out: 204_800, In: 102_400,
	}
	h, err := r.Workloads[0].Seconds[0].Response.Decode()
	if err != nil {
		t.Fatal(err)
	}
	if stats.Response, err = report.NewDist(h, report.Exact{Min: 400 * time.Microsecond, Max: 100 * ms}); err != nil {
		t.Fatal(err)
	}
	stats.Response.StdDev = 28_866 * time.Microsecond
	r.Duration = 10 * time.Second
	r.Workloads[0].Total, r.Workloads[0].Parts = stats, []report.PartStats{{Part: "insert", Stats: stats}}
	for name, write := range map[string]func(string, *report.Result) error{"aggregate.csv": Aggregate, "summary.csv": Summary} {
		path := filepath.Join(t.TempDir(), name)
		if err := write(path, r); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name, text)
	}
}

func TestADamagedHistogramIsReported(t *testing.T) {
	r := result(t)
	r.Workloads[0].Seconds[0].Response.Histogram = "HISTnonsense"
	path := filepath.Join(t.TempDir(), "s.csv")
	if err := Series(path, r); err == nil {
		t.Error("no error")
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Error("half a file stays", err)
	}
}
