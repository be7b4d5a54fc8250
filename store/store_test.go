package store

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pgchaos/report"
	"pgchaos/verdict"
)

func TestMain(m *testing.M) {
	if do := os.Getenv(childKey); do != "" {
		os.Exit(child(do))
	}
	code := m.Run()
	if started.Load() {
		theServer().stop()
	}
	os.Exit(code)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// onBoth runs a test on each engine, with a store that is not there yet.
func onBoth(t *testing.T, test func(t *testing.T, where string)) {
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, filepath.Join(t.TempDir(), "a store %20?#"))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		s := needServer(t)
		test(t, s.database(t)+"?files="+t.TempDir())
	})
}

// filesOf is the directory of the raw results.
func filesOf(t *testing.T, where string) string {
	t.Helper()
	at, err := locate(where)
	must(t, err)
	return at.files
}

// day is the start of the run with this number: one a day.
func day(n int) time.Time { return time.Date(2026, 11, n, 3, 0, 0, 123456789, time.UTC) }

// result makes a result directory with some files.
func result(t *testing.T, n int, change ...func(r *report.Result)) string {
	t.Helper()
	dir := t.TempDir()
	r := &report.Result{
		Stage: report.StageChecked, Tool: "1.2.3", Run: fmt.Sprintf("quorum-kill-%02d", n), Name: "quorum-kill", Started: day(n), Verdict: verdict.Pass,
		Cluster: report.Cluster{Provider: "local", Postgres: "15.4"},
		Workloads: []report.Workload{{Name: "writes", Kind: "insert", Total: report.Stats{
			Samples: 5000, OK: 5000, Span: 10 * time.Second, Response: report.Dist{Count: 5000, P99: 12 * time.Millisecond},
		}}},
	}
	for _, c := range change {
		c(r)
	}
	must(t, report.Write(dir, r))
	must(t, os.Mkdir(filepath.Join(dir, "logs"), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "logs", "a.log"), []byte("database system is ready\n"), 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "ledger.bin"), []byte{0, 1, 2, byte(n)}, 0o600))
	return dir
}

func opened(t *testing.T, where string) *Store {
	t.Helper()
	s, err := Open(t.Context(), where)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

func add(t *testing.T, s *Store, dir string) Added {
	t.Helper()
	a, err := s.Add(t.Context(), dir)
	must(t, err)
	return a
}

func ids(runs []Kept) (all []string) {
	for _, k := range runs {
		all = append(all, k.ID)
	}
	return all
}

// TestAddAndList keeps a run, and finds all of it in the database and beside it.
func TestAddAndList(t *testing.T) {
	onBoth(t, func(t *testing.T, where string) {
		dir := result(t, 1, func(r *report.Result) {
			r.Variant = &report.Variant{Series: "s-1", Name: "quorum", Cell: "clients=8", Round: 2}
		})
		first := opened(t, where)
		a := add(t, first, dir)
		if a.Known || a.Variant != "quorum" || a.Cell != "clients=8" || a.Round != 2 || a.Series != "s-1" || len(a.Figures) == 0 || a.Tool != "1.2.3" {
			t.Errorf("added: %+v", a)
		}
		if again := add(t, first, dir); !again.Known || again.Hash != a.Hash {
			t.Errorf("the same directory again: %+v", again)
		}
		found, err := opened(t, where).List(t.Context(), Filter{})
		must(t, err)
		if diff := cmp.Diff([]Kept{a.Kept}, found); diff != "" {
			t.Errorf("what was kept is not what was added (-added +kept):\n%s", diff)
		}
		for _, name := range []string{"result.json", "logs/a.log", "ledger.bin"} {
			was, err := os.ReadFile(filepath.Join(dir, name))
			must(t, err)
			is, err := os.ReadFile(filepath.Join(found[0].Dir, name))
			must(t, err)
			if string(was) != string(is) {
				t.Errorf("%s differs", name)
			}
		}
		leftNothing(t, filesOf(t, where))
	})
}

// leftNothing: no copy is left half-made.
func leftNothing(t *testing.T, files string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(files, partsDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	for _, e := range entries {
		t.Errorf("%s is left", e.Name())
	}
}

func TestFilter(t *testing.T) {
	onBoth(t, func(t *testing.T, where string) {
		s := opened(t, where)
		for n := 1; n <= 5; n++ {
			add(t, s, result(t, n, func(r *report.Result) {
				if n == 2 {
					r.Verdict = verdict.Fail
				}
				if n == 3 {
					r.Name = "slow-standby"
				}
				if n >= 4 {
					r.Variant = &report.Variant{Series: "s", Name: "quorum", Warmup: n == 4}
				}
			}))
		}
		must(t, s.Accept(t.Context(), "quorum-kill-02", "ann", "a new disk, 100% faster"))
		none, quorum, failed := "", "quorum", verdict.Fail
		for name, c := range map[string]struct {
			filter Filter
			want   string
		}{
			"all, the newest first":  {Filter{}, "05 04 03 02 01"},
			"the newest two":         {Filter{Limit: 2}, "05 04"},
			"an experiment":          {Filter{Experiment: "quorum-kill"}, "05 04 02 01"},
			"a run":                  {Filter{Run: "quorum-kill-03"}, "03"},
			"no variant":             {Filter{Variant: &none}, "03 02 01"},
			"a variant":              {Filter{Variant: &quorum}, "05 04"},
			"no warm-up":             {Filter{Variant: &quorum, NoWarmup: true}, "05"},
			"a verdict":              {Filter{Verdict: &failed}, "02"},
			"since":                  {Filter{Since: day(3)}, "05 04 03"},
			"before":                 {Filter{Before: day(3)}, "02 01"},
			"several":                {Filter{Experiment: "quorum-kill", Since: day(2), Before: day(5), Limit: 1}, "04"},
			"accepted":               {Filter{Accepted: true}, "02"},
			"pinned: none is":        {Filter{Baseline: true}, ""},
			"of another fingerprint": {Filter{Key: "0"}, ""},
			"the next two":           {Filter{Limit: 2, Skip: 2}, "03 02"},
			"after the last":         {Filter{Limit: 2, Skip: 5}, ""},
			"a part of an id":        {Filter{Text: "KILL-04"}, "04"},
			"of an experiment":       {Filter{Text: "w-Stand"}, "03"},
			"of a reason":            {Filter{Text: "NEW disk, 100%"}, "02"},
			"no pattern":             {Filter{Text: "quorum%kill"}, ""},
			"nor another one":        {Filter{Text: "quorum_kill"}, ""},
			"nor a quote":            {Filter{Text: `\`}, ""},
			"text and a limit":       {Filter{Text: "quorum", Verdict: &failed, Limit: 1}, "02"},
		} {
			found, err := s.List(t.Context(), c.filter)
			must(t, err)
			if got := strings.ReplaceAll(strings.Join(ids(found), " "), "quorum-kill-", ""); got != c.want {
				t.Errorf("%s: %s, want %s", name, got, c.want)
			}
		}
	})
}

func TestVariants(t *testing.T) {
	onBoth(t, func(t *testing.T, where string) {
		s := opened(t, where)
		add(t, s, result(t, 1))
		for n, name := range []string{"quorum", "local", "quorum"} {
			add(t, s, result(t, 2+n, func(r *report.Result) {
				r.Name, r.Variant = "modes", &report.Variant{Series: "s", Name: name}
			}))
		}
		for experiment, want := range map[string]string{"": ` "" "local" "quorum"`, "modes": ` "local" "quorum"`, "quorum-kill": ` ""`, "none": ""} {
			names, err := s.Variants(t.Context(), experiment)
			must(t, err)
			got := ""
			for _, name := range names {
				got += fmt.Sprintf(" %q", name)
			}
			if got != want {
				t.Errorf("%q has%s, want%s", experiment, got, want)
			}
		}
	})
}

// TestEveryFieldIsKept: a field that is added to what a comparison knows of a run must be kept, too.
func TestEveryFieldIsKept(t *testing.T) {
	onBoth(t, func(t *testing.T, where string) {
		s := opened(t, where)
		var k Kept
		n := 0
		fillIn(t, reflect.ValueOf(&k).Elem(), &n)
		k.Accepted, k.Baseline, k.Dir = nil, nil, ""
		must(t, s.write(t.Context(), func(tx *sql.Tx) error { return insert(t.Context(), tx, k) }))
		found, err := s.List(t.Context(), Filter{})
		must(t, err)
		if diff := cmp.Diff([]Kept{k}, found); diff != "" {
			t.Errorf("what was kept is not what was added (-added +kept):\n%s", diff)
		}
	})
}

// fillIn gives every field a value of its own that is not zero.
func fillIn(t *testing.T, v reflect.Value, n *int) {
	t.Helper()
	*n++
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(day(1).Add(time.Duration(*n) * time.Second).Truncate(time.Microsecond)))
		return
	case verdict.Verdict:
		v.Set(reflect.ValueOf(verdict.Fail))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fillIn(t, v.Field(i), n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fillIn(t, v.Index(0), n)
		fillIn(t, v.Index(1), n)
	case reflect.String:
		v.SetString(strings.Repeat("0", 60) + fmt.Sprint(1000+*n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n) << 33)
	case reflect.Float64:
		v.SetFloat(1 / float64(*n))
	case reflect.Pointer: // marks have a test of their own
	default:
		t.Fatalf("no value for a %s", v.Type())
	}
}
