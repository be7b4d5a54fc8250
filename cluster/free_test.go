package cluster

import (
	"errors"
	"testing"
)

// TestWhyFreeIsNotKnown: what df does not say, and why it did not, are two clauses of one line.
func TestWhyFreeIsNotKnown(t *testing.T) {
	_, err := FreeOf(Output{}, errors.New("ssh: exit status 1"))
	if err == nil || err.Error() != "df does not say how much is free: ssh: exit status 1" {
		t.Error(err)
	}
	if _, err := FreeOf(Output{}, nil); err == nil || err.Error() != "df does not say how much is free" {
		t.Error(err)
	}
}

func TestParseFree(t *testing.T) {
	const head = "Filesystem     1024-blocks     Used Available Capacity Mounted on\n"
	for name, tt := range map[string]struct {
		out  string
		want uint64 // 0: not known
	}{
		"one disk":             {head + "/dev/sda1 100 60 40 60% /\n/dev/sda1 100 60 40 60% /\n", 40 << 10},
		"WAL elsewhere":        {head + "/dev/sda1 100 60 40 60% /\n/dev/sdb1 100 70 30 70% /wal\n", 30 << 10},
		"names with blanks":    {head + "//host/my share 100 60 40 60% /mnt/my 90% share\n", 40 << 10},
		"full":                 {head + "/dev/sda1 100 100 0 100% /\n/dev/sdb1 9 1 8 12% /wal\n", 0},
		"only one may be seen": {head + "/dev/sda1 100 60 40 60% /\n", 40 << 10},
		"all disks":            {head + "/dev/sda1 100 60 40 60% /\ntmpfs 100 60 40 60% /run\ntmpfs 100 60 4 96% /run/lock\n", 0},
		"nothing":              {"", 0},
		"another program":      {"no such file 50% x\n", 0},
	} {
		got, err := parseFree(tt.out)
		if got != tt.want || (err != nil) != (tt.want == 0 && name != "full") {
			t.Errorf("%s: %d, %v, want %d", name, got, err, tt.want)
		}
	}
}
