package units

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// Ago reads how long ago something was: 36h, or 30d.
func Ago(text string) (time.Duration, error) {
	if days, is := strings.CutSuffix(text, "d"); is {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, errors.New("write how long ago, such as 30d or 36h")
	}
	return d, nil
}

// When reads a time: how long ago, a day, or a time with its zone. A day begins in now's zone.
func When(text string, now time.Time) (time.Time, error) {
	if at, err := time.ParseInLocation(time.DateOnly, text, now.Location()); err == nil {
		return at, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	ago, err := Ago(text)
	if err != nil {
		return time.Time{}, errors.New("write how long ago, such as 30d or 36h, a day such as 2026-11-29, or 2026-11-29T03:00:00Z")
	}
	return now.Add(-ago), nil
}
