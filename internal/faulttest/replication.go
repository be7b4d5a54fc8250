package faulttest

import (
	"errors"
	"strings"
	"time"

	"pgchaos/chaos"
	"pgchaos/chaos/fault"
	"pgchaos/internal/units"
)

const (
	streams   = "select string_agg(application_name, ' ' order by application_name) from pg_stat_replication where state = 'streaming'"
	receivers = "select count(*) from pg_stat_wal_receiver"
)

// Replication does the faults of replication, and looks at each while it is in force and after it was taken back.
func (b *Bench) Replication() {
	b.Helper()
	b.setUp()
	b.replay()
	b.applyDelay()
	b.holdWAL()
	b.dropSlot()
	b.disconnectStandbys()
}

// setUp makes the table of the markers.
func (b *Bench) setUp() {
	b.Helper()
	b.Want("a", "create table if not exists marker (id bigserial primary key)", "")
	b.Want("a", streams, "b c")
	b.Want("b", b.marker(), "1")
}

func (b *Bench) replay() {
	b.Helper()
	const state = "select pg_is_wal_replay_paused()"
	back := b.Done("pause_replay", &fault.PauseReplay{OnStandbys: fault.OnStandbys{OnNodes: On("b")}})
	b.Want("b", state, "t")
	b.NotTwice("pause_replay", &fault.PauseReplay{OnStandbys: fault.OnStandbys{OnNodes: On("b")}})
	row := b.marker()
	b.Want("c", row, "1")
	b.absent("b", row)
	back(false)
	b.Want("b", state, "f")
	b.Want("b", row, "1")
	b.Done("pause_replay", &fault.PauseReplay{OnStandbys: fault.OnStandbys{OnNodes: On("b")}})
	b.Done("resume_replay", &fault.ResumeReplay{OnStandbys: fault.OnStandbys{OnNodes: On("b")}})
	b.Want("b", state, "f")
	if _, _, err := b.Do("pause_replay", &fault.PauseReplay{OnStandbys: fault.OnStandbys{OnNodes: On("a")}}); err == nil || !strings.Contains(err.Error(), "a is a primary") {
		b.Errorf("the replay of a primary: %v", err)
	}
}

func (b *Bench) applyDelay() {
	b.Helper()
	const setting = "show recovery_min_apply_delay"
	delay := func(d time.Duration) *fault.ApplyDelay {
		return &fault.ApplyDelay{OnNodes: On("b"), Delay: units.Duration(d)}
	}
	short := b.Done("apply_delay", delay(time.Hour))
	b.Want("b", setting, "1h")
	long := b.Done("apply_delay", delay(2*time.Hour))
	b.Want("b", setting, "2h")
	row := b.marker()
	b.Want("c", row, "1")
	b.absent("b", row)
	short(false) // the other one is still in force
	b.Want("b", setting, "2h")
	long(false)
	b.Want("b", setting, "0")
	b.Want("b", row, "1")
}

func (b *Bench) holdWAL() {
	b.Helper()
	p := &fault.HoldWAL{OnStandbys: fault.OnStandbys{OnNodes: On("b")}}
	for _, ending := range []bool{false, true} {
		back := b.Done("hold_wal", p)
		b.Want("b", receivers, "0")
		b.Want("a", streams, "c")
		row := b.marker()
		b.Want("c", row, "1")
		b.absent("b", row)
		back(ending)
		b.Want("a", streams, "b c")
		b.Want("b", row, "1")
	}
	back := b.Done("hold_wal", p)
	if err := b.Node("b").PointAt(b.Context(), b.Node("c")); err != nil {
		b.Fatalf("point b at c: %v", err)
	}
	back(false)
	if up := b.Node("b").Upstream(); up != b.Node("c") {
		b.Errorf("a standby that was pointed at another node meanwhile follows %v", up)
	}
	if err := b.Node("b").PointAt(b.Context(), b.Node("a")); err != nil {
		b.Fatalf("point b at a: %v", err)
	}
	b.Want("a", streams, "b c")
}

func (b *Bench) dropSlot() {
	b.Helper()
	p := &fault.DropSlot{OnStandbys: fault.OnStandbys{OnNodes: On("b")}}
	if _, _, err := b.Do("drop_slot", p); err == nil || !strings.Contains(err.Error(), "b uses no replication slot") {
		b.Errorf("a slot that is not there: %v", err)
	}
	const slot = "select slot_name, active from pg_replication_slots"
	b.Want("a", "select slot_name from pg_create_physical_replication_slot('of_b')", "of_b")
	b.configure("b", "primary_slot_name", "of_b")
	b.Want("a", slot, "of_b|t")
	back := b.Done("drop_slot", p)
	b.Want("a", slot, "")
	b.slotOfStopped(b.journal.newest[0])
	row := b.marker()
	b.Want("c", row, "1")
	b.absent("b", row)
	back(false)
	b.Want("a", slot, "of_b|t")
	b.Want("b", row, "1")
	b.configure("b", "primary_slot_name", "")
	b.Want("a", "select count(*) from (select pg_drop_replication_slot(slot_name) from pg_replication_slots where not active) dropped", "1")
}

// slotOfStopped takes a drop_slot back while the upstream, which is a, does not run. That matters only as long as b follows it.
func (b *Bench) slotOfStopped(r chaos.Reversal) {
	b.Helper()
	kind, _ := fault.Find("drop_slot")
	takeBack := func() error { return kind.Undo.Do(b.Context(), b.scene, b.Node("b"), r, false) }
	start := b.Done("stop", &fault.Stop{Shutdown: fault.Shutdown{OnNodes: On("a"), Mode: "fast", Timeout: units.Duration(time.Minute)}})
	if err := takeBack(); err == nil || !strings.Contains(err.Error(), `a does not run, so that the replication slot "of_b" of b cannot be made`) {
		b.Errorf("the end of drop_slot beside a stopped upstream: %v", err)
	}
	for _, up := range []string{"c", "a"} {
		if up == "a" {
			if err := takeBack(); err != nil {
				b.Errorf("the end of drop_slot of a standby that follows another node: %v", err)
			}
		}
		if err := b.Node("b").PointAt(b.Context(), b.Node(up)); err != nil {
			b.Fatalf("point b at %s: %v", up, err)
		}
	}
	start(false)
}

// configure sets a setting of a node.
func (b *Bench) configure(node, name, value string) {
	b.Helper()
	b.Done("configure", &fault.Configure{OnNodes: On(node), Settings: map[string]string{name: value}})
}

func (b *Bench) disconnectStandbys() {
	b.Helper()
	back := b.Done("disconnect_standbys", &fault.DisconnectStandbys{OnNodes: On("a")})
	b.NotTwice("disconnect_standbys", &fault.DisconnectStandbys{OnNodes: On("a")})
	row := b.marker()
	b.absent("b", row)
	b.absent("a", "select count(*) from pg_stat_replication where state = 'streaming'")
	back(false)
	b.Want("a", streams, "b c")
	b.Want("b", row, "1")
}

// WrongPrimary promotes a standby that is behind another one, and then has the old primary come back beside it. The
// cluster cannot be used for anything else afterwards.
func (b *Bench) WrongPrimary() {
	b.Helper()
	b.Want("a", streams, "b c")
	followAgain := b.Done("hold_wal", &fault.HoldWAL{OnStandbys: fault.OnStandbys{OnNodes: On("c")}})
	row := b.marker()
	b.Want("b", row, "1")
	// So much that no position of the new primary is as high as those of b.
	b.Want("a", "select count(pg_logical_emit_message(false, 'ahead', repeat('x', 1000000))) from generate_series(1, 20)", "20")
	row = b.marker()
	b.Want("b", row, "1")
	split := &fault.SplitBrain{OnNodes: On("a")}
	b.Done("kill", &fault.Kill{OnNodes: On("a")})
	if _, _, err := b.Do("split_brain", split); err == nil || !strings.Contains(err.Error(), "no other node accepts writes") {
		b.Errorf("split brain with no other primary: %v", err)
	}
	b.Done("promote", &fault.Promote{OnNodes: On("c")})
	b.absent("c", row)
	followAgain(false)
	b.Want("c", "show primary_conninfo", "")
	const write = "insert into marker (id) values (1000000) returning id"
	b.Want("c", write, "1000000")
	b.diverged("b", "c")
	back := b.Done("split_brain", split)
	b.Want("a", write, "1000000")
	b.Want("a", row, "1")
	back(false)
	if !b.Node("a").Down(b.Context()) {
		b.Error("a runs after the split brain was taken back")
	}
	back = b.Done("split_brain", split)
	b.Want("a", "select pg_is_in_recovery()", "f")
	back(true)
	b.Want("a", "show default_transaction_read_only", "on")
	b.Want("a", row, "1")
}

// diverged demands that a standby which has gone past the fork of the new primary has not caught up with it, whatever its position.
func (b *Bench) diverged(node, primary string) {
	b.Helper()
	_, _, err := b.Do("verify", &fault.Condition{CaughtUp: fault.NodeList{node}, Within: units.Duration(200 * time.Millisecond)})
	if !errors.Is(err, chaos.ErrNotSo) || !strings.Contains(err.Error(), "of timeline 1, and "+primary+" writes timeline 2") {
		b.Errorf("%s has caught up with %s: %v", node, primary, err)
	}
}
