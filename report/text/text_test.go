package text

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"pgchaos/audit"
	"pgchaos/record"
	"pgchaos/report"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestFullReport(t *testing.T) {
	tests := []struct {
		golden, result string
		options        Options
	}{
		{"pass", "pass", Options{Dir: "results/20260301-120000-quorum-kill"}},
		{"lost", "lost", Options{}},
		{"lost-narrow", "lost", Options{Width: 80}},
		{"unread", "unread", Options{}},
		{"silent", "silent", Options{}},
		{"color", "pass", Options{Color: true}},
		{"recovery", "recovery", Options{Width: 100}},
		{"doubtful", "doubtful", Options{Width: 100}},
		{"recovery-narrow", "recovery", Options{Width: 80}},
		{"explained", "explained", Options{}},
		{"explained-narrow", "explained", Options{Width: 80}},
		{"unexplained", "unexplained", Options{Color: true}},
		{"models", "models", Options{}},
		{"models-narrow", "models", Options{Width: 80}},
		{"reads", "reads", Options{}},
		{"reads-broken", "reads-broken", Options{Width: 100}},
		{"reads-narrow", "reads-broken", Options{Width: 80}},
		{"planned", "planned", Options{}},
	}
	for _, tt := range tests {
		t.Run(tt.golden, func(t *testing.T) {
			tt.options.Full = true
			golden(t, filepath.Join("full", tt.golden), render(t, kept(t, tt.result), tt.options))
		})
	}
}

func TestShortReport(t *testing.T) {
	for _, name := range results(t) {
		t.Run(name, func(t *testing.T) {
			golden(t, filepath.Join("short", name), render(t, kept(t, name), Options{Dir: "results/20260301-120000-" + name}))
		})
	}
	t.Run("narrow", func(t *testing.T) {
		golden(t, filepath.Join("short", "narrow"), render(t, kept(t, "lost"), Options{Width: 60, Dir: "results/lost"}))
	})
	t.Run("color", func(t *testing.T) {
		golden(t, filepath.Join("short", "color"), render(t, kept(t, "unexplained"), Options{Color: true}))
	})
}

// results are the names of the results that report keeps.
func results(t *testing.T) (names []string) {
	t.Helper()
	all, err := os.ReadDir(filepath.Join("..", "testdata", "results"))
	if err != nil || len(all) == 0 {
		t.Fatalf("%d results: %v", len(all), err)
	}
	for _, dir := range all {
		names = append(names, dir.Name())
	}
	return names
}

// kept is a result of report's testdata.
func kept(t *testing.T, name string) *report.Result {
	t.Helper()
	r, err := report.Read(filepath.Join("..", "testdata", "results", name))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func render(t *testing.T, r *report.Result, o Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, r, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// golden compares a text with the one that was read and found good.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestTextWithoutColorHasNoCodes(t *testing.T) {
	for _, full := range []bool{false, true} {
		if strings.Contains(render(t, kept(t, "lost"), Options{Full: full}), "\x1b") {
			t.Errorf("full %v: there are escape codes", full)
		}
	}
}

// Nothing in a result may be needed for a report: a crash can leave any of it out.
func TestTextOfAnEmptyResult(t *testing.T) {
	for _, full := range []bool{false, true} {
		got := render(t, &report.Result{}, Options{Full: full})
		if !strings.HasPrefix(got, "INCONCLUSIVE") {
			t.Errorf("full %v: it begins with %q", full, strings.SplitN(got, "\n", 2)[0])
		}
	}
}

func TestTextReportsTheWritersError(t *testing.T) {
	full := errors.New("no space left")
	if err := Write(failing{full}, kept(t, "pass"), Options{}); !errors.Is(err, full) {
		t.Errorf("error %v, want %v", err, full)
	}
}

const ms = time.Millisecond

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestWrap(t *testing.T) {
	long := strings.Repeat("word ", 40) + strings.Repeat("x", 60)
	lines := wrap(long, 40)
	for i, line := range lines[:len(lines)-1] {
		if n := utf8.RuneCountInString(line); n > 40 {
			t.Errorf("line %d has %d runes", i, n)
		}
	}
	if last := lines[len(lines)-1]; last != strings.Repeat("x", 60) {
		t.Errorf("a long word was broken: %q", last)
	}
	if got := strings.Fields(strings.Join(lines, " ")); len(got) != 41 {
		t.Errorf("%d words, want 41", len(got))
	}
}

func TestWrapKeepsNumbersWithTheirUnits(t *testing.T) {
	for text, want := range map[string]string{
		"it had been cut off for 3.0 s, and more": "it had been cut off for|3.0 s, and more",
		"as many as there were of 12 % (of all)":  "as many as there were of|12 % (of all)",
		"aaaaaaaaaaaaaaaaaaaaaaaaa s":             "aaaaaaaaaaaaaaaaaaaaaaaaa|s",
	} {
		if got := strings.Join(wrap(text, 26), "|"); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestRunWords(t *testing.T) {
	tests := []struct {
		name string
		run  audit.Run
		want string
	}{
		{"everything is known", audit.Run{
			Writer: 3, Workload: "writes", First: 1041, Last: 1467, N: 427, From: 12901 * ms, To: 13451 * ms, Node: "pgmaster", Timeline: 1,
			FirstLSN: 0x3000148, LastLSN: 0x3009FF0, Explained: true, Cause: audit.CauseFork, LostBy: "kill-pgmaster", Fork: 0x3000100,
			MissingOn: []string{"pgslave", "pgslavenew"}, OnForks: []string{"pgmaster"}, Readers: 18,
		}, "writer 3, 1041-1467 (427), acknowledged 12.901-13.451 s on pgmaster, timeline 1, LSN 0/3000148-0/3009FF0, lost at kill-pgmaster, " +
			"fork at LSN 0/3000100; missing on pgslave, pgslavenew; still on pgmaster's fork; read by 18 readers before it vanished"},
		{"of a result of before there were explanations", audit.Run{Writer: 3, Workload: "writes", First: 1041, Last: 1467, From: 12901 * ms, To: 13451 * ms, Node: "pgmaster", FoundOn: []string{"pgmaster"}},
			"writer 3, 1041-1467 (427), acknowledged 12.901-13.451 s on pgmaster; found on pgmaster"},
		{"one write, on no node", audit.Run{Writer: 3, First: 7, Last: 7}, "writer 3, 7; found on no node"},
		{"no write of ours", audit.Run{FoundOn: []string{"a", "b"}}, "rows that no client of this run wrote; found on a, b"},
		{"unexplained", audit.Run{First: 7, Last: 7, To: ms, From: ms, Node: "a", Why: "it should be there", MissingOn: []string{"a"}},
			"writer 0, 7, acknowledged 0.001 s on a, UNEXPLAINED: it should be there; missing on a"},
		{"by a crash, weakly", audit.Run{First: 7, Last: 7, Weak: audit.WeakTransition, Explained: true, Cause: audit.CauseCrash, LostBy: "kill-a", Fork: 16, MissingOn: []string{"a"}},
			"writer 0, 7, weak perhaps: the setting was changed, lost at kill-a, recovered up to LSN 0/10; missing on a"},
		{"beside the new primary", audit.Run{First: 7, Last: 7, Explained: true, Cause: audit.CauseBeside, LostBy: "returned", Fork: 16},
			"writer 0, 7, lost at returned, written beside the new primary: fork at LSN 0/10; found on no node"},
		{"by a split brain, on one of two forks", audit.Run{First: 7, Last: 7, Weak: audit.WeakNotice, Explained: true, Cause: audit.CauseForeign, LostBy: "promote-c", OnForks: []string{"c before rejoin-c"}},
			"writer 0, 7, weak: its wait for a standby was cancelled, lost at promote-c, on a timeline that is not in the history of the primary; still on c's fork before rejoin-c"},
		{"by a split brain whose fork is known", audit.Run{First: 7, Last: 7, Weak: audit.WeakRegime, Explained: true, Cause: audit.CauseForeign, LostBy: "promote-c", Fork: 16},
			"writer 0, 7, weak: fewer standbys than demanded, lost at promote-c, on a timeline that is not in the history of the primary: fork at LSN 0/10; found on no node"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := runWords(tt.run, "acknowledged"); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

// Every line of the recovery fits, however narrow.
func TestRecoveryFits(t *testing.T) {
	for _, width := range []int{80, 100} {
		text := render(t, kept(t, "recovery"), Options{Width: width, Full: true})
		_, section, _ := strings.Cut(text, "\nRecovery")
		section, _, _ = strings.Cut(section, "\n\n")
		for line := range strings.Lines(section) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > width {
				t.Errorf("%d runes at a width of %d: %s", n, width, line)
			}
		}
	}
}

func TestLossesInWords(t *testing.T) {
	for want, got := range map[string]string{
		"at 0.022 s":                            spanWords(22*ms, 22*ms+10*time.Microsecond),
		"within 20 ms, from 0.022 s to 0.042 s": spanWords(22*ms, 42*ms),
		"1 write was acknowledged weakly, so that a second failure would have lost it: 1 after a cancelled wait for a standby":                                                                                             weakAckWords(&audit.WeakAcks{Notice: 1}, &audit.Audit{}),
		"83 writes were acknowledged weakly, so that a second failure would have lost them: 47 under a weaker setting than demanded, 36 perhaps under a weaker setting: it was changed, and either value may have counted": weakAckWords(&audit.WeakAcks{Regime: 83, Transition: 36}, &audit.Audit{}),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestWeakStretchesInWords(t *testing.T) {
	r := &report.Result{Timeline: []record.Event{
		{Name: "stop-a", Action: "stop", Nodes: []string{"a"}, Issued: 5 * time.Second},
		{Name: "promote-b", Action: "promote", Nodes: []string{"b"}, Issued: 6 * time.Second},
		{Name: "rejoin-a", Action: "rejoin", Nodes: []string{"a"}, Issued: 7 * time.Second},
		{Name: "configure-b", Action: "configure", Nodes: []string{"b"}, Issued: 9 * time.Second},
	}}
	s := audit.WeakStretch{Node: "b", From: 0, To: 9100 * time.Millisecond, N: 2322, Demanded: 1, Commit: "local", DemandedCommit: "on"}
	const remedy = ". To avoid it, configure the synchronous standbys of b before it is promoted, and before the primary is stopped"
	if got := weakWords(r, &audit.Audit{}, s); got != "2,322 writes were acknowledged by b alone (1 standby was demanded), between promote-b and configure-b; a second failure would have lost them"+remedy {
		t.Error(got)
	}
	r.Timeline = r.Timeline[:3]
	if got := weakWords(r, &audit.Audit{}, s); got != "2,322 writes were acknowledged by b alone (1 standby was demanded), after promote-b, until 9.100 s; a second failure would have lost them"+remedy {
		t.Error(got)
	}
	s = audit.WeakStretch{Node: "a", From: time.Second, To: 2 * time.Second, N: 1, Standbys: 2, Demanded: 2, Commit: "remote_write", DemandedCommit: "on", Names: []string{"*"}, DemandedNames: []string{"b", "c"}}
	if got := weakWords(r, &audit.Audit{}, s); got != "1 write was acknowledged by a with synchronous_commit remote_write and 2 standbys, whichever they are, and synchronous_commit on and 2 standbys of b, c was demanded, from 1.000 s to 2.000 s; a second failure would have lost it" {
		t.Error(got)
	}
	s.Standbys, s.Commit, s.N = 1, "on", 3
	if got := weakWords(r, &audit.Audit{}, s); got != "3 writes were acknowledged by a and 1 standby (2 standbys were demanded), from 1.000 s to 2.000 s; a second failure would have lost them" {
		t.Error(got)
	}
}
