package chaos

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// leftNode is what is left of a node after a SIGKILL.
type leftNode struct{ name string }

// TestReplay: last first, each on its own node, and each result by the facts of its kind.
func TestReplay(t *testing.T) {
	stuck := errors.New("stuck")
	var order []string
	does := func(err error) func(context.Context, any, Reversal) error {
		return func(ctx context.Context, host any, r Reversal) error {
			if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) > replayTimeout {
				t.Errorf("%s has no time-out of its own", r)
			}
			if n, ok := host.(*leftNode); ok && n.name != r.Node {
				t.Errorf("%s on %s", r, n.name)
			}
			order = append(order, r.String()+string(r.Arguments))
			if err == nil && string(r.Arguments) == `"panic"` {
				panic("no")
			}
			return err
		}
	}
	kinds := map[string]ReversalKind{
		"start":  {Name: "start"},
		"resume": {Name: "resume", Clean: does(nil)},
		"stick":  {Name: "stick", Clean: does(stuck)},
		"open":   {Name: "open", Clean: does(nil), Outlives: true},
		"shut":   {Name: "shut", Clean: does(stuck), Outlives: true},
	}
	host := func(node string) any {
		if node == "gone" {
			return nil
		}
		return &leftNode{node}
	}
	for _, tc := range []struct {
		name  string
		all   []Reversal
		order []string
		want  outcome
		err   string // "" for none
	}{
		{name: "nothing"},
		{"last first", []Reversal{{Kind: "resume", Node: "a"}, {Kind: "open", Node: "b"}}, []string{"open b", "resume a"},
			outcome{Done: "open b, resume a"}, ""},
		{"equal ones", []Reversal{
			{ID: 1, Kind: "resume", Node: "a"}, {ID: 2, Kind: "open", Node: "a", Arguments: []byte("1")}, {ID: 3, Kind: "open", Node: "a", Arguments: []byte("2")},
			{ID: 4, Kind: "open", Node: "a", Arguments: []byte("1")}, {ID: 5, Kind: "resume", Node: "b"}, {ID: 6, Kind: "resume", Node: "a"},
		}, []string{"resume b", "open a2", "open a1", "resume a"}, outcome{Done: "resume b, open a, open a, resume a"}, ""},
		{"what ends with the node", []Reversal{{Kind: "start", Node: "a"}, {Kind: "stick", Node: "b"}}, []string{"stick b"},
			outcome{Ends: []string{"stick b (stuck)", "start a (the node is removed)"}}, ""},
		{"a node that is gone", []Reversal{{Kind: "resume", Node: "gone"}, {Kind: "open", Node: "gone"}}, []string{"open gone"},
			outcome{Done: "open gone", Ends: []string{"resume gone (the node is gone)"}}, ""},
		{"what outlives the node", []Reversal{{Kind: "resume", Node: "a"}, {Kind: "shut", Node: "b"}}, []string{"shut b", "resume a"},
			outcome{Done: "resume a"}, "shut b: stuck"},
		{"a reversal of another pgchaos", []Reversal{{Kind: "resume", Node: "a"}, {Kind: "sing", Node: "a"}}, []string{"resume a"},
			outcome{Done: "resume a"}, "sing a: this pgchaos does not know"},
		{"a panic", []Reversal{{Kind: "open", Node: "a", Arguments: []byte(`"panic"`)}}, []string{`open a"panic"`}, outcome{}, "panic: no"},
	} {
		synctest.Test(t, func(t *testing.T) {
			order = nil
			got, err := Replay(t.Context(), kinds, tc.all, host, Cleaning{})
			if diff := cmp.Diff(tc.want, outcomeOf(got)); diff != "" {
				t.Errorf("%s: %s", tc.name, diff)
			}
			for _, r := range tc.all {
				if covered := slices.ContainsFunc(got.Done, func(d Reversal) bool { return d.String()+string(d.Arguments) == r.String()+string(r.Arguments) }); covered != got.Covers(r) {
					t.Errorf("%s: %s was done: %v", tc.name, r, covered)
				}
			}
			if diff := cmp.Diff(tc.order, order); diff != "" {
				t.Errorf("%s: %s", tc.name, diff)
			}
			if (tc.err == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tc.err) {
				t.Errorf("%s: error %v", tc.name, err)
			}
		})
	}
}

// TestReplayEndsInTime: a journal that somebody else wrote cannot hold a clean up.
func TestReplayEndsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tried := 0
		kinds := map[string]ReversalKind{"resume": {Clean: func(ctx context.Context, _ any, _ Reversal) error {
			tried++
			<-ctx.Done()
			return ctx.Err()
		}}}
		begun := time.Now()
		done, err := Replay(t.Context(), kinds, make100("resume"), func(string) any { return 1 }, Cleaning{})
		if err != nil || tried == 0 || tried > 5 || len(done.Ends) != 100 || time.Since(begun) != time.Minute {
			t.Errorf("%d tried in %s: %v, %v", tried, time.Since(begun), done, err)
		}
	})
}

// TestNoReversalBeginsAfterTheEnd: one that is interrupted ends, and those before it are left.
func TestNoReversalBeginsAfterTheEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	tried := 0
	kinds := map[string]ReversalKind{"command": {Outlives: true, Clean: func(ctx context.Context, _ any, _ Reversal) error {
		tried++
		cancel()
		return ctx.Err()
	}}}
	done, err := Replay(ctx, kinds, make100("command"), func(string) any { return 1 }, Cleaning{})
	if tried != 1 || done.Done != nil || err == nil || !strings.Contains(err.Error(), "command n1: context canceled") {
		t.Errorf("%d tried: %v, %v", tried, done, err)
	}
}

// TestACommandHasAsLongAsInItsRun, and what comes after it is tried, too.
func TestACommandHasAsLongAsInItsRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		takes := func(d time.Duration) func(context.Context, any, Reversal) error {
			return func(ctx context.Context, _ any, _ Reversal) error {
				select {
				case <-time.After(d):
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		}
		kinds := map[string]ReversalKind{
			"command": {Outlives: true, Obeys: true, Clean: takes(healTimeout - time.Second)},
			"resume":  {Clean: takes(replayTimeout - time.Second)},
		}
		all := []Reversal{{ID: 1, Kind: "resume", Node: "a"}, {ID: 2, Kind: "command", Node: "a"}, {ID: 3, Kind: "command", Node: "b"}}
		done, err := Replay(t.Context(), kinds, all, func(string) any { return 1 }, Cleaning{})
		if diff := cmp.Diff(outcome{Done: "command b, command a, resume a"}, outcomeOf(done)); diff != "" || err != nil {
			t.Errorf("%v, %s", err, diff)
		}
	})
}

// TestWhatWasDoneByHand is not tried, nor is what this pgchaos does not know.
func TestWhatWasDoneByHand(t *testing.T) {
	fails := func(context.Context, any, Reversal) error { return errors.New("tried") }
	kinds := map[string]ReversalKind{"command": {Outlives: true, Clean: fails}, "resume": {Clean: fails}}
	all := []Reversal{{ID: 1, Kind: "resume", Node: "a"}, {ID: 2, Kind: "command", Node: "a"}, {ID: 3, Kind: "sing", Node: "a"}}
	done, err := Replay(t.Context(), kinds, all, func(string) any { return 1 }, Cleaning{ByHand: true})
	if diff := cmp.Diff(outcome{Ends: []string{"resume a (tried)"}, ByHand: "sing a, command a"}, outcomeOf(done)); diff != "" || err != nil || done.Covers(all[0]) || !done.Covers(all[1]) {
		t.Errorf("%v, %s", err, diff)
	}
}

// TestWhatIsDoneToNodesThatStay: nothing ends with them.
func TestWhatIsDoneToNodesThatStay(t *testing.T) {
	fails := func(context.Context, any, Reversal) error { return errors.New("tried") }
	kinds := map[string]ReversalKind{"start": {}, "resume": {Clean: fails}}
	all := []Reversal{{ID: 1, Kind: "resume", Node: "a"}, {ID: 2, Kind: "start", Node: "b"}}
	done, err := Replay(t.Context(), kinds, all, func(string) any { return 1 }, Cleaning{NodesStay: true})
	if diff := cmp.Diff(outcome{}, outcomeOf(done)); diff != "" || err == nil || !strings.Contains(err.Error(), "resume a: tried") || !strings.Contains(err.Error(), "start b: it cannot be done") {
		t.Errorf("%v, %s", err, diff)
	}
	done, err = Replay(t.Context(), kinds, all, func(string) any { return 1 }, Cleaning{NodesStay: true, ByHand: true})
	if diff := cmp.Diff(outcome{ByHand: "start b, resume a"}, outcomeOf(done)); diff != "" || err != nil {
		t.Errorf("%v, %s", err, diff)
	}
}

// outcome is a Replayed in words.
type outcome struct {
	Done   string
	Ends   []string
	ByHand string
}

func outcomeOf(r Replayed) outcome { return outcome{r.Done.String(), r.Ends, r.ByHand.String()} }

func make100(kind string) []Reversal {
	all := make([]Reversal, 100)
	for i := range all {
		all[i] = Reversal{ID: i + 1, Kind: kind, Node: fmt.Sprintf("n%d", i+1)}
	}
	return all
}
