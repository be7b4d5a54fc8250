package spec

import (
	"strings"
	"testing"

	"pgchaos/cluster"
)

// TestStepsThatCanNeverRun: the last step of each timeline is impossible, and the
// message says why; "" is a timeline that can run, and must load.
func TestStepsThatCanNeverRun(t *testing.T) {
	for _, tc := range []struct{ steps, says string }{
		// What the server of a node does.
		{"kill: b, stop: b", "b is already stopped, since kill-b"},
		{"stop: b, kill: b", "b is already stopped"},
		{"pause: b, stop: b", "b is paused, and cannot shut down"},
		{"pause: b, restart: b", "b is paused"},
		{"kill: b, restart: b", "b does not run"},
		{"pause: b, pause: b", "b is paused already"},
		{"resume: b", "b is not paused"},
		{"kill: b, resume: b", "b is not paused"},
		{"start: b", "b already runs"},
		{"pause: b, start: b", "b is paused, not stopped"},
		{"kill: b, promote: b", "b does not run"},
		{"pause: b, promote: b", "b is paused"},
		{"pause: b, configure: {node: b, settings: {work_mem: 1MB}}", "b is paused"},
		{"configure: {node: d, settings: {work_mem: 1MB}}", "d is absent"},
		{"kill: b, sql: {node: b, query: select 1}", "b does not run"},
		{"kill: b, backup: {node: b, name: k}", "b does not run"},
		{"kill: b, disconnect: b", "b does not run"},
		{"pause: b, exec: {node: b, command: ls}", "no command runs in a paused container"},
		{"limit: {node: d, cpus: 1}", "d is absent"},
		{"kill: b, start: b, start: b", "b already runs, since start-b"},
		{"pause: b, kill: b, start: b", ""},
		{"kill: b, configure: {node: b, settings: {work_mem: 1MB}}, start: b", ""},
		{"kill: b, exec: {node: b, command: ls}", ""},
		{"pause: b, clone: {node: b}", ""},
		{"kill: b, limit: {node: b, cpus: 1}, start: b", ""},

		// Faults that end by themselves, at a time that the file cannot say.
		{"{pause: b, for: 5s}, resume: b", ""},
		{"{pause: b, for: 5s}, stop: b", ""},
		{"{kill: b, for: 5s}, start: b, stop: b, stop: b", ""}, // the kill's end starts it again
		{"{disconnect: b, for: 5s}, connect: b, disconnect: b, promote: b", ""},
		{"{pause: b, for: 5s}, start: b", "b runs or is paused"},

		{"{at: 2s, apply_delay: {node: b, delay: 1s}, for: 3s}, {at: 3s, pause: b}", "undo-apply-delay-b comes while the node b is paused by this, and needs an answer of it; give this step a for"},
		{"{at: 2s, pause_replay: b, for: 3s}, {at: 3s, pause: replicas}", "undo-pause-replay-b comes while the node b is paused"},
		{"{at: 2s, apply_delay: {node: b, delay: 1s}, for: 3s}, {at: 3s, pause: b, for: 4s}", ""}, // it waits for that
		{"{at: 2s, apply_delay: {node: b, delay: 1s}, for: 3s}, {at: 3s, pause: b}, {at: 4s, resume: b}", ""},
		{"{at: 2s, apply_delay: {node: b, delay: 1s}, for: 3s}, {at: 3s, pause: c}", ""},
		{"{at: 2s, apply_delay: {node: b, delay: 1s}, for: 3s}, {at: 6s, pause: b}", ""},
		{"{at: 2s, apply_delay: {node: b, delay: 1s}, for: 3s}, pause: b", ""},
		{"{at: 2s, apply_delay: {node: b, delay: 1s}}, {at: 3s, pause: b}", ""},
		{"{at: 2s, apply_delay: {node: any_replica, delay: 1s}, for: 3s}, {at: 3s, pause: b}", ""},
		{"{at: 2s, apply_delay: {node: b, delay: 1s}, for: 3s, on_error: continue}, {at: 3s, pause: b}", ""},
		{"{at: 2s, name: delayed, apply_delay: {node: b, delay: 1s}, for: 3s}, {at: 3s, pause: b}, {after: delayed, at: 2s, resume: b}", ""},

		// The network.
		{"connect: b", "b is not disconnected"},
		{"disconnect: b, connect: b, connect: b", "b is not disconnected, since connect-b"},
		{"disconnect: b, disconnect: b", "b is disconnected already"},
		{"disconnect: b, promote: b", "b is disconnected from the network"},
		{"disconnect: b, restart: b", "b is disconnected"},
		{"disconnect: b, kill: b, start: b", "b is disconnected"},
		{"disconnect: b, sql: {node: b, query: select 1}", "b is disconnected"},
		{"disconnect: b, configure: {node: b, settings: {work_mem: 1MB}}", "b is disconnected"},
		{"disconnect: b, rejoin: {node: b, upstream: a}", "b is disconnected"},
		{"disconnect: b, clone: b", "b is disconnected"},
		{"disconnect: b, kill: b, configure: {node: b, settings: {work_mem: 1MB}}", ""},
		{"disconnect: b, stop: b, connect: b, start: b", ""},

		{"partition: {between: [a, primary]}", "the node a is on both sides of the network: as a and as primary"},
		{"delay: {between: [[b, clients], replicas], latency: 1ms}", "the node b is on both sides of the network: as b and as replicas"},
		{"kill: a, promote: b, delay: {between: [b, primary], latency: 1ms}", "the node b is on both sides"},

		// Steps whose failure ends nothing.
		{"{stop: b, on_error: continue}, verify: {streaming: [b, c]}", ""},
		{"{stop: b, on_error: continue}, start: b", ""},
		{"{stop: b, on_error: continue}, stop: b", ""},
		{"{stop: b, on_error: continue}, kill: b, stop: b", "b is already stopped, since kill-b"},
		{"{restart: b, on_error: continue}, start: b", ""}, // it may have ended half way
		{"{restart: b, on_error: continue}, resume: b", "b is not paused"},
		{"{pause: b, on_error: continue}, {start: b, on_error: continue}", "b runs or is paused"},
		{"{disconnect: b, on_error: continue}, disconnect: b", ""},
		{"{promote: b, on_error: continue}, promote: b", ""},
		{"{promote: b, on_error: continue}, hold_wal: b", ""},
		{"{pause_replay: b, on_error: continue}, pause_replay: b", ""},
		{"{switchover: b, on_error: continue}, switchover: b", ""},
		{"{switchover: b, on_error: continue}, start: a", ""},
		{"{switchover: b, on_error: continue}, hold_wal: b, hold_wal: b", "in force already"},
		{"{rolling_restart: in_place, on_error: continue}, start: c", ""},
		{"{rolling_restart: in_place, on_error: continue}, promote: a", "a is the primary"},
		{"{clone: d, on_error: continue}, verify: {streaming: d}", ""},
		{"{kill: a, on_error: continue}, promote: b, rejoin: a", ""},

		// Runbooks.
		{"failover: b", "the primary a runs, and a failover would make a second one"},
		{"failover: a", "a is the primary"},
		{"kill: a, failover: a", "a does not run"},
		{"kill: a, failover: b", ""},
		{"kill: primary, failover: most_advanced, rejoin: former_primary, switchover: a, switchover: b", ""},
		{"kill: primary, kill: [b, c], failover: most_advanced", "no node can be most_advanced"},
		{"kill: a, failover: b, promote: b", "b is a primary already, since failover-b"},
		{"kill: a, failover: b, failover: c", "the primary b runs"},
		{"switchover: a", "a is the primary already"},
		{"switchover: b, switchover: b", "b is the primary already, since switchover-b"},
		{"switchover: b, follow: a", ""},
		{"switchover: b, follow: b", "b is a primary"},
		{"kill: a, switchover: b", "no node can be primary at this step"},
		{"kill: b, switchover: b", "b does not run"},
		{"rolling_restart: in_place, switchover: b", ""},
		{"hold_wal: b, rolling_restart: in_place", "the standby b does not stream, since hold-wal-b, and rolling_restart waits until it does; give hold-wal-b a for"},
		{"hold_wal: b, follow: b, rolling_restart: in_place", ""},
		{"hold_wal: b, kill: b, rolling_restart: in_place", ""}, // it is not restarted
		{"hold_wal: any_replica, rolling_restart: in_place", ""},
		{"{hold_wal: b, for: 5s}, rolling_restart: in_place", ""},
		{"{at: 2s, hold_wal: b, for: 4s}, {at: 3s, rolling_restart: in_place}", ""}, // which waits for the end
		{"{at: 2s, disconnect_standbys: a, for: 4s}, {at: 3s, rolling_restart: in_place}", ""},
		{"disconnect_standbys: a, rolling_restart: in_place", "no standby streams from the node a, since disconnect-standbys-a, and rolling_restart waits"},
		{"disconnect_standbys: b, rolling_restart: in_place", ""}, // none follows b
		{"configure: {node: b, settings: {primary_slot_name: b}}, drop_slot: b, rolling_restart: in_place", "the standby b does not stream, since drop-slot-b"},

		// What a fault in force keeps from being done.
		{"hold_wal: b, switchover: b", "the standby b does not stream, since hold-wal-b, and a switchover demands that it does; give hold-wal-b a for, or leave this one out"},
		{"{at: 2s, hold_wal: b, for: 4s}, {at: 3s, switchover: b}", "the standby b does not stream, since hold-wal-b, for 4s, and a switchover demands that it does; begin it after undo-hold-wal-b"},
		{"{at: 2s, hold_wal: b, for: 4s}, {at: 7s, switchover: b}", ""},
		{"{at: 2s, hold_wal: b, for: 4s}, {at: 3s, switchover: c}", ""},
		{"{at: 2s, hold_wal: b, for: 4s}, switchover: b", ""}, // nobody knows when
		{"{at: 2s, hold_wal: any_replica, for: 4s}, {at: 3s, switchover: b}", ""},
		{"{at: 2s, hold_wal: b, for: 10s}, {at: 4s, wait: 20s}, {at: 6s, switchover: b}", ""},
		{"{at: 2s, hold_wal: b, for: 10s}, {at: 4s, wait: 8s}, {at: 6s, switchover: b}", ""},
		{"{at: 2s, hold_wal: b, for: 10s}, {at: 4s, wait: 3s}, {at: 6s, switchover: b}", "the standby b does not stream, since hold-wal-b, for 10s"},
		{"{at: 2s, hold_wal: b, for: 10s}, {at: 4s, clone: c}, {at: 6s, switchover: b}", ""}, // nobody knows how long that takes
		{"{at: 2s, hold_wal: b, for: 10s}, {at: 3s, pause: c, for: 1s}, {at: 6s, switchover: b}", "the standby b does not stream, since hold-wal-b, for 10s"},
		{"{at: 2s, pause_replay: b, for: 10s}, {at: 4s, wait: 20s}, {at: 6s, pause_replay: b}", ""},
		{"{hold_wal: b, on_error: continue}, switchover: b", ""},
		{"hold_wal: b, sql: {node: b, query: select 1}, switchover: b", ""},
		{"hold_wal: b, follow: b, switchover: b", ""},
		{"disconnect_standbys: a, switchover: b", "no standby streams from the primary a, since disconnect-standbys-a, and a switchover demands that b does; give disconnect-standbys-a a for"},
		{"{at: 2s, disconnect_standbys: primary, for: 5s}, {at: 3s, switchover: b}", "no standby streams from the primary a, since disconnect-standbys-primary, for 5s"},
		{"disconnect_standbys: b, switchover: b", ""},                                   // the step may know of it
		{"{promote: c, on_error: continue}, disconnect_standbys: a, switchover: b", ""}, // c may be the primary
		{"configure: {node: b, settings: {primary_slot_name: b}}, drop_slot: b, switchover: b", "the standby b does not stream, since drop-slot-b, and a switchover demands"},
		{"disconnect_standbys: a, clone: c", "the upstream a lets no standby in, since disconnect-standbys-a; give disconnect-standbys-a a for"},
		{"{at: 2s, disconnect_standbys: a, for: 5s}, {at: 3s, clone: c}", "the upstream a lets no standby in, since disconnect-standbys-a, for 5s; begin it after undo-disconnect-standbys-a"},
		{"{at: 2s, disconnect_standbys: a, for: 5s}, {at: 3s, clone: {node: c, upstream: b}}", ""},
		{"{at: 2s, disconnect_standbys: a, for: 5s}, {at: 8s, clone: c}", ""},
		{"{at: 2s, disconnect_standbys: a, for: 5s}, {at: 3s, follow: c}", ""}, // it waits for the end
		{"disconnect_standbys: a, follow: c", "the upstream a lets no standby in, since disconnect-standbys-a"},
		{"disconnect_standbys: a, stop: c, follow: c, {after: disconnect-standbys-a, sql: {node: a, query: select 1}}", ""},
		{"kill: a, promote: b, disconnect_standbys: b, rejoin: a", "the upstream b lets no standby in, since disconnect-standbys-b"},
		{"backup: {node: a, name: k}, {at: 2s, disconnect_standbys: a, for: 5s}, {at: 3s, clone: {node: c, backup: k}}", ""},

		// Processes and slots that are not there.
		{"kill_process: {node: a, process: archiver}", "the node a has no archiver: its archive_mode is off; set archive_mode: on"},
		{"pause_process: {node: b, process: archiver}", "the standby b has no archiver: its archive_mode is not always"},
		{"exec: {node: a, command: ls}, kill_process: {node: a, process: archiver}", ""},
		{"configure: {node: a, settings: {archive_mode: 'on'}}, restart: a, kill_process: {node: a, process: archiver}", ""},
		{"configure: {node: a, settings: {archive_mode: 'on'}}, restart: a, kill_process: {node: c, process: archiver}", "the standby c has no archiver"},
		{"configure: {node: a, settings: {archive_mode: 'off'}}, kill_process: {node: a, process: archiver}", "the node a has no archiver"},
		{"configure: {node: a, settings: {archive_mode: ' NO '}}, kill_process: {node: a, process: archiver}", "the node a has no archiver"},
		{"configure: {node: a, settings: {archive_mode: ''}}, kill_process: {node: a, process: archiver}", "the node a has no archiver"},
		{"configure: {node: a, settings: {archive_mode: 'f'}}, kill_process: {node: a, process: archiver}", "the node a has no archiver"},
		{"configure: {node: c, settings: {archive_mode: always}}, restart: c, kill_process: {node: c, process: archiver}", ""},
		{"kill_process: {node: b, process: walsender}", "the node b has no walsender: no standby streams from it; name a node that standbys follow"},
		{"kill_process: {node: a, process: walsender}", ""},
		{"hold_wal: b, kill_process: {node: b, process: walsender}", "the node b has no walsender"},                                // it does not follow itself
		{"promote: b, follow: {node: c, upstream: b}, kill_process: {node: a, process: walsender}", "the node a has no walsender"}, // d is absent
		{"follow: {node: c, upstream: b}, kill_process: {node: b, process: walsender}", ""},
		{"follow: {node: c, upstream: b}, pause_process: {node: a, process: walsender, standby: c}", "the node a has no walsender for c: that does not stream from it"},
		{"follow: {node: c, upstream: b}, pause_process: {node: b, process: walsender, standby: c}", ""},
		{"hold_wal: c, pause_process: {node: b, process: walsender, standby: c}", ""}, // it follows nobody knows whom
		{"sql: {node: c, query: select 1}, kill_process: {node: b, process: walsender}", ""},
		{"checkpoint: a, {after: checkpoint-a, backup: {node: b, name: k}}, {after: checkpoint-a, kill_process: {node: b, process: walsender}}", ""}, // that of the backup
		{"drop_slot: b", "the standby b uses no replication slot: nothing in this file sets its primary_slot_name; make a slot by an sql step"},
		{"configure: {node: b, settings: {primary_slot_name: b}}, drop_slot: b", ""},
		{"sql: {node: a, query: select 1}, drop_slot: b", ""},
		{"configure: {node: b, settings: {primary_slot_name: b}}, drop_slot: b, drop_slot: b", "drop_slot of the node b is in force already, since drop-slot-b"},
		{"configure: {node: b, settings: {primary_slot_name: b}}, drop_slot: b, sql: {node: a, query: select 1}, drop_slot: b", ""},
		{"rolling_restart: switchover, kill: primary, failover: most_advanced", ""},
		{"kill: a, rolling_restart: in_place", "no node can be primary"},
		{"kill: a, rolling_restart: leave", ""},

		// Sessions.
		{"kill: b, long_query: b", "b does not run"},
		{"{long_query: b, for: 1s}, stop: b", ""},
		{"terminate_backends: {node: a, workload: wirtes}", "there is no workload \"wirtes\""},
		{"lock_table: {node: a, table: a.b.c}", "names no table"},
		{"{exec: {node: a, command: ls, undo: ls}, for: 1s}", ""},
		{"{exec: {node: a, command: ls}, for: 1s}", "without an undo nothing takes the exec back; give the exec an undo"},

		// Roles.
		{"promote: a", "a is the primary"},
		{"promote: b, promote: a", "a is a primary already"},
		{"promote: b, promote: b", "b is a primary already, since promote-b"},
		{"promote: b, follow: a", "a is a primary; write rejoin"},
		{"follow: a", "a is the primary"},
		{"rejoin: a", "a is the primary"},
		{"clone: a", "a is the primary"},
		{"kill: a, rejoin: a", "a is the primary"},
		{"kill: primary, stop: primary", "no node can be primary at this step"},
		{"kill: primary, kill: a", "a is already stopped, since kill-primary"},
		{"kill: primary, promote: b, start: a, promote: a", "a is a primary already"},
		{"kill: replicas, stop: b", "b is already stopped, since kill-replicas"},
		{"kill: [b, c], promote: any_replica", "no node can be any_replica at this step"},
		{"kill: [b, c], promote: most_advanced", "no node can be most_advanced"},
		{"kill: [b, c], kill: laggard", "no node can be laggard"},
		{"kill: sync_standby", "no node can be sync_standby"},
		{"start: former_primary", "no node can be former_primary"},
		{"kill: primary, start: former_primary", ""},
		{"kill: primary, promote: most_advanced, rejoin: former_primary", ""},
		{"kill: primary, promote: most_advanced, rejoin: a", ""},
		{"configure: {node: a, synchronous: {standbys: \"ANY 1 (b, c)\"}}, kill: sync_standby, promote: any_replica", ""},
		{"sql: {node: b, query: select pg_promote()}, rejoin: {node: a, upstream: b}", ""},
		{"sql: {node: a, query: select 1}, promote: a", "a is a primary already"}, // no statement makes a standby of it
		{"exec: {node: b, command: pg_ctl stop}, start: b", ""},
		{"limit: {node: b, memory: 64MB}, start: b", ""}, // the kernel may have killed it
		{"kill: any_replica, kill: b, kill: c", ""},
		{"pause_replay: a", "a is a primary; name a standby"},
		{"promote: b, apply_delay: {node: b, delay: 1s}", "b is a primary, since promote-b; name a standby"},
		{"hold_wal: primary", "a is a primary"},
		{"kill_process: {node: a, process: startup}", "a is a primary; name a standby"},
		{"pause_process: {node: a, process: walsender, standby: e}", `there is no node "e"`},
		{"pause_process: {node: a, process: walwriter, standby: b}", "only a walsender serves a standby"},
		{"pause_process: {node: a, process: walwritr}", `did you mean "walwriter"?`},
		{"kill_process: {node: b, process: startup}, stop: b", "b is already stopped, since kill-process-b"},
		{"kill_process: {node: b, process: walreceiver}, stop: b", ""},
		{"hold_wal: b, kill: a, promote: b", ""},
		{"apply_delay: {node: b, delay: 0s}", "delay"},
		{"pause_replay: b, pause_replay: b", "pause_replay of the node b is in force already, since pause-replay-b; give pause-replay-b a for"},
		{"pause_replay: [b, c], pause_replay: c", "pause_replay of the node c is in force already"},
		{"pause_replay: b, pause_replay: replicas", "pause_replay of the node b is in force already"},
		{"pause_replay: b, pause_replay: c", ""},
		{"pause_replay: b, resume_replay: b, pause_replay: b", ""},
		{"pause_replay: b, restart: b, pause_replay: b", ""},
		{"pause_replay: any_replica, pause_replay: b", ""},
		{"pause_replay: b, pause_replay: any_replica", ""},
		{"pause_replay: b, sql: {node: b, query: select 1}, pause_replay: b", ""},
		{"pause_replay: b, exec: {node: a, command: ls}, pause_replay: b", ""},
		{"pause_replay: b, kill: a, promote: c, pause_replay: b", ""},
		{"{at: 1s, pause_replay: b, for: 5s}, {at: 3s, pause_replay: b}", "pause_replay of the node b is in force already, since pause-replay-b, for 5s; begin it after undo-pause-replay-b"},
		{"{at: 1s, pause_replay: b, for: 5s}, {at: 2s, checkpoint: a}, {at: 3s, pause_replay: b}", "is in force already"},
		{"{at: 1s, pause_replay: b, for: 5s}, {when: streaming of c, wait: 1s}, {at: 3s, pause_replay: b}", ""},
		{"{at: 1s, pause_replay: b, for: 5s}, {at: 6s, pause_replay: b}", ""},
		{"{at: 1s, pause_replay: b, for: 5s}, pause_replay: b", ""}, // when it begins is not known
		{"{at: 1s, name: first, pause_replay: b, for: 5s}, {after: first, at: 1s, pause_replay: b}", "since first, for 5s; begin it after undo-first"},
		{"{at: 1s, name: first, pause_replay: b, for: 5s}, {after: undo-first, pause_replay: b}", ""},
		{"{at: 1s, name: first, pause_replay: b, for: 5s}, {after: first, at: 1s, resume_replay: b}, {after: first, at: 2s, pause_replay: b}", ""},
		{"{pause_replay: b, repeat: {every: 3s, times: 2}}", "is in force already"},
		{"{pause_replay: b, for: 1s, repeat: {every: 3s, times: 2}}", ""},
		{"hold_wal: b, hold_wal: b", "hold_wal of the node b is in force already, since hold-wal-b; give hold-wal-b a for"},
		{"hold_wal: b, hold_wal: replicas", "hold_wal of the node b is in force already"},
		{"{at: 1s, hold_wal: b, for: 5s}, {at: 3s, hold_wal: b}", "hold_wal of the node b is in force already, since hold-wal-b, for 5s; begin it after undo-hold-wal-b"},
		{"{at: 1s, hold_wal: b, for: 5s}, {at: 6s, hold_wal: b}", ""},
		{"hold_wal: b, follow: b, hold_wal: b", ""},
		{"hold_wal: b, kill: a, promote: c, hold_wal: b", ""},
		{"hold_wal: b, hold_wal: c", ""},
		{"exhaust_connections: a, exhaust_connections: primary", "exhaust_connections of the node a is in force already"},
		{"{at: 1s, exhaust_connections: a, for: 5s}, {at: 2s, exhaust_connections: a}", "is in force already, since exhaust-connections-a, for 5s"},
		{"exhaust_connections: a, terminate_backends: a, exhaust_connections: a", ""}, // which frees some
		{"exhaust_connections: a, hold_wal: b", ""},
		{"disconnect_standbys: a, disconnect_standbys: a", "disconnect_standbys of the node a is in force already"},
		{"disconnect_standbys: a, disconnect_standbys: primary", "disconnect_standbys of the node a is in force already"},
		{"pause_process: {node: b, process: walreceiver}, pause_process: {node: b, process: walreceiver}", "pause_process of the node b is in force already"},
		{"pause_process: {node: b, process: walreceiver}, pause_process: {node: b, process: startup}", ""},
		{"pause_process: {node: a, process: backend}, pause_process: {node: a, process: backend}", ""},
		{"pause_process: {node: a, process: walsender, standby: b}, pause_process: {node: a, process: walsender, standby: c}", ""},
		{"{at: 1s, stop: b, for: 5s}, {at: 2s, checkpoint: a}, {at: 3s, pause: b}", "b does not run, since stop-b, for 5s"},
		{"split_brain: a", "a already runs"},
		{"kill: a, split_brain: a", "a is the primary: no step before has promoted another"},
		{"kill: a, promote: b, split_brain: a, promote: a", "a is a primary already"},
		{"kill: a, promote: b, {split_brain: a, for: 1s}, start: a", ""},

		// Upstreams.
		{"kill: b, clone: {node: d, upstream: b}", "the upstream b does not run, since kill-b"},
		{"pause: b, clone: {node: d, upstream: b}", "the upstream b is paused"},
		{"backup: {node: a, name: k}, kill: a, clone: {node: d, backup: k}", "no node can be primary"},
		{"clone: {node: d, upstream: c}, kill: c, follow: {node: b, upstream: c}", "the upstream c does not run"},
		{"kill: [b, c], follow: {node: b, upstream: c}", ""}, // only written down
		{"disconnect: c, follow: {node: b, upstream: c}", "the upstream c is disconnected"},
		{"kill: a, promote: b, rejoin: {node: a, upstream: c}", "the upstream c is a standby"},
		{"kill: a, promote: b, kill: b, rejoin: {node: a, upstream: b}", "the upstream b does not run"},
		{"kill: a, promote: b, rejoin: {node: a, upstream: b}", ""},
		{"kill: a, promote: b, rejoin: {node: a, upstream: most_advanced}", "the upstream c is a standby"},
		{"follow: {node: c, upstream: b}, clone: {node: d, upstream: c}", ""},
		{"follow: {node: b, upstream: c}, follow: {node: c, upstream: b}, wait: 1s", "b follow each other in a circle"},
		{"clone: {node: d, upstream: c}, follow: {node: b, upstream: d}, follow: {node: c, upstream: b}", "follow each other in a circle"},
		{"follow: {node: c, upstream: b}, follow: {node: b, upstream: c}, follow: {node: c, upstream: a}", ""}, // they changed places
		{"follow: {node: c, upstream: b}, follow: {node: b, upstream: c}, promote: c", ""},

		// What only a primary can do.
		{"slow_fsync: {node: b, delay: 1ms}", "b is a standby"},
		{"switch_wal: replicas", "b is a standby"},
		{"vacuum_full: {node: [a, b], table: t}", "b is a standby"},
		{"reindex: {node: b, table: t}", "b is a standby"},
		{"lock_table: {node: b, table: t}", "b is a standby"},
		{"lock_table: {node: b, table: t, mode: row exclusive}", ""},
		{"kill: a, promote: b, switch_wal: b", ""},
		{"kill: a, promote: most_advanced, switch_wal: b", ""},

		// Lists.
		{"kill: [b, c], start: [b, c], stop: {node: [b, c], mode: immediate}, start: [c, b]", ""},
		{"kill: b, kill: [b, c]", "b is already stopped"},
		{"kill: [b, b]", `"b" is named twice`},
		{"kill: []", "this names no node"},
		{"promote: [b, c]", "promote takes one node"},
		{"kill: [b, primary], promote: c", ""},

		// Conditions.
		{"{when: sync_waiters > 1 for 30s, within: 10s, pause: b}", "this must hold for 30s, and is waited for 10s"},
		{"{when: sync_waiters > 1 for 30s, pause: b}", "this must hold for 30s, and is waited for 10s"},
		{"{when: sync_waiters > 1 or (streaming of b and lag of b > 1MB) for 5s, within: 3s, pause: b}", ""},
		{"{when: (streaming of b or streaming of c) for 5s, within: 5s, pause: b}", ""},
		{"{when: {role: {b: primary}}, wait: 1s}", "can never hold: the node b is a standby"},
		{"promote: b, {when: {role: {b: primary}}, wait: 1s}", ""},
		{"promote: most_advanced, {when: {role: {b: primary}}, wait: 1s}", ""},
		{"promote: b, verify: {role: {a: standby}}", "can never hold: the node a is a primary"},
		{"kill: b, verify: {streaming: b}", "can never hold: the node b does not answer, since kill-b"},
		{"pause: b, verify: {caught_up: [c, b]}", "can never hold: the node b does not answer"},
		{"kill: [b, c], verify: {caught_up: replicas}", "can never hold: no node can be replicas at this step"},
		{"kill: [b, c], {when: {streaming: [any_replica]}, wait: 1s}", "can never hold: no node can be any_replica"},
		{"kill: b, verify: {caught_up: replicas}", ""},
		{"{kill: [b, c], for: 1s}, verify: {caught_up: replicas}", ""},
		{"verify: {role: {b: down}}", ""},
		{"kill: b, verify: {role: {b: down}}", ""},
		{"{kill: b, for: 1s}, verify: {streaming: b}", ""},
	} {
		text := "name: x\ncluster: {provider: docker, nodes: {a: , b: , c: , d: {absent: true}}}\ntimeline:\n"
		for _, step := range splitSteps(tc.steps) {
			if !strings.HasPrefix(step, "{") {
				step = "{" + step + "}"
			}
			text += "- " + step + "\n"
		}
		if !strings.Contains(tc.steps, "clone: {node: d") {
			text += "- {clone: {node: d, backup: last}}\n"
			text = strings.Replace(text, "timeline:\n", "timeline:\n- {backup: {node: a, name: last}}\n", 1)
		}
		_, _, err := Load("x.yaml", []byte(text), Options{Providers: someProviders()})
		switch {
		case tc.says == "" && err != nil && !onlyTheLast(err):
			t.Errorf("%s: %v", tc.steps, err)
		case tc.says != "" && (err == nil || !strings.Contains(err.Error(), tc.says)):
			t.Errorf("%s: %v does not say %q", tc.steps, err, tc.says)
		}
	}
}

// onlyTheLast: the step that clones d, which is there for its own sake, finds no primary.
func onlyTheLast(err error) bool {
	return strings.Count(err.Error(), "\n") == 0 && strings.Contains(err.Error(), "no node can be primary")
}

// splitSteps cuts at the commas that are in no brackets.
func splitSteps(text string) (steps []string) {
	depth, start := 0, 0
	for i, c := range text {
		switch {
		case strings.ContainsRune("{[(", c):
			depth++
		case strings.ContainsRune("}])", c):
			depth--
		case c == ',' && depth == 0:
			steps = append(steps, strings.TrimSpace(text[start:i]))
			start = i + 1
		}
	}
	return append(steps, strings.TrimSpace(text[start:]))
}

// TestStepsThatCanRun: their providers have links, and there is a load.
func TestStepsThatCanRun(t *testing.T) {
	providers := someProviders()
	providers[0].Capabilities = append(providers[0].Capabilities, cluster.CanLink)
	for _, steps := range []string{
		"partition: {between: [b, any_replica]}", // it may be c
		"kill: any_replica, partition: {from: b, to: replicas}",
		"partition: {between: [primary, replicas]}",
		"partition: {between: [clients, primary]}",
		"exhaust_connections: a, stop_load: w, exhaust_connections: a", // which frees some

		// Copies past a cut.
		"{partition: {between: [a, c]}, for: 5s}, clone: c", // it waits for the end
		"partition: {between: [a, c]}, clone: {node: c, upstream: b}",
		"partition: {between: [a, c]}, clone: {node: b, upstream: a}",
		"partition: {between: [clients, a]}, clone: c",
		"{partition: {between: [a, c]}, on_error: continue}, clone: c",
		"partition: {between: [a, any_replica]}, clone: c",
		"flap: {between: [a, c], down: 1s, up: 1s}, clone: c",
		"partition: {between: [a, c]}, clone: any_replica",                                                      // it may be b
		"partition: {between: [a, c]}, stop: c, follow: {node: c, upstream: a}, {partition: {between: [b, c]}}", // only written down
		"partition: {between: [a, b]}, kill: a, failover: most_advanced, rejoin: former_primary",                // c may be the primary
		"partition: {between: [a, [b, c]]}, kill: a, failover: most_advanced, kill: primary, failover: most_advanced, rejoin: former_primary",
	} {
		text := "name: x\ncluster: {nodes: [a, b, c]}\nload: {w: {kind: insert, clients: 1}}\ntimeline:\n"
		for _, step := range splitSteps(steps) {
			if !strings.HasPrefix(step, "{") {
				step = "{" + step + "}"
			}
			text += "- " + step + "\n"
		}
		if _, _, err := Load("x.yaml", []byte(text), Options{Providers: providers}); err != nil {
			t.Errorf("%s: %v", steps, err)
		}
	}
}

// TestProcessesAndSlotsOfWholeFiles: what the setup names can be there, and an unknown standby is reported once.
func TestProcessesAndSlotsOfWholeFiles(t *testing.T) {
	for _, tc := range []struct{ name, setup, steps, says string }{
		{"no slot", "select 1", "{drop_slot: b}", "x.yaml:6:24: the standby b uses no replication slot"},
		{"a slot of the setup", "ALTER SYSTEM SET Primary_Slot_Name = 'b'", "{drop_slot: b}", ""},
		{"no archiver", "select 1", "{kill_process: {node: a, process: archiver}}", "the node a has no archiver"},
		{"an archiver of the setup", "alter system set archive_mode = 'on'", "{kill_process: {node: a, process: archiver}}", ""},
		{"an unknown standby", "select 1", "{pause_process: {node: a, process: walsender, standby: e}}", `there is no node "e"; the nodes are a, b, c`},
	} {
		text := "name: x\ncluster: {nodes: [a, b, c]}\nload:\n  setup: [\"" + tc.setup + "\"]\n  w: {kind: insert, clients: 1}\ntimeline: [" + tc.steps + "]\n"
		_, _, err := Load("x.yaml", []byte(text), Options{})
		if tc.says == "" && err != nil || tc.says != "" && (err == nil || !strings.Contains(err.Error(), tc.says) || strings.Count(err.Error(), "\n") > 0) {
			t.Errorf("%s: %v, and not only %q", tc.name, err, tc.says)
		}
	}
}

// TestCopiesThroughACutThatNeverEnds are refused.
func TestCopiesThroughACutThatNeverEnds(t *testing.T) {
	providers := someProviders()
	providers[0].Capabilities = append(providers[0].Capabilities, cluster.CanLink)
	for steps, says := range map[string]string{
		"partition: {between: [a, c]}, clone: {node: c, upstream: a}":                                            "nothing passes between the node c and a, since partition-a-c, and clone needs an answer from there; give partition-a-c a for",
		"half_open: {from: a, to: c}, clone: c":                                                                  "nothing passes between the node c and a, since half-open-a-c",
		"half_open: {from: c, to: primary}, clone: c":                                                            "nothing passes between the node c and a",
		"reject: {between: [a, c]}, clone: c":                                                                    "nothing passes between the node c and a, since reject-a-c",
		"partition: {between: [primary, replicas]}, clone: any_replica":                                          "nothing passes between the node b and a",
		"partition: {between: [a, c]}, follow: [b, c]":                                                           "nothing passes between the node c and a, since partition-a-c, and follow needs",
		"name: cut, partition: {between: [a, [b, c]]}; kill: a; failover: most_advanced; rejoin: former_primary": "nothing passes between the node a and b or c, since cut, and rejoin needs an answer",
		"partition: {between: [a, [b, c]]}, kill: a, promote: b, rejoin: a":                                      "nothing passes between the node a and b",
	} {
		all := splitSteps(steps)
		if strings.Contains(steps, ";") {
			all = strings.Split(steps, "; ")
		}
		text := "name: x\ncluster: {nodes: [a, b, c]}\nload: {w: {kind: insert, clients: 1}}\ntimeline:\n"
		for _, step := range all {
			text += "- {" + step + "}\n"
		}
		if _, _, err := Load("x.yaml", []byte(text), Options{Providers: providers}); err == nil || !strings.Contains(err.Error(), says) || strings.Count(err.Error(), "\n") > 0 {
			t.Errorf("%s: %v does not say %q", steps, err, says)
		}
	}
}
