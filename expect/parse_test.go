package expect

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseNodesAndWindows(t *testing.T) {
	for text, want := range map[string]Expectation{
		"replay_lag on b < 1s":                      {Metric: "replay_lag", Kind: MetricDuration, Node: "b", Op: "<", Value: 1, Unit: "s"},
		"replay_lag_bytes on b during kill <= 16MB": {Metric: "replay_lag_bytes", Kind: MetricSize, Node: "b", Phase: "kill", Op: "<=", Value: 16 << 20, Unit: "MB"},
		"replay_lag_bytes on b < 4096":              {Metric: "replay_lag_bytes", Kind: MetricSize, Node: "b", Op: "<", Value: 4096},
		"rpo_bytes == 0":                            {Metric: "rpo_bytes", Kind: MetricSize, Op: "=="},
		"cpu on a during kill in any 10s < 150%":    {Metric: "cpu", Kind: MetricCores, Node: "a", Phase: "kill", Any: 10 * time.Second, Op: "<", Value: 1.5, Unit: "%"},
		"cpu on a in any 10s < 150%":                {Metric: "cpu", Kind: MetricCores, Node: "a", Any: 10 * time.Second, Op: "<", Value: 1.5, Unit: "%"},
		"memory on a < 0.5GB":                       {Metric: "memory", Kind: MetricSize, Node: "a", Op: "<", Value: 512 << 20, Unit: "GB"},
		"staleness_max of reads on b < 1s":          {Metric: "staleness_max", Kind: MetricDuration, Workload: "reads", Node: "b", Op: "<", Value: 1, Unit: "s"},
		"p99 of writes in any 5s < 200ms":           {Metric: "p99", Kind: MetricDuration, Workload: "writes", Any: 5 * time.Second, Op: "<", Value: 0.2, Unit: "ms"},
		"errors in any 300ms of w during p <= 3":    {Metric: "errors", Kind: MetricCount, Workload: "w", Phase: "p", Any: 300 * time.Millisecond, Op: "<=", Value: 3},
		"throughput of writes in any 1m > 100/s":    {Metric: "throughput", Kind: MetricRate, Workload: "writes", Any: time.Minute, Op: ">", Value: 100, Unit: "/s"},
	} {
		want.Text = text
		got, err := Parse(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}

// TestErrorsPointAtTheWord: each error stands at the word that is wrong, which the test marks by ^ before it.
func TestErrorsPointAtTheWord(t *testing.T) {
	for marked, right := range map[string]string{
		"^lost_writs == 0":                       "did you mean lost_writes?",
		"not ^lost_writs == 0":                   "did you mean lost_writes?",
		" ^replay_lags on b < 1s":                "did you mean replay_lag?",
		"^replay_lag < 1s":                       "write replay_lag on NODE",
		"replay_lag ^of writes < 1s":             "write replay_lag on NODE",
		"p99 of writes ^on b < 1s":               "write p99 of WORKLOAD",
		"p99 ^off writes < 1s":                   "did you mean of?",
		"p99 of writes ^duringg kill-a < 1s":     "did you mean during?",
		"p99 of writes ^≤ 1s":                    "did you mean <=?",
		"p99 of writes during ^":                 "",
		"p99 of writes in ^5s < 1s":              "write in any 5s",
		"p99 of writes in ^kill-a < 1s":          "or during kill-a for a phase",
		"p99 of writes in ^each 5s < 1s":         "write in any 5s for a window",
		"p99 of writes in ^any < 1s":             "write p99 of WORKLOAD",
		"p99 of writes ^in < 1s":                 "write p99 of WORKLOAD",
		"p99 of writes in any ^5 < 1s":           "write in any 5s",
		"p99 of writes in any ^5 s < 1s":         "write in any 5s",
		"p99 of writes in any ^1500ms < 1s":      "write whole seconds",
		"errors of writes in any ^50ms <= 3":     "write tenths of a second",
		"errors of writes in any ^2h <= 3":       "write tenths of a second",
		"errors of writes in any ^0s <= 3":       "write tenths of a second",
		"p99 of writes in any 5s ^in any 6s < 1": "write p99 of WORKLOAD",
		"lost_writes ^in any 5s == 0":            "write lost_writes == 0",
		"average of writes ^in any 5s < 1s":      "write average of WORKLOAD",
		"p99 of writes ^=< 1s":                   "write one of ==",
		"p99 of writes <   ^12":                  "write 12s or 12ms",
		"memory on a < ^12XB":                    "kB, MB or GB",
		"memory on a < ^-12MB":                   "kB, MB or GB",
		"memory on a < ^512":                     "write 512MB",
		"cpu on a < ^1.5":                        "150% for one and a half",
		"nodes_equal == ^maybe":                  "write nodes_equal",
	} {
		at := strings.Index(marked, "^")
		text := strings.Replace(marked, "^", "", 1)
		if right == "" {
			at, right = strings.LastIndex(text, "during"), "write p99 of WORKLOAD"
		}
		_, err := Parse(text)
		var bad *Error
		if !errors.As(err, &bad) || bad.At != at || !strings.Contains(bad.Right, right) {
			t.Errorf("%q: %+v; want it at %d, and %q", text, err, at, right)
		}
	}
}

func TestPosition(t *testing.T) {
	const text = " not  p99 of writes on b during kill-a in any 5s < 1s of"
	for after, want := range map[string]string{"": "p99", "of": "writes", "on": "b", "during": "kill-a", "any": "5s"} {
		if at := Position(text, after); !strings.HasPrefix(text[at:], want+" ") {
			t.Errorf("after %q: %d", after, at)
		}
	}
	if at := Position("lost_writes == 0", "of"); at != 0 {
		t.Error(at)
	}
}

// TestExamples: the example of every metric can be read, and is of that metric.
func TestExamples(t *testing.T) {
	for _, m := range Metrics() {
		e, err := Parse(m.Example())
		if err != nil || e.Metric != m.Name || m.Better == 0 || m.Exists == "" || m.Kind.Unit() == "not known" {
			t.Errorf("%+v: %q: %v", m, m.Example(), err)
		}
		if e.Kind != MetricTruth && e.Op != "==" && (e.Op[0] == '>') != (m.Better == Higher) {
			t.Errorf("%q demands what is worse", m.Example())
		}
	}
}

func TestAbortWhenBroken(t *testing.T) {
	a, err := AbortWhenBroken("p99 of writes in any 5s < 200ms")
	if err != nil || !a.Broken || a.Op != ">=" || a.Over != 5*time.Second || a.Text != "p99 of writes in any 5s < 200ms" || a.Workload != "writes" {
		t.Errorf("%+v, %v", a, err)
	}
	e, err := Parse(a.Text)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []float64{0.1, 0.2, 0.3} { // one holds where the other does not
		if v := (Value{Known: true, Number: n}); a.Holds(v) == e.Holds(v) {
			t.Errorf("%v: both are %v", n, a.Holds(v))
		}
	}
	if a, err := AbortWhenBroken("errors of writes in any 500ms <= 3"); err != nil || a.Step() != 100*time.Millisecond || a.Over != 500*time.Millisecond || !a.Holds(Value{Known: true, Number: 4}) || a.Holds(Value{Known: true, Number: 3}) {
		t.Errorf("%+v, %v", a, err)
	}
	for text, right := range map[string]string{
		"p99 of writes < 200ms":                          "write p99 of writes in any 10s",
		"error_rate of writes < 1%":                      "write error_rate of writes in any 10s",
		"lost_writes == 0":                               "use samples, errors, dropped, error_rate",
		"service_p99 of writes in any 5s < 1s":           "use samples, errors, dropped, error_rate",
		"cpu on a in any 5s < 80%":                       "use samples, errors, dropped, error_rate",
		"p99 of writes in any 5s during kill-a < 200ms":  "leave out during kill-a",
		"errors of writes in any 11m <= 3":               "write one of at most 10m",
		"p99 of writes in any 11m < 200ms":               "write one of at most 10m",
		"p99 of writes in any 1500ms < 200ms":            "write whole seconds",
		"p99 of writes in any 5 < 200ms":                 "write in any 5s",
		"throughput of writes in any 5s during baseline": "write throughput of WORKLOAD",
	} {
		var bad *Error
		if _, err := AbortWhenBroken(text); !errors.As(err, &bad) || !strings.Contains(bad.Right, right) {
			t.Errorf("%q: %v; want %q", text, err, right)
		}
	}
	if _, err := ParseAbort("p99 of writes in any 5s > 1s"); err == nil || !strings.Contains(err.Error(), "write for 5s at the end") {
		t.Error(err)
	}
}

func TestWorse(t *testing.T) {
	for text, want := range map[string][2]bool{ // 9 is worse than 11, and the reverse
		"samples of w < 10":          {false, true},
		"samples of w >= 10":         {true, false},
		"samples of w == 8":          {false, true},
		"samples of w != 8":          {true, false},
		"errors of w in any 1s <= 3": {false, true},
	} {
		e, err := Parse(text)
		if err != nil || e.Worse(9, 11) != want[0] || e.Worse(11, 9) != want[1] {
			t.Errorf("%s: %v", text, err)
		}
	}
	for text, want := range map[string]bool{"throughput of w in any 1s": true, "p99 of w in any 1s": false} {
		if e, err := ParseMetric(text); err != nil || e.Worse(9, 11) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestFormatSizesAndCores(t *testing.T) {
	for want, got := range map[string]string{
		"0 B":     MetricSize.Format(0),
		"1023 B":  MetricSize.Format(1023),
		"1 kB":    MetricSize.Format(1024),
		"15.3 MB": MetricSize.Format(16e6),
		"16 MB":   MetricSize.Format(16 << 20),
		"4096 GB": MetricSize.Format(4096 << 30),
		"150 %":   MetricCores.Format(1.5),
		"0.5 %":   MetricCores.Format(0.005),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// FuzzParse: no text makes the parser panic; each error says what is wrong, where in the text, and what would be right; and what
// can be read is read again as the same.
func FuzzParse(f *testing.F) {
	for _, m := range Metrics() {
		f.Add(m.Example())
	}
	for _, text := range []string{
		"", " ", "not", "not not nodes_equal", "p99 of writes in any 5s during x < 1s", "p99 of \xff < 1s", "≤ of ≥", "p99 of of of in in any any < < 1s",
		"error_rate of writes > 50% for 10s", "memory on b < 1e300GB", "cpu on b < .%", "p99 of w < 1s for 5s for 6s", "lost_writes\u2028== 0",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		check := func(err error) {
			var bad *Error
			if err != nil && (!errors.As(err, &bad) || bad.What == "" || bad.Right == "" || bad.At < 0 || bad.At > len(text)) {
				t.Errorf("%q: %+v", text, err)
			}
		}
		e, err := Parse(text)
		check(err)
		if err == nil {
			again, err := Parse(e.Text)
			if diff := cmp.Diff(e, again); err != nil || diff != "" {
				t.Errorf("%q: %v, %s", text, err, diff)
			}
			for _, after := range []string{"", "of", "on", "during", "any"} {
				if at := Position(text, after); at < 0 || at > len(text) {
					t.Errorf("%q: %q is at %d", text, after, at)
				}
			}
		}
		_, err = ParseMetric(text)
		check(err)
		_, err = ParseAbort(text)
		check(err)
		_, err = AbortWhenBroken(text)
		check(err)
	})
}
