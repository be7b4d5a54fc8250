package spec

import (
	"math"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// MaxRate bounds a workload's arrivals a second: beyond it, the interval between
// two of them would be shorter than a clock can tell.
const MaxRate = 10_000_000

func (r Rate) String() string { return strconv.FormatFloat(float64(r), 'g', -1, 64) + "/s" }

// UnmarshalText reads a number of arrivals a second, a minute or a millisecond:
// "500/s", "30/m", "2/ms".
func (r *Rate) UnmarshalText(text []byte) error {
	s := strings.TrimSpace(string(text))
	digits, unit, _ := strings.Cut(s, "/")
	digits, unit = strings.TrimSpace(digits), strings.TrimSpace(unit)
	number, err := strconv.ParseFloat(digits, 64)
	if err != nil || strings.Trim(digits, "0123456789.-") != "" {
		return mistake(shown(s)+" is no rate", "write a number with its unit, such as 500/s")
	}
	per, known := map[string]float64{"s": 1, "m": 1.0 / 60, "ms": 1000}[unit]
	switch {
	case !strings.Contains(s, "/"):
		return mistake(shown(s)+" has no unit", "write "+s+"/s")
	case !known:
		return mistake("the unit of "+shown(s)+" is unknown", "write /s, /m or /ms")
	case !(number > 0):
		return mistake(shown(s)+" is not more than 0", "write a rate such as 500/s, or leave it out for a closed loop")
	case math.IsInf(number*per, 0) || number*per > MaxRate:
		return mistake(shown(s)+" is too many", "write at most "+strconv.Itoa(MaxRate)+"/s")
	}
	*r = Rate(number * per)
	return nil
}

// RateShare is a rate that the file gives as a share of what its workload can do at most.
type RateShare struct {
	Path     string // of the rate
	Workload string
	Share    Share
	Measured bool // the capacity is known, and not guessed
}

// guessedCapacity stands for a capacity that is not measured yet, in operations a second.
const guessedCapacity = 1000

// rate reads a rate, or a share of the workload's capacity, such as "50%".
func (d *decoder) rate(n *yaml.Node, text string, into *Rate, path string) error {
	if !strings.HasSuffix(strings.TrimSpace(text), "%") {
		return into.UnmarshalText([]byte(text))
	}
	var share Share
	if err := share.UnmarshalText([]byte(text)); err != nil {
		return err
	}
	workload := strings.Split(path, ".")[1]
	if share == 0 || path != "load."+workload+".rate" {
		return mistake(shown(text)+" is no rate here", "write a rate such as 500/s; only a workload's rate can be a share of its capacity")
	}
	capacity, measured := d.capacity[workload]
	d.shares = append(d.shares, RateShare{Path: path, Workload: workload, Share: share, Measured: measured})
	if !measured {
		*into = Rate(guessedCapacity * share)
		return nil
	}
	*into = Rate(max(math.Round(capacity*float64(share)), 1))
	n.Value = into.String()
	return nil
}

// MarshalText writes the rate as UnmarshalText reads it.
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

func (s Share) String() string { return strconv.FormatFloat(100*float64(s), 'f', -1, 64) + "%" }

// UnmarshalText reads a share in per cent: "90%", "0.5 %".
func (s *Share) UnmarshalText(text []byte) error {
	t := strings.TrimSpace(string(text))
	digits, isPercent := strings.CutSuffix(t, "%")
	number, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
	switch {
	case err != nil || strings.Trim(digits, "0123456789. ") != "":
		return mistake(shown(t)+" is no share", "write a number of per cent, such as 90%")
	case !isPercent:
		return mistake(shown(t)+" has no unit", "write "+t+"%")
	case number > 100:
		return mistake(shown(t)+" is more than the whole", "write at most 100%")
	}
	*s = Share(number / 100)
	return nil
}

// MarshalText writes the share as UnmarshalText reads it.
func (s Share) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
