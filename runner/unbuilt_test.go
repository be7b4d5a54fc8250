package runner

import (
	"testing"
	"time"

	"pgchaos/record"
)

// TestWhyANodeHasNoData: a copy that failed has removed what was there.
func TestWhyANodeHasNoData(t *testing.T) {
	clone := func(name string, status record.EventStatus) record.Event {
		return record.Event{Name: name, Action: "clone", Nodes: []string{"c"}, Status: status, Ended: 5200 * time.Millisecond}
	}
	kill := record.Event{Name: "kill-c", Action: "kill", Nodes: []string{"c"}, Status: record.EventFailed}
	for name, tc := range map[string]struct {
		absent bool
		events []record.Event
		want   string
	}{
		"no step":                      {true, []record.Event{kill}, "it was never built"},
		"a clone that failed":          {true, []record.Event{clone("cl2", record.EventFailed)}, "it was never built: cl2 failed at 5.200 s"},
		"of a node that was there":     {false, []record.Event{clone("cl2", record.EventFailed)}, "cl2 failed at 5.200 s, and the data that the node had before was removed"},
		"of one that had been cloned":  {true, []record.Event{clone("cl1", record.EventDone), clone("cl2", record.EventFailed)}, "cl2 failed at 5.200 s, and the data that the node had before was removed"},
		"a clone that was not reached": {true, []record.Event{clone("cl2", record.EventSkipped)}, "it was never built"},
	} {
		if got := unbuilt("c", tc.absent, tc.events); got != tc.want {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := unbuilt("b", true, []record.Event{clone("cl2", record.EventFailed)}); got != "it was never built" {
		t.Errorf("another node: %q", got)
	}
}
