package html

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"pgchaos/record"
	"pgchaos/report"
	"pgchaos/report/lanes"
)

// hour is a run of an hour with two workloads and three nodes: seven lines at 100 ms or by the second of each workload, noise in
// all of them, and spikes of one sample.
func hour(t *testing.T) *report.Result {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	r := &report.Result{Name: "hour", Duration: time.Hour, Stage: report.StageChecked}
	r.Timeline = []record.Event{{
		Name: "crash", Action: "kill", Nodes: []string{"a"}, Issued: 30 * time.Minute, Effective: 30*time.Minute + time.Millisecond, Status: record.EventDone, Fault: true,
	}, {
		Name: "rejoin", Action: "rejoin", Nodes: []string{"a"}, Issued: 31 * time.Minute, Effective: 32 * time.Minute, Status: record.EventDone,
	}}
	seconds := make([]report.Second, 40) // to make them takes long
	for i := range seconds {
		seconds[i] = noise(t, rng)
	}
	for _, name := range []string{"writes", "reads"} {
		w := report.Workload{Name: name, Active: []report.Interval{{To: time.Hour}}}
		for i := range int(time.Hour / report.SeriesStep) {
			p := report.SeriesPoint{At: time.Duration(i) * report.SeriesStep, OK: 100 + rng.Int64N(40), Max: time.Duration(1000+rng.Int64N(50_000)) * time.Microsecond}
			if i%6000 == 3000 {
				p.Errors, p.OK = 77, 9999
			}
			w.Series = append(w.Series, p)
		}
		for i := range 3600 {
			one := seconds[rng.IntN(len(seconds))]
			one.At = time.Duration(i) * time.Second
			w.Seconds = append(w.Seconds, one)
		}
		r.Workloads = append(r.Workloads, w)
	}
	for _, name := range []string{"a", "b", "c"} {
		n := record.NodeSeries{Node: name, Step: time.Second}
		for i := range 3600 {
			at := time.Duration(i) * time.Second
			bytes, lag := rng.Int64N(1<<24), time.Duration(rng.Int64N(1_000_000))*time.Microsecond
			n.Samples = append(n.Samples, record.NodeSample{At: at, Role: record.RoleStandby, LagBytes: &bytes, Lag: &lag})
			r.Usage = append(r.Usage, record.ResourceSample{Node: name, At: at + time.Duration(rng.Int64N(int64(time.Second/2))), CPUPercent: float64(rng.IntN(10000)) / 100, MemoryBytes: 1<<30 + rng.Uint64N(1<<14)<<12})
		}
		r.NodeSeries = append(r.NodeSeries, n)
	}
	return r
}

func noise(t *testing.T, rng *rand.Rand) (s report.Second) {
	t.Helper()
	h := hdrhistogram.New(1, time.Hour.Microseconds(), 3)
	for range 20 {
		us := 1000 + rng.Int64N(50_000)
		if err := h.RecordValue(us); err != nil {
			t.Fatal(err)
		}
		s.Response.Count++
		s.Response.Max = max(s.Response.Max, time.Duration(us)*time.Microsecond)
	}
	text, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		t.Fatal(err)
	}
	s.Response.Histogram = string(text)
	return s
}

// TestAnHourIsBelowAMegabyte, with every spike in it.
func TestAnHourIsBelowAMegabyte(t *testing.T) {
	r := hour(t)
	page := render(t, r)
	size := len(page)
	if !Charts() {
		size += 60_000 // of the library that draws them
	}
	if size >= 1_000_000 {
		t.Errorf("the page has %d bytes", size)
	}
	t.Logf("%d bytes", size)
	run := data(t, page)
	for _, l := range run.Lanes {
		if l.ID != "throughput" && l.ID != "errors" {
			continue
		}
		for i := range l.Series {
			if n := spikes(&l, i); n != 6 {
				t.Errorf("%s: %s has %d spikes, want 6", l.ID, l.Series[i].Name, n)
			}
		}
	}
}

// spikes counts the values that stand out.
func spikes(l *lanes.Lane, i int) (n int) {
	for _, v := range l.Series[i].Values {
		if v != nil && (l.ID == "errors" && *v == 770 || l.ID == "throughput" && *v == 99990) {
			n++
		}
	}
	return n
}

// TestManyFaultsAreBounded: a soak test has hundreds of them.
func TestManyFaultsAreBounded(t *testing.T) {
	r := full(t)
	r.Timeline = nil
	for i := range 500 {
		at := time.Duration(i) * 50 * time.Millisecond
		r.Timeline = append(r.Timeline, record.Event{
			Name: fmt.Sprint("restart-", i), Action: "restart", Nodes: []string{"pgslave"}, Issued: at, Effective: at + time.Millisecond, Status: record.EventDone, Fault: true,
		})
	}
	page := render(t, r)
	if len(page) >= 2_000_000 {
		t.Errorf("the page has %d bytes", len(page))
	}
	if _, elements, err := check(page); err != nil || elements["section"] < mostFaults {
		t.Errorf("%v: %v", elements, err)
	}
}
