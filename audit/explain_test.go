package audit

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pgchaos/record"
	"pgchaos/record/ledger"
	"pgchaos/rows"
)

// ack is an acknowledgement of a node on a timeline, at an LSN, in milliseconds: it
// was sent 1 ms before.
func ack(node string, timeline uint32, lsn record.LSN, at int) ledger.Entry {
	done := time.Duration(at) * msec
	return ledger.Entry{Outcome: record.OK, Server: ledger.Server{Node: node, Timeline: timeline}, LSN: lsn, Sent: done - msec, Done: done}
}

func (e ledgerEntry) as(outcome record.Outcome) ledger.Entry {
	e.Outcome = outcome
	return ledger.Entry(e)
}

type ledgerEntry ledger.Entry

// silent is an operation that nobody answered.
func silent(at int) ledger.Entry {
	return ledger.Entry{Sent: time.Duration(at) * msec}
}

// primary is a state of a node that accepts writes, on a timeline, and of a server
// that was started at some second.
func primary(node string, at int, timeline uint32, started int) record.NodeState {
	s := state(node, at, 'p')
	s.Timeline, s.ServerStarted, s.SyncCommit = timeline, time.Unix(int64(started), 0), "on"
	return s
}

// sync gives a state its regime.
func sync(s record.NodeState, commit, names string) record.NodeState {
	s.SyncCommit, s.SyncNames = commit, names
	return s
}

// redo is a state after a crash from which WAL up to 50 was recovered.
func redo(s record.NodeState) record.NodeState { s.Redo = 50; return s }

func event(name, action, node string, issued, effective int) record.Event {
	return record.Event{
		Name: name, Action: action, Nodes: []string{node}, Issued: time.Duration(issued) * msec, Effective: time.Duration(effective) * msec,
		Status: record.EventDone, Fault: slices.Contains([]string{"kill", "stop", "pause", "restart"}, action),
	}
}

// failover is a primary a on timeline 1, killed at 1 s, and b promoted to timeline 2
// at 1.1 s, which left timeline 1 at 100.
func failover() Evidence {
	return Evidence{
		Table: rows.Table{Name: "t", Payload: payload}, Workloads: []string{"writes"}, Authority: "b",
		Lineage: record.Lineage{Timeline: 2, Forks: []record.Fork{{Timeline: 1, At: 100}}},
		Events:  []record.Event{event("kill-a", "kill", "a", 1000, 1020), event("promote-b", "promote", "b", 1100, 1200)},
		States: map[string][]record.NodeState{
			"a": {primary("a", 5, 1, 1), state("a", 1010, '-')},
			"b": {state("b", 6, 's'), primary("b", 1200, 2, 1)},
		},
	}
}

// returned has the former primary of a failover come back as a primary at 1.5 s.
func returned(e *Evidence) {
	e.Events = append(e.Events, event("returned", "start", "a", 1500, 1600))
	e.States["a"] = append(e.States["a"], primary("a", 1600, 1, 2))
}

// crashed turns a failover into a crash of a, which comes back as it was.
func crashed(e *Evidence, commit string, after record.NodeState) {
	e.Authority, e.Lineage, e.Events = "a", onlyA, []record.Event{event("kill-a", "kill", "a", 1000, 1020)}
	e.States = map[string][]record.NodeState{"a": {sync(primary("a", 5, 1, 1), commit, ""), state("a", 1010, '-'), sync(after, commit, "")}}
}

// lossWords are the runs that are lost, in words.
func lossWords(a Audit) string {
	var words []string
	for _, c := range []struct {
		name  string
		count Count
	}{{"lost", a.Lost}, {"weak", a.WeakLost}} {
		for _, r := range c.count.Runs {
			word := fmt.Sprintf("%s %d-%d %s/%d", c.name, r.First, r.Last, r.Node, r.Timeline)
			if r.Explained {
				word += fmt.Sprintf(" %s %s@%d", r.Cause, r.LostBy, uint64(r.Fork))
			} else {
				word += " ?"
			}
			words = append(words, word)
		}
	}
	return strings.Join(words, "; ")
}

func TestExplanations(t *testing.T) {
	const byKill = "fork kill-a@100"
	foreignFork := ForkHolding{Node: "a", Timeline: 2, Lineage: record.Lineage{Timeline: 2, Forks: []record.Fork{{Timeline: 1, At: 70}}}}
	tests := []struct {
		name    string
		entries []ledger.Entry
		have    []int64 // on the authority
		change  func(*Evidence)
		want    string
		why     string // of the last run that is not explained, or its end: "...$"
	}{
		{"inserted past the fork", []ledger.Entry{ack("a", 1, 90, 900), ack("a", 1, 100, 910), ack("a", 1, 120, 920)}, []int64{1}, nil, "lost 2-3 a/1 " + byKill, ""},
		{"inserted before the fork, and the next write was behind it", []ledger.Entry{ack("a", 1, 99, 900), ack("a", 1, 101, 910)}, nil, nil, "lost 1-2 a/1 " + byKill, ""},
		{"the next write on the server need not be acknowledged", []ledger.Entry{
			ack("a", 1, 99, 900), ledgerEntry(ack("a", 1, 101, 910)).as(record.Failed), ack("b", 2, 130, 1300),
		}, []int64{3}, nil, "lost 1-1 a/1 " + byKill, ""},
		{"the writer's last on that server", []ledger.Entry{ack("a", 1, 99, 900), silent(905), ack("b", 2, 130, 1300)}, []int64{3}, nil, "lost 1-1 a/1 " + byKill, ""},
		{"committed before the fork: the next write was so too", []ledger.Entry{ack("a", 1, 80, 900), ack("a", 1, 90, 910), ack("b", 2, 130, 1300)}, []int64{2, 3}, nil, "lost 1-1 a/1 ?", "its LSN 0/50 lies before the fork at 0/64 where timeline 2 left timeline 1, and so does its commit: a write that was sent to a at 0.909 s, when it had been acknowledged, got 0/5A$"},
		{"the new primary's LSNs bound nothing on the old one", []ledger.Entry{ack("a", 1, 90, 900), ack("b", 2, 95, 1300)}, []int64{2}, nil, "lost 1-1 a/1 " + byKill, ""},
		{"a hole before writes that survived", []ledger.Entry{ack("a", 1, 10, 100), ack("a", 1, 20, 110), ack("a", 1, 30, 120)}, []int64{1, 3}, nil, "lost 2-2 a/1 ?", "got 0/1E"},
		{"an answer so late that the next writes do not bound it", []ledger.Entry{
			{Outcome: record.OK, Late: true, Server: ledger.Server{Node: "a", Timeline: 1}, LSN: 10, Sent: 100 * msec, Done: 950 * msec},
			ack("a", 1, 20, 500), ack("a", 1, 101, 960),
		}, []int64{2}, nil, "lost 1-1 a/1 " + byKill + "; lost 3-3 a/1 " + byKill, ""},
		{"a late answer, bounded by what was sent after it", []ledger.Entry{
			{Outcome: record.OK, Late: true, Server: ledger.Server{Node: "a", Timeline: 1}, LSN: 10, Sent: 100 * msec, Done: 600 * msec},
			ack("a", 1, 20, 500), ack("a", 1, 60, 700),
		}, []int64{2, 3}, nil, "lost 1-1 a/1 ?", "got 0/3C"},
		{"no LSN, but the next write's is past the fork", []ledger.Entry{ack("a", 1, 0, 900), ack("a", 1, 0, 905), ack("a", 1, 101, 910)}, nil, nil, "lost 1-3 a/1 " + byKill, ""},
		{"no LSN, and the next write's is before the fork", []ledger.Entry{ack("a", 1, 0, 900), ack("a", 1, 90, 910)}, []int64{2}, nil, "lost 1-1 a/1 ?", "it was committed before the fork at 0/64 where timeline 2 left timeline 1: a write that was sent to a at 0.909 s"},
		{"no LSN at all", []ledger.Entry{ack("a", 1, 0, 900), ack("a", 1, 0, 910)}, []int64{2}, nil, "lost 1-1 a/1 " + byKill, ""},
		{"no LSN after it", []ledger.Entry{ack("a", 1, 50, 900), ack("a", 1, 0, 910)}, []int64{2}, nil, "lost 1-1 a/1 " + byKill, ""},
		{"the primary itself acknowledged it", []ledger.Entry{ack("b", 2, 150, 1300)}, nil, nil, "lost 1-1 b/2 ?", "b itself acknowledged it, on timeline 2"},
		{"nobody knows who", []ledger.Entry{{Outcome: record.OK, LSN: 120, Done: msec}}, nil, nil, "lost 1-1 /0 ?", "who acknowledged it is not recorded"},
		{"the timeline comes from the readings", []ledger.Entry{ack("a", 0, 120, 900)}, nil, nil, "lost 1-1 a/1 " + byKill, ""},
		{"readings that do not agree tell no timeline", []ledger.Entry{
			{Outcome: record.OK, Server: ledger.Server{Node: "b"}, LSN: 120, Sent: 900 * msec, Done: 1500 * msec},
		}, nil, func(e *Evidence) {
			e.States["b"] = []record.NodeState{primary("b", 6, 1, 1), primary("b", 1200, 2, 1)}
		}, "lost 1-1 b/0 ?", "on which timeline b acknowledged it is not recorded"},
		{"a timeline that the primary does not come from", []ledger.Entry{ack("c", 3, 10, 1300)}, nil, func(e *Evidence) {
			e.Events = append(e.Events, event("promote-c", "promote", "c", 1150, 1250))
		}, "lost 1-1 c/3 foreign promote-c@0", ""},
		{"split brain that no step made", []ledger.Entry{ack("c", 3, 10, 1300)}, nil, nil, "lost 1-1 c/3 foreign split brain@0", ""},
		{"promoted independently to the same number", []ledger.Entry{ack("a", 2, 10, 1300)}, nil, nil, "lost 1-1 a/2 foreign split brain@0", ""},
		{"promoted independently, as its own fork says", []ledger.Entry{ack("a", 2, 10, 1300)}, nil, func(e *Evidence) {
			e.Forks = []ForkHolding{foreignFork}
			e.Forks[0].Holding = rows.NewHolding(e.Table, 0)
		}, "lost 1-1 a/2 foreign split brain@70", ""},
		{"an earlier timeline of the same number, of another lineage", []ledger.Entry{ack("a", 2, 10, 1300)}, nil, func(e *Evidence) {
			e.Lineage = record.Lineage{Timeline: 3, Forks: []record.Fork{{Timeline: 1, At: 100}, {Timeline: 2, At: 200}}}
			e.Nodes = []NodeHolding{{Node: "a", Holding: rows.NewHolding(e.Table, 0), Lineage: foreignFork.Lineage}}
		}, "lost 1-1 a/2 foreign split brain@70", ""},
		{"a rebuilt node's lineage says nothing of what it was", []ledger.Entry{ack("a", 1, 120, 900)}, nil, func(e *Evidence) {
			e.Nodes = []NodeHolding{{Node: "a", Holding: rows.NewHolding(e.Table, 0), Lineage: e.Lineage}}
		}, "lost 1-1 a/1 " + byKill, ""},
		{"a fork at the same position does not tell timelines of one number apart", []ledger.Entry{ack("a", 2, 10, 1300), ack("a", 2, 20, 1310)}, []int64{2}, func(e *Evidence) {
			e.Lineage = record.Lineage{Timeline: 3, Forks: []record.Fork{{Timeline: 1, At: 100}, {Timeline: 2, At: 200}}}
			e.States["c"] = []record.NodeState{primary("c", 1300, 2, 1)}
			e.Forks = []ForkHolding{{Node: "a", Holding: rows.NewHolding(e.Table, 0), Lineage: record.Lineage{Timeline: 2, Forks: []record.Fork{{Timeline: 1, At: 100}}}}}
		}, "lost 1-1 a/2 ?", "a and b and c were primaries on timelines of the number 2, and from which of them b comes is not known"},
		{"another node's fork says nothing of whence this one comes", []ledger.Entry{ack("b", 2, 210, 1300)}, nil, func(e *Evidence) {
			e.Authority, e.Lineage = "c", record.Lineage{Timeline: 3, Forks: []record.Fork{{Timeline: 1, At: 100}, {Timeline: 2, At: 200}}}
			e.Forks = []ForkHolding{foreignFork}
			e.Forks[0].Holding = rows.NewHolding(e.Table, 0)
			e.Events = append(e.Events, event("stop-b", "stop", "b", 2000, 2020))
		}, "lost 1-1 b/2 fork stop-b@200", ""},
		{"its own fork of before it was promoted says nothing of it", []ledger.Entry{ack("b", 2, 210, 1300)}, nil, func(e *Evidence) {
			e.Forks = []ForkHolding{{Node: "b", Holding: rows.NewHolding(e.Table, 0), Lineage: onlyA}}
		}, "lost 1-1 b/2 ?", "b itself acknowledged it"},
		{"nor does another node's lineage at the end", []ledger.Entry{ack("b", 2, 210, 1300)}, nil, func(e *Evidence) {
			e.Nodes = []NodeHolding{{Node: "a", Holding: rows.NewHolding(e.Table, 0), Lineage: foreignFork.Lineage}}
		}, "lost 1-1 b/2 ?", "b itself acknowledged it"},
		{"two primaries on an earlier timeline, and nobody knows which counts", []ledger.Entry{ack("a", 2, 210, 1300)}, nil, func(e *Evidence) {
			e.Lineage = record.Lineage{Timeline: 3, Forks: []record.Fork{{Timeline: 1, At: 100}, {Timeline: 2, At: 200}}}
			e.States["c"] = []record.NodeState{primary("c", 1300, 2, 1)}
		}, "lost 1-1 a/2 ?", "a and b and c were primaries on timelines of the number 2, and from which of them b comes is not known"},
		{"the fault nearest to the promotion", []ledger.Entry{ack("a", 1, 120, 900)}, nil, func(e *Evidence) {
			e.Events = append(e.Events, event("stop-a", "stop", "a", 500, 510), event("kill-c", "kill", "c", 1050, 1060), event("kill-a-again", "kill", "a", 1300, 1310))
		}, "lost 1-1 a/1 " + byKill, ""},
		{"of two failovers the one that left this timeline", []ledger.Entry{ack("a", 1, 120, 900), ack("b", 2, 220, 1900)}, nil, func(e *Evidence) {
			e.Authority, e.Lineage = "c", record.Lineage{Timeline: 3, Forks: []record.Fork{{Timeline: 1, At: 100}, {Timeline: 2, At: 200}}}
			e.Events = append(e.Events, event("stop-b", "stop", "b", 2000, 2020), event("promote-c", "promote", "c", 2100, 2200))
			e.States["c"] = []record.NodeState{state("c", 7, 's'), primary("c", 2200, 3, 1)}
		}, "lost 1-1 a/1 " + byKill + "; lost 2-2 b/2 fork stop-b@200", ""},
		{"an old primary that comes back beside the new one", []ledger.Entry{ack("a", 1, 120, 900), ack("a", 1, 130, 1150), ack("a", 1, 140, 1900)}, nil, func(e *Evidence) {
			returned(e)
		}, "lost 1-2 a/1 " + byKill + "; lost 3-3 a/1 beside returned@100", ""},
		{"brought back by the end of the fault", []ledger.Entry{ack("a", 1, 140, 1900)}, nil, func(e *Evidence) {
			returned(e)
			e.Events[2] = record.Event{Name: "undo-kill-a", Action: "undo", Reverses: "kill-a", Nodes: []string{"a"}, Issued: 1500 * msec, Effective: 1600 * msec, Status: record.EventDone}
		}, "lost 1-1 a/1 beside undo-kill-a@100", ""},
		{"brought back by something outside", []ledger.Entry{ack("a", 1, 140, 1900)}, nil, func(e *Evidence) {
			returned(e)
			e.Events = e.Events[:2]
		}, "lost 1-1 a/1 beside kill-a@100", ""},
		{"what ends another fault, or starts it as a standby, or never took place, brings no primary back", []ledger.Entry{ack("a", 1, 140, 1900)}, nil, func(e *Evidence) {
			returned(e)
			later := event("rejoin-a", "rejoin", "a", 1700, 1800)
			skipped := event("start-a", "start", "a", 1750, 0)
			skipped.Status = record.EventSkipped
			e.Events = append(e.Events, later, skipped, event("start-b", "start", "b", 1700, 1800),
				record.Event{Name: "undo-promote-b", Action: "undo", Reverses: "promote-b", Nodes: []string{"a"}, Issued: 1700 * msec, Status: record.EventDone})
		}, "lost 1-1 a/1 beside returned@100", ""},
		{"a primary that was never away", []ledger.Entry{ack("a", 1, 110, 900), ack("a", 1, 140, 1900)}, nil, func(e *Evidence) {
			e.Events = e.Events[1:]
		}, "lost 1-1 a/1 fork promote-b@100; lost 2-2 a/1 beside promote-b@100", ""},
		{"when the new primary accepts writes is known from its readings, too", []ledger.Entry{ack("a", 1, 130, 1150), ack("a", 1, 140, 1900)}, nil, func(e *Evidence) {
			returned(e)
			e.Events[1].Effective = 0
		}, "lost 1-1 a/1 " + byKill + "; lost 2-2 a/1 beside returned@100", ""},
		{"a primary that was promoted once more is no other one", []ledger.Entry{ack("a", 1, 140, 1900)}, nil, func(e *Evidence) {
			returned(e)
			e.Authority, e.States["a"], e.States["b"] = "a", append(e.States["a"], primary("a", 1200, 2, 2)), nil
			e.Events[1] = event("promote-a", "promote", "a", 1100, 1200)
		}, "lost 1-1 a/1 " + byKill, ""},
		{"past what a crash left, acknowledged without waiting for the disk", []ledger.Entry{ack("a", 1, 40, 900), ack("a", 1, 50, 910)}, []int64{1}, func(e *Evidence) {
			crashed(e, "off", redo(primary("a", 1500, 1, 2)))
		}, "lost 2-2 a/1 crash kill-a@50", ""},
		{"so was one whose next write is past it", []ledger.Entry{ack("a", 1, 45, 900), ack("a", 1, 51, 910)}, nil, func(e *Evidence) {
			crashed(e, "off", redo(primary("a", 1500, 1, 2)))
		}, "lost 1-2 a/1 crash kill-a@50", ""},
		{"a crash of one of its processes", []ledger.Entry{ack("a", 1, 60, 900)}, nil, func(e *Evidence) {
			crashed(e, "off", redo(primary("a", 1500, 1, 1)))
			e.States["a"][0].CheckpointerStarted, e.States["a"][2].CheckpointerStarted = time.Unix(1, 0), time.Unix(2, 0)
			e.Events = nil
		}, "lost 1-1 a/1 crash crash of a@50", ""},
		{"a crash with synchronous_commit on", []ledger.Entry{ack("a", 1, 60, 900)}, nil, func(e *Evidence) {
			crashed(e, "on", redo(primary("a", 1500, 1, 2)))
		}, "lost 1-1 a/1 ?", "synchronous_commit was not off"},
		{"sessions that do not wait for the disk, on a server that does", []ledger.Entry{ack("a", 1, 60, 900)}, nil, func(e *Evidence) {
			crashed(e, "on", redo(primary("a", 1500, 1, 2)))
			e.Commits = map[string]string{"writes": "off"}
		}, "lost 1-1 a/1 crash kill-a@50", ""},
		{"sessions that wait for the disk, on a server that does not", []ledger.Entry{ack("a", 1, 60, 900)}, nil, func(e *Evidence) {
			crashed(e, "off", redo(primary("a", 1500, 1, 2)))
			e.Commits = map[string]string{"writes": "local", "others": "off"}
		}, "lost 1-1 a/1 ?", "synchronous_commit was not off"},
		{"a restart by a step is not known to be a crash", []ledger.Entry{ack("a", 1, 60, 900)}, nil, func(e *Evidence) {
			crashed(e, "on", redo(primary("a", 1500, 1, 2)))
			e.Events = []record.Event{event("restart-a", "restart", "a", 1000, 1400)}
		}, "lost 1-1 a/1 ?", "a was started again by 1.500 s, but synchronous_commit was not off"},
		{"nor is a start after a kill of long ago", []ledger.Entry{ack("a", 1, 60, 900)}, nil, func(e *Evidence) {
			crashed(e, "on", redo(primary("a", 1500, 1, 2)))
			e.States["a"][0].At, e.Events = 950*msec, []record.Event{event("kill-a", "kill", "a", 1, 2)}
		}, "lost 1-1 a/1 ?", "a was started again by 1.500 s"},
		{"a restart that no step made", []ledger.Entry{ack("a", 1, 60, 900)}, nil, func(e *Evidence) {
			crashed(e, "off", redo(primary("a", 1500, 1, 2)))
			e.Events = nil
		}, "lost 1-1 a/1 crash restart of a@50", ""},
		{"where the timeline was left, the fork is the reason, and a later start is none", []ledger.Entry{ack("a", 1, 80, 900), ack("a", 1, 90, 910)}, []int64{2}, func(e *Evidence) {
			e.Events[0].Action = "stop"
			e.States["a"] = append(e.States["a"], primary("a", 1500, 1, 2))
		}, "lost 1-1 a/1 ?", "got 0/5A$"},
		{"a crash comes after the fork", []ledger.Entry{ack("a", 1, 80, 900), ack("a", 1, 90, 910)}, []int64{2}, func(e *Evidence) {
			e.States["a"] = append(e.States["a"], primary("a", 1500, 1, 2))
		}, "lost 1-1 a/1 ?", "got 0/5A; and a recovered from a crash by 1.500 s, but synchronous_commit was not off$"},
		{"a crash with synchronous_commit local", []ledger.Entry{ack("a", 1, 60, 900)}, nil, func(e *Evidence) {
			crashed(e, "local", redo(primary("a", 1500, 1, 2)))
		}, "lost 1-1 a/1 ?", "synchronous_commit was not off"},
		{"switched off only afterwards", []ledger.Entry{ack("a", 1, 60, 700)}, nil, func(e *Evidence) {
			crashed(e, "off", redo(primary("a", 1500, 1, 2)))
			e.States["a"][0].SyncCommit = "on"
		}, "lost 1-1 a/1 ?", "synchronous_commit was not off"},
		{"before what a crash left", []ledger.Entry{ack("a", 1, 30, 900), ack("a", 1, 45, 910)}, []int64{2}, func(e *Evidence) {
			crashed(e, "off", redo(primary("a", 1500, 1, 2)))
		}, "lost 1-1 a/1 ?", "a recovered from a crash by 1.500 s, with its WAL up to 0/32, and it was committed before that: a write that was sent to a at 0.909 s, when it had been acknowledged, got 0/2D$"},
		{"how far a crash left it is not known", []ledger.Entry{ack("a", 1, 60, 900)}, nil, func(e *Evidence) { crashed(e, "off", primary("a", 1500, 1, 2)) }, "lost 1-1 a/1 ?", "recovered from a crash by 1.500 s, and how far its WAL was recovered is not recorded"},
		{"acknowledged after the crash", []ledger.Entry{ack("a", 1, 60, 1600)}, nil, func(e *Evidence) {
			crashed(e, "off", redo(primary("a", 1500, 1, 2)))
		}, "lost 1-1 a/1 ?", "a itself acknowledged it"},
		{"sent at the moment when it was seen to be back", []ledger.Entry{ack("a", 1, 60, 1501)}, nil, func(e *Evidence) {
			crashed(e, "off", redo(primary("a", 1500, 1, 2)))
		}, "lost 1-1 a/1 ?", "a itself acknowledged it"},
		{"when it was started before is not known", []ledger.Entry{ack("a", 1, 60, 900)}, nil, func(e *Evidence) {
			crashed(e, "off", redo(primary("a", 1500, 1, 2)))
			e.States["a"][0].ServerStarted = time.Time{}
		}, "lost 1-1 a/1 ?", "a itself acknowledged it"},
		{"when it was started afterwards is not known", []ledger.Entry{ack("a", 1, 60, 900)}, nil, func(e *Evidence) {
			crashed(e, "off", redo(primary("a", 1500, 1, 2)))
			e.States["a"][2].ServerStarted = time.Time{}
		}, "lost 1-1 a/1 ?", "a itself acknowledged it"},
		{"a node that was no primary after its restart has not crashed as one", []ledger.Entry{ack("a", 1, 60, 900)}, nil, func(e *Evidence) {
			crashed(e, "off", redo(primary("a", 1500, 1, 2)))
			e.States["a"][2].Role = record.RoleStandby
		}, "lost 1-1 a/1 ?", "a itself acknowledged it"},
		{"nor one that was no primary before", []ledger.Entry{ack("a", 1, 60, 900)}, nil, func(e *Evidence) {
			crashed(e, "off", redo(primary("a", 1500, 1, 2)))
			e.States["a"][0].Role = record.RoleStandby
		}, "lost 1-1 a/1 ?", "a itself acknowledged it"},
		{"nor one that was on another timeline before", []ledger.Entry{ack("a", 2, 60, 900)}, nil, func(e *Evidence) {
			crashed(e, "off", redo(primary("a", 1500, 2, 2)))
			e.Lineage = record.Lineage{Timeline: 2, Forks: []record.Fork{{Timeline: 1, At: 40}}}
		}, "lost 1-1 a/2 ?", "a itself acknowledged it"},
		{"nor one that came back on another timeline", []ledger.Entry{ack("a", 1, 60, 900)}, nil, func(e *Evidence) {
			crashed(e, "off", redo(primary("a", 1500, 2, 2)))
		}, "lost 1-1 a/1 ?", "a itself acknowledged it"},
		{"an outage without a restart is no crash", []ledger.Entry{ack("a", 1, 60, 900)}, nil, func(e *Evidence) {
			crashed(e, "off", redo(primary("a", 1500, 1, 1)))
		}, "lost 1-1 a/1 ?", "a itself acknowledged it"},
		{"a weak one needs an explanation as well", []ledger.Entry{ledgerEntry(ack("a", 1, 50, 900)).as(record.Weak), ack("a", 1, 60, 910)}, []int64{2}, nil, "weak 1-1 a/1 ?", "and so does its commit"},
		{"unexplained ones come first", []ledger.Entry{ack("a", 1, 10, 100), ack("a", 1, 20, 110), ack("a", 1, 120, 900), ack("a", 1, 130, 910), ack("b", 2, 140, 1300)}, []int64{1, 2, 3}, nil, "lost 5-5 b/2 ?; lost 4-4 a/1 " + byKill, "b itself"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := failover()
			e.Book = (&fakeBook{}).write("writes", tt.entries...)
			if tt.change != nil {
				tt.change(&e)
			}
			e.Nodes = append(e.Nodes, node(e.Authority, rowsOf(tt.have...)...).in(e.Table))
			a, err := Table(e)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, lossWords(a)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			unexplained := int64(0)
			why := ""
			for _, r := range slices.Concat(a.WeakLost.Runs, a.Lost.Runs) {
				if !r.Explained {
					unexplained += r.N
					why = r.Why
				}
			}
			if !strings.Contains(why+"$", tt.why) || (why == "") != (tt.why == "") {
				t.Errorf("because %q, want %q in it", why, tt.why)
			}
			if a.Unexplained != unexplained || !a.Complete {
				t.Errorf("%d unexplained, want %d; complete %v: %s", a.Unexplained, unexplained, a.Complete, a.Why)
			}
			for _, f := range a.Findings() {
				if explained := unexplained == 0; explained && len(a.SplitBrain) == 0 {
					t.Errorf("finding %v", f)
				}
			}
		})
	}
}

// Without the primary's lineage nobody can tell an explained loss from another one.
func TestLossesWithoutALineage(t *testing.T) {
	e := failover()
	e.Lineage = record.Lineage{}
	e.Book = (&fakeBook{}).write("writes", ack("a", 1, 120, 900))
	e.Nodes = []NodeHolding{node("b").in(e.Table)}
	a, err := Table(e)
	if err != nil || a.Lost.N != 1 || a.Unexplained != 0 || a.Complete || !strings.Contains(a.Why, "no loss can be explained") {
		t.Errorf("%v: %d lost, %d unexplained, complete %v: %s", err, a.Lost.N, a.Unexplained, a.Complete, a.Why)
	}
}

// TestRun: all that is said of one, and where it ends.
func TestRun(t *testing.T) {
	e := failover()
	e.Book = (&fakeBook{}).write("writes",
		ack("a", 1, 90, 800), ack("a", 1, 100, 900), ack("a", 1, 110, 910), ack("a", 1, 120, 920), ledgerEntry(ack("a", 1, 130, 930)).as(record.Weak), silent(940))
	e.Nodes = []NodeHolding{gone("a", "connection refused").in(e.Table), node("b", rowsOf(1)...).in(e.Table), node("c", rowsOf(1, 2, 3)...).in(e.Table)}
	e.Forks = []ForkHolding{{Node: "a", Step: "rejoin-a", Timeline: 1, Read: 3 * time.Second, Holding: hold(e.Table, 0, rowsOf(1, 2, 3, 4, 5)...)}}
	e.Readers = func(_ int, first, last int64) int { // nobody has read 4
		if first == 4 && last == 4 {
			return 0
		}
		return 7
	}
	a, err := Table(e)
	if err != nil {
		t.Fatal(err)
	}
	run := Run{
		Workload: "writes", First: 2, Last: 3, N: 2, From: 900 * msec, To: 910 * msec, Node: "a", Timeline: 1, FirstLSN: 100, LastLSN: 110,
		Explained: true, Cause: CauseFork, LostBy: "kill-a", Fork: 100, FoundOn: []string{"c"}, MissingOn: []string{"b"}, OnForks: []string{"a"}, Readers: 7,
	}
	rest := run
	rest.First, rest.Last, rest.N, rest.From, rest.To, rest.FirstLSN, rest.LastLSN = 4, 4, 1, 920*msec, 920*msec, 120, 120
	rest.FoundOn, rest.MissingOn, rest.Readers = nil, []string{"b", "c"}, 0
	if diff := cmp.Diff([]Run{run, rest}, a.Lost.Runs); diff != "" {
		t.Errorf("lost (-want +got):\n%s", diff)
	}
	weak := rest
	weak.First, weak.Last, weak.From, weak.To, weak.FirstLSN, weak.LastLSN, weak.Weak, weak.Readers = 5, 5, 930*msec, 930*msec, 130, 130, WeakNotice, 7
	if diff := cmp.Diff([]Run{weak}, a.WeakLost.Runs); diff != "" {
		t.Errorf("weak (-want +got):\n%s", diff)
	}
	if a.Ghosts == nil || *a.Ghosts != 4 { // 2, 3, 5 and the one that vanished
		t.Errorf("ghosts %v", a.Ghosts)
	}
	if v := a.Vanished.Runs; len(v) != 1 || v[0].Readers != 7 || v[0].MissingOn != nil {
		t.Errorf("vanished %+v", v)
	}
	bytes := int64(20)
	want := []RPO{{Event: "kill-a", Cause: CauseFork, Lost: 3, WeakLost: 1, From: 900 * msec, To: 1020 * msec, Fork: 100, Bytes: &bytes}}
	if diff := cmp.Diff(want, a.RPO); diff != "" || a.RPO[0].Span() != 120*msec {
		t.Errorf("RPO (-want +got):\n%s", diff)
	}
	if f := a.Forks; len(f) != 1 || !f[0].Read || f[0].Rows != 5 || f[0].At != 3*time.Second {
		t.Errorf("forks %+v", f)
	}
	e.Readers = nil
	if a, err = Table(e); err != nil || a.Ghosts != nil {
		t.Errorf("ghosts %v though nobody recorded what was read; %v", a.Ghosts, err)
	}
}

// TestRPOs: each event its own, and what came after it counts up to there, in whatever way it was lost.
func TestRPOs(t *testing.T) {
	e := failover()
	e.Book = (&fakeBook{}).write("writes", ack("a", 1, 160, 900), ack("a", 1, 150, 1500), ledgerEntry(ack("c", 3, 7, 1600)).as(record.Weak), ack("c", 3, 0, 1700))
	e.Nodes = []NodeHolding{node("b").in(e.Table)}
	a, err := Table(e)
	if err != nil {
		t.Fatal(err)
	}
	bytes, beside := int64(60), int64(50)
	want := []RPO{
		{Event: "kill-a", Cause: CauseFork, Lost: 1, From: 900 * msec, To: 1020 * msec, Fork: 100, Bytes: &bytes},
		{Event: "kill-a", Cause: CauseBeside, Lost: 1, From: 1500 * msec, To: 1500 * msec, Fork: 100, Bytes: &beside},
		{Event: "split brain", Cause: CauseForeign, Lost: 1, WeakLost: 1, From: 1700 * msec, To: 1700 * msec},
	}
	if diff := cmp.Diff(want, a.RPO); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for event, want := range map[string]time.Duration{"kill-a": 600 * msec, "split brain": 0, "another": 0} {
		if got := a.SpanOf(event); got != want {
			t.Errorf("%s lost what was acknowledged within %s, want %s", event, got, want)
		}
	}
}

// TestMissingOn: of a node whose rows are not all known nobody can say what it lacks.
func TestMissingOn(t *testing.T) {
	e := failover()
	e.Book = (&fakeBook{}).write("writes", ack("a", 1, 160, 1000), ack("a", 1, 170, 990))
	e.Nodes = []NodeHolding{node("b").in(e.Table), reading{node: "c", maxOdd: 1, rows: []heldRow{stranger("x"), stranger("y")}}.in(e.Table)}
	a, err := Table(e)
	if err != nil || !slices.Equal(a.Lost.Runs[0].MissingOn, []string{"b"}) || a.RPO[0].From != 990*msec {
		t.Errorf("%+v %+v %v", a.Lost.Runs, a.RPO, err)
	}
}

func TestForksOfOneNode(t *testing.T) {
	all := []ForkHolding{{Node: "a", Step: "rejoin-a"}, {Node: "b", Step: "rejoin-b"}, {Node: "a", Step: "rejoin-a-2"}}
	for i, want := range []string{"a before rejoin-a", "b", "a before rejoin-a-2"} {
		if got := forkName(all[i], all); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestAuditOfALedgerOnDisk: a late ok is acknowledged, what has no record is unknown.
func TestAuditOfALedgerOnDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	l, err := ledger.Create(path, "run")
	if err != nil {
		t.Fatal(err)
	}
	w, err := l.AddWriter("writes")
	if err != nil {
		t.Fatal(err)
	}
	server := l.AddServer(ledger.Server{Node: "a", Timeline: 1})
	for range 4 {
		w.Next(msec)
	}
	w.Record(2, record.OK, server, 120, 900*msec)
	w.Record(3, record.Failed, server, 0, 900*msec)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	book, err := ledger.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = book.Close() }()
	e := failover()
	e.Book = book
	e.Nodes = []NodeHolding{node("b", rowsOf(3)...).in(e.Table)}
	a, err := Table(e)
	if err != nil {
		t.Fatal(err)
	}
	if got := counts(a); got != "lost 1: w0/2-2 on []; vanished 2: w0/1-1 on [] w0/4-4 on []; resurrected 1: w0/3-3 on [b]" || a.Acknowledged != 1 {
		t.Errorf("%d acknowledged; %s", a.Acknowledged, got)
	}
}
