package cluster

import "testing"

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
		"nothing":              {"", 0},
		"another program":      {"no such file 50% x\n", 0},
	} {
		got, err := parseFree(tt.out)
		if got != tt.want || (err != nil) != (tt.want == 0 && name != "full") {
			t.Errorf("%s: %d, %v, want %d", name, got, err, tt.want)
		}
	}
}
