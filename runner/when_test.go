package runner

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgchaos/cluster/observe"
	"pgchaos/expect"
	"pgchaos/load"
	"pgchaos/record"
)

// fakeFollower is what a watcher has read, as a test wants it.
type fakeFollower struct {
	ready chan struct{}

	mu    sync.Mutex
	nodes []observe.Followed
}

func newFakeFollower(nodes ...observe.Followed) *fakeFollower {
	return &fakeFollower{ready: make(chan struct{}, 1), nodes: nodes}
}

func (f *fakeFollower) Ready() <-chan struct{} { return f.ready }

func (f *fakeFollower) Now() []observe.Followed {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.nodes
}

// read is a reading of all nodes.
func (f *fakeFollower) read(nodes ...observe.Followed) {
	f.mu.Lock()
	f.nodes = nodes
	f.mu.Unlock()
	select {
	case f.ready <- struct{}{}:
	default:
	}
}

// fakeFigures are of one workload, writes, which runs from a moment on.
type fakeFigures struct {
	clock record.Clock
	runs  time.Duration
	of    load.Recent
	asked int
}

func (f *fakeFigures) recent(workload string, from, to time.Duration) (load.Recent, bool) {
	f.asked++
	return f.of, workload == "writes" && from >= f.runs && to <= f.clock.Now()
}

func (f *fakeFigures) acknowledged(workload string) (int64, bool) {
	return int64(f.clock.Now() / time.Millisecond), workload == "writes"
}

func noRole(role string, _ []record.NodeState) (node, why string) { return "", "no node is " + role }

func lagging(bytes int64) observe.Followed {
	return observe.Followed{Name: "b", Up: true, Sample: record.NodeSample{Role: record.RoleStandby, LagBytes: &bytes}}
}

func condition(t *testing.T, text string) expect.Condition {
	t.Helper()
	c, err := expect.ParseCondition(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestAConditionIsMetByTheReadingThatShowsIt: without a delay, and the step says what was read.
func TestAConditionIsMetByTheReadingThatShowsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock, f := record.StartClock(), newFakeFollower(lagging(1<<20))
		go func() {
			time.Sleep(1234567 * time.Microsecond)
			f.read(lagging(9 << 20))
		}()
		seen, err := await(t.Context(), clock, f, &fakeFigures{clock: clock}, noRole, condition(t, "lag of b > 8MB"), time.Minute)
		if err != nil || seen != "lag of b was 9 MB" {
			t.Errorf("%q, %v", seen, err)
		}
		if at := clock.Now(); at != 1234567*time.Microsecond {
			t.Errorf("met at %s", at)
		}
	})
}

// TestAConditionThatDoesNotComeToHold: the error says what was read.
func TestAConditionThatDoesNotComeToHold(t *testing.T) {
	for name, tc := range map[string]struct {
		text  string
		nodes []observe.Followed
		says  string
	}{
		"it never was":      {"lag of b > 8MB", []observe.Followed{lagging(1258291)}, "lag of b > 8MB did not hold within 10s: lag of b was 1.2 MB at most"},
		"it was not read":   {"role of b is not primary", []observe.Followed{{Name: "b"}}, "role of b was never known: b did not answer"},
		"it is not built":   {"connections of b < 5", []observe.Followed{{Name: "b", Absent: true}}, "connections of b was never known: b has not been built"},
		"no primary":        {"sync_waiters < 3", []observe.Followed{lagging(0)}, "sync_waiters was never known: no node was read that accepts writes"},
		"not for long":      {"lag of b > 1kB for 20s", []observe.Followed{lagging(1 << 20)}, "what must hold for 20s did so for 10s at most"},
		"no such load":      {"acknowledged of reads > 3", nil, "there is no workload reads"},
		"it does not run":   {"throughput of writes < 100/s", nil, "writes has not run for a whole second"},
		"it is another one": {"sync_state of b is not quorum", []observe.Followed{lagging(0)}, "the primary of b was not read"},
	} {
		synctest.Test(t, func(t *testing.T) {
			clock := record.StartClock()
			_, err := await(t.Context(), clock, newFakeFollower(tc.nodes...), &fakeFigures{clock: clock, runs: time.Hour}, noRole, condition(t, tc.text), 10*time.Second)
			if err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%s: %v\nwant %s", name, err, tc.says)
			}
			if at := clock.Now(); at != 10*time.Second {
				t.Errorf("%s: it took %s", name, at)
			}
		})
	}
}

// TestConditionsAboutTheLoad are looked at also where no node is read, and measured once for many readings.
func TestConditionsAboutTheLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := record.StartClock()
		seen, err := await(t.Context(), clock, newFakeFollower(), &fakeFigures{clock: clock}, noRole, condition(t, "acknowledged of writes >= 3456"), time.Minute)
		if at := clock.Now(); err != nil || at < 3456*time.Millisecond || at > 3600*time.Millisecond || !strings.HasPrefix(seen, "acknowledged of writes was 3") {
			t.Errorf("%q at %s: %v", seen, at, err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		clock := record.StartClock()
		loads := &fakeFigures{clock: clock, of: load.Recent{To: time.Second, OK: 80}}
		f := newFakeFollower()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() {
			for ctx.Err() == nil {
				time.Sleep(10 * time.Millisecond)
				f.read()
			}
		}()
		seen, err := await(ctx, clock, f, loads, noRole, condition(t, "throughput of writes < 100/s for 2s"), time.Minute)
		if at := clock.Now(); err != nil || seen != "throughput of writes was 80 /s" || at < 3*time.Second || at > 3200*time.Millisecond {
			t.Errorf("%q at %s: %v", seen, at, err)
		}
		cancel()
		time.Sleep(20 * time.Millisecond) // the reader ends
		if loads.asked > 35 {
			t.Errorf("measured %d times in 3 s", loads.asked)
		}
	})
}

// TestAConditionEndsWithItsRun.
func TestAConditionEndsWithItsRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := record.StartClock()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := await(ctx, clock, newFakeFollower(), &fakeFigures{clock: clock}, noRole, condition(t, "streaming of b"), time.Minute)
		if !errors.Is(err, context.DeadlineExceeded) || clock.Now() != time.Second {
			t.Errorf("%v at %s", err, clock.Now())
		}
	})
}

// TestReadingsOfNodes: each quantity, as it stands in what was read.
func TestReadingsOfNodes(t *testing.T) {
	yes, lag, bytes := true, 2*time.Second, int64(4096)
	now := &conditionReadings{nodes: []observe.Followed{
		{Name: "a", Up: true, Writable: true, Sample: record.NodeSample{Role: record.RolePrimary, SyncWaiters: 7, Connections: 12}},
		{Name: "b", Up: true, LineKnown: true, Streaming: &yes, Sample: record.NodeSample{Role: record.RoleStandby, SyncState: "quorum", Lag: &lag, LagBytes: &bytes}},
		{Name: "c", LineKnown: true, Sample: record.NodeSample{Role: record.RoleDown}},
	}}
	for text, want := range map[string]bool{
		"sync_waiters == 7":             true,
		"sync_waiters of a == 7":        true,
		"connections of a == 12":        true,
		"role of a is primary":          true,
		"role of c is down":             true,
		"sync_state of b is quorum":     true,
		"sync_state of c is quorum":     false,
		"sync_state of c is not quorum": true,
		"streaming of b":                true,
		"streaming of c":                false,
		"not streaming of c":            false, // it was not read
		"lag of b == 4kB":               true,
		"replay_lag of b >= 2s":         true,
		"lag of c < 1GB":                false,
		"connections of c < 1000":       false,
	} {
		if got := condition(t, text).Wait().Look(0, now); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// TestAConditionOnARole: the role is looked up at each reading, and what was read names the node that held it then.
func TestAConditionOnARole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lags := func(name string, bytes int64) observe.Followed {
			return observe.Followed{Name: name, Up: true, Own: record.NodeState{Node: name, LSN: record.LSN(bytes)}, Sample: record.NodeSample{LagBytes: &bytes}}
		}
		clock, f := record.StartClock(), newFakeFollower(observe.Followed{Name: "absent", Absent: true}, lags("b", 1<<20), lags("c", 0))
		last := func(role string, states []record.NodeState) (string, string) { // of all nodes that have been built
			if role != "laggard" || len(states) != 2 {
				return "", "no node is " + role
			}
			if states[0].LSN > states[1].LSN {
				return states[0].Node, ""
			}
			return states[1].Node, ""
		}
		go func() {
			time.Sleep(time.Second)
			f.read(observe.Followed{Name: "absent", Absent: true}, lags("b", 1<<20), lags("c", 9<<20))
		}()
		seen, err := await(t.Context(), clock, f, &fakeFigures{clock: clock}, last, condition(t, "lag of laggard > 8MB"), time.Minute)
		if err != nil || seen != "lag of laggard (c) was 9 MB" || clock.Now() != time.Second {
			t.Errorf("%q, %v", seen, err)
		}
		_, err = await(t.Context(), clock, f, &fakeFigures{clock: clock}, last, condition(t, "lag of laggard > 10MB"), time.Second)
		if err == nil || !strings.Contains(err.Error(), "lag of laggard (c) was 9 MB at most") {
			t.Error(err)
		}
		_, err = await(t.Context(), clock, f, &fakeFigures{clock: clock}, last, condition(t, "not streaming of sync_standby"), time.Second)
		if err == nil || !strings.Contains(err.Error(), "streaming of sync_standby was never known: no node is sync_standby") {
			t.Error(err)
		}
	})
}
