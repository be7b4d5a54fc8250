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
		"193 MB": Bytes(193043497), "556 kB": Bytes(556000), "12 B": Bytes(12), "0 B": Bytes(0), "999 B": Bytes(999), "1 kB": Bytes(1000),
		"999.9 kB": Bytes(999_949), "1 MB": Bytes(999_950), "12.3 MB": Bytes(12_345_678), "1.2 GB": Bytes(1_234_567_890), "1 TB": Bytes(999_999_999_999), "5000 TB": Bytes(5e15),
		"1 node": Count(1, "node", "nodes"), "0 nodes": Count(0, "node", "nodes"),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
