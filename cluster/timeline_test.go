package cluster

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pgchaos/record"
)

func TestParseHistory(t *testing.T) {
	got, err := parseHistory("# comment\n\n1\t0/3000148\tno recovery target specified\n\n3\t16/B374D848\tbefore 2026-01-01 # or so\n")
	want := []record.Fork{{Timeline: 1, At: 0x3000148}, {Timeline: 3, At: 0x16_B374D848}}
	if err != nil || !cmp.Equal(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	for _, wrong := range []string{"1", "x 0/1", "1 0-1 x", "2 0/1 x\n1 0/2 x", "99999999999 0/1 x"} {
		if _, err := parseHistory(wrong); err == nil {
			t.Errorf("%q was read", wrong)
		}
	}
}

func FuzzParseHistory(f *testing.F) {
	f.Add("1\t0/3000148\tno recovery target specified\n")
	f.Fuzz(func(t *testing.T, text string) {
		forks, err := parseHistory(text)
		if err != nil {
			return
		}
		for i := 1; i < len(forks); i++ {
			if forks[i-1].Timeline >= forks[i].Timeline {
				t.Errorf("%q: %v is not in order", text, forks)
			}
		}
	})
}

func TestExcludes(t *testing.T) {
	line := record.Lineage{Timeline: 4, Forks: []record.Fork{{Timeline: 1, At: 100}, {Timeline: 2, At: 200}, {Timeline: 3, At: 300}}}
	for _, c := range []struct {
		why  string
		own  record.Lineage
		at   record.LSN
		text string // empty: it may follow
	}{
		{"on the same timeline", record.Lineage{Timeline: 4, Forks: line.Forks}, 350, ""},
		{"on the same timeline, how it came about is not known", record.Lineage{Timeline: 4, Forks: nil}, 350, ""},
		{"on another timeline of the same number", record.Lineage{Timeline: 4, Forks: []record.Fork{{Timeline: 1, At: 100}, {Timeline: 2, At: 200}, {Timeline: 3, At: 310}}}, 350, "another one"},
		{"behind the fork", record.Lineage{Timeline: 2, Forks: []record.Fork{{Timeline: 1, At: 100}}}, 150, ""},
		{"at the fork", record.Lineage{Timeline: 2, Forks: []record.Fork{{Timeline: 1, At: 100}}}, 200, ""},
		{"past the fork", record.Lineage{Timeline: 2, Forks: []record.Fork{{Timeline: 1, At: 100}}}, 201, "past 0/C8"},
		{"an ancestor of the same number only", record.Lineage{Timeline: 2, Forks: []record.Fork{{Timeline: 1, At: 90}}}, 150, "another one"},
		{"a timeline that it does not come from", record.Lineage{Timeline: 5, Forks: nil}, 50, "does not come from"},
		{"the first timeline", record.Lineage{Timeline: 1, Forks: nil}, 100, ""},
		{"the first timeline, past the fork", record.Lineage{Timeline: 1, Forks: nil}, 101, "past"},
		{"a history without lines", record.Lineage{Timeline: 2, Forks: []record.Fork{}}, 101, ""},
	} {
		err := excludes(line, c.own, c.at)
		if c.text == "" && err != nil || c.text != "" && (err == nil || !strings.Contains(err.Error(), c.text)) {
			t.Errorf("%s: %v", c.why, err)
		}
	}
}

const control = `pg_control version number:            1300
Database system identifier:           7400000000000000001
Database cluster state:               in production
pg_control last modified:             Mon Jan  1 00:00:00 2026
Latest checkpoint location:           0/90001F8
Latest checkpoint's TimeLineID:       2
Min recovery ending loc's timeline:   3
`

func TestParseControl(t *testing.T) {
	o, err := parseControl(control)
	if err != nil || o.system != "7400000000000000001" || !o.primary() || o.timeline != 3 || o.checkpoint != 0x90001F8 {
		t.Errorf("got %+v, %v", o, err)
	}
	for line := range strings.Lines(control) {
		if strings.HasPrefix(line, "pg_control") {
			continue
		}
		if _, err := parseControl(strings.Replace(control, line, "", 1)); err == nil {
			t.Errorf("it was read without %q", line)
		}
	}
}

func TestHopeless(t *testing.T) {
	up := record.NodeState{Node: "up", SystemID: "1"}
	line := record.Lineage{Timeline: 3, Forks: []record.Fork{{Timeline: 1, At: 100}, {Timeline: 2, At: 200}}}
	for _, c := range []struct {
		why             string
		own             controlData
		restart, rewind bool // whether it may work
	}{
		{"nothing past the fork", controlData{system: "1", state: "shut down", timeline: 2, checkpoint: 150, forks: line.Forks[:1]}, true, true},
		{"a checkpoint that begins at the fork", controlData{system: "1", state: "shut down", timeline: 2, checkpoint: 200, forks: line.Forks[:1]}, false, true},
		{"a checkpoint past the fork", controlData{system: "1", state: "in production", timeline: 2, checkpoint: 250, forks: line.Forks[:1]}, false, true},
		{"another system", controlData{system: "2", state: "shut down", timeline: 2, checkpoint: 150}, false, false},
		{"a primary on the same timeline", controlData{system: "1", state: "in production", timeline: 3, checkpoint: 150, forks: line.Forks}, false, false},
		{"a standby on the same timeline", controlData{system: "1", state: "shut down in recovery", timeline: 3, checkpoint: 150, forks: line.Forks}, true, true},
		{"a standby on another timeline of the number", controlData{system: "1", state: "shut down in recovery", timeline: 3, checkpoint: 150, forks: []record.Fork{{Timeline: 1, At: 100}, {Timeline: 2, At: 201}}}, false, false},
		{"a newer timeline", controlData{system: "1", state: "shut down", timeline: 4, checkpoint: 150}, false, true},
	} {
		got := c.own.judge(up, line, nil)
		if (got.restart == nil) != c.restart || (got.rewind == nil) != c.rewind {
			t.Errorf("%s: restart: %v, rewind: %v", c.why, got.restart, got.rewind)
		}
	}
}
