package tap

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"pgchaos/report/junit"
)

func TestWrite(t *testing.T) {
	suite := junit.Suite{Name: "quorum-kill", Cases: []junit.Case{
		{Name: "lost_writes == 0", Took: 1500 * time.Millisecond, Output: "observed: 0\nverdict: pass"},
		{Name: `p99 # TODO \ later`, Failures: []string{"it was \"2 s\"", "more"}, Errors: []string{"unknown"}},
		{Name: "nodes_equal\n1..9\nok 7", Errors: []string{"b was\nnot read"}},
	}}
	var b strings.Builder
	if err := Write(&b, suite); err != nil {
		t.Fatal(err)
	}
	const want = `TAP version 14
1..3
# quorum-kill
ok 1 - lost_writes == 0
  ---
  severity: pass
  duration_ms: 1500.000
  output:
    - "observed: 0"
    - "verdict: pass"
  ...
not ok 2 - p99 \# TODO \\ later
  ---
  severity: fail
  message: "it was \"2 s\""
  more:
    - "more"
    - "unknown"
  duration_ms: 0.000
  ...
not ok 3 - nodes_equal 1..9 ok 7
  ---
  severity: inconclusive
  message: "b was\nnot read"
  duration_ms: 0.000
  ...
`
	if b.String() != want {
		t.Errorf("%s", b.String())
	}
	b.Reset()
	if err := Write(&b, suite, suite); err != nil || !strings.Contains(b.String(), "1..6\n") || !strings.Contains(b.String(), "\nok 4 - quorum-kill: lost_writes == 0\n") {
		t.Errorf("%v\n%s", err, b.String())
	}
}

// FuzzWrite: no text ends its line, adds a test point or a directive, or ends the YAML.
func FuzzWrite(f *testing.F) {
	for _, text := range []string{"", "# SKIP", "\\# TODO", "a\nnot ok 2", "\r\n  ...\n", "Bail out!", "\x00\x1b", "\xff", "\u2028", "  ---"} {
		f.Add(text)
	}
	line := regexp.MustCompile(`^(TAP version 14|1\.\.2|#.*|(not )?ok [12] - .*|  (---|\.\.\.|severity: \w+|duration_ms: [0-9.]+|(more|output):|message: ".*")|    - ".*")$`)
	directive := regexp.MustCompile(`(^|[^\\])(\\\\)*#`)
	f.Fuzz(func(t *testing.T, text string) {
		var b strings.Builder
		if err := Write(&b, junit.Suite{Name: text, Cases: []junit.Case{{Name: text, Output: text}, {Name: text, Errors: []string{text, text}}}}); err != nil {
			t.Fatal(err)
		}
		points := 0
		for l := range strings.SplitSeq(strings.TrimSuffix(b.String(), "\n"), "\n") {
			if !line.MatchString(l) {
				t.Errorf("%q: the line %q", text, l)
			}
			if strings.HasPrefix(l, "ok") || strings.HasPrefix(l, "not ok") {
				points++
				if directive.MatchString(l) {
					t.Errorf("%q: a directive in %q", text, l)
				}
			}
		}
		if points != 2 {
			t.Errorf("%q: %d test points", text, points)
		}
	})
}
