package main

import "testing"

// TestWhatIsInFlightAtTheEndMayEnd: the end of a run breaks no operation off, with and without a condition
// that could end it early.
func TestWhatIsInFlightAtTheEndMayEnd(t *testing.T) {
	t.Parallel()
	for name, more := range map[string]string{"plain": "", "watched": "abort_on: [error_rate of slow > 50% for 10s]\n"} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			code, stdout, stderr := p.run("run", p.write("slow.yaml", `
name: slow
cluster: {nodes: [a]}
load:
  slow: {kind: sql, clients: 4, sql: select pg_sleep(0.7)}
timeline: [{wait: 2s}]
expect: [errors of slow == 0, samples of slow > 4]
`+more), "--out", p.out)
			if code != exitPass {
				t.Errorf("exit code %d\n%s\n%s", code, stdout, stderr)
			}
		})
	}
}
