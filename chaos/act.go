package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"time"

	"pgchaos/cluster"
)

// Action does one thing to the cluster, in up to three stages.
type Action struct {
	// Prepare looks up the nodes and names them on act; it changes nothing. No outage is counted from
	// before its end. Nil: there is nothing to look up.
	Prepare func(ctx context.Context, act *Act) error
	// Ready makes ready what clients do not notice, once it is recorded how the action is taken back. No outage is
	// counted from before its end. Nil: there is nothing to make ready.
	Ready func(ctx context.Context, act *Act) error
	// Act acts, and returns once the effect has been verified.
	Act func(ctx context.Context, act *Act) error
}

// After is the action with something more to look up before its own preparation.
func (a Action) After(lookUp func(ctx context.Context) error) Action {
	prepare := a.Prepare
	a.Prepare = func(ctx context.Context, act *Act) error {
		if err := lookUp(ctx); err != nil || prepare == nil {
			return err
		}
		return prepare(ctx, act)
	}
	return a
}

// Act is one execution of an action: what it tells of itself as it goes.
type Act struct {
	nodes     []*cluster.Node
	detail    string
	warnings  []string
	mode      string
	way       string
	tried     int // ways that did not work
	numbers   map[string]int64
	reversals []*standing // of each node, where the action can be taken back
	// effective is when the effect was complete, if the action knows better than
	// the moment of its return.
	effective time.Time

	timeline *Timeline // which gets the events of parts; nil: none does
	step     string    // the step's name
}

// On notes the nodes that the action turned out to be aimed at.
func (a *Act) On(nodes ...*cluster.Node) { a.nodes = append(a.nodes, nodes...) }

// Nodes are those that the action is aimed at.
func (a *Act) Nodes() []*cluster.Node { return a.nodes }

func (a *Act) names() (names []string) {
	for _, n := range a.nodes {
		names = append(names, n.Name())
	}
	return names
}

// Note adds to what a person reads beside the step.
func (a *Act) Note(format string, args ...any) {
	if a.detail != "" {
		a.detail += "; "
	}
	a.detail += fmt.Sprintf(format, args...)
}

// Warn notes what the user has to know though the action did what it was to do.
func (a *Act) Warn(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	a.Note("%s", text)
	a.warnings = append(a.warnings, text)
}

// Mode notes how servers are shut down.
func (a *Act) Mode(mode cluster.StopMode) { a.mode = string(mode) }

// Way notes how a node became a standby, and how many ways had not worked before.
func (a *Act) Way(way string, tried int) { a.way, a.tried = way, tried }

// Number notes what a statement answered on a node, if that is a number.
func (a *Act) Number(node, text string) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return
	}
	if a.numbers == nil {
		a.numbers = map[string]int64{}
	}
	a.numbers[node] = n
}

// Known decodes what was found out before the action, for its reversal: what its parameters' WithBefore returned.
func (a *Act) Known(into any) error {
	if len(a.reversals) == 0 {
		return errors.New("nothing was found out before the action")
	}
	return json.Unmarshal(a.reversals[0].Arguments, into)
}

// Reversal is the number of the node's reversal; 0: there is none.
func (a *Act) Reversal() int {
	if len(a.reversals) == 0 {
		return 0
	}
	return a.reversals[0].ID
}

// Effective notes that the effect is complete now, before the action has verified it.
func (a *Act) Effective() { a.effective = time.Now() }

// on is the part of the act that is done to one of its nodes, by index.
func (a *Act) on(i int) *Act {
	part := &Act{timeline: a.timeline, step: a.step}
	if len(a.reversals) > 0 {
		part.reversals = a.reversals[i : i+1]
	}
	return part
}

// join takes over what the part of one of several nodes has noted.
func (a *Act) join(part *Act) {
	if part.detail != "" {
		a.Note("%s", part.detail)
	}
	a.warnings = append(a.warnings, part.warnings...)
	if part.mode != "" {
		a.mode = part.mode
	}
	if part.numbers != nil {
		if a.numbers == nil {
			a.numbers = map[string]int64{}
		}
		maps.Copy(a.numbers, part.numbers)
	}
	if part.way != "" {
		a.way, a.tried = part.way, part.tried
	}
}
