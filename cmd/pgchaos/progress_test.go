package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"pgchaos/load"
	"pgchaos/record"
	"pgchaos/runner"
)

const ms = time.Millisecond

// observeRun sends what a run sends.
func observeRun(p *progress) {
	p.send(runner.StageBegan{Text: "building the cluster: 3 nodes"})
	time.Sleep(600 * ms)
	p.send(runner.Noted{Text: "3 nodes of PostgreSQL 15.8 up and streaming in 600ms"})
	status := runner.Status{
		Elapsed: 250 * ms, Phase: "baseline", Primary: "pgmaster",
		Workloads: []runner.WorkloadStatus{
			{Name: "writes", Live: load.Live{Throughput: 500, P99: 4321 * time.Microsecond}},
			{Name: "reads", Live: load.Live{Throughput: 1000, P99: 150 * time.Microsecond}},
		},
	}
	p.send(runner.StageBegan{Text: "running load and timeline"})
	for range 6 {
		p.send(runner.Ticked{Status: status})
		time.Sleep(250 * ms)
		status.Elapsed += 250 * ms
	}
	kill := record.Event{Name: "kill-pgmaster", Action: "kill", Issued: 1700 * ms}
	p.send(runner.StepBegan{Step: kill})
	kill.Effective, kill.Ended, kill.Status = 1733*ms, 1740*ms, record.EventDone
	p.send(runner.StepEnded{Step: kill})
	status.Phase, status.Primary = "kill-pgmaster", ""
	status.Workloads[0].Live = load.Live{Errors: 12, Kinds: map[string]int64{"57P01": 5, "connection refused": 4, "25006": 3}, Abandoned: 3}
	status.Workloads[1].Live = load.Live{Throughput: 700, P99: 2 * time.Second, Errors: 2, Kinds: map[string]int64{"connection refused": 2}}
	p.send(runner.Ticked{Status: status})
	time.Sleep(250 * ms)
	p.send(runner.StepEnded{Step: record.Event{
		Name: "rejoin-pgmaster", Issued: 61_000 * ms, Ended: 72_500 * ms, Status: record.EventFailed,
		Detail: "tried before: plain restart", Error: "pg_rewind: exit status 1",
	}})
	p.send(runner.Logged{Text: "not shown without -v"})
	time.Sleep(1300 * ms) // without a status there is no load
	p.send(runner.StageBegan{Text: "removing the cluster"})
	time.Sleep(300 * ms)
	p.close()
}

func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var plain bytes.Buffer
		observeRun(newProgress(&plain, false))
		golden(t, "progress-plain", plain.String())
	})
	for name, width := range map[string]int{"progress-80-columns": 80, "progress-60-columns": 60} {
		synctest.Test(t, func(t *testing.T) {
			var out bytes.Buffer
			p := newProgress(&out, false)
			p.tty, p.width = true, func() int { return width }
			p.end = p.redrawing(nil)
			observeRun(p)
			golden(t, name, strings.NewReplacer(clearLine, "<CLEAR>", "\r", "<BEGINNING>\n").Replace(out.String()))
		})
	}
}

// TestLiveLineOnAnotherSize: it is drawn again at once, and in the new width.
func TestLiveLineOnAnotherSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		width := 80
		p := newProgress(&out, false)
		p.tty, p.width = true, func() int { return width }
		resized := make(chan os.Signal, 1)
		p.end = p.redrawing(resized)
		p.send(runner.Ticked{Status: runner.Status{Phase: "a-step-with-a-long-name", Primary: "pgmaster", Workloads: []runner.WorkloadStatus{{Name: "writes"}}}})
		out.Reset()
		width = 40
		resized <- nil
		synctest.Wait()
		if want := clearLine + " 0:00.0  primary pgmaster  a-step-with…\r"; out.String() != want {
			t.Errorf("%q, want %q", &out, want)
		}
		p.close()
	})
}

// TestStatusFits: at any width the line is not longer, shows with an ellipsis that something is
// missing, and has the whole name of the primary where that fits at all.
func TestStatusFits(t *testing.T) {
	status := runner.Status{
		Elapsed: 75 * time.Second, Phase: "configure-replicas", Primary: "pgslavenew",
		Workloads: []runner.WorkloadStatus{
			{Name: "writes", Live: load.Live{Throughput: 488, P99: 4321 * time.Microsecond, Errors: 12, Kinds: map[string]int64{"57P01": 12}}},
			{Name: "reads", Live: load.Live{Throughput: 1000, P99: 150 * time.Microsecond}},
		},
	}
	whole := statusText(status, 0)
	for width := 1; width < 130; width++ {
		line := statusText(status, width)
		n := utf8.RuneCountInString(line)
		switch {
		case n > width:
			t.Errorf("%d columns in %d: %s", n, width, line)
		case line != whole && !strings.Contains(line, "…"):
			t.Errorf("%d: cut without a sign: %s", width, line)
		case width >= 60 && !strings.Contains(line, "primary pgslavenew  ") || width >= 60 && !strings.Contains(line, "12 err/s: 57P01"):
			t.Errorf("%d: the primary or the error is missing: %s", width, line)
		}
	}
	if !strings.Contains(statusText(runner.Status{}, 79), "primary none") {
		t.Error("it does not say that there is no primary")
	}
}

func TestPullProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var plain, tty bytes.Buffer
		p := newPullProgress(newProgress(&tty, false))
		p.tty, p.width, p.every = true, func() int { return 70 }, 100*ms
		for _, p := range []*pullProgress{newPullProgress(newProgress(&plain, false)), p} {
			for done := int64(0); done < 150e6; done += 15e6 {
				p.tell("registry.example.com/databases/postgres:17", done, 150e6)
				time.Sleep(p.every / 2)
			}
			p.tell("registry.example.com/databases/postgres:17", 150e6, 150e6)
			p.tell("given/up:1", 1e6, 2e6)
			p.close()
		}
		golden(t, "pull-plain", plain.String())
		golden(t, "pull-terminal", strings.NewReplacer(clearLine, "<CLEAR>", "\r", "<BEGINNING>\n").Replace(tty.String()))
	})
}
