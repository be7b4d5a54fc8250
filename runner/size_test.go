package runner

import (
	"testing"
	"time"

	"pgchaos/spec"
)

func TestSize(t *testing.T) {
	const blocks = 9 * ledgerBlock // of 8 clients
	for _, c := range []struct {
		name, load, more string
		run              time.Duration
		ledger           int64
		open             bool
	}{
		{"a day at a rate", "w: {kind: insert, rate: 20000/s}", "duration: 24h", 24 * time.Hour, 20_000*86_400*7 + blocks, false},
		{"rows of a statement", "w: {kind: insert, rate: 10/s, rows: 5, statements: 2}", "duration: 10s", 10 * time.Second, 10*10*10*7 + blocks, false},
		{"a closed loop", "w: {kind: insert}", "duration: 10s", 10 * time.Second, blocks, true},
		{"iterations", "w: {kind: insert, iterations: 100}", "", 0, 700 + blocks, false},
		{"stages", "w: {kind: insert, stages: [{for: 10s, rate: 10/s}, {for: 5s, rate: 100/s}]}", "", 15 * time.Second, 600*7 + blocks, false},
		{"a part of a mix", "w: {kind: mix, rate: 10/s, mix: [{kind: insert}, {kind: read}]}", "duration: 10s", 10 * time.Second, 700 + blocks, false},
		{"steps that wait", "w: {kind: insert, rate: 10/s}", "timeline: [{at: 10s, wait: 30s}, {stop: b, for: 5s}, {wait: 60s}]", 100 * time.Second, 1000*7 + blocks, false},
		{"a fault that ends by itself", "w: {kind: insert, rate: 10/s}", "timeline: [{wait: 30s}, {stop: b, for: 20s}]", 50 * time.Second, 500*7 + blocks, false},
		{"no writes", "w: {kind: read, rate: 10/s}", "timeline: [{at: 60s, stop_load: w}]", time.Minute, 0, false},
	} {
		e, text, err := spec.Load("f", []byte("name: n\ncluster: {nodes: [a, b]}\nload: {"+c.load+"}\n"+c.more+"\n"), spec.Options{})
		if err != nil {
			t.Fatal(c.name, err)
		}
		p, err := NewPlan(e, text, 1)
		if err != nil {
			t.Fatal(c.name, err)
		}
		s := p.Size()
		if s.Run != c.run || s.Ledger != c.ledger || s.Open != c.open || s.Result <= 0 {
			t.Errorf("%s: %+v", c.name, s)
		}
		if s.Result > 20_000_000 {
			t.Errorf("%s: a result of %d bytes", c.name, s.Result)
		}
	}
}
