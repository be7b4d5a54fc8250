package runner

import (
	"context"
	"errors"
	"testing"

	"pgchaos/chaos"
	"pgchaos/cluster"
)

// emptyProvider has no nodes, and notes their removal.
type emptyProvider struct{ removed int }

func (*emptyProvider) Describe() cluster.Description { return cluster.Description{} }
func (*emptyProvider) Host(context.Context, string) (cluster.Host, error) {
	return nil, errors.New("there are no nodes")
}
func (*emptyProvider) Keep() error                    { return nil }
func (p *emptyProvider) Remove(context.Context) error { p.removed++; return nil }

// TestASessionTakesBackWhatOutlivesItsNodes, before it removes them; where it cannot, they stay, and clean finds them.
func TestASessionTakesBackWhatOutlivesItsNodes(t *testing.T) {
	p := &emptyProvider{}
	s := NewSession(SessionOptions{})
	s.own.Provider = p
	s.ended(&run{undo: &chaos.Undo{}}, true)
	if s.outlive == nil {
		t.Error("what a run has changed is forgotten at its end")
	}
	refused := errors.New("permission denied")
	tried := 0
	s.outlive = func(context.Context) error { tried++; return refused }
	if err := s.Close(t.Context()); !errors.Is(err, ErrLeftBehind) || !errors.Is(err, refused) || p.removed > 0 {
		t.Errorf("%v; removed: %d", err, p.removed)
	}
	refused = nil
	if err := s.Close(t.Context()); err != nil || tried != 2 || p.removed != 1 {
		t.Errorf("%v; tried: %d, removed: %d", err, tried, p.removed)
	}
}
