package faulttest

import (
	"strings"

	"pgchaos/chaos/fault"
)

// Processes pauses and kills processes of each kind; in short, one of each sort that is found in another way: a standby's, one of several
// on the primary, and a session of a client.
func (b *Bench) Processes(short bool) {
	b.Helper()
	b.setUp()
	for _, tc := range []struct{ node, process, standby, kind, behind string }{
		{"b", "walreceiver", "", "walreceiver", "b"},
		{"a", "walsender", "b", "walsender", "b"},
		{"b", "startup", "", "startup", "b"},
		{"a", "checkpointer", "", "checkpointer", ""},
		{"a", "walwriter", "", "walwriter", ""},
		{"a", "archiver", "", "archiver", ""},
	} {
		if short && tc.process != "walreceiver" && tc.process != "walsender" {
			continue
		}
		b.pauseProcess(tc.node, tc.process, tc.standby, tc.kind, tc.behind)
	}
	endClient := b.client()
	b.pauseProcess("a", "backend", "", "client backend", "")
	b.killProcess("a", "backend")
	endClient()
	if !short {
		b.killProcess("a", "checkpointer")
		b.killProcess("b", "walreceiver")
	}
	b.killStartup()
	for _, p := range []fault.OfProcess{{OnNodes: On("a"), Process: "walreceiver"}, {OnNodes: On("a"), Process: "backend"}, {OnNodes: On("a"), Process: "walsender", Standby: "d"}} {
		if _, _, err := b.Do("pause_process", &fault.PauseProcess{OfProcess: p}); err == nil || !strings.Contains(err.Error(), "a has no "+p.Process) {
			b.Errorf("a process that is not there: %v", err)
		}
	}
}

// pauseProcess pauses a process; what is written meanwhile does not reach the node that is behind, if one is.
func (b *Bench) pauseProcess(node, process, standby, kind, behind string) {
	b.Helper()
	pid := b.PID(node, kind)
	if standby != "" {
		pid, _ = b.SQL(node, "select pid from pg_stat_replication where application_name = '"+standby+"'")
	}
	if process == "backend" {
		pid, _ = b.SQL(node, "select pid from pg_stat_activity where usename = 'pgchaos' and backend_type = 'client backend'")
	}
	back := b.Done("pause_process", &fault.PauseProcess{OfProcess: fault.OfProcess{OnNodes: On(node), Process: process, Standby: standby}})
	if state := b.State(node, pid); state != "T" {
		b.Errorf("the %s of %s, process %s, is in state %q while it is paused", process, node, pid, state)
	}
	b.NotTwice("pause_process", &fault.PauseProcess{OfProcess: fault.OfProcess{OnNodes: On(node), Process: process, Standby: standby}})
	row := b.marker()
	b.Want("c", row, "1")
	if behind != "" {
		b.absent(behind, row)
	}
	back(false)
	if state := b.State(node, pid); state == "T" || state == "" {
		b.Errorf("the %s of %s, process %s, is in state %q afterwards", process, node, pid, state)
	}
	b.Want("b", row, "1")
}

// killProcess kills a process of a node, whose server then has other processes, and the same postmaster.
func (b *Bench) killProcess(node, process string) {
	b.Helper()
	const started = "select pg_postmaster_start_time()"
	before, err := b.SQL(node, started)
	if err != nil {
		b.Fatal(err)
	}
	checkpointer := b.PID(node, "checkpointer")
	back := b.Done("kill_process", &fault.KillProcess{OfProcess: fault.OfProcess{OnNodes: On(node), Process: process}})
	if state := b.State(node, checkpointer); state != "" {
		b.Errorf("after the end of its %s, the old checkpointer of %s is in state %q", process, node, state)
	}
	b.Want(node, started, before)
	b.Want("a", streams, "b c")
	back(false)
	b.Want(node, started, before)
	b.Want("b", b.marker(), "1")
}

// killStartup kills the startup process of b, which ends its server.
func (b *Bench) killStartup() {
	b.Helper()
	back := b.Done("kill_process", &fault.KillProcess{OfProcess: fault.OfProcess{OnNodes: On("b"), Process: "startup"}})
	if !b.Node("b").Down(b.Context()) {
		b.Error("b runs after the end of its startup process")
	}
	back(false)
	b.Want("a", streams, "b c")
	b.Want("b", b.marker(), "1")
}

// client opens a session of the load's user on a; the returned function waits for its end.
func (b *Bench) client() (end func()) {
	b.Helper()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = b.Shell("a", "PGUSER=pgchaos psql -Xc 'select pg_sleep(60)'") // it ends with an error: its backend is killed
	}()
	b.Want("a", "select count(*) from pg_stat_activity where usename = 'pgchaos'", "1")
	return func() { <-ended }
}
