package chaos

import (
	"context"
	"encoding/json"

	"pgchaos/cluster"
)

// Reversal takes one change back. It is data, so that it can be written down before the change is made, and be
// done by another pgchaos where this one has been killed. It holds no secrets.
type Reversal struct {
	ID        int             `json:"id"` // counts the reversals of a run from 1
	Kind      string          `json:"kind"`
	Node      string          `json:"node"`
	Arguments json.RawMessage `json:"arguments,omitempty"` // what the kind needs to know beside the node
}

func (r Reversal) String() string { return r.Kind + " " + r.Node }

// ReversalKind is one way to take a change back. Both ways to do it are idempotent, also where the change was
// never made, and return once they have verified the effect.
type ReversalKind struct {
	Name string // "resume"
	// Says names one of them for a person; "" or nil: its kind and its node do.
	Says func(r Reversal) string
	// Do takes the change back in the run that made it. At the end of a run (ending) nothing may be made
	// that the audit would have to take for a second primary; before it, what was asked for is done to the
	// letter.
	Do func(ctx context.Context, s *Scene, n *cluster.Node, r Reversal, ending bool) error
	// Asks says that the server has to answer for it. In a run that goes on it then waits for the end of a pause of the node that ends by itself.
	Asks bool
	// Look is called before Do in a run that goes on, and says what is no longer as the step has made it; "": everything is. Nil: it is not known.
	Look func(ctx context.Context, n *cluster.Node, r Reversal) (gone string)
	// Clean takes it back where the run's pgchaos is gone, before the node is removed. Host is the node as its
	// provider has found it: a value with the methods of a cluster.Host that it still has. Nil: there is
	// nothing to do, since the change ends with the node, which is removed.
	Clean func(ctx context.Context, host any, r Reversal) error
	// ByHand is called in the place of Clean where somebody has taken the change back by hand: nothing that the step has left may do it once more
	// later. Nil: there is nothing to do.
	ByHand func(ctx context.Context, host any, r Reversal) error
	// Outlives says that the change is outside of the node (a rule of this machine's firewall, say), and
	// stays when the node is removed.
	Outlives bool
	// Obeys says that Clean runs a command which the journal names. A clean then demands that nobody else can have
	// written the journal.
	Obeys bool
}

// Journal keeps reversals where they survive the end of pgchaos.
type Journal interface {
	// Intend records reversals, and returns once they are on the disk. After an error none of the changes may be made.
	Intend(all []Reversal) error
	// Undone records that a reversal has been done. Where that fails, it will at worst be done again.
	Undone(r Reversal)
}
