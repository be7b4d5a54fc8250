package expect

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// given are readings by the text of a comparison's quantity; what is missing is not known.
type given map[string]Value

func (g given) Reading(c *Comparison) Value {
	if v, ok := g[c.String()]; ok {
		return v
	}
	return Value{Why: "it was not read"}
}

func number(n float64) Value   { return Value{Known: true, Number: n} }
func wordOf(text string) Value { return Value{Known: true, Text: text} }
func truth(is bool) Value      { return Value{Known: true, Bool: is} }

// TestConditions: what holds by the readings of one moment.
func TestConditions(t *testing.T) {
	now := given{
		"lag of b": number(9 << 20), "replay_lag of b": number(2.5), "sync_waiters": number(10), "role of b": wordOf("standby"),
		"sync_state of c": wordOf("not connected"), "streaming of b": truth(true), "streaming of c": truth(false),
		"throughput of writes": number(80), "p99 of writes": number(0.9), "acknowledged of writes": number(10000), "error_rate of writes": number(0.02),
	}
	for text, want := range map[string]bool{
		"lag of b > 8MB":                                        true,
		"lag of b>8 MB":                                         true,
		"lag of b > 9MB":                                        false,
		"lag of b >= 9MB":                                       true,
		"replay_lag of b > 2s":                                  true,
		"replay_lag of b > 2500ms":                              false,
		"sync_waiters >= 10":                                    true,
		"sync_waiters != 10":                                    false,
		"role of b is standby":                                  true,
		"role of b is not standby":                              false,
		"role of b is not primary":                              true,
		"sync_state of c is quorum":                             false,
		"sync_state of c is not quorum":                         true,
		"streaming of b":                                        true,
		"not streaming of b":                                    false,
		"not streaming of c":                                    true,
		"throughput of writes < 100/s":                          true,
		"p99 of writes > 1s":                                    false,
		"acknowledged of writes >= 10000":                       true,
		"error_rate of writes > 1%":                             true,
		"lag of b > 8MB and sync_waiters > 10":                  false,
		"lag of b > 8MB or sync_waiters > 10":                   true,
		"lag of b > 8MB or lag of b > 1GB and lag of b > 2GB":   true, // and binds closer
		"(lag of b > 8MB or lag of b > 1GB) and lag of b > 2GB": false,
		"((streaming of b))":                                    true,
		// What was not read does not hold, and nor does its opposite.
		"lag of d > 8MB":                      false,
		"lag of d < 8MB":                      false,
		"role of d is not primary":            false,
		"not streaming of d":                  false,
		"lag of d > 8MB or lag of b > 8MB":    true,
		"lag of b > 8MB and lag of d < 100GB": false,
	} {
		c, err := ParseCondition(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := c.Wait().Look(0, now); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// TestConditionsThatMustHoldForSomeTime: a break begins the time anew, and each part has a time of its own.
func TestConditionsThatMustHoldForSomeTime(t *testing.T) {
	for _, tc := range []struct {
		text string
		lags string // in MB at each second; - is not known
		want int    // the second in which the condition first holds; -1: never
	}{
		{"lag of b > 8MB for 3s", "9 9 9 9", 3},
		{"lag of b > 8MB for 3s", "9 9 1 9 9 9 9", 6},
		{"lag of b > 8MB for 3s", "9 9 - 9 9 9 9", 6},
		{"lag of b > 8MB for 3s", "9 9 1 9 9 1", -1},
		{"(lag of b > 8MB for 3s) and lag of b < 20MB", "30 30 30 30 19", 4},
		{"(lag of b > 8MB and lag of b < 20MB) for 2s", "9 30 9 9 9", 4},
		{"(lag of b > 8MB) for 1s or lag of b > 100MB", "200 9", 0},
	} {
		c, err := ParseCondition(tc.text)
		if err != nil {
			t.Fatalf("%s: %v", tc.text, err)
		}
		w, got := c.Wait(), -1
		for i, lag := range strings.Fields(tc.lags) {
			now := given{}
			if lag != "-" {
				var mb float64
				if _, err := fmt.Sscan(lag, &mb); err != nil {
					t.Fatal(err)
				}
				now["lag of b"] = number(mb * (1 << 20))
			}
			if w.Look(time.Duration(i)*time.Second, now) && got < 0 {
				got = i
			}
		}
		if got != tc.want {
			t.Errorf("%s, %s: holds at %d, want %d", tc.text, tc.lags, got, tc.want)
		}
	}
}

// TestWhatWasRead: a condition that was met says what was read then, and one that was not says the nearest that was read.
func TestWhatWasRead(t *testing.T) {
	for _, tc := range []struct {
		text string
		read []given
		met  string
		not  string
	}{
		{"lag of b > 8MB", []given{{"lag of b": number(1.2 * (1 << 20))}, {"lag of b": number(1 << 10)}}, "", "lag of b was 1.2 MB at most"},
		{"throughput of writes < 10/s", []given{{"throughput of writes": number(50)}, {"throughput of writes": number(80)}}, "", "throughput of writes was 50 /s at least"},
		{"sync_waiters == 3", []given{{"sync_waiters": number(1)}, {"sync_waiters": number(2)}}, "", "sync_waiters was 2 at last"},
		{"role of b is primary", []given{{"role of b": wordOf("standby")}, {"role of b": wordOf("down")}}, "", "role of b was down at last"},
		{"streaming of b", []given{{"streaming of b": truth(false)}}, "", "b was not streaming at last"},
		{"lag of b > 8MB", []given{{}}, "", "lag of b was never known: it was not read"},
		{"lag of b > 8MB", []given{{"lag of b": number(1 << 20)}, {}}, "", "lag of b was 1 MB at most, and then it was not known: it was not read"},
		{"lag of b > 8MB for 3s", []given{{"lag of b": number(9 << 20)}, {"lag of b": number(9 << 20)}, {"lag of b": number(0)}}, "",
			"lag of b was 9 MB at most; what must hold for 3s did so for 1s at most"},
		{"lag of b > 8MB or sync_waiters > 3", []given{{"lag of b": number(9 << 20), "sync_waiters": number(1)}}, "lag of b was 9 MB", ""},
		{"lag of b > 8MB and role of b is standby", []given{{"lag of b": number(9 << 20), "role of b": wordOf("standby")}}, "lag of b was 9 MB, role of b was standby", ""},
	} {
		c, err := ParseCondition(tc.text)
		if err != nil {
			t.Fatalf("%s: %v", tc.text, err)
		}
		w, holds := c.Wait(), false
		for i, r := range tc.read {
			holds = w.Look(time.Duration(i)*time.Second, r)
		}
		if holds != (tc.met != "") {
			t.Errorf("%s: holds is %v", tc.text, holds)
		}
		if got := w.Met(); tc.met != "" && got != tc.met {
			t.Errorf("%s: met by %q, want %q", tc.text, got, tc.met)
		}
		if got := w.Unmet(); tc.not != "" && got != tc.not {
			t.Errorf("%s: %q, want %q", tc.text, got, tc.not)
		}
	}
}

// TestConditionsWithMistakes: the mistake is reported at its word, with what would be right.
func TestConditionsWithMistakes(t *testing.T) {
	for _, tc := range []struct {
		text string
		at   int
		says string
	}{
		{"", 0, "the condition is empty"},
		{"lga of b > 8MB", 0, `there is no quantity "lga"; did you mean lag? Such as lag of b > 8MB`},
		{"tps of writes > 3/s", 0, "did you mean throughput?"},
		{"frobnication of b > 1", 0, "write one of lag, replay_lag,"},
		{"lag > 8MB", 0, "lag is a node's, and none is named; write lag of b > 8MB"},
		{"throughput < 100/s", 0, "throughput is a workload's, and none is named"},
		{"lag of", 4, "nothing follows of"},
		{"lag of > 8MB", 4, "nothing follows of"},
		{"lag of b", 0, "lag of b is compared with nothing"},
		{"lag of b >", 9, "nothing follows >"},
		{"lag of b => 8MB", 9, `"=>" is not a comparison; write one of`},
		{"lag of b = 8MB", 9, `"=" is not a comparison of numbers; write ==`},
		{"lag of b is 8MB", 9, `"is" is not a comparison of numbers; write ==`},
		{"lag of b ≥ 8MB", 9, `did you mean >=? Or write one of`},
		{"lag of b > 8", 11, `"8" has no unit; write 8MB`},
		{"lag of b > 5s", 11, `lag is a size, and "5s" is none; write replay_lag of b for a time`},
		{"replay_lag of b > 8MB", 18, `replay_lag is a duration, and "8MB" is none; write lag of b for a size`},
		{"replay_lag of b > 8", 18, "write 8s or 8ms"},
		{"sync_waiters > 1.5", 15, `sync_waiters is a count, and "1.5" is none`},
		{"role of b > 3", 10, "role is a word, and is follows it; write role of b is primary"},
		{"role of b is", 10, "nothing follows is"},
		{"role of b is master", 13, `role cannot be "master"; write one of primary, standby, down`},
		{"role of b is primry", 13, "did you mean primary?"},
		{"streaming of b is true", 15, "streaming is true or false and is compared with nothing"},
		{"not lag of b > 8MB", 4, "not stands before lag, which is not true or false"},
		{"lag of b > 8MB and", 18, "a comparison is missing here"},
		{"lag of b > 8MB sync_waiters > 3", 15, `"sync_waiters" is not understood here; join comparisons by and or or`},
		{"lag of b > 8MB annd sync_waiters > 3", 15, "did you mean and?"},
		{"(lag of b > 8MB", 0, "the parenthesis is not closed"},
		{"lag of b > 8MB)", 14, "a parenthesis is closed here that was not opened"},
		{"lag of b > 8MB for", 15, "nothing follows for"},
		{"lag of b > 8MB for 3", 19, `"3" is no time for which a condition can hold`},
		{"lag of b > 8MB for 3s and sync_waiters > 3", 15, "it is not clear whether for belongs to the last comparison or to all"},
		{"lag of b > 8MB and sync_waiters > 3 for 3s", 36, "put parentheses around what must hold that long"},
		{"lag of b > 8MB for 3s for 4s", 22, `"for" is not understood here`},
	} {
		_, err := ParseCondition(tc.text)
		var bad *Error
		if !errors.As(err, &bad) || bad.At != tc.at || !strings.Contains(bad.Error(), tc.says) {
			at := -1
			if bad != nil {
				at = bad.At
			}
			t.Errorf("%q: at %d: %v\nwant at %d: %s", tc.text, at, err, tc.at, tc.says)
		}
	}
}

// TestRequiredComparisons: those without which a condition cannot hold.
func TestRequiredComparisons(t *testing.T) {
	c, err := ParseCondition("role of a is down and (lag of b > 8MB or lag of c > 8MB) and (streaming of d for 3s)")
	if err != nil {
		t.Fatal(err)
	}
	var all, required []string
	for _, part := range c.Comparisons() {
		all = append(all, part.String())
	}
	for _, part := range c.Required() {
		required = append(required, part.String())
	}
	if got := strings.Join(all, ", "); got != "role of a, lag of b, lag of c, streaming of d" {
		t.Error(got)
	}
	if got := strings.Join(required, ", "); got != "role of a, streaming of d" {
		t.Error(got)
	}
}
