package audit

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pgchaos/record"
	"pgchaos/record/ledger"
	"pgchaos/standbynames"
)

func TestWeakerRegimes(t *testing.T) {
	tests := []struct {
		name                                 string
		commit, names, wantCommit, wantNames string
		weaker                               bool
	}{
		{"as demanded", "on", "ANY 1 (b, c)", "on", "ANY 1 (b, c)", false},
		{"stronger", "remote_apply", "ANY 2 (b, c)", "on", "ANY 1 (b, c)", false},
		{"off", "off", "ANY 1 (b, c)", "on", "ANY 1 (b, c)", true},
		{"local", "local", "ANY 1 (b, c)", "on", "ANY 1 (b, c)", true},
		{"local is less than remote_write", "local", "b", "remote_write", "b", true},
		{"remote_write is less than on", "remote_write", "b", "on", "b", true},
		{"on is less than remote_apply", "on", "b", "remote_apply", "b", true},
		{"off is less than local, where no standby is demanded", "off", "", "on", "", true},
		{"no standby is named: everything means local", "remote_apply", "", "remote_write", "b", true},
		{"and is all that is demanded", "on", "", "remote_apply", "", false},
		{"fewer standbys", "on", "ANY 1 (b, c)", "on", "ANY 2 (b, c)", true},
		{"others", "on", "d", "on", "b", true},
		{"as many, of which one is another", "on", "ANY 1 (b, d)", "on", "ANY 1 (b, c)", true},
		{"so many that one of the demanded is among them", "on", "ANY 2 (b, d)", "on", "ANY 1 (b, c)", false},
		{"fewer names", "on", "FIRST 1 (b)", "on", "ANY 1 (b, c)", false},
		{"any will do", "on", "d", "on", "*", false},
		{"any is less than a certain one", "on", "*", "on", "b", true},
		{"two of any need not be that one", "on", "ANY 2 (*)", "on", "b", true},
		{"names are compared without case", "on", `"B", C`, "on", "ANY 1 (b, c)", false},
		{"standbys do not matter where local is demanded", "local", "", "local", "ANY 2 (b, c)", false},
	}
	for _, tt := range tests {
		names, err := standbynames.Parse(tt.names)
		if err != nil {
			t.Fatal(err)
		}
		want, err := standbynames.Parse(tt.wantNames)
		if err != nil {
			t.Fatal(err)
		}
		if got := newRegime(tt.commit, names.Num, names.Names).weaker(newRegime(tt.wantCommit, want.Num, want.Names)); got != tt.weaker {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

// TestWeakByRegime: which of the writes that were acknowledged at these moments are
// weak, and why.
func TestWeakByRegime(t *testing.T) {
	quorum := record.Demand{Node: "a", Standbys: 1, Names: []string{"b", "c"}, Commit: "on"}
	on := func(at int) record.NodeState { return sync(primary("a", at, 1, 1), "on", "ANY 1 (b, c)") }
	ofRole := func(s record.NodeState) record.NodeState { s.CommitOfRole = true; return s }
	born := func(at int, s record.NodeState) record.NodeState {
		s.ServerStarted = time.UnixMilli(int64(at))
		return s
	}
	crashed := func(checkpointer int, s record.NodeState) record.NodeState {
		s.CheckpointerStarted = time.Unix(int64(checkpointer), 0)
		return s
	}
	none := func(at int) record.NodeState { return sync(primary("a", at, 1, 1), "on", "") }
	gone := func(at int) record.NodeState { return state("a", at, '-') }
	configure := event("configure-a", "configure", "a", 5000, 5300)
	tests := []struct {
		name    string
		states  []record.NodeState
		events  []record.Event
		demands []record.Demand
		weak    []int // acknowledged at these milliseconds
		between []int // in a transition
		strong  []int
	}{
		{"nothing demanded", []record.NodeState{none(5)}, nil, nil, nil, nil, []int{10}},
		{"asynchronous demanded, and so it is", []record.NodeState{none(5)}, nil, []record.Demand{{Node: "a"}}, nil, nil, []int{10}},
		{"nothing is said of the commit either", []record.NodeState{sync(none(5), "off", "")}, nil, []record.Demand{{Node: "a"}}, nil, nil, []int{10}},
		{"what does not answer says nothing", []record.NodeState{on(5), sync(gone(1000), "off", ""), on(2000)}, nil, []record.Demand{quorum}, nil, nil, []int{900, 1500}},
		{"asynchronous, and even then not off", []record.NodeState{sync(none(5), "off", "")}, nil, []record.Demand{{Node: "a", Commit: "on"}}, []int{10}, nil, nil},
		{"as demanded, also before it was first read", []record.NodeState{on(5)}, nil, []record.Demand{quorum}, nil, nil, []int{1, 10, 100000}},
		{"never as demanded", []record.NodeState{none(5)}, nil, []record.Demand{quorum}, []int{1, 10}, nil, nil},
		{"somebody changed it: after the newest reading with the old value", []record.NodeState{on(5), none(5000)}, nil, []record.Demand{quorum},
			[]int{5001, 9000}, []int{4801, 4999}, []int{4799}},
		{"two readings close together", []record.NodeState{on(4990), none(5000)}, nil, []record.Demand{quorum}, []int{5001}, []int{4991}, []int{4989}},
		{"a step did: from when it was issued to when it was seen in a new session", []record.NodeState{none(5), on(5100)}, []record.Event{configure}, []record.Demand{quorum},
			[]int{4999}, []int{5001, 5299}, []int{5302}},
		{"a reading with the old value, taken after that", []record.NodeState{none(5), none(5350), on(5400)}, []record.Event{configure}, []record.Demand{quorum},
			[]int{5299}, nil, []int{5302}},
		{"a step that was issued when it had been seen already", []record.NodeState{none(5), on(5100)}, []record.Event{event("configure-a", "configure", "a", 5100, 5300)}, []record.Demand{quorum},
			[]int{4899}, []int{4950, 5099}, []int{5102}},
		{"a step of another kind", []record.NodeState{none(5), on(5100)}, []record.Event{event("sql-a", "sql", "a", 5000, 5300)}, []record.Demand{quorum},
			[]int{4899}, []int{4950, 5099}, []int{5102}},
		{"a step without effect, early on", []record.NodeState{none(5), on(100)}, []record.Event{event("configure-a", "configure", "a", 50, 0)}, []record.Demand{quorum},
			[]int{4}, []int{6, 99}, []int{102}},
		{"a step that had effect as long before as a reading may have been", []record.NodeState{none(5), on(9000)}, []record.Event{event("configure-a", "configure", "a", 8000, 8600)}, []record.Demand{quorum},
			[]int{8599}, nil, []int{8602}},
		{"other standbys", []record.NodeState{on(4990), sync(primary("a", 5000, 1, 1), "on", "ANY 1 (b, d)")}, nil, []record.Demand{quorum}, []int{5001}, []int{4991}, []int{4989}},
		{"fewer standbys", []record.NodeState{sync(on(4990), "on", "ANY 2 (b, c)"), on(5000)}, nil, []record.Demand{{Node: "a", Standbys: 2, Names: []string{"b", "c"}, Commit: "on"}}, []int{5001}, []int{4991}, []int{4989}},
		{"a weaker commit", []record.NodeState{on(4990), sync(on(5000), "remote_write", "ANY 1 (b, c)")}, nil, []record.Demand{quorum}, []int{5001}, []int{4991}, []int{4989}},
		{"any standby is demanded", []record.NodeState{on(5)}, nil, []record.Demand{{Node: "a", Standbys: 1}}, nil, nil, []int{10}},
		{"no longer demanded when it was weakened", []record.NodeState{on(2490), none(2500)}, nil, []record.Demand{quorum, {At: 2000 * msec, Node: "a"}}, nil, nil, []int{-2700}},
		{"demanded until it had been weakened", []record.NodeState{on(4990), none(5000)}, nil, []record.Demand{quorum, {At: 5000 * msec, Node: "a"}}, nil, []int{-5500}, []int{-6100, 5100}},
		{"another node's step", []record.NodeState{none(5), on(5100)}, []record.Event{event("configure-b", "configure", "b", 5000, 5300)}, []record.Demand{quorum},
			[]int{4899}, []int{4950, 5099}, []int{5102}},
		{"a step long before", []record.NodeState{none(5), on(9000)}, []record.Event{configure}, []record.Demand{quorum}, []int{8799}, []int{8801, 8999}, []int{9002}},
		{"an unread time between the same values", []record.NodeState{on(5), gone(1000), on(5000)}, nil, []record.Demand{quorum}, nil, nil, []int{900, 2000, 6000}},
		{"an unread time between different ones", []record.NodeState{on(5), gone(1000), none(5000)}, nil, []record.Demand{quorum}, []int{5001}, []int{801, 3000, 4999}, []int{799}},
		{"weakened on purpose: the demand changes too", []record.NodeState{on(5), none(5100)}, []record.Event{configure}, []record.Demand{quorum, {At: 5300 * msec, Node: "a", Commit: "on"}},
			nil, []int{5001, 5299}, []int{4999, 5302, 9000}},
		{"demanded of another node, and so of whoever comes after", []record.NodeState{none(5)}, nil, []record.Demand{{Node: "z", Standbys: 1}}, []int{10}, nil, nil},
		{"an own demand counts more", []record.NodeState{none(5)}, nil, []record.Demand{{Node: "a"}, {At: 5 * msec, Node: "z", Standbys: 1}}, nil, nil, []int{10}},
		{"of the role: a session keeps what it began with", []record.NodeState{on(5), ofRole(sync(on(1000), "local", "ANY 1 (b, c)")), on(2000)}, nil, []record.Demand{quorum},
			nil, []int{900, 1500, 2500, 9000}, []int{700}},
		{"of the role, and of all sessions after a restart", []record.NodeState{on(5), ofRole(sync(on(1000), "local", "ANY 1 (b, c)")), born(3000, on(3100))}, nil, []record.Demand{quorum},
			nil, []int{1500, 2500}, []int{3200, 9000}},
		{"of the role, and of all sessions after a crash", []record.NodeState{crashed(1, on(5)), crashed(1, ofRole(sync(on(1000), "off", "ANY 1 (b, c)"))), crashed(1, on(2000)), gone(3000), crashed(9, on(4000))}, nil, []record.Demand{quorum},
			nil, []int{1500, 2500}, []int{4100, 9000}},
		{"of the role, and then no standby is named: whatever a session began with is weak",
			[]record.NodeState{on(5), ofRole(sync(on(1000), "off", "ANY 1 (b, c)")), ofRole(sync(on(2000), "off", ""))}, nil, []record.Demand{quorum}, []int{2001, 9000}, []int{900, 1500, 1900}, []int{700}},
		{"of the role for a moment, and other standbys later: a session that began meanwhile kept it, also while those changed",
			[]record.NodeState{on(5), ofRole(sync(on(1000), "off", "ANY 1 (b, c)")), on(1500), sync(on(5000), "on", "ANY 1 (b)")}, nil, []record.Demand{quorum}, nil, []int{1600, 4799, 4900, 5001}, []int{700}},
		{"of the role, stronger, and of all sessions after a restart",
			[]record.NodeState{sync(on(5), "off", "ANY 1 (b, c)"), ofRole(on(1000)), born(3000, ofRole(on(3100)))}, nil, []record.Demand{quorum}, []int{700}, []int{1500, 2900}, []int{3200, 9000}},
		{"of the role, as much as before", []record.NodeState{on(5), ofRole(on(1000)), on(2000)}, nil, []record.Demand{quorum}, nil, nil, []int{900, 1500, 2500}},
		{"under way while it was weak", []record.NodeState{on(5), on(1000), none(1001), none(1499), on(1500)}, nil, []record.Demand{quorum}, []int{-1600}, nil, []int{990}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			spans := weakSpans("a", regimesOf("a", tt.states, tt.events, time.Unix(0, 0)), tt.demands)
			check := func(want WeakReason, at int) {
				if got := weakness(spans, answered(at)); got != want {
					t.Errorf("at %d: %q, want %q", at, got, want)
				}
			}
			for _, at := range tt.weak {
				check(WeakRegime, at)
			}
			for _, at := range tt.between {
				check(WeakTransition, at)
			}
			for _, at := range tt.strong {
				check("", at)
			}
		})
	}
}

// TestWeakAcrossARestart: a server reads its configuration when it is started, so that
// what shows afterwards says nothing of the one before.
func TestWeakAcrossARestart(t *testing.T) {
	quorum := []record.Demand{{Node: "a", Standbys: 1, Names: []string{"b", "c"}, Commit: "on"}}
	of := func(at, started int) record.NodeState {
		s := primary("a", at, 1, started)
		if started == 0 {
			s.ServerStarted = time.Time{}
		}
		return s
	}
	on := func(at, started int) record.NodeState { return sync(of(at, started), "on", "ANY 1 (b, c)") }
	none := func(at, started int) record.NodeState { return sync(of(at, started), "on", "") }
	gone := func(at int) record.NodeState { return state("a", at, '-') }
	asked := func(s record.NodeState, at int) record.NodeState { s.Asked = time.Duration(at) * msec; return s }
	step := func(action, node string, issued, effective int) []record.Event {
		return []record.Event{event("step", action, node, issued, effective)}
	}
	unended := step("sql", "a", 4900, 0)
	unended[0].Status = ""
	skipped := step("configure", "a", 4900, 0)
	skipped[0].Status = record.EventSkipped
	killed := []record.NodeState{on(5, 1), on(4950, 1), gone(5010), gone(7020), none(7080, 7)}
	tests := []struct {
		name    string
		states  []record.NodeState
		events  []record.Event
		weak    []int // as in TestWeakByRegime
		between []int
		strong  []int
	}{
		{"killed and started, with another configuration", killed, nil, []int{7001, 7079, 9000}, nil, []int{4949, 4960, 5050, 6999, -7500}},
		{"of a restart only the changes are known", []record.NodeState{on(5, 1), none(5100, 5)}, nil, []int{5001}, nil, []int{4899, 4999, -5500}},
		{"restarted to a stronger one", []record.NodeState{none(4950, 1), on(5100, 5)}, nil, []int{4999, -5500}, nil, []int{5001}},
		{"a statement was under way before it was killed", killed, step("sql", "a", 4960, 4970), []int{7001}, []int{4961, 5005}, []int{4959}},
		{"one that may have come before the newest reading", killed, step("sql", "a", 4900, 4949), []int{7001}, []int{4951, 5005}, []int{4949}},
		{"a reading that was asked for before it", []record.NodeState{asked(on(4980, 1), 4950), none(5100, 5)}, step("configure", "a", 4940, 5010), []int{5001}, []int{4951, 4985}, []int{4949}},
		{"a statement of which nobody knows the end", killed, unended, []int{7001}, []int{4951}, []int{4949}},
		{"a step that was not begun", killed, skipped, []int{7001}, nil, []int{4951, 6999}},
		{"a statement long before", killed, step("sql", "a", 4600, 4700), []int{7001}, nil, []int{4951, 6999}},
		{"another node's", killed, step("sql", "b", 4960, 4970), []int{7001}, nil, []int{4961, 6999}},
		{"a step that changes no configuration", killed, step("kill", "a", 4960, 5000), []int{7001}, nil, []int{4961, 6999}},
		{"configured while it was down", killed, step("configure", "a", 6000, 6100), []int{7001}, nil, []int{4951, 5999}},
		{"a statement that may have been over when the newest reading was taken", killed, step("sql", "a", 4600, 4750), []int{7001}, []int{4951}, []int{4949}},
		{"when the one before was started is not known", []record.NodeState{on(4950, 0), none(5100, 5)}, nil, []int{5101}, []int{4951, 5099}, []int{4949}},
		{"when this one was started is not known", []record.NodeState{on(4950, 1), none(5100, 0)}, nil, []int{5101}, []int{4951, 5099}, []int{4949}},
		{"its clock is fast", []record.NodeState{on(4950, 1), none(5100, 60)}, nil, []int{5101}, nil, []int{5099}},
		{"its clock is slow", []record.NodeState{on(4950, 1), none(5100, 2)}, nil, []int{4952}, nil, []int{4949}},
		{"a change after the restart is one", []record.NodeState{on(4950, 1), on(5100, 5), on(5200, 5), on(5300, 5), none(6000, 5)}, nil, []int{6001}, []int{5801, 5999}, []int{5101, 5799, -5900}},
		{"the processes alone were restarted", []record.NodeState{on(4950, 1), gone(5010), none(5100, 1)}, nil, []int{5101}, []int{4951, 5099}, []int{4949}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			spans := weakSpans("a", regimesOf("a", tt.states, tt.events, time.Unix(0, 0)), quorum)
			for want, all := range map[WeakReason][]int{WeakRegime: tt.weak, WeakTransition: tt.between, "": tt.strong} {
				for _, at := range all {
					if got := weakness(spans, answered(at)); got != want {
						t.Errorf("at %d: %q, want %q", at, got, want)
					}
				}
			}
		})
	}
	unknown := weakSpans("a", regimesOf("a", killed, nil, time.Time{}), quorum)
	if got := weakness(unknown, answered(6000)); got != WeakTransition {
		t.Errorf("when it was started is not known: %q", got)
	}
	regimes := regimesOf("a", []record.NodeState{on(4950, 1), sync(primary("a", 5100, 1, 5), "off", "")}, nil, time.Unix(0, 0))
	if !wasOff(regimes, answered(5050)) || wasOff(regimes, answered(4999)) || wasOff(regimes, answered(-5500)) {
		t.Error("synchronous_commit was off from the restart on, for what the new server answered")
	}
}

// TestMomentsOfAWrite: a span has its first moment and not its last, a write has both,
// and of a server none that was sent before it was started.
func TestMomentsOfAWrite(t *testing.T) {
	weak := []weakSpan{{from: 100, to: 200, life: 50}}
	off := []stretch{{100, 200, 50, []regime{newRegime("off", 0, nil)}}, {200, 300, 50, []regime{newRegime("on", 0, nil)}}}
	for _, c := range []struct {
		sent, done time.Duration
		want       bool
	}{
		{60, 99, false}, {60, 100, true}, {50, 150, true}, {49, 150, false}, {120, 130, true}, {199, 210, true}, {200, 210, false}, {60, 250, true}, {0, 150, true}, {0, 250, false},
	} {
		e := &ledger.Entry{Sent: c.sent, Done: c.done}
		if is := weakness(weak, e) == WeakRegime; is != c.want || wasOff(off, e) != c.want {
			t.Errorf("from %d to %d: weak %v, off %v, want %v", c.sent, c.done, is, wasOff(off, e), c.want)
		}
	}
}

// answered is a write acknowledged at a millisecond, after half of one, or, if that is
// negative, after a second.
func answered(at int) *ledger.Entry {
	done := time.Duration(max(at, -at)) * msec
	e := &ledger.Entry{Sent: done - msec/2, Done: done}
	if at < 0 {
		e.Sent = done - time.Second
	}
	return e
}

// TestAuditOfWeakWrites: counted by notice and by regime, and lost as what they are.
func TestAuditOfWeakWrites(t *testing.T) {
	e := failover()
	e.States["a"] = []record.NodeState{sync(primary("a", 5, 1, 1), "on", "b"), sync(primary("a", 500, 1, 1), "on", "")}
	e.States["b"] = []record.NodeState{sync(primary("b", 1200, 2, 1), "on", "a")}
	e.Demands = []record.Demand{{Node: "a", Standbys: 1, Names: []string{"b"}}, {At: 1200 * msec, Node: "b", Standbys: 1, Names: []string{"a"}}}
	e.Book = (&fakeBook{}).write("writes",
		ack("a", 1, 100, 100), ledgerEntry(ack("a", 1, 110, 200)).as(record.Weak), ack("a", 1, 120, 450), ack("a", 1, 130, 900),
		ledgerEntry(ack("a", 1, 140, 901)).as(record.Unknown), ack("b", 2, 150, 1300))
	e.Nodes = []NodeHolding{node("b", rowsOf(6)...).in(e.Table)}
	a, err := Table(e)
	if err != nil {
		t.Fatal(err)
	}
	want := WeakAcks{Notice: 1, Regime: 2, Transition: 1, Stretches: []WeakStretch{
		{Node: "a", From: 300 * msec, To: 1200 * msec, N: 2, Demanded: 1, Commit: "local", DemandedCommit: "on", DemandedNames: []string{"b"}},
	}}
	if diff := cmp.Diff(want, *a.Weak); diff != "" || a.Weak.Sum() != 3 {
		t.Error(diff)
	}
	const by = " a/1 fork kill-a@100"
	if got := lossWords(a); got != "lost 1-1"+by+"; weak 2-2"+by+"; weak 3-3"+by+"; weak 4-4"+by {
		t.Error(got)
	}
	var why []WeakReason
	for _, r := range a.WeakLost.Runs {
		why = append(why, r.Weak)
	}
	if !slices.Equal(why, []WeakReason{WeakNotice, WeakTransition, WeakRegime}) || !a.Complete {
		t.Errorf("%v, complete %v: %s", why, a.Complete, a.Why)
	}
	weakBy, err := WeakBy(e)
	if err != nil {
		t.Fatal(err)
	}
	why = nil
	for entry, err := range e.Book.Entries(e.Book.Writers()[0].ID, 1, 6) {
		if err != nil {
			t.Fatal(err)
		}
		why = append(why, weakBy("writes", &entry))
	}
	if !slices.Equal(why, []WeakReason{"", WeakNotice, WeakTransition, WeakRegime, "", ""}) {
		t.Errorf("one by one: %q", why)
	}
	delete(e.States, "b")
	if a, err = Table(e); err != nil || a.Complete || a.Why != "lost >= 1, weak_lost >= 3; the synchronous regime of b is not known" {
		t.Errorf("a regime that nobody knows: complete %v: %s; %v", a.Complete, a.Why, err)
	}
	for name, c := range map[string]struct {
		demand record.Demand
		blind  bool
	}{
		"nothing is demanded": {record.Demand{Node: "b"}, false}, "standbys are": {record.Demand{Node: "b", Standbys: 1}, true}, "a wait for the disk is": {record.Demand{Node: "b", Commit: "local"}, true},
	} {
		e.Demands = []record.Demand{c.demand}
		if a, err = Table(e); err != nil || a.Complete == c.blind {
			t.Errorf("%s: complete %v: %s; %v", name, a.Complete, a.Why, err)
		}
	}
}

// TestAServerThatNobodyKnows: what it acknowledged is not taken for synchronous.
func TestAServerThatNobodyKnows(t *testing.T) {
	e := failover()
	e.Book = (&fakeBook{}).write("writes", ack("", 0, 0, 1300))
	e.Nodes = []NodeHolding{node("b", rowsOf(1)...).in(e.Table)}
	for demanded, complete := range map[int]bool{0: true, 1: false} {
		e.Demands = []record.Demand{{Node: "b", Standbys: demanded}}
		if a, err := Table(e); err != nil || a.Complete != complete || !complete && !strings.Contains(a.Why, "the synchronous regime of a server that is not known is not known") {
			t.Errorf("%d standbys demanded: complete %v: %s; %v", demanded, a.Complete, a.Why, err)
		}
	}
}

// TestSessionsOfTheirOwn: a workload whose sessions set synchronous_commit waits for less,
// or for more, than the server says.
func TestSessionsOfTheirOwn(t *testing.T) {
	quorum := record.Demand{Node: "a", Standbys: 1, Names: []string{"b"}, Commit: "on"}
	for name, tt := range map[string]struct {
		server, own, standbys string
		weak                  bool
	}{
		"as the server":                   {"on", "", "b", false},
		"less than the server":            {"on", "local", "b", true},
		"less, but as much as is wanted":  {"remote_apply", "on", "b", false},
		"more than the server":            {"off", "on", "b", false},
		"more, but there is no standby":   {"off", "remote_apply", "", true},
		"the server's, which is too weak": {"local", "", "b", true},
	} {
		e := &Evidence{Demands: []record.Demand{quorum}, States: map[string][]record.NodeState{
			"a": {sync(primary("a", 5, 1, 1), tt.server, tt.standbys)},
		}}
		w := newEvidenceReader(e)
		entry := answered(10)
		entry.Server = ledger.Server{Node: "a", Timeline: 1}
		s := w.of(entry)
		for range 2 { // the second time as it is remembered
			if got := weakness(w.waitsOf(s, tt.own).weak, entry) != ""; got != tt.weak {
				t.Errorf("%s: weak %v", name, got)
			}
		}
	}
}
