package hatest

import (
	"strings"
	"testing"
)

// TestPgAutoFailover starts a cluster, looks at it by nothing but its addresses, breaks it, and looks for what is left.
func TestPgAutoFailover(t *testing.T) {
	t.Parallel()
	c := Up(t, PgAutoFailover, "nodes=2")
	const standbys = "select string_agg(concat_ws(' ', application_name, state, sync_state), ',') from pg_stat_replication"
	if got, want := answer(t, c.Env["DSN_n1"], standbys), "pgautofailover_standby_2 streaming quorum"; got != want {
		t.Errorf("standbys of n1: %s, want %s", got, want)
	}
	if got := answer(t, c.Env["DSN_n2"], "select status from pg_stat_wal_receiver"); got != "streaming" {
		t.Errorf("n2's WAL receiver: %s, want streaming", got)
	}
	checkRole(t, c.Env["DSN_n1"])
	for name, want := range map[string]string{"DSN_n1": "127.0.0.11 false", "DSN_n2": "127.0.0.12 true", "MULTIHOST_DSN": "127.0.0.11 false"} {
		if got := answer(t, c.Env[name], "select concat_ws(' ', host(inet_server_addr()), pg_is_in_recovery()::text)"); got != want {
			t.Errorf("%s leads to %s, want %s", name, got, want)
		}
	}
	c.Do(t, "hang-agent", "n2")
	if !c.Is("agent-hangs", "n2") || c.Is("agent-hangs", "n1") {
		t.Error("n2's agent was stopped: agent-hangs must hold for it, and not for n1's")
	}
	c.Do(t, "resume-agent", "n2")
	c.Do(t, "kill-node", "n2")
	if !c.Is("node-down", "n2") || c.Is("node-down", "n1") {
		t.Error("n2 was killed: node-down must hold for it, and not for n1")
	}
	c.Do(t, "start-node", "n2")
	until(t, "n2 streams again", func() bool {
		return strings.HasPrefix(answer(t, c.Env["DSN_n1"], "select coalesce(("+standbys+"), '')"), "pgautofailover_standby_2 streaming")
	})
	if out := c.run(t, c.script, "status", c.Dir); !strings.Contains(out, "n2: process") || !strings.Contains(out, "primary") {
		t.Errorf("status:\n%s", out)
	}
	left := processes(t, c)
	c.Down(t)
	checkNothingLeft(t, c, left)
}
