package expect

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// MetricKind says what the values of a metric are. The zero value is no kind.
type MetricKind uint8

// The kinds of metrics.
const (
	MetricTruth    MetricKind = iota + 1 // true or false
	MetricCount                          // a whole number
	MetricShare                          // of 1; written in percent
	MetricDuration                       // in seconds; written with a unit
	MetricRate                           // per second
	MetricSize                           // in bytes; written with a unit of PostgreSQL's: kB, MB, GB
	MetricCores                          // in cores; written in percent of one core
)

// Unit is the unit in which values are written.
func (k MetricKind) Unit() string {
	switch k {
	case MetricTruth:
		return "true or false"
	case MetricCount:
		return "a number"
	case MetricShare:
		return "%"
	case MetricDuration:
		return "us, ms, s, m, h"
	case MetricRate:
		return "/s, /m, /ms"
	case MetricSize:
		return "kB, MB, GB"
	case MetricCores:
		return "% of a core"
	}
	return "not known"
}

func (k MetricKind) noun() string {
	switch k {
	case MetricTruth:
		return "true or false"
	case MetricCount:
		return "a count"
	case MetricShare:
		return "a share"
	case MetricDuration:
		return "a duration"
	case MetricRate:
		return "a rate"
	case MetricSize:
		return "a size"
	case MetricCores:
		return "a share of a core"
	}
	return "of no kind"
}

// hint is what might have been meant by a value that the kind refuses.
func (k MetricKind) hint(text string) string {
	n, err := strconv.ParseFloat(text, 64)
	plain := err == nil && n >= 0 && n < 1e12
	switch k {
	case MetricCount:
		return "a whole number without a unit, such as 0"
	case MetricShare:
		if plain && n <= 1 {
			return strconv.FormatFloat(n*100, 'g', 6, 64) + "%"
		}
		return "a percentage from 0% to 100%, such as 1%"
	case MetricDuration:
		if plain {
			return text + "s or " + text + "ms"
		}
		return "a number with its unit, such as 250ms, 10s or 1m30s"
	case MetricRate:
		if plain {
			return text + "/s"
		}
		return "a number with its unit, such as 500/s"
	case MetricSize:
		return "a number of bytes with its unit, kB, MB or GB, such as 16MB"
	case MetricCores:
		return "a percentage of one core, such as 50%, or 150% for one and a half"
	case MetricTruth:
	}
	return "true or false"
}

// Format shows a number of the kind with its unit, to three significant digits:
// "42 ms", "0.12 %", "499 /s", "17". The unit is that of the number's size.
func (k MetricKind) Format(n float64) string { return k.format(n, 3) }

// FormatBeside is Format with as many digits as show that the number is not the one it is compared with: "1.004 s" beside 1 s.
func (k MetricKind) FormatBeside(n, with float64) string {
	const exact = 17 // more digits do not make a float64 any clearer
	for digits := 3; ; digits++ {
		text := k.format(n, digits)
		if n == with || digits == exact || text != k.format(with, digits) {
			return text
		}
	}
}

func (k MetricKind) format(n float64, digits int) string {
	switch k {
	case MetricTruth:
		return strconv.FormatBool(n != 0)
	case MetricShare:
		return formatDigits(n*100, digits) + " %"
	case MetricRate:
		return formatDigits(n, digits) + " /s"
	case MetricDuration:
		return formatSeconds(n, digits)
	case MetricSize:
		return formatBytes(n, digits)
	case MetricCores:
		return formatDigits(n*100, digits) + " %"
	case MetricCount:
	}
	return strconv.FormatFloat(n, 'f', -1, 64)
}

// formatBytes writes a size in PostgreSQL's units, of 1024 each, as it stands in an expectation.
func formatBytes(n float64, digits int) string {
	unit := 0
	names := []string{"B", "kB", "MB", "GB"}
	for math.Abs(n) >= 1024 && unit < len(names)-1 {
		n /= 1024
		unit++
	}
	if unit == 0 {
		return strconv.FormatFloat(n, 'f', -1, 64) + " B"
	}
	return formatDigits(n, digits) + " " + names[unit]
}

func formatSeconds(n float64, digits int) string {
	switch size := math.Abs(n); {
	case n == 0:
		return "0 s"
	case size < 999.5e-6:
		return formatDigits(n*1e6, digits) + " µs"
	case size < 999.5e-3:
		return formatDigits(n*1e3, digits) + " ms"
	case size < 60 || size >= math.MaxInt64/1e9:
		return formatDigits(n, digits) + " s"
	}
	step := 100 * time.Millisecond
	for ; digits > 3; digits-- {
		step /= 10
	}
	return time.Duration(n * float64(time.Second)).Round(step).String()
}

// formatDigits writes a number to so many significant digits, but for those before the point, which are never left out.
func formatDigits(n float64, digits int) string {
	if size := math.Abs(n); size >= 100 {
		before := 1 + int(math.Log10(size))
		return strconv.FormatFloat(n, 'f', max(0, digits-before), 64)
	}
	return strconv.FormatFloat(n, 'g', digits, 64)
}

// parse reads a value of the kind, as it stands in an expectation.
func (k MetricKind) parse(text string) (value float64, unit string, ok bool) {
	if k == MetricDuration {
		d, err := time.ParseDuration(strings.ReplaceAll(text, " ", ""))
		if err != nil || d < 0 || text == "0" {
			return 0, "", false
		}
		return d.Seconds(), strings.TrimLeft(text, "0123456789. "), true
	}
	number := text[:len(text)-len(strings.TrimLeft(text, "0123456789."))]
	unit = strings.TrimSpace(text[len(number):])
	value, err := strconv.ParseFloat(number, 64)
	if err != nil || math.IsInf(value, 0) {
		return 0, "", false
	}
	switch k {
	case MetricCount:
		return value, "", unit == "" && value == math.Trunc(value) && value < 1<<53
	case MetricShare:
		return value / 100, "%", unit == "%" && value <= 100
	case MetricCores:
		return value / 100, "%", unit == "%" && value <= 1e6
	case MetricSize:
		size, known := map[string]float64{"": 1, "B": 1, "kB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}[unit]
		value *= size
		return value, unit, known && value < 1<<53 && (size > 1 || value == math.Trunc(value))
	case MetricRate:
		per, known := map[string]float64{"/s": 1, "/m": 1.0 / 60, "/ms": 1000}[strings.ReplaceAll(unit, " ", "")]
		return value * per, unit, known
	case MetricTruth, MetricDuration:
	}
	return 0, "", false
}
