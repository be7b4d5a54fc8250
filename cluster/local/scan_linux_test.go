package local

import (
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	line := "4242 (a) (b 7 ) T 17 18 19 34816 -1 4194304 97 0 0 0 5 6 70 800 20 0 1 0 105724 3133440 362 18446744073709551615 94 0\n"
	p, kernel, ok := parseStat([]byte(line))
	want := process{
		identity: identity{pid: 4242, start: 105724}, parent: 17, group: 18, state: 'T', terminal: true,
		cpu: 8810 * time.Millisecond,
	}
	if !ok || kernel || p != want {
		t.Errorf("got %+v, %v, %v; want %+v", p, kernel, ok, want)
	}
	for name, line := range map[string]string{
		"empty": "", "no name": "12 S 1", "cut short": "12 (x) S 1 2 3", "not a number": "12 (x) S a 18 19 34816 -1 4194304 97 0 0 0 5 6 70 800 20 0 1 0 105724 0",
	} {
		if _, _, ok := parseStat([]byte(line)); ok {
			t.Errorf("%s: taken for a process", name)
		}
	}
}

// TestStartedForAnEndingProcess: a process without a program is ending, and counts as a server until it is gone, or its memory
// would be looked for too early.
func TestStartedForAnEndingProcess(t *testing.T) {
	if server, _ := startedFor(t.TempDir()); !server {
		t.Error("one that is ending does not count")
	}
	if server, node := startedFor("/proc/self"); server || node != "" {
		t.Errorf("this test: %v, %q", server, node)
	}
}
