package runner

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/internal/redact"
	"pgchaos/internal/skip"
	"pgchaos/record"
	"pgchaos/report"
)

// twoSteps is the journal of a run that was killed: b was paused and resumed, then a and c limited, c resumed twice.
func twoSteps(t testing.TB, run string) (dir string, left []chaos.Reversal) {
	t.Helper()
	dir = t.TempDir()
	j, err := createJournal(dir, run, "", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	resume := chaos.Reversal{ID: 1, Kind: "resume", Node: "b"}
	left = []chaos.Reversal{
		{ID: 2, Kind: "unlimit", Node: "a", Arguments: json.RawMessage(`{"nano_cpus":500000000,"memory":0}`)},
		{ID: 3, Kind: "unlimit", Node: "c", Arguments: json.RawMessage(`{"nano_cpus":0,"memory":0}`)},
		{ID: 4, Kind: "resume", Node: "c"},
	}
	must := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	must(j.Intend([]chaos.Reversal{resume}))
	j.begin(record.Event{Name: "pause-b", Action: "pause", Issued: time.Second})
	j.Undone(resume)
	must(j.Intend(left[:2]))
	must(j.Intend(left[2:]))
	must(j.close())
	return dir, left
}

func TestReversalsInTheJournal(t *testing.T) {
	dir, left := twoSteps(t, "run-1")
	got, _, doubt := standing(dir, "run-1")
	if diff := cmp.Diff(left, got); diff != "" || doubt != "" {
		t.Errorf("%s %s", diff, doubt)
	}
	j, err := ReadJournal(dir)
	if err != nil || j.Damage != "" || len(j.Events) != 1 {
		t.Errorf("the audit reads the same file: %+v, %v", j, err)
	}
}

// TestReversalsAreExact: what is hidden elsewhere must not change what is taken back.
func TestReversalsAreExact(t *testing.T) {
	dir := t.TempDir()
	j, err := createJournal(dir, "run-1", "", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	j.secrets = redact.New("b")
	want := []chaos.Reversal{{ID: 1, Kind: "resume", Node: "b"}}
	if err := errors.Join(j.Intend(want), j.close()); err != nil {
		t.Fatal(err)
	}
	if got, _, doubt := standing(dir, "run-1"); !cmp.Equal(want, got) || doubt != "" {
		t.Errorf("%v %s", got, doubt)
	}
}

// TestJournalThatCannotBeWritten: nothing may be changed from then on.
func TestJournalThatCannotBeWritten(t *testing.T) {
	failed := func(j *journal) *journal {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.err = syscall.EIO
		return j
	}
	sound := func() *journal {
		j, err := createJournal(t.TempDir(), "run-1", "", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return j
	}
	for name, spoiled := range map[string]func() *journal{
		"its disk is full": func() *journal {
			full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
			if err != nil {
				skip.Test(t, "%v", err)
			}
			return newJournal(full)
		},
		"something before failed": func() *journal { return failed(sound()) },
		"it cannot be synced": func() *journal { // as a pipe cannot
			read, write, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = read.Close() })
			return newJournal(write)
		},
		"it has been closed": func() *journal {
			j := sound()
			_ = j.close()
			return j
		},
	} {
		j := spoiled()
		for range 2 {
			err := j.Intend([]chaos.Reversal{{ID: 1, Kind: "resume", Node: "b"}})
			if err == nil || !strings.Contains(err.Error(), ": ") {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := j.close(); err == nil && name != "it has been closed" {
			t.Errorf("%s: nothing is said of it at the end", name)
		}
	}
}

// TestDoubtsAboutAJournal: the directory is its user's, and may hold anything.
func TestDoubtsAboutAJournal(t *testing.T) {
	whole, left := twoSteps(t, "run-1")
	text, err := os.ReadFile(filepath.Join(whole, JournalFile))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	for _, tc := range []struct {
		name  string
		put   func(path string) error
		want  []chaos.Reversal
		doubt string
	}{
		{"whole", write(string(text)), left, ""},
		{"torn", write(string(text[:len(text)-5])), left[:2], ""},
		{"killed before the change", write(strings.Join(lines[:2], "")), []chaos.Reversal{{ID: 1, Kind: "resume", Node: "b"}}, ""},
		{"no journal: no load", func(string) error { return nil }, nil, ""},
		{"empty", write(""), nil, "is of another run"},
		{"edited", write(strings.Replace(string(text), `"node":"c"`, `"node":"d"`, 1)), nil, "damaged in line 5"},
		{"a line is missing", write(strings.Join(append(lines[:3:3], lines[4:]...), "")), []chaos.Reversal{{ID: 1, Kind: "resume", Node: "b"}}, "damaged in line 4"},
		{"another run's", write(strings.Replace(string(text), "run-1", "run-2", 1)), nil, "damaged in line 1"},
		{"another run's, and damaged", func(path string) error {
			dir, _ := twoSteps(t, "run-2")
			text, err := os.ReadFile(filepath.Join(dir, JournalFile))
			return errors.Join(err, os.WriteFile(path, append(text, "x\n"...), 0o600))
		}, nil, "is of another run"},
		{"without checksums", write(`{"schema":"pgchaos.timeline/1","run":"run-1"}` + "\n" + `{"intend":[{"id":1,"kind":"resume","node":"a"}]}` + "\n"), nil, ""},
		{"no journal", write("secret\n"), nil, "is not one"},
		{"a pipe", func(path string) error { return syscall.Mkfifo(path, 0o600) }, nil, "not a regular file"},
		{"a link", func(path string) error { return os.Symlink("/dev/zero", path) }, nil, "not a regular file"},
		{"huge", func(path string) error {
			return errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, 1<<40))
		}, nil, "has more than"},
	} {
		dir := t.TempDir()
		if err := tc.put(filepath.Join(dir, JournalFile)); err != nil {
			t.Fatal(err)
		}
		got, _, doubt := standing(dir, "run-1")
		if diff := cmp.Diff(tc.want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: %s", tc.name, diff)
		}
		if strings.Contains(doubt, "secret") || (tc.doubt == "") != (doubt == "") || !strings.Contains(doubt, tc.doubt) {
			t.Errorf("%s: doubt %q", tc.name, doubt)
		}
	}
	if all, _, doubt := standing(whole, "run-2"); all != nil || !strings.Contains(doubt, "is of another run") {
		t.Errorf("of another run: %v, %q", all, doubt)
	}
	if all, _, doubt := standing(filepath.Join(whole, "moved"), "run-1"); all != nil || !strings.Contains(doubt, "there is no ") {
		t.Errorf("a directory that is gone: %v, %q", all, doubt)
	}
}

func write(text string) func(path string) error {
	return func(path string) error { return os.WriteFile(path, []byte(text), 0o600) }
}

// cleanedHost notes what is done to it.
type cleanedHost struct {
	node string
	said *[]string
}

func (h cleanedHost) Thaw(context.Context) error {
	*h.said = append(*h.said, "thaw "+h.node)
	return nil
}

// leftNodes are those of a run, as its provider finds them.
type leftNodes func(node string) any

func (n leftNodes) Host(node string) any { return n(node) }
func (n leftNodes) Close() error         { return nil }

// TestTakeBackTouchesNothingElse: the nodes that the run has decide, whatever the journal says.
func TestTakeBackTouchesNothingElse(t *testing.T) {
	dir := t.TempDir()
	j, err := createJournal(dir, "run-1", "", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(j.Intend([]chaos.Reversal{
		{ID: 1, Kind: "resume", Node: "a"}, {ID: 2, Kind: "resume", Node: "../other"}, {ID: 3, Kind: "start", Node: "a"},
		{ID: 4, Kind: "connect", Node: "a"}, {ID: 5, Kind: "resume", Node: "\x1b[2Jb"},
	}), j.close()); err != nil {
		t.Fatal(err)
	}
	var said, asked []string
	nodes := leftNodes(func(node string) any {
		asked = append(asked, node)
		if node == "a" {
			return cleanedHost{node, &said}
		}
		return nil
	})
	done, doubt, err := TakeBack(t.Context(), left(dir, nodes), false)
	if err != nil || doubt != "" || !cmp.Equal(said, []string{"thaw a"}) || !cmp.Equal(done.Done, chaos.Reversals{{ID: 1, Kind: "resume", Node: "a"}}) || len(done.Ends) != 4 {
		t.Errorf("%v, %+v, %q, %v", said, done, doubt, err)
	}
	if text := fmt.Sprint(asked, done); strings.Contains(text, "\x1b") {
		t.Errorf("%q", text)
	}
}

// left is what there is of the run run-1, whose nodes are to be removed.
func left(dir string, nodes cluster.LeftNodes) cluster.Leftover {
	return cluster.Leftover{Run: "run-1", Results: dir, Nodes: func(context.Context) (cluster.LeftNodes, error) { return nodes, nil }}
}

// TestADoubtAboutNodesThatStay: a removal ends what a run has done to its own nodes, also where nobody knows what that was. Of nodes that were
// there before the run somebody has to look, and to say so.
func TestADoubtAboutNodesThatStay(t *testing.T) {
	l := left(filepath.Join(t.TempDir(), "gone"), leftNodes(func(string) any { return nil }))
	if _, doubt, err := TakeBack(t.Context(), l, false); err != nil || !strings.Contains(doubt, "it is not known what the steps of the run had changed") {
		t.Errorf("nodes that are removed: %q, %v", doubt, err)
	}
	l.Borrowed = true
	if _, doubt, err := TakeBack(t.Context(), l, false); !errors.Is(err, ErrNotTakenBack) || !strings.Contains(err.Error(), "it is not known what the steps of the run had changed") || doubt != "" {
		t.Errorf("nodes that stay: %q, %v", doubt, err)
	}
	l.Kept = true
	if _, doubt, err := TakeBack(t.Context(), l, false); err != nil || doubt == "" {
		t.Errorf("nodes that stay, of a run that had come to its end: %q, %v", doubt, err)
	}
	l.Kept = false
	if _, doubt, err := TakeBack(t.Context(), l, true); err != nil || doubt == "" {
		t.Errorf("nodes that stay, and somebody has looked: %q, %v", doubt, err)
	}
}

// TestACleanMadeAgain: the removal after a clean's reversals may have failed. The next clean does none of them again, for which there may be
// no node any more. Nothing is noted in a journal that others can write.
func TestACleanMadeAgain(t *testing.T) {
	for _, tc := range []struct {
		name         string
		torn         string
		mode         os.FileMode
		first, again []string
	}{
		{"whole", "", 0o600, []string{"exec_undo a", "resume b", "resume a"}, nil},
		{"torn by the kill", `{"n":7,"undone":`, 0o600, []string{"exec_undo a", "resume b", "resume a"}, nil},
		{"others can write it", "", 0o622, []string{"resume b", "resume a"}, []string{"resume b", "resume a"}},
	} {
		dir := t.TempDir()
		j, err := createJournal(dir, "run-1", "", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, JournalFile)
		if err := errors.Join(j.Intend([]chaos.Reversal{
			{ID: 1, Kind: "resume", Node: "a"}, {ID: 2, Kind: "resume", Node: "b"}, {ID: 3, Kind: "resume", Node: "a"},
			{ID: 4, Kind: "exec_undo", Node: "a", Arguments: json.RawMessage(`{"command":"rm mark"}`)},
		}), j.close()); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(file)
		if err := errors.Join(err, os.WriteFile(file, append(text, tc.torn...), 0o600), os.Chmod(file, tc.mode)); err != nil {
			t.Fatal(err)
		}
		var said, ran []string
		for _, want := range [][]string{tc.first, tc.again} {
			ran = nil
			done, doubt, err := TakeBack(t.Context(), left(dir, leftNodes(func(node string) any { return nodeThatRuns{cleanedHost{node, &said}, &ran} })), false)
			if diff := cmp.Diff(strings.Join(want, ", "), done.Done.String()); diff != "" || len(done.Ends) > 0 || errors.Is(err, ErrNotTakenBack) != (tc.mode != 0o600) || doubt != "" || (len(ran) > 0) != slices.Contains(want, "exec_undo a") {
				t.Errorf("%s: ran %q, %+v, %q, %v %s", tc.name, ran, done, doubt, err, diff)
			}
		}
		if j, err := ReadJournal(dir); err != nil || j.Damage != "" || j.Run != "run-1" {
			t.Errorf("%s: the audit reads the same file: %+v, %v", tc.name, j, err)
		}
	}
}

// FuzzJournal: no file makes the reader panic, and what it returns has the checksums of pgchaos.
func FuzzJournal(f *testing.F) {
	dir, _ := twoSteps(f, "run-1")
	text, err := os.ReadFile(filepath.Join(dir, JournalFile))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(text[:len(text)/2])
	f.Add([]byte(`{"schema":"pgchaos.timeline/1","run":"run-1"}` + "\n" + `{"undone":{"id":1}}` + "\n"))
	f.Add([]byte(`{"n":1,"schema":"pgchaos.timeline/1","run":"run-1","intend":[{}]}` + "\n"))
	f.Add(withCRC([]byte(`{"n":1,"schema":"pgchaos.timeline/2","run":"run-1","intend":[null],"undone":null}`)))
	f.Fuzz(func(t *testing.T, text []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, JournalFile), text, 0o600); err != nil {
			t.Fatal(err)
		}
		_, _ = ReadJournal(dir)
		all, _, _ := standing(dir, "run-1")
		if len(all) > 0 && !slices.ContainsFunc(bytes.Split(text, []byte("\n")), intact) {
			t.Errorf("%v from a file without checksums", all)
		}
	})
}

// TestEndOfARunTakesBackWhatNoAuditDid: what would outlive the nodes, or everything where they are kept.
func TestEndOfARunTakesBackWhatNoAuditDid(t *testing.T) {
	stuck := errors.New("the rule is still there")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	meanwhile, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	for _, tc := range []struct {
		name     string
		ctx      context.Context
		keep     bool
		outlives error
		want     []string
		noted    bool
	}{
		{"the nodes are removed", t.Context(), false, nil, []string{"block"}, false},
		{"something would be left", t.Context(), false, stuck, []string{"block"}, false},
		{"the nodes are kept", t.Context(), true, nil, []string{"block", "resume"}, false},
		{"the nodes are kept, and one stays broken", t.Context(), true, stuck, []string{"block", "resume"}, true},
		{"a second interrupt", ended, false, nil, nil, false},
		{"a second interrupt meanwhile", meanwhile, false, nil, []string{"block"}, false},
	} {
		c, err := cluster.New(nil, cluster.Config{Nodes: []cluster.NodeConfig{{Name: "a"}}})
		if err != nil {
			t.Fatal(err)
		}
		j, err := createJournal(t.TempDir(), "run-1", "", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		scene := chaos.NewScene(c, nil, nil)
		var did []string
		kind := func(name string, outlives bool, err error) chaos.ReversalKind {
			return chaos.ReversalKind{Name: name, Outlives: outlives, Do: func(ctx context.Context, _ *chaos.Scene, _ *cluster.Node, _ chaos.Reversal, _ bool) error {
				did = append(did, name)
				if tc.ctx == meanwhile {
					interrupt()
					<-ctx.Done()
					return ctx.Err()
				}
				return err
			}}
		}
		r := &run{
			Options: Options{Keep: tc.keep}, session: &Session{single: true}, result: &report.Result{}, journal: j,
			undo: &chaos.Undo{Scene: scene, Journal: j, Kinds: map[string]chaos.ReversalKind{
				"resume": kind("resume", false, nil), "block": kind("block", true, tc.outlives),
			}},
		}
		step := func(name string) chaos.Step {
			return chaos.Step{
				Name: name, Do: scene.Each([]string{"a"}, func(context.Context, *chaos.Act, *cluster.Node) error { return nil }),
				Reverse: func(context.Context, *cluster.Node) (chaos.Reversal, error) {
					return chaos.Reversal{Kind: name, Node: "a"}, nil
				},
			}
		}
		line := chaos.Timeline{
			Steps: []chaos.Step{step("resume"), step("block")}, Clock: record.StartClock(), Undo: r.undo,
			Begin: func(record.Event) {}, End: func(record.Event) {},
		}
		if err := line.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		_, err = r.takeBack(tc.ctx)
		second := tc.ctx.Err() != nil
		if errors.Is(err, ErrLeftBehind) != (tc.outlives != nil || second) || errors.Is(err, stuck) != (tc.outlives != nil) {
			t.Errorf("%s: %v", tc.name, err)
		}
		if second && !strings.HasSuffix(err.Error(), "to be done: block a, resume a") {
			t.Errorf("%s: what stays is not named: %v", tc.name, err)
		}
		if !cmp.Equal(tc.want, did, cmpopts.EquateEmpty()) || (len(r.result.Settle) > 0) != tc.noted {
			t.Errorf("%s: did %v, noted %+v", tc.name, did, r.result.Settle)
		}
		if err := j.close(); err != nil {
			t.Error(err)
		}
	}
}

// TestACommandOfAnotherUsersJournal: what clean would run is not run where another user can have written the journal, and is named.
func TestACommandOfAnotherUsersJournal(t *testing.T) {
	all := []chaos.Reversal{{ID: 1, Kind: "resume", Node: "a"}, {ID: 2, Kind: "exec_undo", Node: "b"}, {ID: 3, Kind: "end_burning", Node: "c"}}
	dir := t.TempDir()
	file := filepath.Join(dir, JournalFile)
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	own := func() bool {
		info, err := os.Lstat(file)
		return err == nil && ours(info)
	}
	if left, untrusted := trusted(dir, own(), all); len(left) != 3 || len(untrusted) > 0 {
		t.Errorf("one's own: %v, %v", left, untrusted)
	}
	refused := func(name string) {
		t.Helper()
		left, untrusted := trusted(dir, own(), all)
		if len(left) != 2 || left[0].ID != 1 || left[1].ID != 3 || len(untrusted) != 1 || !strings.Contains(untrusted[0], "exec_undo b was not done") {
			t.Errorf("%s: %v, %v", name, left, untrusted)
		}
	}
	if err := os.Chmod(file, 0o622); err != nil {
		t.Fatal(err)
	}
	refused("others can write it")
	if err := os.Rename(file, file+".real"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file+".real", file); err != nil {
		t.Fatal(err)
	}
	refused("a link")
	if os.Geteuid() != 0 {
		return
	}
	if err := errors.Join(os.Remove(file), os.WriteFile(file, nil, 0o600), os.Chown(file, 1, 1)); err != nil {
		t.Fatal(err)
	}
	refused("another user's")
}
