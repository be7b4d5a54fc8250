package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgchaos/audit"
	"pgchaos/outage"
	"pgchaos/record"
	"pgchaos/runner"
	"pgchaos/verdict"
)

// TestAPromotionBySomebodyElse promotes a standby by SQL from outside, as an HA manager would, after a step has killed the
// primary: it is the answer to that fault, and losses, roles and recovery go by it.
func TestAPromotionBySomebodyElse(t *testing.T) {
	p := newPlace(t)
	cmd := p.underLoad("run", p.write("answered.yaml", `
name: answered
cluster: {nodes: [a, b]}
load:
  writes: {kind: insert, clients: 2, rate: 100/s}
timeline:
  - {at: 1s, kill: primary}
  - {wait: 6s}
expect:
  - lost_writes < 1000
`), "--out", p.out)
	nodes := p.result()
	p.await("the kill", p.over("kill-primary"))
	if got := p.psql(address(nodes, "b"), "select pg_promote()"); got != "t" {
		t.Fatalf("promoted: %q", got)
	}
	_ = cmd.Wait() // the exit code says it
	r := p.result()
	if r.Verdict != verdict.Pass {
		t.Errorf("%s: %q", r.Verdict, r.Reasons)
	}
	m := eventNamed(t, r, func(m record.Event) bool { return m.Promotion != nil })
	kill := eventNamed(t, r, func(m record.Event) bool { return m.Action == "kill" })
	if m.Name != "promoted-b" || m.Status != record.EventSeen || m.Fault || m.Issued >= m.Effective || m.Effective < kill.Effective {
		t.Errorf("%+v", m)
	}
	if is := *m.Promotion; is.From != 1 || is.To != 2 || is.Fork == 0 || m.Detail != "timeline 1 to 2, fork at "+is.Fork.String() {
		t.Errorf("%+v, %q", is, m.Detail)
	}
	if rec := r.Recoveries[0]; !rec.Outside || rec.Promotion.State != outage.StageReached || rec.NewPrimary != "b" || rec.Promotion.At > rec.Writable.At {
		t.Errorf("%+v", rec)
	}
	if losses := slices.DeleteFunc(r.Audits[0].RPO, func(l audit.RPO) bool { return l.Event == "kill-primary" && l.Fork == m.Promotion.Fork }); len(losses) > 0 {
		t.Errorf("%+v", losses)
	}
	p.printed("b was promoted from outside pgchaos, by the cluster's own manager or by hand, ", " s after kill-primary")
	p.nothingLeft()
}

// TestAFailoverWithoutAFault fences the primary off and promotes its standby from outside, when no step has done anything.
func TestAFailoverWithoutAFault(t *testing.T) {
	p := newPlace(t)
	cmd := p.underLoad("run", p.write("calm.yaml", `
name: calm
cluster: {nodes: [a, b]}
load:
  writes: {kind: insert, clients: 2, rate: 100/s}
timeline:
  - {wait: 5s}
expect:
  - lost_writes < 1000
`), "--out", p.out)
	nodes := p.result()
	time.Sleep(time.Second)
	p.psql(address(nodes, "a"), "alter system set default_transaction_read_only = on")
	p.psql(address(nodes, "a"), "select pg_reload_conf()")
	time.Sleep(500 * time.Millisecond)
	p.psql(address(nodes, "b"), "select pg_promote()")
	_ = cmd.Wait() // the exit code says it
	if code := cmd.ProcessState.ExitCode(); code != exitFail {
		t.Errorf("exit code %d", code)
	}
	r := p.result()
	if len(r.Reasons) != 1 || !strings.HasPrefix(r.Reasons[0], "failover without a fault: b was promoted from outside pgchaos") {
		t.Errorf("%q", r.Reasons)
	}
	p.printed("FAIL", "failover without a fault: b was promoted from outside pgchaos, by the cluster's own manager or by hand, between ")
	p.nothingLeft()
}

// TestAWeakeningBySomebodyElse empties synchronous_standby_names from outside, and sets it again: what was acknowledged in between
// is weak, and the run says who did not do it.
func TestAWeakeningBySomebodyElse(t *testing.T) {
	p := newPlace(t)
	cmd := p.underLoad("run", p.write("weakened.yaml", `
name: weakened
cluster: {nodes: [a, b], synchronous: {commit: "on", standbys: ANY 1 (b)}}
load:
  writes: {kind: insert, clients: 2, rate: 100/s}
timeline:
  - {wait: 6s}
expect:
  - lost_writes == 0
`), "--out", p.out)
	a := address(p.result(), "a")
	time.Sleep(time.Second)
	p.psql(a, "alter system set synchronous_standby_names = ''")
	p.psql(a, "select pg_reload_conf()")
	time.Sleep(1500 * time.Millisecond)
	p.psql(a, "alter system set synchronous_standby_names = 'ANY 1 (b)'")
	p.psql(a, "select pg_reload_conf()")
	_ = cmd.Wait() // the exit code says it
	r := p.result()
	m := eventNamed(t, r, func(m record.Event) bool { return m.Weakening != nil })
	if w := m.Weakening; m.Name != "weakened-a" || m.Status != record.EventSeen || w.Until < m.Effective+time.Second || w.Until != m.Ended || w.Demanded != "1 standby of b, synchronous_commit on" {
		t.Errorf("%+v %+v", m, w)
	}
	if len(r.Reasons) != 1 || r.Verdict != verdict.Fail {
		t.Errorf("%s: %q", r.Verdict, r.Reasons)
	}
	if weak := r.Audits[0].Weak; weak.Regime < 10 || len(weak.Stretches) == 0 {
		t.Errorf("%+v", weak)
	}
	p.printed("the synchronous replication of a was weakened from outside pgchaos, between ",
		"synchronous_standby_names became empty; demanded: 1 standby of b, synchronous_commit on; as demanded again by ", "no step of the timeline explains it")
	if damage := runner.Damage(p.out, r); len(damage) > 0 {
		t.Errorf("%q", damage)
	}
	p.nothingLeft()
}

// over tells whether a step of the run has ended.
func (p *place) over(step string) func() bool {
	return func() bool {
		j, err := runner.ReadJournal(p.out)
		return err == nil && slices.ContainsFunc(j.Events, func(m record.Event) bool { return m.Name == step && m.Status != "" })
	}
}

// printed: the report has these words, in their order.
func (p *place) printed(words ...string) {
	p.t.Helper()
	_, out, _ := p.run("report", p.out)
	text := strings.Join(strings.Fields(out), " ")
	for _, want := range words {
		_, after, ok := strings.Cut(text, strings.TrimSpace(want))
		if !ok {
			p.t.Errorf("the report does not say %q:\n%s", want, out)
			return
		}
		text = after
	}
}
