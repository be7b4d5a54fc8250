package units

import (
	"testing"
	"time"
)

const ms = time.Millisecond

func TestNumbersAsText(t *testing.T) {
	for want, got := range map[string]string{
		"1,234,567": Grouped(1234567), "-1,000": Grouped(-1000), "999": Grouped(999), "0": Grouped(0),
		"0.42 ms": Span(420 * time.Microsecond), "85 ms": Span(85 * ms), "3.21 s": Span(3210 * ms), "45.0 s": Span(45 * time.Second), "3m5s": Span(185 * time.Second),
		"0.09": Millis(90 * time.Microsecond), "12.3": Millis(12345 * time.Microsecond), "1,235": Millis(1234500 * time.Microsecond),
		"<0.01%": Percent(0.00001), "0.00%": Percent(0), "100.00%": Percent(1), ">99.99%": Percent(0.99999), "1.50%": Percent(0.015),
		"184.1MiB": BinaryBytes(193043497), "556kB": DecimalBytes(556000), "12B": DecimalBytes(12),
		"1 node": Count(1, "node", "nodes"), "0 nodes": Count(0, "node", "nodes"),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
