package runner

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"pgchaos/cluster"
	"pgchaos/cluster/observe"
	"pgchaos/record"
	"pgchaos/report"
)

// TestWhoMadeAPromotion: what a step promotes must not count as somebody else's promotion, and the reverse.
func TestWhoMadeAPromotion(t *testing.T) {
	promote := record.Event{Name: "promote-b", Action: "promote", Nodes: []string{"b"}, Issued: time.Second}
	ended := func(status record.EventStatus) record.Event {
		m := promote
		m.Status, m.Ended = status, 2*time.Second
		return m
	}
	seen := func(node string, since, at int) observe.Change {
		return observe.Change{Kind: observe.Promoted, Node: node, Since: time.Duration(since) * time.Millisecond, At: time.Duration(at) * time.Millisecond}
	}
	for _, tt := range []struct {
		name  string
		steps []record.Event // as they begin, and as they end
		c     observe.Change
		want  bool
	}{
		{"no step", nil, seen("b", 1000, 1100), false},
		{"a step under way", []record.Event{promote}, seen("b", 1100, 1110), true},
		{"a step that was issued between the readings", []record.Event{promote}, seen("b", 950, 1050), true},
		{"before the step was issued", []record.Event{promote}, seen("b", 800, 900), false},
		{"another node", []record.Event{promote}, seen("c", 1100, 1110), false},
		{"a step that is done, by a reading that came late", []record.Event{promote, ended(record.EventDone)}, seen("b", 1900, 2100), true},
		{"once more after the step was done", []record.Event{promote, ended(record.EventDone)}, seen("b", 5000, 5100), false},
		{"a step that failed may have its effect later", []record.Event{promote, ended(record.EventFailed)}, seen("b", 5000, 5100), true},
		{"what was seen is no step", []record.Event{{Name: "promoted-b", Action: "promoted", Nodes: []string{"b"}, Status: record.EventSeen}}, seen("b", 1100, 1110), false},
		{"another action", []record.Event{{Name: "kill-b", Action: "kill", Nodes: []string{"b"}, Issued: time.Second}}, seen("b", 1100, 1110), false},
	} {
		var p stepLog
		for _, m := range tt.steps {
			if m.Status == record.EventSeen { // as the run notes it
				p.see(m)
				continue
			}
			p.begin(m)
			if m.Status != "" {
				p.end(m)
			}
		}
		if got := p.promoted(tt.c); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

// TestTwentySwitchoversRaiseNoAlarm: two nodes are promoted in turn by steps, each is seen by a reading, and no reading
// shows a promotion that no step made.
func TestTwentySwitchoversRaiseNoAlarm(t *testing.T) {
	var p stepLog
	for i := range 20 {
		issued, node := time.Duration(i)*time.Second, []string{"a", "b"}[i%2]
		part := record.Event{
			Name: fmt.Sprintf("switchover-%d/promote-%s", i, node), Action: "promote", PartOf: fmt.Sprintf("switchover-%d", i), Nodes: []string{node}, Issued: issued,
		}
		p.begin(part)
		early := observe.Change{Node: node, Since: issued - 5*time.Millisecond, At: issued + 40*time.Millisecond}
		if i%4 < 2 && !p.promoted(early) {
			t.Errorf("%d: %+v is an alarm, and the step is under way", i, early)
		}
		part.Ended, part.Status = issued+60*time.Millisecond, record.EventDone
		p.end(part)
		late := observe.Change{Node: node, Since: issued + 50*time.Millisecond, At: issued + 90*time.Millisecond}
		if i%4 >= 2 && !p.promoted(late) {
			t.Errorf("%d: %+v is an alarm, and the step made it", i, late)
		}
	}
	other := observe.Change{Node: "a", Since: 30 * time.Second, At: 30100 * time.Millisecond}
	if p.promoted(other) {
		t.Error("a promotion long after all steps is taken for one of theirs")
	}
}

// TestWhenAFailoverByHandBegan: clients have no primary from when the former one is gone, and not only from when the new one was last a standby.
func TestWhenAFailoverByHandBegan(t *testing.T) {
	const second = time.Second
	read := func(at time.Duration, role record.Role) record.NodeState {
		return record.NodeState{Node: "a", At: at, Reachable: role != "", Role: role}
	}
	killed := record.Event{Name: "kill-a", Action: "kill", Nodes: []string{"a"}, Fault: true, Status: record.EventDone, Issued: 2 * second, Effective: 2 * second, Ended: 2 * second}
	// Its node answered again at 5 s, so it was over for a minute when the promotion was seen, but not when the primary was last seen.
	over := []record.NodeState{read(0, record.RolePrimary), read(2*second, ""), read(5*second, record.RolePrimary), read(50*second, record.RolePrimary), read(51*second, "")}
	for _, tt := range []struct {
		name     string
		before   []record.Event
		a        []record.NodeState
		at, want time.Duration // when the promotion was seen, and when it began
	}{
		{"the primary was gone before", nil, []record.NodeState{read(0, record.RolePrimary), read(2*second, record.RolePrimary), read(3*second, "")}, 6 * second, 2 * second},
		{"it went on", nil, []record.NodeState{read(0, record.RolePrimary), read(20*second, record.RolePrimary)}, 6 * second, 5 * second},
		{"it was never read", nil, nil, 6 * second, 5 * second},
		{"it was gone, and is a standby", nil, []record.NodeState{read(2*second, record.RolePrimary), read(3*second, record.RoleStandby)}, 6 * second, 2 * second},
		{"a fault would then explain what it does not", []record.Event{killed}, over, 67 * second, 66 * second},
	} {
		promoted := record.Event{
			Name: "promoted-b", Action: "promoted", Nodes: []string{"b"}, Status: record.EventSeen, Issued: tt.at - second, Effective: tt.at, Ended: tt.at, Promotion: &record.Promotion{To: 2},
		}
		r := run{result: &report.Result{Duration: 90 * second, Timeline: append(tt.before, promoted), States: []report.NodeHistory{{Node: "a", States: tt.a}}}}
		r.unasked()
		if got := r.result.Timeline[len(tt.before)]; got.Issued != tt.want || !got.Fault || got.Effective != tt.at {
			t.Errorf("%s: from %v to %v, a fault: %v", tt.name, got.Issued, got.Effective, got.Fault)
		}
	}
}

// TestWhatIsSaidOfAPromotion: a fork that could not be read is not guessed.
func TestWhatIsSaidOfAPromotion(t *testing.T) {
	c := observe.Change{Node: "b", Since: time.Second, At: 2 * time.Second}
	for want, m := range map[string]record.Event{
		"timeline 1 to 2, fork at 0/3000148":                     promotionEvent("promoted-b", c, record.Promotion{From: 1, To: 2, Fork: 0x3000148}, nil),
		"timeline 1 to 2, fork LSN not known: permission denied": promotionEvent("promoted-b", c, record.Promotion{From: 1, To: 2}, errors.New("permission denied")),
		"to timeline 2, fork LSN not known":                      promotionEvent("promoted-b", c, record.Promotion{To: 2}, nil),
	} {
		if facts, known := m.Effects(); m.Detail != want || !known || !facts.Promotes || m.Issued != c.Since || m.Effective != c.At {
			t.Errorf("%+v, want %q", m, want)
		}
	}
}

// TestLastPromotedFromOutside: a killed run knows its last primary by what it had seen, too.
func TestLastPromotedFromOutside(t *testing.T) {
	k := &AttachedRun{access: cluster.Access{Nodes: []cluster.AccessNode{{Name: "a"}}}, result: &report.Result{}}
	if got := k.lastPromoted(); got != "a" {
		t.Errorf("%q", got)
	}
	k.result.Timeline = []record.Event{{Name: "promoted-b", Action: "promoted", Nodes: []string{"b"}, Status: record.EventSeen}}
	if got := k.lastPromoted(); got != "b" {
		t.Errorf("promoted from outside: %q", got)
	}
}
