// Package units writes numbers, times and sizes as people read them.
package units

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Grouped writes a whole number with commas: 12,345.
func Grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// Count is a number with the right one of two nouns.
func Count(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Grouped(n) + " " + many
}

// Seconds is a moment on the run's clock, to the millisecond.
func Seconds(d time.Duration) string { return fmt.Sprintf("%.3f s", d.Seconds()) }

// Span is a length of time, to about three digits.
func Span(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%.2f ms", float64(d)/1e6)
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}

// Millis is a latency in milliseconds without the unit, for a table: as many
// digits as matter at its size.
func Millis(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	switch {
	case ms < 10:
		return fmt.Sprintf("%.2f", ms)
	case ms < 100:
		return fmt.Sprintf("%.1f", ms)
	}
	return Grouped(int64(ms + 0.5))
}

// Percent is a share. Few is never shown as none, nor nearly all as all.
func Percent(share float64) string {
	switch {
	case share > 0 && share < 0.0001:
		return "<0.01%"
	case share < 1 && share > 0.9999:
		return ">99.99%"
	}
	return fmt.Sprintf("%.2f%%", share*100)
}

// Bytes is a number of bytes in the largest unit that leaves it at least 1, with at most one decimal: 12 B, 12.3 MB,
// 1.2 GB. A unit is 1000 of the one before; only what stands in an experiment is in PostgreSQL's units, of 1024.
func Bytes(n uint64) string {
	names := []string{"B", "kB", "MB", "GB", "TB"}
	x, unit := float64(n), 0
	for x >= 999.95 && unit < len(names)-1 { // which would be shown as 1000
		x /= 1000
		unit++
	}
	return strings.TrimSuffix(strconv.FormatFloat(x, 'f', 1, 64), ".0") + " " + names[unit]
}

// shownExample bounds an example, in characters; the file has the whole of it.
const shownExample = 180

// OneLine is a message without its line ends, and not longer than a table bears.
func OneLine(message string) string {
	text := []rune(strings.Join(strings.Fields(message), " "))
	if len(text) <= shownExample {
		return string(text)
	}
	return strings.TrimRight(string(text[:shownExample]), " ") + " ..."
}
