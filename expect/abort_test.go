package expect

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestParseAbort(t *testing.T) {
	for text, want := range map[string]Abort{
		"error_rate of writes > 50% for 10s":   {Expectation{Metric: "error_rate", Workload: "writes", Op: ">", Value: 0.5}, 10 * time.Second, false},
		" p99 of writes > 5s  for  1m ":        {Expectation{Metric: "p99", Workload: "writes", Op: ">", Value: 5}, time.Minute, false},
		"throughput of reads == 0/s":           {Expectation{Metric: "throughput", Workload: "reads", Op: "=="}, 10 * time.Second, false},
		"p99.9 of writes >= 250ms for 5s":      {Expectation{Metric: "p99.9", Workload: "writes", Op: ">=", Value: 0.25}, 5 * time.Second, false},
		"achieved_rate of writes < 80% for 1s": {Expectation{Metric: "achieved_rate", Workload: "writes", Op: "<", Value: 0.8}, time.Second, false},
	} {
		got, err := ParseAbort(text)
		if err != nil || got.Metric != want.Metric || got.Workload != want.Workload || got.Op != want.Op || got.Value != want.Value || got.Over != want.Over {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
		if got.Text != strings.TrimSpace(text) {
			t.Errorf("%q: the text is %q", text, got.Text)
		}
	}
	for text, right := range map[string]string{
		"":                                     "write METRIC of WORKLOAD",
		"error_rate > 50% for 10s":             "write error_rate of WORKLOAD",
		"error_rates of writes > 50%":          "did you mean error_rate?",
		"error_rate of writes > 50":            "a percentage",
		"error_rate of writes > 50% for":       "a percentage",
		"error_rate of writes > 50% for ever":  "whole seconds",
		"error_rate of writes > 50% for 500ms": "whole seconds",
		"error_rate of writes > 50% for 1.5s":  "whole seconds",
		"error_rate of writes > 50% for 11m":   "whole seconds",
		"error_rate of writes > 50% for -5s":   "whole seconds",
		"p99 of writes during kill-a > 5s":     "leave out during kill-a",
		"errors of writes > 5":                 "use error_rate",
		"lost_writes > 0":                      "use error_rate",
		"service_p99 of writes > 5s":           "use error_rate",
		"nodes_equal":                          "use error_rate",
		"write_rto > 5s for 10s":               "use error_rate",
	} {
		var bad *Error
		if a, err := ParseAbort(text); !errors.As(err, &bad) || !strings.Contains(bad.Right, right) {
			t.Errorf("%q: %+v, %v; want %q", text, a, err, right)
		}
	}
}

func TestUnknownValueHoldsNothing(t *testing.T) {
	e, err := Parse("p99 of writes > 0s")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		v    Value
		want bool
	}{
		{Value{}, false},
		{Value{Number: 1}, false},
		{Value{Number: 1, Known: true}, true},
		{Value{Known: true}, false},
	} {
		if got := e.Holds(tc.v); got != tc.want {
			t.Errorf("%+v: %v", tc.v, got)
		}
	}
}
