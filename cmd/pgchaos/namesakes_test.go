package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestAStandbyThatTheFileDoesNotName: a third server streams by the name of the standby n2, from another address. While n2 is down that
// server's line is not taken for n2's. Where the addresses are the same, too, the cluster is not used.
func TestAStandbyThatTheFileDoesNotName(t *testing.T) {
	m := meet(t)
	m.mark()
	m.Clone(t, "n3", "n2", relayFrom(t, "127.0.0.7", m.Ports["n1"], ""))
	streaming := func(want string) {
		t.Helper()
		m.await("n3 streams from "+want, func() bool {
			return m.Get(t, "n1", "postgres", "select coalesce(string_agg(host(client_addr), ' ' order by client_addr), '') from pg_stat_replication where state = 'streaming'") == want
		})
	}
	streaming("127.0.0.1 127.0.0.7")
	text, err := os.ReadFile(m.file)
	must(t, err)
	file := m.write("longer.yaml", strings.Replace(string(text), "for: 500ms", "for: 1s", 1))
	code, stdout, stderr := m.run("run", file, "--out", m.out)
	if code != exitPass {
		t.Errorf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	whole, alone := 0, 0
	for _, n := range m.result().States {
		for _, s := range n.States {
			if n.Node != "n1" || !s.Reachable {
				continue
			}
			var names []string
			for _, line := range s.Standbys {
				names = append(names, line.Name)
				if line.Address == "127.0.0.7" && line.Name == "n2" {
					t.Errorf("at %s n3 is taken for n2", s.At)
				}
			}
			switch strings.Join(names, ", ") {
			case "n2, n2", "n2":
				t.Errorf("at %s its standbys are said to be %q", s.At, names)
			case "n2 (n2 or another)":
				alone++
			case "n2, n2 (another)", "n2 (another), n2":
				whole++
			}
		}
	}
	if whole == 0 || alone == 0 {
		t.Errorf("n1 was read %d times with both standbys, and %d times with n3 alone", whole, alone)
	}
	m.unchanged()

	m.SQL(t, "n3", "postgres", fmt.Sprintf("alter system set primary_conninfo = 'host=127.0.0.1 port=%d user=postgres application_name=n2'", m.Ports["n1"]))
	m.SQL(t, "n3", "postgres", "select pg_reload_conf()")
	streaming("127.0.0.1 127.0.0.1")
	for _, command := range []string{"doctor", "run"} {
		if code, out, errs := m.run(command, m.file); code != exitUsage || !strings.Contains(out+errs, `with the application_name of n2, "n2", and the addresses that they connect from do not tell which of them is n2`) {
			t.Errorf("%s: exit code %d\n%s%s", command, code, out, errs)
		}
	}
	m.unchanged()
}
