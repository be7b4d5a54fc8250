package existing

import (
	"net"
	"path/filepath"
	"strings"
	"testing"

	"pgchaos/cluster"
)

// TestRemoveWhereNobodyListens: what keeps the schema there is not a password.
func TestRemoveWhereNobodyListens(t *testing.T) {
	t.Setenv(cluster.BaseVariable, filepath.Join(t.TempDir(), "base"))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	dsn, err := cluster.ParseDSN("postgres://chaos@" + at + "/shop")
	if err != nil {
		t.Fatal(err)
	}
	f, err := writeRecord(cluster.OpenOptions{Run: "20300101-000000-x", Existing: cluster.Existing{Nodes: []cluster.ExistingNode{{Name: "n1", Host: "n1", DSN: dsn}}}})
	if err == nil {
		err = f.keep()
	}
	if err != nil {
		t.Fatal(err)
	}
	left, _, err := leftovers(t.Context())
	if err != nil || len(left) != 1 {
		t.Fatalf("%+v, %v", left, err)
	}
	err = left[0].Remove(t.Context())
	if err == nil || !strings.Contains(err.Error(), "connection refused; clean tries it again") || strings.Contains(err.Error(), "password") {
		t.Error(err)
	}
}
