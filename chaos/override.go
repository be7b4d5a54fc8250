package chaos

import (
	"context"
	"slices"
	"sync"

	"pgchaos/cluster"
)

// Override gives a setting of a node another value for as long as a reversal has not been done. EndOverride takes it back.
func (s *Scene) Override(ctx context.Context, n *cluster.Node, name, value string, reversal int) error {
	return s.overrides(n, name).change(ctx, n, name, func(all []override) []override {
		return append(all, override{reversal, value})
	})
}

// EndOverride takes one override back. What another one that is still in place demands stays, and otherwise the node has the
// value that it had before.
func (s *Scene) EndOverride(ctx context.Context, n *cluster.Node, name string, reversal int) error {
	return s.overrides(n, name).change(ctx, n, name, func(all []override) []override {
		return slices.DeleteFunc(all, func(o override) bool { return o.reversal == reversal })
	})
}

// override is a value that is in place, with the number of its reversal.
type override struct {
	reversal int
	value    string
}

// overridden is one setting of one node: the newest override counts.
type overridden struct {
	mu     sync.Mutex
	before string // with no override
	all    []override
}

// settingOf is a setting of a node.
type settingOf struct {
	node *cluster.Node
	name string
}

func (s *Scene) overrides(n *cluster.Node, name string) *overridden {
	s.mu.Lock()
	defer s.mu.Unlock()
	of := settingOf{n, name}
	if s.overriddenOf == nil {
		s.overriddenOf = map[settingOf]*overridden{}
	}
	if s.overriddenOf[of] == nil {
		s.overriddenOf[of] = &overridden{}
	}
	return s.overriddenOf[of]
}

func (o *overridden) change(ctx context.Context, n *cluster.Node, name string, how func([]override) []override) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.all) == 0 {
		o.before = n.Setting(name)
	}
	all := how(slices.Clone(o.all))
	next := o.before
	if last := len(all) - 1; last >= 0 {
		next = all[last].value
	}
	_, err := n.Configure(ctx, map[string]string{name: next}, nil)
	// One that could not be ended is in place still: the next try has to know the value of before. One that could not be begun may be.
	if err == nil || len(all) > len(o.all) {
		o.all = all
	}
	return err
}
