package runner_test

import (
	"context"
	"strings"
	"testing"

	"pgchaos/cluster"
	"pgchaos/verdict"
)

// gone is a cluster that was there before, and is gone since its provider has looked at it.
type gone struct{}

func (gone) Describe() cluster.Description {
	return cluster.Description{Name: cluster.ExistingProvider}
}
func (gone) Host(_ context.Context, name string) (cluster.Host, error) {
	return goneHost(name), nil
}
func (gone) Keep() error                  { return nil }
func (gone) Remove(context.Context) error { return nil }

type goneHost string

func (h goneHost) Name() string { return string(h) }
func (goneHost) Address(cluster.Vantage) cluster.Address {
	return cluster.Address{Host: "127.0.0.1", Port: 1}
}

// TestAClusterThatIsGone: a run on it is inconclusive, and nothing of pgchaos's has failed, which builds no such cluster.
func TestAClusterThatIsGone(t *testing.T) {
	const text = `
name: gone
cluster:
  provider: existing
  existing:
    nodes:
      n1: {dsn: "postgres://chaos@127.0.0.1:1/shop?sslmode=disable"}
load:
  writes: {kind: insert, clients: 1, rate: 5/s}
duration: 1s
`
	r, err := run(t, t.Context(), gone{}, text, observer{})
	if err != nil || r.Verdict != verdict.Inconclusive || len(r.Errors) > 0 {
		t.Errorf("%s, %q, %v", r.Verdict, r.Errors, err)
	}
	const why = "look at the cluster again: n1 cannot be reached: "
	if reasons := r.AllReasons(); len(reasons) == 0 || !strings.HasPrefix(reasons[0], why) || !strings.HasPrefix(r.Headline(), why) {
		t.Errorf("%q, %q", reasons, r.Headline())
	}
}
