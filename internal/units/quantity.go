package units

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Error says what is wrong with a text, and what would be right.
type Error struct{ What, Right string }

func (e *Error) Error() string { return e.What + "; " + e.Right }

// Quote is a text in quotation marks, shortened to 60 characters.
func Quote(text string) string {
	const most = 60
	if r := []rune(text); len(r) > most {
		return fmt.Sprintf("%q...", string(r[:most]))
	}
	return fmt.Sprintf("%q", text)
}

// Duration is a time.Duration written as "10s", "1m30s" or "250ms".
type Duration time.Duration

func (d Duration) String() string { return time.Duration(d).String() }

// UnmarshalText reads a duration with its unit. A bare 0 needs none.
func (d *Duration) UnmarshalText(text []byte) error {
	s := strings.TrimSpace(string(text))
	parsed, err := time.ParseDuration(s)
	number, numberErr := strconv.ParseFloat(s, 64)
	switch {
	case err == nil && parsed < 0:
		return &Error{Quote(s) + " is negative", "write a positive duration, such as 10s"}
	case err == nil:
		*d = Duration(parsed)
		return nil
	case numberErr == nil && number > 0 && number < 1e9:
		return &Error{Quote(s) + " has no unit", "write " + s + "s"}
	}
	return &Error{Quote(s) + " is no duration", "write a number with its unit, such as 250ms, 10s or 1m30s"}
}

// MarshalText writes the duration as UnmarshalText reads it.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// Size is a number of bytes, written as "512MB" or "2GB" as in postgresql.conf,
// where a unit is 1024 of the one before.
type Size int64

// MaxSize bounds a size: no machine has more memory.
const MaxSize Size = 1 << 46

func (s Size) String() string {
	for _, unit := range []string{"kB", "MB", "GB"} {
		bytes := sizeUnits()[unit]
		if int64(s)%bytes == 0 && (int64(s)/bytes < 1024 || unit == "GB") {
			return strconv.FormatInt(int64(s)/bytes, 10) + unit
		}
	}
	return strconv.FormatInt(int64(s)/sizeUnits()["kB"], 10) + "kB"
}

// sizeUnits are those of postgresql.conf.
func sizeUnits() map[string]int64 {
	return map[string]int64{"kB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}
}

// UnmarshalText reads a number of bytes with its unit: "512MB", "2GB".
func (s *Size) UnmarshalText(text []byte) error {
	t := strings.TrimSpace(string(text))
	digits := strings.TrimRight(t, "kKMGTBiIb ")
	number, err := strconv.ParseInt(digits, 10, 32)
	unit := strings.TrimSpace(t[len(digits):])
	factor, known := sizeUnits()[unit]
	switch {
	case err != nil || number <= 0:
		return &Error{Quote(t) + " is no size", "write a whole number with its unit, such as 512MB or 2GB"}
	case unit == "":
		return &Error{Quote(t) + " has no unit", "write " + t + "MB"}
	case !known:
		return &Error{"the unit of " + Quote(t) + " is unknown", "write kB, MB or GB"}
	case number > int64(MaxSize)/factor:
		return &Error{Quote(t) + " is more than any machine has", "write less than " + MaxSize.String()}
	}
	*s = Size(number * factor)
	return nil
}

// MarshalText writes the size as UnmarshalText reads it.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// CPUs is a number of cores, in billionths, written as "1.5".
type CPUs int64

func (c CPUs) String() string { return strconv.FormatFloat(float64(c)/1e9, 'f', -1, 64) }

// UnmarshalText reads a number of cores: "2", "0.5".
func (c *CPUs) UnmarshalText(text []byte) error {
	t := strings.TrimSpace(string(text))
	number, err := strconv.ParseFloat(t, 64)
	if err != nil || strings.Trim(t, "0123456789.") != "" || number < 0.01 || number > 1024 {
		return &Error{Quote(t) + " is no number of cores", "write a number from 0.01 to 1024, such as 1.5"}
	}
	*c = CPUs(number*1e9 + 0.5)
	return nil
}

// MarshalText writes the number as UnmarshalText reads it.
func (c CPUs) MarshalText() ([]byte, error) { return []byte(c.String()), nil }
