package runner

import (
	"strings"
	"testing"
)

// TestTwoPrimariesAtOnceAreWarnedOf where the file makes them without saying so.
func TestTwoPrimariesAtOnceAreWarnedOf(t *testing.T) {
	const after = ": each accepts writes that the other does not get, which fails the run"
	for name, tc := range map[string]struct{ timeline, want string }{
		"a pause that ends after a failover":          {"{at: 2s, pause: a, for: 6s}, {at: 3s, failover: b}, {at: 12s, rejoin: a}", "a and b are both primaries from 8s to 12s, since undo-pause-a" + after},
		"a rejoin in time":                            {"{at: 2s, pause: a, for: 6s}, {at: 3s, failover: b}, {at: 7s, kill: a}, {rejoin: a}", ""},
		"a rejoin as soon as the pause ends":          {"{at: 2s, pause: a, for: 6s}, {at: 3s, failover: b}, {after: undo-pause-a, rejoin: a}", ""},
		"a pause that does not end":                   {"{at: 2s, pause: a}, {at: 3s, failover: b}", ""},
		"a kill that is taken back":                   {"{at: 2s, kill: primary, for: 6s}, {at: 3s, promote: b}", "a and b are both primaries from 8s to the end, since undo-kill-primary"},
		"a promotion beside a primary":                {"{at: 2s, promote: b}, {at: 4s, kill: a}", "a and b are both primaries from 2s to 4s, since promote-b"},
		"a start of the old primary":                  {"{at: 2s, kill: a}, {at: 3s, failover: b}, {at: 4s, start: a}, {at: 5s, stop: a}", "a and b are both primaries from 4s to 5s, since start-a"},
		"which is meant":                              {"{at: 2s, kill: a}, {at: 3s, failover: b}, {at: 4s, split_brain: a, for: 3s}", ""},
		"one that clients, named first, do not reach": {"{at: 2s, partition: {between: [[b, c, clients], a]}, for: 4s}, {at: 3s, promote: b}, {at: 5s, stop: a}", ""},
		"another one is meant":                        {"{at: 2s, kill: a}, {at: 3s, failover: b}, {at: 4s, start: a}, {at: 5s, kill: c}, {at: 6s, split_brain: c, for: 3s}, {at: 10s, stop: a}", "a and b are both primaries from 4s to 10s, since start-a"},
		"another one that clients do not reach":       {"{at: 2s, partition: {between: [c, clients]}}, {at: 3s, promote: b}", "a and b are both primaries from 3s to the end, since promote-b"},
		"one of several, whose sessions end":          {"{at: 2s, pause: a, for: 6s}, {at: 3s, promote: most_advanced}, {at: 4s, terminate_backends: b}", "a and the node that promote-most_advanced promotes are both primaries from 8s"},
		"one of several, beside one that is known":    {"{at: 2s, pause: a, for: 6s}, {at: 3s, promote: most_advanced}, {at: 4s, disconnect: a, for: 1s}", "a and the node that promote-most_advanced promotes are both primaries from 8s"},
		"a failover of one of several":                {"{at: 2s, pause: a, for: 6s}, {at: 3s, failover: most_advanced}", "a and the node that failover-most_advanced promotes are both primaries from 8s"},
		"a promotion of one of several":               {"{at: 2s, pause: a, for: 6s}, {at: 3s, promote: most_advanced}", "a and the node that promote-most_advanced promotes are both primaries from 8s"},
		"one of several, which may have ended":        {"{at: 2s, pause: a, for: 6s}, {at: 3s, promote: most_advanced}, {at: 4s, kill: b}", ""},
		"one of several, which clients may not reach": {"{at: 2s, pause: a, for: 6s}, {at: 3s, promote: most_advanced}, {at: 4s, partition: {between: [b, clients]}}", ""},
		"one of several, and then another":            {"{at: 2s, kill: a}, {at: 3s, promote: most_advanced}, {at: 4s, kill: primary}, {at: 5s, failover: b}", ""},
		"one that clients do not reach":               {"{at: 2s, partition: {between: [a, [b, c, clients]]}, for: 4s}, {at: 3s, promote: b}, {at: 5s, stop: a}", ""},
		"one that clients reach again":                {"{at: 2s, partition: {between: [a, [b, c, clients]]}, for: 4s}, {at: 3s, promote: b}", "a and b are both primaries from 6s to the end, since undo-partition-a-b-c-clients"},
		"one that only the others do not reach":       {"{at: 2s, partition: {between: [a, [b, c]]}, for: 4s}, {at: 3s, promote: b}", "a and b are both primaries from 3s to the end, since promote-b"},
		"a switchover":                                {"{at: 2s, switchover: b}", ""},
		"a failover to a standby that others follow":  {"{at: 2s, kill: a}, {at: 2s, failover: b}, {at: 5s, rejoin: a}", ""},
	} {
		text := "name: x\ncluster: {nodes: [a, b, c]}\nload: {writes: {kind: insert, rate: 10/s}}\nduration: 30s\ntimeline: [" + tc.timeline + "]\n"
		got := strings.Join(warningsOf(t, text), "\n")
		if !strings.Contains(got, tc.want) || (got == "") != (tc.want == "") || strings.Contains(got, "\n") {
			t.Errorf("%s: warnings %q, want %q", name, got, tc.want)
		}
	}
}

// TestNoPrimariesAreForeseenOfAnExistingCluster: which node its primary is, and what its manager makes of another one, the file does not say.
func TestNoPrimariesAreForeseenOfAnExistingCluster(t *testing.T) {
	const file = "name: x\ncluster: {provider: existing, existing: {nodes: {a: {dsn: 'postgres://u@h1/d'}, b: {dsn: 'postgres://u@h2/d'}}}}\n" +
		"load: {writes: {kind: insert, rate: 10/s}}\nduration: 30s\ntimeline: [{at: 2s, promote: b}]\n"
	if got := warningsOf(t, file); len(got) > 0 {
		t.Errorf("warnings %q", got)
	}
}

// warningsOf are those of the plan of a file.
func warningsOf(t *testing.T, text string) []string {
	t.Helper()
	return loadPlan(t, text).Warnings()
}
