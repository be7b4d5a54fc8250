package syncmode

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pgchaos/standbynames"
)

// TestParse: the names that are listed mean themselves; a level alone, and an alias, mean another.
func TestParse(t *testing.T) {
	for _, m := range All() {
		if got, err := Parse(m.String()); err != nil || got != m {
			t.Errorf("%s: %v %v", m, got, err)
		}
	}
	for word, want := range map[string]string{
		"on": "on/any-1", "remote_apply": "remote_apply/any-1", "on/first-3": "on/first-3", "off": "off",
		"max-performance": "async", "max-availability": "on/any-1", "max-protection": "on/any-1",
	} {
		if got, err := Parse(word); err != nil || got.String() != want {
			t.Errorf("%s: %v %v, want %s", word, got, err, want)
		}
	}
	for _, word := range []string{"", "onn", "on/", "on/any", "on/any-0", "on/any-01", "on/any-+1", "on/quorum-1", "local/any-1", "async/", "ON", "on/any-1/x"} {
		if got, err := Parse(word); err == nil {
			t.Errorf("%q is %s", word, got)
		}
	}
}

// TestStandbys: what PostgreSQL reads is what was meant, also where names need quotes.
func TestStandbys(t *testing.T) {
	names := []string{"b", "pg-c"}
	for word, want := range map[string]string{
		"off": "", "async": "", "local": `ANY 1 (b, "pg-c")`, "on/any-2": `ANY 2 (b, "pg-c")`, "remote_write/first-1": `FIRST 1 (b, "pg-c")`,
	} {
		m, err := Parse(word)
		if err != nil {
			t.Fatal(err)
		}
		got := m.Standbys(names)
		if got != want {
			t.Errorf("%s: %s, want %s", word, got, want)
		}
		parsed, err := standbynames.Parse(got)
		if err != nil || got != "" && cmp.Diff(parsed.Names, names) != "" {
			t.Errorf("%s: %v %v", got, parsed, err)
		}
	}
}

// TestWhichModesDiffer: with one standby any and the first are the same, and with none there are two modes.
func TestWhichModesDiffer(t *testing.T) {
	differ := func(standbys int) (names []string) {
		var all []Mode
	next:
		for _, m := range All() {
			if m.Impossible(standbys) != "" {
				continue
			}
			for _, before := range all {
				if m.Same(before, standbys) {
					continue next
				}
			}
			all, names = append(all, m), append(names, m.String())
		}
		return names
	}
	for standbys, want := range map[int]string{
		0: "off async",
		1: "off async remote_write/first-1 on/first-1 remote_apply/first-1",
		2: "off async remote_write/first-1 remote_write/any-1 remote_write/any-2 on/first-1 on/any-1 on/any-2 remote_apply/first-1 remote_apply/any-1 remote_apply/any-2",
	} {
		if got := strings.Join(differ(standbys), " "); got != want {
			t.Errorf("%d standbys: %s\nwant %s", standbys, got, want)
		}
	}
	two, _ := Parse("on/first-2")
	if all, _ := Parse("on/any-2"); !two.Same(all, 2) || two.Same(all, 3) {
		t.Error("the first two of two are any two of two, but not of three")
	}
}

// TestEveryTextIsFilled: no placeholder is left in what is printed.
func TestEveryTextIsFilled(t *testing.T) {
	big, err := Parse("remote_apply/first-3")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range append(All(), big) {
		for _, text := range []string{m.CommitWaitsFor(), m.ReadersSee(), m.Survives} {
			if text == "" || strings.Contains(text, "%") {
				t.Errorf("%s: %q", m, text)
			}
		}
	}
	if got := big.CommitWaitsFor(); !strings.Contains(got, "first 3 standbys") {
		t.Error(got)
	}
}
