package spec

import (
	"strings"
	"testing"
)

// Each of these was tried on PostgreSQL 15: the server does not start, or the standby never streams; or, where nothing is
// wanted, the cluster is built.
func TestSettingsWithWhichNoClusterCanBeBuilt(t *testing.T) {
	for _, tt := range []struct{ name, nodes, settings, steps, want string }{
		{"all connections are reserved", "[a, b]", "max_connections: 1", "", "x.yaml:4:31: no server starts with this: max_connections is 1, and 3 of them are reserved"},
		{"more are reserved than there are", "[a, b]", "superuser_reserved_connections: 1000", "", "and 1000 of them are reserved (superuser_reserved_connections); write a smaller number"},
		{"one parameter twice", "[a, b]", "max_connections: 50, Max_Connections: 60", "", "x.yaml:4:14: max_connections is set twice: PostgreSQL takes Max_Connections for the same"},
		{"one connection is left", "[a]", "max_connections: 4", "", ""},
		{"no replication", "[a, b]", "wal_level: minimal", "", "x.yaml:4:25: with wal_level minimal there can be no standby"},
		{"no replication, in capitals", "[a, b]", "WAL_LEVEL: Minimal", "", "with wal_level minimal there can be no standby"},
		{"one node, and WAL senders", "[a]", "wal_level: minimal", "", "no server starts with wal_level minimal while max_wal_senders is 10"},
		{"one node, and an archive", "[a]", "wal_level: minimal, max_wal_senders: 0, archive_mode: on", "", "wal_level minimal and archive_mode on"},
		{"one node without replication", "[a]", "wal_level: minimal, max_wal_senders: 0", "", ""},
		{"one node, and a backup", "[a]", "wal_level: minimal, max_wal_senders: 0", "- {at: 1s, backup: {node: a, name: x}}", "max_wal_senders is 0: a base backup takes 2"},
		{"logical", "[a, b]", "wal_level: logical, archive_mode: on", "", ""},
		{"no senders", "[a, b]", "max_wal_senders: 0", "", "max_wal_senders is 0: a base backup takes 2 WAL senders of the primary, and each standby 1 after that; write at least 2"},
		{"one sender", "[a, b]", "max_wal_senders: 1", "", "max_wal_senders is 1"},
		{"two senders for two standbys", "[a, b, c]", "max_wal_senders: 2", "", ""},
		{"two senders for three standbys", "[a, b, c, d]", "max_wal_senders: 2", "", "write at least 3"},
		{"two senders, and an absent standby", "{a: {}, b: {}, c: {}, d: {absent: true}}", "max_wal_senders: 2", "- {at: 1s, clone: d}", ""},
		{"no slots", "[a, b]", "max_replication_slots: 0", "", "max_replication_slots is 0: a base backup takes a temporary slot"},
		{"one slot", "[a, b, c]", "max_replication_slots: 1", "", ""},
		{"a standby with fewer connections", "{a: {}, b: {settings: {max_connections: 50}}}", "", "", "the standby b cannot start: its max_connections is 50, and 100 on the primary a"},
		{"a primary with more", "{a: {settings: {max_connections: 200}}, b: {}}", "", "", "the standby b cannot start: its max_connections is 100, and 200 on the primary a"},
		{"a primary with more, in hexadecimal", "{a: {settings: {max_connections: '0xC8'}}, b: {}}", "", "", "and 200 on the primary a"},
		{"a standby with more", "{a: {}, b: {settings: {max_connections: 200}}}", "", "", ""},
		{"a standby with fewer workers", "{a: {}, b: {settings: {max_worker_processes: 2}}}", "", "", "its max_worker_processes is 2, and 8 on the primary"},
		{"a primary with prepared transactions", "{a: {settings: {max_prepared_transactions: 5}}, b: {}}", "", "", "its max_prepared_transactions is 0, and 5 on the primary"},
		{"an absent standby with less", "{a: {}, b: {absent: true, settings: {max_connections: 50}}}", "", "- {at: 1s, clone: b}", "its max_connections is 50"},
		{"an absent standby, and a step that may mend it", "{a: {}, b: {absent: true, settings: {max_connections: 50}}}", "",
			"- {at: 1s, configure: {node: a, settings: {max_connections: 40}}}\n- {restart: a}\n- {clone: b}", ""},
		{"a step that gives a standby less", "[a, b]", "", "- {at: 1s, configure: {node: b, settings: {Max_Connections: 50}}}", "the standby b ends with this: its max_connections is 50, and 100 on the primary a"},
		{"all standbys", "[a, b, c]", "", "- {at: 1s, configure: {node: replicas, settings: {max_connections: 50}}}", "the standby b ends with this"},
		{"any of them", "[a, b, c]", "", "- {at: 1s, configure: {node: any_replica, settings: {max_connections: 50}}}", "the standby b ends with this"},
		{"the primary", "[a, b]", "", "- {at: 1s, configure: {node: a, settings: {max_connections: 50}}}", ""},
		{"the standby is the primary by then", "[a, b]", "", "- {at: 1s, switchover: b}\n- {configure: {node: b, settings: {max_connections: 50}}}", ""},
		{"by a step that stands below, and is earlier", "[a, b, c]", "", "- {at: 1s, name: zero, wait: 100ms}\n- {after: zero, at: 8s, configure: {node: b, settings: {max_connections: 50}}}\n- {after: zero, at: 2s, switchover: b}", ""},
		{"by one that is certainly later", "[a, b, c]", "", "- {at: 1s, name: zero, wait: 100ms}\n- {after: zero, at: 8s, name: less, configure: {node: b, settings: {max_connections: 50}}}\n- {after: less, switchover: b}", "the standby b ends with this"},
		{"a command may have promoted it", "[a, b]", "", "- {at: 1s, kill: a}\n- {exec: {node: b, command: pg_ctl promote}}\n- {configure: {node: b, settings: {max_connections: 50}}}", ""},
		{"a statement may have changed the primary", "[a, b]", "", "- {at: 1s, sql: {node: a, query: alter system set max_connections = 20}}\n- {restart: a}\n- {configure: {node: b, settings: {max_connections: 50}}}", ""},
		{"a failover that may have broken off", "[a, b]", "", "- {at: 1s, kill: a}\n- {failover: b, on_error: continue}\n- {configure: {node: b, settings: {max_connections: 50}}}", ""},
		{"a step that gives a standby as much", "[a, b]", "max_connections: 50", "- {at: 1s, configure: {node: b, settings: {max_connections: 50}}}", ""},
		{"a step that gives the primary less", "[a, b]", "", "- {at: 1s, configure: {node: a, settings: {max_connections: 50}}}", ""},
		{"a step that gives both less, the primary first", "[a, b]", "", "- {at: 1s, configure: {node: a, settings: {max_connections: 50}}}\n- {configure: {node: b, settings: {max_connections: 50}}}", ""},
		{"a step that gives a primary less that was a standby", "[a, b]", "", promoteB + "- {configure: {node: b, settings: {max_connections: 50}}}", ""},
		{"TLS without a certificate", "[a, b]", "ssl: on", "", "no server starts with ssl and without a certificate"},
		{"TLS off", "[a, b]", "ssl: of", "", ""},
		{"TLS", "[a, b]", "ssl: on, ssl_cert_file: /x.crt, ssl_key_file: /x.key", "", ""},
		{"a slot that nobody made", "[a, b]", "primary_slot_name: x", "", "there is no replication slot when the cluster is built"},
		{"a slot, and no standby", "[a]", "primary_slot_name: x", "", ""},
		{"recovery that ends at once", "[a, b]", "recovery_target: immediate", "", "its recovery ends when the backup is consistent"},
		{"PostgreSQL's own default", "[a, b]", `max_connections: ""`, "", ""},
	} {
		text := "name: x\ncluster:\n  nodes: " + tt.nodes + "\n  settings: {" + tt.settings + "}\nload: {w: {kind: insert}}\nduration: 5s\n"
		if tt.steps != "" {
			text += "timeline:\n" + tt.steps + "\n"
		}
		_, _, err := Load("x.yaml", []byte(text), Options{})
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v", tt.name, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

const promoteB = "- {at: 1s, stop: a}\n- {promote: b}\n"

func TestWarningsAboutTooFewConnections(t *testing.T) {
	for _, tt := range []struct{ name, settings, load, steps, want string }{
		{"by default there are enough", "", "w: {kind: insert, clients: 500}", "", ""},
		{"writers", "max_connections: 20", "w: {kind: insert, clients: 15}", "", "max_connections of a is 20, and 21 are needed: 15 clients of the workloads at once, 3 sessions of pgchaos, and 3 reserved"},
		{"just enough", "max_connections: 21", "w: {kind: insert, clients: 15}", "", ""},
		{"more are reserved", "max_connections: 21, superuser_reserved_connections: 4", "w: {kind: insert, clients: 15}", "", "and 4 reserved"},
		{"fewer connections than clients", "max_connections: 20", "w: {kind: insert, clients: 15, connections: 10}", "", ""},
		{"readers are spread over the standbys", "max_connections: 20", "r: {kind: read, clients: 28}", "", ""},
		{"readers", "max_connections: 20", "r: {kind: read, clients: 30}", "", "max_connections of b is 20, and 21 are needed"},
		{"each", "max_connections: 20", "r: {kind: sql, sql: select 1, target: each, clients: 15}", "", "max_connections of c"},
		{"one node", "max_connections: 20", "r: {kind: sql, sql: select 1, target: c, clients: 15}", "", "max_connections of c"},
		{"a node that is promoted", "max_connections: 20", "w: {kind: insert, clients: 15}", promoteB, "max_connections of b"},
		{"a node that is promoted by its role", "max_connections: 20", "w: {kind: insert, clients: 15}", "- {at: 1s, stop: a}\n- {promote: any_replica}\n", "max_connections of c"},
		{"a promoted node has no readers any more", "max_connections: 20", "w: {kind: insert, clients: 10}, r: {kind: read, clients: 20}", promoteB, ""},
		{"two workloads", "max_connections: 20", "w: {kind: insert, clients: 8}, v: {kind: insert, clients: 8}", "", "max_connections of a"},
		{"one after the other", "max_connections: 20", "w: {kind: insert, clients: 8}, v: {kind: insert, clients: 8}", "- {at: 1s, stop_load: w}\n- {start_load: v}\n", ""},
		{"one beside the other later", "max_connections: 20", "w: {kind: insert, clients: 8}, v: {kind: insert, clients: 8}", "- {at: 1s, start_load: v}\n", "max_connections of a"},
		{"behind a pool", "max_connections: 20", "w: {kind: insert, clients: 50, url: 'postgres://x/y'}", "", ""},
		{"raised by a step", "max_connections: 20", "w: {kind: insert, clients: 50}", "- {at: 1s, configure: {node: a, settings: {max_connections: 100}}}\n- {restart: a}\n", ""},
	} {
		text := "name: x\ncluster:\n  nodes: [a, b, c]\n  settings: {" + tt.settings + "}\nload: {" + tt.load + "}\nduration: 5s\n"
		if tt.steps != "" {
			text += "timeline:\n" + tt.steps
		}
		e, _, err := Load("x.yaml", []byte(text), Options{})
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := strings.Join(e.Warnings(), "\n"); (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
