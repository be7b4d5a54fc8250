package runner

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgchaos/cluster"
	"pgchaos/internal/redact"
	"pgchaos/record"
	"pgchaos/report/export"
)

// sampleTaker takes samples as f does.
type sampleTaker struct{ f func(*export.Sample) }

func (sampleTaker) Start(time.Time, uint64)          {}
func (s sampleTaker) Of(string) func(*export.Sample) { return s.f }
func handOn(to ...Samples) func(client int, op record.Op) {
	r := &running{groups: 1}
	r.spec.Name, r.spec.Clients = "writes", 3
	set := &loadSet{list: []*running{r}}
	return set.sampler(r, &cluster.Cluster{}, redact.New("hunter2"), to)
}

// TestEverySampleGoesToEveryTaker, and without a secret.
func TestEverySampleGoesToEveryTaker(t *testing.T) {
	if handOn() != nil {
		t.Error("samples are made that nobody takes")
	}
	var got []string
	taker := func(name string) Samples {
		return sampleTaker{func(s *export.Sample) {
			text := name + " " + s.Workload + " " + s.Op.Outcome.String()
			if s.Op.Err != nil {
				text += " " + s.Op.Err.Error()
			}
			if got = append(got, text); s.Client != 2 || s.Clients != 3 || s.All != 3 {
				t.Errorf("%+v", s)
			}
		}}
	}
	hand := handOn(taker("a"), taker("b"))
	hand(2, record.Op{Outcome: record.Failed, Err: errors.New("no hunter2 here")})
	hand(2, record.Op{Outcome: record.OK})
	if len(got) != 4 || !slices.Equal(got[2:], []string{"a writes ok", "b writes ok"}) {
		t.Errorf("%q", got)
	}
	for _, text := range got[:2] {
		if strings.Contains(text, "hunter2") || !strings.Contains(text, "here") {
			t.Errorf("%q", text)
		}
	}
}

func TestHandingSamplesOnDoesNotAllocate(t *testing.T) {
	n := 0
	hand := handOn(sampleTaker{func(*export.Sample) { n++ }}, sampleTaker{func(*export.Sample) { n++ }})
	op := record.Op{Outcome: record.Failed, Err: errors.New("refused")}
	if a := testing.AllocsPerRun(1000, func() { hand(0, op) }); a != 0 || n < 2000 {
		t.Errorf("%v allocations, %d samples", a, n)
	}
}
