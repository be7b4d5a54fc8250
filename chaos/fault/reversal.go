package fault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"pgchaos/chaos"
	"pgchaos/cluster"
)

// errCannot is why a change is not taken back on what is left of a node.
var errCannot = errors.New("its provider cannot do that")

// inForce is the error of a fault that is in force on a node already. Of the two, the one that ends first would end both. It must be
// found before the reversal is recorded, which would end the first one.
func inForce(n *cluster.Node, what string) error {
	return fmt.Errorf("%s of %s already: a fault before is still in force; begin this one after it has been taken back", what, n.Name())
}

// onHost makes the Clean of a reversal that needs a part H of what is left of a node.
func onHost[H any](do func(context.Context, H, chaos.Reversal) error) func(context.Context, any, chaos.Reversal) error {
	return func(ctx context.Context, host any, r chaos.Reversal) error {
		h, ok := host.(H)
		if !ok {
			return errCannot
		}
		return do(ctx, h, r)
	}
}

// sessions opens sessions on the nodes of a run whose pgchaos is gone, where they were there before the run and stay.
type sessions interface {
	ConnectTo(ctx context.Context, node string) (*pgx.Conn, error)
}

// onStayingNodes makes the Clean of a reversal that ends with its node, where that is removed.
func onStayingNodes(do func(context.Context, sessions, chaos.Reversal) error) func(context.Context, any, chaos.Reversal) error {
	return func(ctx context.Context, host any, r chaos.Reversal) error {
		to, ok := host.(sessions)
		if !ok {
			return chaos.ErrEndsWithNode
		}
		return do(ctx, to, r)
	}
}

// Reversals are all ways in which actions are taken back, by name.
func Reversals() map[string]chaos.ReversalKind {
	all := map[string]chaos.ReversalKind{}
	for _, k := range Kinds() {
		if k.Undo != nil {
			all[k.Undo.Name] = *k.Undo
		}
	}
	return all
}

// Reverse is how the action is taken back on a node, as a chaos.Step has it.
func (k Kind) Reverse(p Parameters, env Env) func(context.Context, *cluster.Node) (chaos.Reversal, error) {
	if maybe, ok := p.(Reversed); k.Undo == nil || ok && !maybe.Reversed() {
		return nil
	}
	return func(ctx context.Context, n *cluster.Node) (chaos.Reversal, error) {
		r := chaos.Reversal{Kind: k.Undo.Name, Node: n.Name()}
		with, ok := p.(WithBefore)
		if !ok {
			return r, nil
		}
		known, err := with.Before(ctx, env, n)
		if err != nil {
			return r, err
		}
		r.Arguments, err = json.Marshal(known)
		return r, err
	}
}

// arguments are what a reversal was given to know.
func arguments[T any](r chaos.Reversal) (known T, err error) {
	if err := json.Unmarshal(r.Arguments, &known); err != nil {
		return known, fmt.Errorf("read what is to be taken back: %w", err)
	}
	return known, nil
}
