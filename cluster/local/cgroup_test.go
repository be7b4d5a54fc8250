package local

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// aTree is a directory with the files of cgroups that tests need. It keeps what is written, as the kernel does with limits.
func aTree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	return dir
}

func TestFindCgroups(t *testing.T) {
	dir := aTree(t, map[string]string{
		"v1/cpu/mine/cgroup.procs": "", "v1/memory/cgroup.procs": "",
		"v2/cgroup.procs": "", "v2/cgroup.subtree_control": "cpuset cpu memory pids\n",
		"v2/user/cgroup.procs": "", "v2/user/cgroup.subtree_control": "cpu memory\n",
		"v2/user/app/cgroup.procs": "", "v2/user/app/cgroup.subtree_control": "memory\n",
		"v2/user/app/mine/cgroup.procs": "", "v2/user/app/mine/cgroup.subtree_control": "",
		"none/cgroup.procs": "", "none/cgroup.subtree_control": "memory",
		"missing/cgroup.subtree_control": "cpu memory",
	})
	const v1 = "30 25 0:26 / DIR/v1/cpu rw,nosuid shared:9 - cgroup cgroup rw,cpuacct,cpu\n31 25 0:27 / DIR/v1/memory rw - cgroup cgroup rw,memory\n"
	const empty = "36 25 0:28 / DIR/v2 rw - cgroup2 cgroup2 rw\n"
	tests := []struct{ name, mounts, self, below, wrong string }{
		{"version 1", v1, "2:cpuacct,cpu:/mine\n1:memory:/\n", "v1/cpu/mine v1/memory", ""},
		{"both versions, and the controllers in the first", empty + v1, "2:cpu,cpuacct:/mine\n1:memory:/\n0::/user\n", "v1/cpu/mine v1/memory", ""},
		{"version 2, below the nearest group that hands both on", empty, "0::/user/app/mine\n", "v2/user v2/user", ""},
		{"a part of the tree is mounted, as in a container", "36 25 0:28 /pod/7 DIR/v2 rw - cgroup2 cgroup2 rw\n", "0::/pod/7/user\n", "v2/user v2/user", ""},
		{"another part is", "36 25 0:28 /pod/7 DIR/v2 rw - cgroup2 cgroup2 rw\n", "0::/pod/8\n", "", "is not below /pod/7"},
		{"no group hands both on", "36 25 0:28 / DIR/none rw - cgroup2 cgroup2 rw\n", "0::/\n", "", "has cpu and memory in its cgroup.subtree_control"},
		{"nothing is mounted", "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n", "0::/user\n", "", "is not mounted"},
		{"the kernel has none", "", "", "", "has no controller cpu"},
		{"a line that is none", "x\n", "x\n", "", "has no controller cpu"},
		{"nobody may move processes", "36 25 0:28 / DIR/missing rw - cgroup2 cgroup2 rw\n", "0::/\n", "", "cannot write DIR/missing/cgroup.procs"},
		{"one controller in each version", empty + v1, "2:cpu,cpuacct:/mine\n0::/user\n", "", "one controller is in version 1"},
	}
	for _, tt := range tests {
		c, err := findCgroups(strings.ReplaceAll(tt.mounts, "DIR", dir), tt.self)
		got := ""
		if err == nil {
			got = strings.ReplaceAll(c.below[ofCPU]+" "+c.below[ofMemory], dir+"/", "")
		}
		if wrong := strings.ReplaceAll(tt.wrong, "DIR", dir); got != tt.below || (err == nil) != (wrong == "") || err != nil && !strings.Contains(err.Error(), wrong) {
			t.Errorf("%s: %q, %v", tt.name, got, err)
		}
	}
}

// TestSettingsOfVersion2: what is written for the kernel of version 2, to files that keep what is written.
func TestSettingsOfVersion2(t *testing.T) {
	dir := aTree(t, map[string]string{"cpu.max": "max 100000\n", "memory.max": "max\n"}) // no swap
	c := cgroups{unified: true}
	for _, tt := range []struct {
		of    controller
		limit int64
		file  string
		want  string
	}{
		{ofCPU, 250_000_000, "cpu.max", "25000 100000"},
		{ofMemory, 256 << 20, "memory.max", "268435456"},
	} {
		must(t, os.Truncate(filepath.Join(dir, tt.file), 0))
		must(t, c.limit(dir, tt.of, tt.limit))
		text, err := os.ReadFile(filepath.Join(dir, tt.file))
		must(t, err)
		if diff := cmp.Diff(tt.want, string(text)); diff != "" {
			t.Errorf("%s: %s", tt.file, diff)
		}
		if n, err := c.read(dir, tt.of); n != tt.limit || err != nil {
			t.Errorf("%s is %d, %v", tt.of, n, err)
		}
		must(t, os.Truncate(filepath.Join(dir, tt.file), 0))
		must(t, c.limit(dir, tt.of, 0))
		if n, err := c.read(dir, tt.of); n != 0 || err != nil {
			t.Errorf("%s is %d without a limit, %v", tt.of, n, err)
		}
	}
	must(t, os.WriteFile(filepath.Join(dir, "memory.max"), []byte("8192000000000"), 0o644))
	if err := c.limit(dir, ofMemory, 1<<20); err == nil { // the file starts with the old figures
		t.Error("a limit that is not in force passes")
	}
	if diff := cmp.Diff([]setting{{"memory.max", "4096", false}, {"memory.swap.max", "0", true}}, c.settings(ofMemory, 4096), cmp.AllowUnexported(setting{})); diff != "" {
		t.Error(diff)
	}
}
