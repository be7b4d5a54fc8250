package existing

import (
	"net"
	"os"
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

// TestRecords: a run is alive as long as its pgchaos has the record open. What another user could have written, or what is the record of another
// run, is not believed: it names commands.
func TestRecords(t *testing.T) {
	t.Setenv(cluster.BaseVariable, filepath.Join(t.TempDir(), "base"))
	o := cluster.OpenOptions{Run: "20300101-000000-x"}
	f, err := writeRecord(o)
	if err != nil {
		t.Fatal(err)
	}
	look := func(what string, alive, doubted bool) {
		t.Helper()
		left, _, err := leftovers(t.Context())
		if err != nil || len(left) != 1 || left[0].Alive != alive || (left[0].Doubt != "") != doubted {
			t.Errorf("%s: %+v, %v", what, left, err)
		}
	}
	look("a run that goes on", true, false)
	if killedHere(o.Run) {
		t.Error("a run that goes on was killed")
	}
	if err := f.keep(); err != nil {
		t.Fatal(err)
	}
	look("a run that is kept", false, false)
	if !killedHere(o.Run) || !killedHere("000000-x") || killedHere("000000-y") {
		t.Error("the pgchaos of this run, or of one whose id ends so, is gone; of others nothing is known")
	}

	other := filepath.Join(recordDir(), "20300101-000000-y"+recordEnd)
	if err := os.Rename(f.path, other); err != nil {
		t.Fatal(err)
	}
	look("the record of another run", false, true)

	for mode, refused := range map[os.FileMode]bool{0o755: false, 0o720: true, 0o702: true} {
		if err := os.Chmod(recordDir(), mode); err != nil {
			t.Fatal(err)
		}
		if _, _, err := leftovers(t.Context()); (err != nil) != refused {
			t.Errorf("%o: read: %v", mode, err)
		}
		f, err := writeRecord(o)
		if (err != nil) != refused {
			t.Errorf("%o: written: %v", mode, err)
		}
		if f != nil {
			if err := f.remove(); err != nil {
				t.Fatal(err)
			}
		}
	}
}
