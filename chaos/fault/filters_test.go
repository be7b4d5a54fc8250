package fault

import (
	"errors"
	"strings"
	"testing"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/cluster/link"
)

// TestConnectionsThatTheKernelDoesNotReset are an error, which says why where the kernel resets none.
func TestConnectionsThatTheKernelDoesNotReset(t *testing.T) {
	if err := stillOpen(cluster.Resets{Reset: 2}); err != nil {
		t.Error(err)
	}
	for says, r := range map[string]cluster.Resets{
		"1 connection is still open, and none was reset: the kernel of the engine's machine lacks CONFIG_INET_DIAG_DESTROY": {Left: 1},
		"2 connections are still open": {Reset: 1, Left: 2},
	} {
		if err := stillOpen(r); !errors.Is(err, chaos.ErrNoEffect) || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %s", err, says)
		}
	}
}

// TestWhatBothEndsOfALinkHaveMatched: the end that sends can leave the one that receives nothing to drop.
func TestWhatBothEndsOfALinkHaveMatched(t *testing.T) {
	hole := link.Shape{BlackHole: true}
	receives, sends, both := link.Rule{}, link.Rule{}, link.Rule{}
	receives.Ways[link.Forward], sends.Ways[link.Back] = hole, hole
	both.Ways = [2]link.Shape{hole, hole}
	end := func(from, to string, r link.Rule, packets int64) linkEnd {
		return linkEnd{way{name: from + " -> " + to, from: from, to: to}, r, cluster.Verified{Packets: packets}}
	}
	answered := end("b", "a", receives, 0)
	answered.found.Answered = true
	for name, tc := range map[string]struct {
		ends []linkEnd
		says string
	}{
		"both have":                               {[]linkEnd{end("b", "a", receives, 1), end("a", "b", sends, 2)}, ""},
		"the sender alone":                        {[]linkEnd{end("b", "a", receives, 0), end("a", "b", sends, 2)}, ""},
		"the receiver alone":                      {[]linkEnd{end("b", "a", receives, 3), end("a", "b", sends, 0)}, "on the link a -> b: it took no effect: the kernel's rules on b have matched no packet"},
		"neither":                                 {[]linkEnd{end("b", "a", receives, 0), end("a", "b", sends, 0)}, "on the link b -> a: it took no effect: the kernel's rules on a have matched no packet"},
		"the sender of another link":              {[]linkEnd{end("b", "a", receives, 0), end("a", "c", sends, 2)}, "on the link b -> a"},
		"the sender has no server":                {[]linkEnd{end("b", "a", receives, 0)}, "on the link b -> a"},
		"clients":                                 {[]linkEnd{end(Clients, "a", receives, 0)}, "on the link clients -> a"},
		"both directions, and one end has none":   {[]linkEnd{end("b", "a", both, 0), end("a", "b", both, 2)}, "on the link b -> a"},
		"a connection is answered":                {[]linkEnd{answered, end("a", "b", sends, 2)}, "on the link b -> a: it took no effect: a new connection was answered"},
		"a bound needs packets where it is set":   {[]linkEnd{end("b", "a", link.Rule{}, 0), end("a", "b", sends, 2)}, "on the link b -> a"},
		"refused, and one end has matched no one": {[]linkEnd{end("b", "a", link.Rule{Reject: true}, 0), end("a", "b", link.Rule{Reject: true}, 1)}, "on the link b -> a"},
	} {
		err := demandOf(tc.ends)
		if tc.says == "" && err != nil || tc.says != "" && (!errors.Is(err, chaos.ErrNoEffect) || !strings.Contains(err.Error(), tc.says)) {
			t.Errorf("%s: %v, want %q", name, err, tc.says)
		}
	}
}
