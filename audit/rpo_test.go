package audit

import (
	"fmt"
	"testing"
	"time"

	"pgchaos/record"
	"pgchaos/record/ledger"
)

// TestRPOBytes: the bytes are known where both of their ends are, or nothing was lost.
func TestRPOBytes(t *testing.T) {
	const fork = 100
	for name, c := range map[string]struct {
		fork record.LSN
		lost []record.LSN // of the acknowledged writes that are lost
		weak int
		want string // seconds, and bytes
	}{
		"both ends":                        {fork, []record.LSN{110, 130, 120}, 0, "10-20 30"},
		"lost before the fork":             {fork, []record.LSN{90}, 0, "10-20 0"},
		"nobody knows the fork":            {0, []record.LSN{110}, 0, "10-20 ?"},
		"nobody knows where the loss was":  {fork, []record.LSN{0}, 0, "10-20 ?"},
		"weak ones alone":                  {fork, nil, 2, "20-20 0"},
		"weak ones, and no fork known":     {0, nil, 1, "20-20 0"},
		"weak ones do not count as losses": {fork, []record.LSN{110}, 3, "10-20 10"},
	} {
		a := &auditor{rpo: map[rpoKey]*rpo{}}
		v := verdictOf{cause: CauseFork, event: lossEvent{"kill", 20 * time.Second}, fork: c.fork}
		for range c.weak {
			a.attribute(&write{weak: WeakNotice, entry: ledger.Entry{LSN: 900, Done: time.Second}}, v)
		}
		for i, lsn := range c.lost {
			a.attribute(&write{entry: ledger.Entry{LSN: lsn, Done: time.Duration(10+i) * time.Second}}, v)
		}
		all := a.points()
		r := all[0]
		bytes := "?"
		if r.Bytes != nil {
			bytes = fmt.Sprint(*r.Bytes)
		}
		got := fmt.Sprintf("%v-%v %s", r.From.Seconds(), r.To.Seconds(), bytes)
		if got != c.want || len(all) != 1 || r.Lost != int64(len(c.lost)) || r.WeakLost != int64(c.weak) {
			t.Errorf("%s: %s (lost %d, weakly %d), want %s", name, got, r.Lost, r.WeakLost, c.want)
		}
	}
}

// TestRPOStretches: of several losses by one event the first and the last count, in
// whatever order they come.
func TestRPOStretches(t *testing.T) {
	a := &auditor{rpo: map[rpoKey]*rpo{}}
	for _, done := range []time.Duration{12 * time.Second, 10 * time.Second, 25 * time.Second, 11 * time.Second} {
		a.attribute(&write{entry: ledger.Entry{Done: done}}, verdictOf{event: lossEvent{"kill", 20 * time.Second}})
	}
	a.attribute(&write{entry: ledger.Entry{Done: 5 * time.Second}}, verdictOf{event: lossEvent{"later", 30 * time.Second}})
	all := a.points()
	if len(all) != 2 || all[0].Event != "later" || all[0].Span() != 25*time.Second || all[1].From != 10*time.Second || all[1].To != 25*time.Second || all[1].Lost != 4 {
		t.Errorf("%+v", all)
	}
}
