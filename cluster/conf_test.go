package cluster

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRenderConf(t *testing.T) {
	p := place{
		name: "pg-a", data: "/runs/1/pg-a/data", conf: "/runs/1/pg-a/conf",
		listen:   Address{Host: "127.0.0.1", Port: 5001},
		conninfo: keywords(map[string]string{"host": "127.0.0.1", "port": "5000", "user": "replicator", "password": `it's \ odd`}),
	}
	settings := mergeSettings(DefaultSettings(200), map[string]string{
		"Work_Mem":                  "8MB",
		"full_page_writes":          "", // PostgreSQL's default
		"log_line_prefix":           "it's \\ and\nnew",
		"synchronous_standby_names": `ANY 1 ("pg-b", c)`,
	})
	golden(t, "testdata/postgresql.conf", renderConf(p, settings))
	creds := Credentials{Superuser: User{Name: "postgres"}, Load: User{Name: "pgchaos"}, Replication: User{Name: "replicator"}}
	golden(t, "testdata/pg_hba_loopback.conf", renderHBA(p.listen, creds, false))
	golden(t, "testdata/pg_hba_network.conf", renderHBA(Address{Host: "0.0.0.0"}, creds, false))
}

// golden compares a text with a file; with PGCHAOS_GOLDEN=write it writes the file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	if os.Getenv("PGCHAOS_GOLDEN") == "write" {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []struct {
		why  string
		cfg  Config
		text string
	}{
		{"no node", Config{}, "at least one"},
		{"an absent primary", Config{Nodes: []NodeConfig{{Name: "a", Absent: true}}}, "cannot be absent"},
		{"one name twice", Config{Nodes: []NodeConfig{{Name: "a"}, {Name: "a"}}}, "twice"},
		{"a path for a name", Config{Nodes: []NodeConfig{{Name: "../a"}}}, "letters"},
		{"our setting", Config{Nodes: []NodeConfig{{Name: "a"}}, Settings: map[string]string{"Primary_Conninfo": "x"}}, "follow"},
		{"our setting on a node", Config{Nodes: []NodeConfig{{Name: "a", Settings: map[string]string{"port": "1"}}}}, "node a: port"},
		{"a broken regime", Config{Nodes: []NodeConfig{{Name: "a"}}, Sync: &Synchronous{Standbys: "ANY (b)"}}, "write ANY n"},
	} {
		if _, err := New(nil, c.cfg); err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", c.why, err)
		}
	}
	_, err := New(nil, Config{Nodes: []NodeConfig{{Name: "a b"}, {Name: "c", Settings: map[string]string{"include": "x"}}}})
	if err == nil || !strings.Contains(err.Error(), "a b") || !strings.Contains(err.Error(), "include") {
		t.Errorf("not all errors at once: %v", err)
	}
}

func TestQuoteConf(t *testing.T) {
	for value, want := range map[string]string{
		"":            `''`,
		"on":          `'on'`,
		"it's":        `'it''s'`,
		`C:\x`:        `'C:\\x'`,
		"two\nlines":  `'two\nlines'`,
		"# no remark": `'# no remark'`,
	} {
		if got := quoteConf(value); got != want {
			t.Errorf("%q: %s, want %s", value, got, want)
		}
	}
}
