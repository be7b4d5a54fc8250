package fault_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"pgchaos/chaos/fault"
	"pgchaos/cluster"
	"pgchaos/internal/faulttest"
	"pgchaos/internal/longtest"
	"pgchaos/internal/units"
)

// TestACopyThroughABlackHole ends with an error that names the fault. A copy that is only slow takes its time.
func TestACopyThroughABlackHole(t *testing.T) {
	t.Parallel()
	from := func(n string) cluster.Vantage { return cluster.Vantage{From: cluster.FromNode, Node: n} }
	const silence = 3 * time.Second
	s := build(t, cluster.Config{Nodes: []cluster.NodeConfig{{Name: "a"}, {Name: "b"}}, Settings: map[string]string{"wal_retrieve_retry_interval": "200ms"}, Silence: silence},
		cluster.Link{From: from("a"), To: "b"}, cluster.Link{From: from("b"), To: "a"})
	a, b := s.Cluster.Node("a"), s.Cluster.Node("b")
	silent := func(what string, err error, blocks ...string) {
		t.Helper()
		var is *cluster.SilentError
		if !errors.As(err, &is) || is.For != silence || !slices.Equal(is.Blocks, blocks) {
			t.Fatalf("%s: %v, with the faults %q", what, err, blocks)
		}
		t.Logf("%s: %v", what, err)
	}

	cut := s.do("partition", &fault.Partition{Sides: faulttest.Between("a", "b")})
	silent("a clone", b.Clone(t.Context(), a, nil, "", nil), cut[0].Name)
	s.want("b", "select pg_is_in_recovery()", "t") // it was not wiped
	s.heal()

	slow := func(rate units.Size) {
		t.Helper()
		s.do("throttle", &fault.Throttle{Sides: fault.Sides{From: fault.NodeList{"a"}, To: fault.NodeList{"b"}}, BytesPerSecond: rate})
	}
	slow(1_000_000)
	cloned := make(chan error, 1)
	go func() { cloned <- b.Clone(t.Context(), a, nil, "", nil) }()
	s.eventually("a", "select count(*) from pg_stat_replication where state in ('backup', 'streaming') and application_name = 'pg_basebackup'", "2")
	cut = s.do("partition", &fault.Partition{Sides: faulttest.Between("a", "b")})
	silent("a clone that has begun", <-cloned, cut[0].Name)
	s.heal()

	if longtest.Enabled {
		slow(3_000_000)
		began := time.Now()
		must(t, b.Clone(t.Context(), a, nil, "", nil))
		if took := time.Since(began); took < silence {
			t.Errorf("the clone took %s, and was to be slower than %s", took, silence)
		}
		s.heal()
	} else {
		must(t, b.Clone(t.Context(), a, nil, "", nil))
	}

	must(t, a.Kill(t.Context()))
	must(t, b.Promote(t.Context()))
	cut = s.do("partition", &fault.Partition{Sides: faulttest.Between("a", "b")})
	_, err := a.Rejoin(t.Context(), b, nil)
	silent("a rejoin", err, cut[0].Name)
	s.heal()
	done, err := a.Rejoin(t.Context(), b, nil)
	must(t, err)
	if len(done.Tried) > 0 && done.Way == cluster.WayBackup {
		t.Errorf("the rejoin after the partition: %+v", done)
	}
}
