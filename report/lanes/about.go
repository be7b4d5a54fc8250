package lanes

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"pgchaos/internal/units"
)

// mostNamed is how many lines or bands the sentence about a lane names.
const mostNamed = 6

// about says what a lane shows, for those who cannot see it.
func about(l *Lane) string {
	var parts []string
	if len(l.Rows) > 0 {
		for i := range l.Rows {
			parts = append(parts, aboutRow(&l.Rows[i]))
		}
	} else {
		for i := range l.Series {
			parts = append(parts, aboutSeries(l, &l.Series[i]))
		}
	}
	more := ""
	if n := len(parts); n > mostNamed {
		parts, more = parts[:mostNamed], "; and "+strconv.Itoa(n-mostNamed)+" more"
	}
	return l.Title + ". " + strings.Join(parts, "; ") + more + "."
}

// aboutSeries are the least and the greatest value of a line: "writes from 0/s at 20.100 s to 1,049/s at 4.300 s".
func aboutSeries(l *Lane, s *Series) string {
	least, greatest := s.Extremes()
	name := units.OneLine(s.Name)
	switch {
	case least < 0:
		return name + " not known"
	case *s.Values[least] == *s.Values[greatest]:
		return name + " always " + l.Figure(*s.Values[least])
	}
	return fmt.Sprintf("%s from %s at %s to %s at %s", name, l.Figure(*s.Values[least]), Moment(l.Times[least]),
		l.Figure(*s.Values[greatest]), Moment(l.Times[greatest]))
}

// Extremes are the places of the least and of the greatest value, the first of several; -1 where no value is known.
func (s *Series) Extremes() (least, greatest int) {
	least, greatest = -1, -1
	for i, v := range s.Values {
		if v == nil {
			continue
		}
		if least < 0 || *v < *s.Values[least] {
			least = i
		}
		if greatest < 0 || *v > *s.Values[greatest] {
			greatest = i
		}
	}
	return least, greatest
}

// mostSpans is how many spans of a band the sentence names.
const mostSpans = 6

// aboutRow are the states of a band: "pgslave: standby, timeline 1 from 0.000 s, then primary, timeline 2 from 20.185 s".
func aboutRow(r *Row) string {
	parts := make([]string, 0, mostSpans)
	for i, s := range r.Spans {
		if i == mostSpans {
			parts = append(parts, units.Count(int64(len(r.Spans)-i), "more change", "more changes"))
			break
		}
		parts = append(parts, fmt.Sprintf("%s from %s", units.OneLine(s.Label), Moment(s.From)))
	}
	return units.OneLine(r.Name) + ": " + strings.Join(parts, ", then ")
}

// Moment is a time of the run in words.
func Moment(seconds float64) string { return units.Seconds(duration(seconds)) }

func duration(seconds float64) time.Duration {
	return time.Duration(math.Round(seconds * float64(time.Second)))
}

// Figure is a value of the lane with its unit.
func (l *Lane) Figure(v float64) string {
	switch l.Unit {
	case "s":
		if v == 0 {
			return "0 s"
		}
		return units.Span(duration(v))
	case "B":
		return units.Bytes(uint64(max(v, 0)))
	case "%":
		return number(v) + " %"
	}
	return number(v) + l.Unit
}

// number is a whole number with commas, or a small one with a decimal.
func number(v float64) string {
	if math.Abs(v) < 100 && v != math.Trunc(v) {
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return units.Grouped(int64(math.Round(v)))
}
