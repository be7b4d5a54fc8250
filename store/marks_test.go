package store

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"pgchaos/report"
)

func run(n int) string { return "quorum-kill-" + []string{"00", "01", "02", "03", "04", "05", "06"}[n] }

func short(runs []Kept) string {
	return strings.ReplaceAll(strings.Join(ids(runs), " "), "quorum-kill-", "")
}

func TestFind(t *testing.T) {
	onBoth(t, func(t *testing.T, where string) {
		s := opened(t, where)
		for n := 1; n <= 6; n++ {
			add(t, s, result(t, n, func(r *report.Result) {
				if n == 1 {
					r.Cluster.Postgres = "14.1"
				}
				r.Variant = &report.Variant{Series: "s", Name: "on", Warmup: n == 4}
				if n == 5 {
					r.Variant.Name = "off"
				}
			}))
		}
		look := func(name, want string) {
			t.Helper()
			found, err := s.Find(t.Context(), name)
			must(t, err)
			if got := short(found); got != want {
				t.Errorf("%s: %s, want %s", name, got, want)
			}
		}
		look("quorum-kill", "06 05 03 02") // 01 is of another version of PostgreSQL, 04 a warm-up
		look("quorum-kill/off", "05")
		look("quorum-kill/on/", "06 03 02")
		look(run(1), "01")
		must(t, s.Accept(t.Context(), run(3), "ada", "a larger shared_buffers"))
		look("quorum-kill", "06 05 03")
		must(t, s.SetBaseline(t.Context(), run(2), "ada", ""))
		must(t, s.SetBaseline(t.Context(), run(1), "ada", ""))
		look("quorum-kill", "02 01")
		look("quorum-kill/off", "05")
		for name, want := range map[string]string{
			"quorum-kil":       `has no run and no experiment "quorum-kil"; its experiments are: quorum-kill`,
			"quorum-kill/none": `has no run of variant "none" of the experiment quorum-kill`,
			"":                 "no such run",
		} {
			if found, err := s.Find(t.Context(), name); !errors.Is(err, ErrNoRun) || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v, %v", name, short(found), err)
			}
		}
	})
}

// TestMarks: a mark has its reason, can be changed and taken back, and outlives the database.
func TestMarks(t *testing.T) {
	onBoth(t, func(t *testing.T, where string) {
		s := opened(t, where)
		add(t, s, result(t, 1))
		must(t, s.Accept(t.Context(), run(1), "ada", "why not"))
		must(t, s.Accept(t.Context(), run(1), "grace", "a larger shared_buffers"))
		must(t, s.SetBaseline(t.Context(), run(1), "ada", ""))
		must(t, s.UnsetBaseline(t.Context(), run(1)))
		k, err := opened(t, where).Get(t.Context(), run(1))
		must(t, err)
		if k.Accepted == nil || k.Accepted.By != "grace" || k.Accepted.Why != "a larger shared_buffers" || k.Accepted.At.IsZero() || k.Baseline != nil {
			t.Errorf("accepted %+v, baseline %+v", k.Accepted, k.Baseline)
		}
		for what, err := range map[string]error{
			"accept":   s.Accept(t.Context(), run(2), "ada", "x"),
			"baseline": s.SetBaseline(t.Context(), run(2), "ada", ""),
			"unaccept": s.Unaccept(t.Context(), run(2)),
		} {
			if !errors.Is(err, ErrNoRun) {
				t.Errorf("%s of a run that is not there: %v", what, err)
			}
		}
	})
}

func TestPrune(t *testing.T) {
	onBoth(t, func(t *testing.T, where string) {
		s := opened(t, where)
		for n := 1; n <= 6; n++ {
			add(t, s, result(t, n, func(r *report.Result) {
				if n == 3 {
					r.Cluster.Postgres = "14.1" // a history of its own
				}
			}))
		}
		must(t, s.Accept(t.Context(), run(1), "ada", "x"))
		prune := func(o PruneOptions, removed, marked string, left int) {
			t.Helper()
			p, err := s.Prune(t.Context(), o)
			must(t, err)
			if short(p.Removed) != removed || short(p.Marked) != marked || p.Left != left {
				t.Errorf("%+v: removed %s, marked %s, %d left; want %s, %s, %d", o, short(p.Removed), short(p.Marked), p.Left, removed, marked, left)
			}
		}
		prune(PruneOptions{Keep: 2, DryRun: true}, "04 02", "01", 4)
		prune(PruneOptions{Before: day(3), DryRun: true}, "02", "01", 5)
		prune(PruneOptions{Keep: 2, Before: day(3), DryRun: true}, "02", "01", 5)
		prune(PruneOptions{Keep: 6}, "", "", 6)
		before, err := s.List(t.Context(), Filter{})
		must(t, err)
		prune(PruneOptions{Keep: 2}, "04 02", "01", 4)
		prune(PruneOptions{Keep: 2}, "", "01", 4)
		after, err := s.List(t.Context(), Filter{})
		must(t, err)
		if short(after) != "06 05 03 01" {
			t.Errorf("left: %s", short(after))
		}
		for _, k := range before {
			_, err := os.Stat(k.Dir)
			if gone := k.ID == run(4) || k.ID == run(2); gone != errors.Is(err, os.ErrNotExist) {
				t.Errorf("the files of %s: %v", k.ID, err)
			}
		}
		leftNothing(t, filesOf(t, where))
		var usage *UsageError
		if _, err := s.Prune(t.Context(), PruneOptions{}); !errors.As(err, &usage) {
			t.Errorf("prune without a rule: %v", err)
		}
	})
}

// TestRebuild makes the database again, with the marks, and says what it could not read.
func TestRebuild(t *testing.T) {
	onBoth(t, func(t *testing.T, where string) {
		s, err := Open(t.Context(), where)
		must(t, err)
		for n := 1; n <= 4; n++ {
			add(t, s, result(t, n))
		}
		must(t, s.Accept(t.Context(), run(1), "ada", "x"))
		must(t, s.SetBaseline(t.Context(), run(2), "ada", "y"))
		before, err := s.List(t.Context(), Filter{})
		must(t, err)
		must(t, s.Close())

		done, err := Rebuild(t.Context(), where)
		must(t, err)
		if done.Runs != 4 || done.Elsewhere != 0 || len(done.Problems) != 0 {
			t.Errorf("%+v", done)
		}
		after, err := opened(t, where).List(t.Context(), Filter{})
		must(t, err)
		if diff := cmp.Diff(before, after, cmpopts.IgnoreFields(Kept{}, "Added")); diff != "" {
			t.Errorf("before and after differ:\n%s", diff)
		}
		leftNothing(t, filesOf(t, where))
	})
}

func TestRebuildLeavesOutWhatWasChanged(t *testing.T) {
	onBoth(t, func(t *testing.T, where string) {
		s, err := Open(t.Context(), where)
		must(t, err)
		add(t, s, result(t, 1))
		changed := add(t, s, result(t, 2))
		if s.at.engine == postgresEngine {
			_, err := s.db.Exec("delete from runs")
			must(t, err)
		}
		must(t, s.Close())
		must(t, os.WriteFile(changed.Dir+"/logs/a.log", []byte("nothing happened\n"), 0o600))
		done, err := Rebuild(t.Context(), where)
		must(t, err)
		if done.Runs != 1 || len(done.Problems) != 1 || !strings.Contains(done.Problems[0].Error(), changed.Hash) {
			t.Errorf("%+v", done)
		}
		found, err := opened(t, where).List(t.Context(), Filter{})
		must(t, err)
		if short(found) != "01" {
			t.Errorf("found %s", short(found))
		}
	})
}

// TestRebuildKeepsRunsOfOtherMachines: two machines share a PostgreSQL, each with its own raw results.
func TestRebuildKeepsRunsOfOtherMachines(t *testing.T) {
	t.Parallel()
	database := needServer(t).database(t)
	here, there := database+"?files="+t.TempDir(), database+"?files="+t.TempDir()
	s, err := Open(t.Context(), here)
	must(t, err)
	add(t, s, result(t, 1))
	other := opened(t, there)
	add(t, other, result(t, 2))
	must(t, other.Accept(t.Context(), run(1), "ada", "on the machine without its files"))
	must(t, s.Close())
	done, err := Rebuild(t.Context(), here)
	must(t, err)
	if done.Runs != 1 || done.Elsewhere != 1 || len(done.Problems) != 0 {
		t.Errorf("%+v", done)
	}
	found, err := other.List(t.Context(), Filter{})
	must(t, err)
	if short(found) != "02 01" || found[1].Accepted == nil || found[0].Dir == "" || found[1].Dir != "" {
		t.Errorf("found %+v", found)
	}
}

// TestFindNamesWithSlashes: those of the modes of synchronous replication have some.
func TestFindNamesWithSlashes(t *testing.T) {
	onBoth(t, func(t *testing.T, where string) {
		s := opened(t, where)
		for n, v := range []report.Variant{{}, {Name: "on"}, {Name: "on/any-1"}, {Name: "on/any-1", Cell: "a/b"}, {Cell: "clients=8"}} {
			add(t, s, result(t, n+1, func(r *report.Result) { r.Variant = &v }))
		}
		for name, want := range map[string]string{
			"quorum-kill/on":           "02",
			"quorum-kill/on/any-1":     "04 03",
			"quorum-kill/on/any-1/":    "03",
			"quorum-kill/on/any-1/a/b": "04",
			"quorum-kill//clients=8":   "05",
			"quorum-kill/":             "05 01",
		} {
			found, err := s.Find(t.Context(), name)
			must(t, err)
			if got := short(found); got != want {
				t.Errorf("%s: %s, want %s", name, got, want)
			}
		}
	})
}
